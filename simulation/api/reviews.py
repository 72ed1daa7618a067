"""Access reviews in, the simulated server's verdict out: what somebody may do, decided by what is forbidden."""

from collections.abc import Collection
from typing import Any

from simulation.api.kinds import KINDS

__all__ = ["review"]

VERBS = frozenset(
    (
        *("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"),
        *("approve", "sign", "attest", "bind", "escalate", "impersonate", "use"),
    )
)
"""What a rule of RBAC grants (Kubernetes, reference/access-authn-authz/authorization, "Request verbs")."""


def review(plural: str, body: dict[str, Any], forbidden: Collection[str]) -> dict[str, Any] | None:
    """The review with its status; None: there is no such review.

    `forbidden` holds plurals and plural/subresource, such as `nodes/proxy`.
    """
    spec = body.get("spec") or {}
    if plural == "selfsubjectrulesreviews":
        kinds = [(name, kind) for name, kind in KINDS.items() if name not in forbidden]
        rules = [{"verbs": list(kind.verbs), "apiGroups": [kind.group], "resources": [name]} for name, kind in kinds]
        urls = [{"verbs": ["get"], "nonResourceURLs": ["/api", "/apis", "/healthz", "/livez", "/readyz", "/version"]}]
        return {**body, "status": {"resourceRules": rules, "nonResourceRules": urls, "incomplete": False}}
    if plural not in {"selfsubjectaccessreviews", "subjectaccessreviews"}:
        return None
    asked = spec.get("resourceAttributes") or {}
    resource = "/".join(part for part in (asked.get("resource", ""), asked.get("subresource", "")) if part)
    unknown = bool(asked) and asked.get("verb") not in VERBS
    refused = unknown or resource in forbidden or asked.get("resource", "") in forbidden
    status = {"allowed": not refused, **({"reason": "a fault of the simulation"} if refused else {})}
    return {**body, "status": status}
