"""A CertificateSigningRequest's JSON in; who asks whom for which node, what became of it and the certificate out."""

import sys
import warnings
from dataclasses import dataclass
from functools import lru_cache

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from exporter.facts.kube.metadata import Metadata, base64_bytes, bounded_text, required_timestamp, timestamp
from exporter.facts.kube.reader import ObjectReader
from exporter.facts.x509 import REFUSALS
from exporter.reason import CsrCondition, Requestor, Role

__all__ = ["CLIENT_SIGNER", "SERVING_SIGNER", "SIGNER_ROLES", "CertificateIdentity", "Csr", "csr", "requestor"]

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING_SIGNER = "kubernetes.io/kubelet-serving"

SIGNER_ROLES = {CLIENT_SIGNER: Role.KUBELET_CLIENT, SERVING_SIGNER: Role.KUBELET_SERVING}
"""The certificates that kubelets ask for (staging/src/k8s.io/api/certificates/v1/types.go)."""

_NODE = "system:node:"


@dataclass(frozen=True, slots=True)
class CertificateIdentity:
    """What tells one certificate from all others. A list may bring 100,000: no more is kept."""

    serial_number: str
    """Hexadecimal without leading zeros, in lower case."""
    fingerprint_sha256: str
    """Hexadecimal."""
    not_before: float = 0.0
    """Unix seconds, as is not_after."""
    not_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Csr:
    """One request as it is now."""

    uid: str
    name: str
    signer_name: str
    username: str
    requestor: Requestor
    node: str
    """Name of the node that the certificate is for; empty where it is for none, or nobody can be believed about it."""
    condition: CsrCondition
    created: float
    """Unix seconds."""
    answered: float | None = None
    """Unix seconds at which it was approved, denied or failed."""
    words: str = ""
    """Reason and message of a denial or failure, in one line."""
    certificate: CertificateIdentity | None = None
    """What was issued; None also where it cannot be read."""
    expiration_seconds: int | None = None
    """The lifetime asked for; kubelets ask for none."""
    revision: int = 0
    """metadata.resourceVersion of the last change, which grows with every change in the cluster; 0: not told."""


class _Condition(msgspec.Struct):
    type: str = ""
    status: str = ""
    reason: str | None = None
    message: str | None = None
    lastUpdateTime: str | None = None
    lastTransitionTime: str | None = None


class _Spec(msgspec.Struct):
    signerName: str = ""
    username: str | None = None
    request: str | None = None
    expirationSeconds: int | None = None


class _Status(msgspec.Struct):
    conditions: list[_Condition] | None = None
    certificate: str | None = None


class _Object(msgspec.Struct):
    metadata: Metadata
    spec: _Spec
    status: _Status | None = None


def _csr(found: _Object) -> Csr:
    """The facts of one object.

    A request or a certificate that cannot be read costs only what is in it: the node's name, the certificate's
    identity.
    """
    spec, status = found.spec, found.status or _Status()
    conditions = {one.type: one for one in status.conditions or () if one.status != "False"}
    condition = _condition(bool(status.certificate), conditions)
    answer = conditions.get(_ANSWERS.get(condition, ""))
    refusal = answer if condition in {CsrCondition.DENIED, CsrCondition.FAILED} else None
    username = sys.intern(bounded_text(spec.username or ""))
    who = requestor(username)
    return Csr(
        uid=bounded_text(found.metadata.uid or found.metadata.name),
        name=bounded_text(found.metadata.name),
        signer_name=sys.intern(bounded_text(spec.signerName)),
        username=username,
        requestor=who,
        node=sys.intern(bounded_text(_node(who, username, spec.request))),
        condition=condition,
        created=required_timestamp(found.metadata.creationTimestamp),
        answered=timestamp(answer.lastUpdateTime or answer.lastTransitionTime) if answer else None,
        words=_words(refusal) if refusal else "",
        certificate=_certificate(base64_bytes(status.certificate)),
        expiration_seconds=spec.expirationSeconds,
        revision=_revision(found.metadata.resourceVersion),
    )


def _node(who: Requestor, username: str, request: str | None) -> str:
    """A node is who it is authenticated as. A bootstrap token is shared and AKS asks for all: there it is the name
    requested. What anybody else claims is not believed.
    """
    match who:
        case Requestor.NODE:
            return _node_of(username)
        case Requestor.BOOTSTRAP | Requestor.AKS_SERVICE:
            return _requested_node(base64_bytes(request))
    return ""


def _revision(version: str) -> int:
    return int(version) if version.isascii() and version.isdigit() and len(version) < 20 else 0


def requestor(username: str) -> Requestor:
    """The class of a spec.username. With secure TLS bootstrapping an AKS service asks on the node's behalf."""
    if username.startswith(_NODE):
        return Requestor.NODE
    if username.startswith("system:bootstrap:"):
        return Requestor.BOOTSTRAP
    return Requestor.AKS_SERVICE if username == "aksService" else Requestor.OTHER


_ANSWERS = {
    CsrCondition.APPROVED: "Approved",
    CsrCondition.ISSUED: "Approved",
    CsrCondition.DENIED: "Denied",
    CsrCondition.FAILED: "Failed",
}


def _condition(issued: bool, conditions: dict[str, _Condition]) -> CsrCondition:
    # Issued is no condition of the API but a certificate that is there; an approved request may still fail.
    if issued:
        return CsrCondition.ISSUED
    if "Denied" in conditions:
        return CsrCondition.DENIED
    if "Failed" in conditions:
        return CsrCondition.FAILED
    return CsrCondition.APPROVED if "Approved" in conditions else CsrCondition.PENDING


def _words(answer: _Condition) -> str:
    text = ": ".join(part for part in (answer.reason, answer.message) if part)
    return " ".join(text.split())[:200]


def _requested_node(pem: bytes) -> str:
    """NAME of the subject's common name `system:node:NAME`, else nothing."""
    if not pem:
        return ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            subject = x509.load_pem_x509_csr(pem).subject
        except REFUSALS:
            return ""
    names = [str(one.value) for one in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return _node_of(names[0]) if names else ""


@lru_cache(maxsize=16384)
def _node_of(name: str) -> str:
    return name.removeprefix(_NODE) if name.startswith(_NODE) else ""


def _certificate(pem: bytes) -> CertificateIdentity | None:
    """The first certificate of a chain; the others are those of its issuers."""
    if not pem:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = x509.load_pem_x509_certificate(pem)
            return CertificateIdentity(
                f"{found.serial_number:x}",
                found.fingerprint(SHA256()).hex(),
                found.not_valid_before_utc.timestamp(),
                found.not_valid_after_utc.timestamp(),
            )
        except REFUSALS:
            return None


csr = ObjectReader(_Object, _csr)
"""Reads a CertificateSigningRequest."""
