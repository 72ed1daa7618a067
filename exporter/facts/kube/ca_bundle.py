"""ConfigMaps, APIServices and webhook configurations in, the CAs they trust out, and which hold a CA of the past.

CAs are told apart by their key, for all cluster CAs of AKS are named `CN=ca`, the one before a rotation and the one
after; a CA that was issued again for its key verifies the same certificates.
"""

import binascii
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from exporter.facts.kube.metadata import Metadata, ObjectError, bounded_text, decoded
from exporter.facts.x509 import (
    Certificate,
    CertificateError,
    EmptyFileError,
    NoCertificateError,
    authority_file,
    certificates,
)
from exporter.reason import Ca, CaBundleStatus

__all__ = [
    "FORMER_CAP",
    "CaBundle",
    "CaHistory",
    "Holds",
    "api_service",
    "authentication_cas",
    "bundle_certificates",
    "conversion",
    "holds",
    "outdated",
    "root_ca",
    "webhooks",
]

FORMER_CAP = 16
"""Former cluster CAs that are remembered: as many rotations in one life of the agent."""


@dataclass(frozen=True, slots=True)
class CaBundle:
    """The caBundle of one object; of a webhook configuration, those of all its webhooks."""

    kind: str
    """The Kubernetes kind."""
    name: str
    certificates: tuple[Certificate, ...]
    unreadable: str = ""
    """What is wrong with a bundle that cannot be read, in words."""
    status: CaBundleStatus = CaBundleStatus.OK


class _ConfigMap(msgspec.Struct):
    metadata: Metadata
    data: dict[str, str] | None = None


class _Service(msgspec.Struct):
    name: str = ""


class _ClientConfig(msgspec.Struct):
    caBundle: str | None = None
    service: _Service | None = None


class _Webhook(msgspec.Struct):
    clientConfig: _ClientConfig | None = None


class _WebhookConfiguration(msgspec.Struct):
    metadata: Metadata
    webhooks: list[_Webhook] | None = None


class _ApiServiceSpec(msgspec.Struct):
    caBundle: str | None = None
    service: _Service | None = None
    insecureSkipTLSVerify: bool = False


class _ApiService(msgspec.Struct):
    metadata: Metadata
    spec: _ApiServiceSpec | None = None


class _ConversionWebhook(msgspec.Struct):
    clientConfig: _ClientConfig | None = None


class _Conversion(msgspec.Struct):
    webhook: _ConversionWebhook | None = None


class _DefinitionSpec(msgspec.Struct):
    conversion: _Conversion | None = None


class _Definition(msgspec.Struct):
    """A CustomResourceDefinition without its schemas, which are nearly all of it."""

    metadata: Metadata
    spec: _DefinitionSpec | None = None


_CONFIG_MAP = msgspec.json.Decoder(_ConfigMap)
_WEBHOOKS = msgspec.json.Decoder(_WebhookConfiguration)
_API_SERVICE = msgspec.json.Decoder(_ApiService)
_DEFINITION = msgspec.json.Decoder(_Definition)


def root_ca(raw: bytes) -> tuple[Certificate, ...]:
    """The bundle of the ConfigMap kube-root-ca.crt. Raises ObjectError."""
    return _certificates(decoded(_CONFIG_MAP, raw), "ca.crt")


def authentication_cas(raw: bytes) -> Mapping[Ca, tuple[Certificate, ...] | ObjectError]:
    """The CAs of the ConfigMap extension-apiserver-authentication, each or why not; one that is not set is left out.

    Raises ObjectError where it is no ConfigMap at all.
    """
    found = decoded(_CONFIG_MAP, raw)
    keys = {Ca.CLIENT: "client-ca-file", Ca.REQUESTHEADER: "requestheader-client-ca-file"}
    cas: dict[Ca, tuple[Certificate, ...] | ObjectError] = {}
    for ca, key in keys.items():
        if (found.data or {}).get(key):
            try:
                cas[ca] = _certificates(found, key)
            except ObjectError as error:
                cas[ca] = error
    return cas


def _certificates(config_map: _ConfigMap, key: str) -> tuple[Certificate, ...]:
    try:
        return certificates((config_map.data or {}).get(key, "").encode())
    except CertificateError as error:
        raise ObjectError(f"ConfigMap {config_map.metadata.name}: {key}: {error}") from None


def api_service(raw: bytes) -> CaBundle | None:
    """The bundle of an APIService; None where it has none and needs none: a local one, or one whose Service is not
    verified. Raises ObjectError.
    """
    found = decoded(_API_SERVICE, raw)
    spec = found.spec or _ApiServiceSpec()
    needed = spec.service is not None and not spec.insecureSkipTLSVerify
    return _bundle("APIService", found.metadata.name, [spec.caBundle or ""] if needed or spec.caBundle else [])


def webhooks(kind: str, raw: bytes) -> CaBundle | None:
    """The bundle of a ValidatingWebhookConfiguration or MutatingWebhookConfiguration, likewise: one that is reached by
    a URL may have a certificate that everybody trusts.
    """
    found = decoded(_WEBHOOKS, raw)
    return _bundle(kind, found.metadata.name, _fields(one.clientConfig for one in found.webhooks or ()))


