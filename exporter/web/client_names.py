"""A TLS connection in, whether its client's certificate bears a name that it may out."""

import ssl
from typing import cast

__all__ = ["bears_allowed_name"]


def bears_allowed_name(connection: ssl.SSLObject | None) -> bool:
    """Whether the client certificate of a connection, if it gave one, bears a name that it may."""
    allowed = getattr(connection.context, "allowed_names", None) if connection is not None else None
    certificate = connection.getpeercert() if connection is not None else None
    if allowed is None or not certificate:
        return True
    # DNS names, IP and e-mail addresses and URIs, each as (type, value).
    given = cast("tuple[tuple[str, str], ...]", certificate.get("subjectAltName", ()))
    return any(name in allowed for _, name in given)
