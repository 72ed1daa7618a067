"""An address of the API server in; what it serves there, and whether the clients of a connection accept it, out."""

from exporter.facts.certificate import Certificate, CertificateError
from exporter.facts.cluster import Endpoint
from exporter.facts.source import Failure
from exporter.facts.x509 import certificates
from exporter.sources.kube.connection import Connection
from exporter.sources.tls import probe

__all__ = ["Address", "authorities", "look_at_endpoint", "shown"]

Address = tuple[str, int]
"""Host and port."""


def authorities(connection: Connection) -> tuple[Certificate, ...]:
    """The CAs by which this connection trusts the API server; empty where it uses others, or none."""
    try:
        return certificates(connection.authorities)
    except CertificateError:
        return ()


def look_at_endpoint(
    address: Address, connection: Connection, trust: tuple[Certificate, ...] | None, timeout: float
) -> Endpoint:
    """What is served at one address, and whether clients that have those CAs accept it."""
    # The address that is talked to may be reached by another name than its certificate is to bear: tls-server-name.
    name = connection.server_name if address == connection.server else address[0]
    seen = probe(address, server_name=name, authorities=trust, timeout=timeout, proxy=connection.proxy_to(address))
    if isinstance(seen, Failure):
        return Endpoint(shown(address), None, None, failure=seen)
    return Endpoint(shown(address), seen.chain[0], seen.trusted, seen.untrusted_reason, between=seen.chain[1:])


def shown(address: Address) -> str:
    """HOST:PORT."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