def conversion(raw: bytes) -> CaBundle | None:
    """The bundle of the webhook that converts a custom resource, likewise; most have none (strategy `None`)."""
    found = decoded(_DEFINITION, raw)
    how = found.spec.conversion if found.spec else None
    fields = _fields([how.webhook.clientConfig] if how and how.webhook else [])
    return _bundle("CustomResourceDefinition", found.metadata.name, fields)


def _fields(configs: Iterable[_ClientConfig | None]) -> list[str]:
    """The caBundles that are there, and an empty one for each that is missing."""
    return [one.caBundle or "" for one in configs if one and (one.caBundle or one.service)]


_ORDER = list(CaBundleStatus)


def _bundle(kind: str, name: str, fields: Iterable[str]) -> CaBundle | None:
    texts = dict.fromkeys(fields)  # most configurations repeat one bundle in each webhook
    if not texts:
        return None
    found: dict[Certificate, None] = {}
    worst, unreadable = CaBundleStatus.OK, ""
    for text in texts:
        read, status, words = _read(text)
        found.update(dict.fromkeys(read))
        if _ORDER.index(status) > _ORDER.index(worst):
            worst, unreadable = status, words
    return CaBundle(kind, bounded_text(name), tuple(found), unreadable, worst)


def bundle_certificates(text: str) -> tuple[Certificate, ...]:
    """The certificates in one caBundle that can be read; none at all where it cannot."""
    return _read(text)[0]


def _read(text: str) -> tuple[tuple[Certificate, ...], CaBundleStatus, str]:
    """The certificates in one caBundle, and what is wrong with it in words that speak of a caBundle."""
    try:
        content = b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return (), CaBundleStatus.MALFORMED, "it is not base64"
    try:
        found = authority_file(content)
    except EmptyFileError:
        return (), CaBundleStatus.EMPTY, "it is empty" if text else "there is none"
    except NoCertificateError:
        return (), CaBundleStatus.NO_CERTIFICATE, "it holds no certificate"
    except CertificateError as error:
        return (), CaBundleStatus.MALFORMED, _fault(str(error))
    if found.fault:
        return found.certificates, CaBundleStatus.MALFORMED, _fault(found.fault)
    return found.certificates, CaBundleStatus.OK, ""


def _fault(words: str) -> str:
    return words if words.startswith("certificate ") else "a certificate in it cannot be read"


class CaHistory:
    """Remembers which cluster CAs there were. What was before the agent's start, or longer ago than FORMER_CAP, is not
    known to it.
    """

    def __init__(self) -> None:
        self._present: frozenset[str] = frozenset()
        self._former: dict[str, None] = {}

    def observe(self, bundle: tuple[Certificate, ...]) -> None:
        """The bundle of cluster CAs is this one now. An empty one says nothing."""
        if not bundle:
            return
        present = frozenset(_identity(one) for one in bundle)
        for gone in sorted(self._present - present):
            self._former[gone] = None
        for back in present:
            self._former.pop(back, None)
        while len(self._former) > FORMER_CAP:
            del self._former[next(iter(self._former))]
        self._present = present

    @property
    def former(self) -> frozenset[str]:
        """Identities of the CAs that were."""
        return frozenset(self._former)


def outdated(bundle: CaBundle, present: tuple[Certificate, ...], former: frozenset[str]) -> bool:
    """Whether the bundle holds a former cluster CA and not the present one: it verifies nothing any more.

    A rotation makes every node anew, and with them the agent: it rarely remembers what was before. So one that looks
    like the CA before the present one counts as well.
    """
    held = {_identity(one) for one in bundle.certificates}
    if held & {_identity(one) for one in present}:
        return False
    return bool(held & former) or any(_precedes(old, new) for old in bundle.certificates for new in present)


class Holds(StrEnum):
    """What a caBundle is good for."""

    CLUSTER_CA = "cluster_ca"
    FORMER_CA = "former_ca"
    OWN = "own"
    """A CA of the component's own, or of cert-manager's: the cluster's has nothing to do with it."""
    ENDED = "ended"
    """Every certificate in it has ended: it verifies nothing any more."""


def holds(bundle: CaBundle, present: tuple[Certificate, ...], former: frozenset[str], now: float) -> Holds:
    """What a readable bundle holds, at `now` in Unix seconds. The cluster's CA beside others is what counts."""
    if outdated(bundle, present, former):
        return Holds.FORMER_CA
    if all(one.not_after <= now for one in bundle.certificates):
        return Holds.ENDED
    of_the_cluster = {_identity(one) for one in present}
    return Holds.CLUSTER_CA if any(_identity(one) in of_the_cluster for one in bundle.certificates) else Holds.OWN


def _precedes(old: Certificate, new: Certificate) -> bool:
    """Whether the one looks like what the other replaced: an older CA of its name and, to the second, its lifetime.

    AKS makes all alike, `CN=ca` for 30 years and ten minutes; a CA of a webhook's own shares one of the two at most.
    """
    alike = old.self_issued and old.subject == new.subject and old.lifetime == new.lifetime
    return alike and old.not_before < new.not_before


def _identity(certificate: Certificate) -> str:
    return certificate.public_key_sha256 or certificate.fingerprint_sha256
