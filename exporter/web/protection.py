"""Two web configurations in, what the second protects less than the first out."""

import ssl
from collections.abc import Iterator

from exporter.web.config import WebConfig
from exporter.web.tls import TLSConfig

__all__ = ["taken_away"]

_CERTIFICATES = {ssl.CERT_NONE: 0, ssl.CERT_OPTIONAL: 1, ssl.CERT_REQUIRED: 2}


def taken_away(former: WebConfig, new: WebConfig) -> Iterator[str]:
    """The keys whose protection `new` would take away or weaken.

    A file that was cut off while it was written is a good one that says less. Nobody can tell the two apart, so what
    protects less takes a restart, which is a decision, and not a reload, which may be an accident.
    """
    if former.tls is not None:
        yield from _tls(former.tls, new.tls)
    if former.users and not new.users:
        yield "basic_auth_users"
    if former.interval and not new.interval:
        yield "rate_limit"
    kept = {name for name, _ in new.headers}
    yield from (f"http_server_config.headers.{name}" for name, _ in former.headers if name not in kept)


def _tls(former: TLSConfig, new: TLSConfig | None) -> Iterator[str]:
    if new is None:
        yield "tls_server_config"
        return
    if _CERTIFICATES[new.verify] < _CERTIFICATES[former.verify]:
        yield "tls_server_config.client_auth_type"
    if former.client_allowed_sans is not None and new.client_allowed_sans is None:
        yield "tls_server_config.client_allowed_sans"
    if new.minimum < former.minimum:
        yield "tls_server_config.min_version"
    if former.ciphers and not new.ciphers and new.minimum < ssl.TLSVersion.TLSv1_3:
        yield "tls_server_config.cipher_suites"
