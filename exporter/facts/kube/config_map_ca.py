"""ConfigMaps in, the CAs of the control plane that they publish out."""

from collections.abc import Mapping

import msgspec

from exporter.facts.certificate import Certificate, CertificateError
from exporter.facts.kube.metadata import Metadata, ObjectError, decoded
from exporter.facts.x509 import certificates
from exporter.reason import Ca

__all__ = ["authentication_cas", "root_ca"]


class _ConfigMap(msgspec.Struct):
    metadata: Metadata
    data: dict[str, str] | None = None


_CONFIG_MAP = msgspec.json.Decoder(_ConfigMap)


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
