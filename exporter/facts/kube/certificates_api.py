"""Discovery documents and objects of the certificates API in; which of its newer kinds there are and their states, out.

PodCertificateRequests (Kubernetes 1.34 and newer) and ClusterTrustBundles (1.27 and newer) have been alpha and beta, so
an API server has them at one version, another, or not at all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from exporter.facts.certificate import CertificateError, NoCertificateError
from exporter.facts.kube.metadata import Metadata, bounded_text, decoded
from exporter.facts.x509 import authority_file
from exporter.reason import ApiStatus, CsrCondition, TrustBundleState

__all__ = [
    "CLUSTER_TRUST_BUNDLES",
    "GROUP",
    "KINDS",
    "POD_CERTIFICATE_REQUESTS",
    "VERSIONS",
    "Counted",
    "pod_certificate_request",
    "served",
    "tallied",
    "trust_bundle",
    "versions",
]

S = TypeVar("S")

GROUP = "certificates.k8s.io"
POD_CERTIFICATE_REQUESTS, CLUSTER_TRUST_BUNDLES = "podcertificaterequests", "clustertrustbundles"
KINDS = (POD_CERTIFICATE_REQUESTS, CLUSTER_TRUST_BUNDLES)
"""By their plurals."""
VERSIONS = ("v1", "v1beta1", "v1alpha1")
"""The best first."""
SIGNERS_CAP = 50
"""Signer names that are told apart: whoever may create objects can invent them."""
OTHER_SIGNER = "other"


@dataclass(frozen=True, slots=True)
class Counted:
    """The newer kinds as they were last counted."""

    requests: Mapping[tuple[str, CsrCondition], int] = field(default_factory=dict)
    """PodCertificateRequests by signer name and condition."""
    bundles: Mapping[tuple[str, TrustBundleState], int] = field(default_factory=dict)
    """ClusterTrustBundles by signer name and state; the name is empty where a bundle names none."""
    statuses: Mapping[str, ApiStatus] = field(default_factory=dict)
    """By plural, what came of looking."""


class _Version(msgspec.Struct):
    version: str = ""


class _Group(msgspec.Struct):
    versions: list[_Version] | None = None


class _Resource(msgspec.Struct):
    name: str = ""


class _Resources(msgspec.Struct):
    resources: list[_Resource] | None = None


class _Condition(msgspec.Struct):
    type: str = ""
    status: str = ""


class _Status(msgspec.Struct):
    conditions: list[_Condition] | None = None


class _RequestSpec(msgspec.Struct):
    signerName: str = ""


class _Request(msgspec.Struct):
    metadata: Metadata
    spec: _RequestSpec
    status: _Status | None = None


class _BundleSpec(msgspec.Struct):
    signerName: str | None = None
    trustBundle: str = ""


class _Bundle(msgspec.Struct):
    metadata: Metadata
    spec: _BundleSpec


_GROUP = msgspec.json.Decoder(_Group)
_RESOURCES = msgspec.json.Decoder(_Resources)
_REQUEST = msgspec.json.Decoder(_Request)
_BUNDLE = msgspec.json.Decoder(_Bundle)

_CONDITIONS = {"Issued": CsrCondition.ISSUED, "Denied": CsrCondition.DENIED, "Failed": CsrCondition.FAILED}


def versions(raw: bytes) -> tuple[str, ...]:
    """The versions of an APIGroup that are known here, the best first. Raises ObjectError."""
    found = {one.version for one in decoded(_GROUP, raw).versions or ()}
    return tuple(one for one in VERSIONS if one in found)


def served(raw: bytes) -> frozenset[str]:
    """Which of the kinds an APIResourceList has. Raises ObjectError."""
    return frozenset(KINDS) & {one.name for one in decoded(_RESOURCES, raw).resources or ()}


def pod_certificate_request(raw: bytes) -> tuple[str, CsrCondition]:
    """Signer name and condition. Raises ObjectError."""
    found = decoded(_REQUEST, raw)
    met = {one.type for one in (found.status.conditions if found.status else None) or () if one.status != "False"}
    condition = next((word for type_, word in _CONDITIONS.items() if type_ in met), CsrCondition.PENDING)
    return bounded_text(found.spec.signerName), condition


def trust_bundle(raw: bytes, now: float) -> tuple[str, TrustBundleState]:
    """Signer name and state, at `now` in Unix seconds. Raises ObjectError."""
    spec = decoded(_BUNDLE, raw).spec
    return bounded_text(spec.signerName or ""), _state(spec.trustBundle, now)


def _state(text: str, now: float) -> TrustBundleState:
    try:
        found = authority_file(text.encode())
    except NoCertificateError:
        return TrustBundleState.EMPTY
    except CertificateError:
        return TrustBundleState.MALFORMED
    if found.fault:
        return TrustBundleState.MALFORMED
    return TrustBundleState.ENDED if all(one.not_after <= now for one in found.certificates) else TrustBundleState.OK


def tallied(found: Iterable[tuple[str, S]]) -> Mapping[tuple[str, S], int]:
    """How many there are of each signer and state; beyond SIGNERS_CAP signers under `other`."""
    names: set[str] = set()
    counts: Counter[tuple[str, S]] = Counter()
    for name, state in found:
        if name not in names and len(names) >= SIGNERS_CAP:
            counts[OTHER_SIGNER, state] += 1
        else:
            names.add(name)
            counts[name, state] += 1
    return dict(counts)
