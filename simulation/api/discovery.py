"""What an API server says of its own APIs: a path in, the discovery document that kubectl reads out."""

from collections.abc import Collection
from typing import Any

from simulation.api.kinds import KINDS, Kind

__all__ = ["discovery"]

REVIEWS = ("selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews")
_REVIEW_KINDS = {
    "selfsubjectaccessreviews": "SelfSubjectAccessReview",
    "selfsubjectrulesreviews": "SelfSubjectRulesReview",
    "subjectaccessreviews": "SubjectAccessReview",
}
_AUTHORIZATION = "authorization.k8s.io/v1"


def discovery(path: str, absent: Collection[str]) -> dict[str, Any] | None:
    """The document at /api, /apis, /api/v1 or /apis/GROUP/VERSION without the `absent` plurals; None: no such path."""
    kinds = {plural: kind for plural, kind in KINDS.items() if plural not in absent}
    versions = {kind.api_version for kind in kinds.values()} | {_AUTHORIZATION}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if path == "/apis":
        groups = sorted(one for one in versions if "/" in one)
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(one) for one in groups]}
    if path.startswith("/apis/") and path.count("/") == 2:
        of_group = sorted(one for one in versions if one.rpartition("/")[0] == path.removeprefix("/apis/"))
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(of_group[0])} if of_group else None
    version = path.removeprefix("/apis/") if path.startswith("/apis/") else path.removeprefix("/api/")
    if version not in versions or path != (f"/apis/{version}" if "/" in version else f"/api/{version}"):
        return None
    resources: list[dict[str, Any]] = []
    for plural, kind in kinds.items():
        if kind.api_version == version:
            resources += _resources(plural, kind)
    if version == _AUTHORIZATION:
        resources += [
            {
                "name": plural,
                "singularName": kind.lower(),
                "namespaced": False,
                "kind": kind,
                "verbs": ["create"],
            }
            for plural, kind in _REVIEW_KINDS.items()
        ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


def _group(api_version: str) -> dict[str, Any]:
    version = {"groupVersion": api_version, "version": api_version.rpartition("/")[2]}
    name = api_version.rpartition("/")[0]
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resources(plural: str, kind: Kind) -> list[dict[str, Any]]:
    head: dict[str, Any] = {
        "name": plural,
        "singularName": kind.name.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": list(kind.verbs),
    }
    if kind.short:
        head["shortNames"] = list(kind.short)
    below = [
        {
            "name": f"{plural}/{one}",
            "singularName": "",
            "namespaced": kind.namespaced,
            "kind": kind.name,
            "verbs": ["get", "update", "patch"],
        }
        for one in kind.subresources
    ]
    return [head, *below]
