"""An API server in; the /facts of the cluster agent that is installed there, through the service proxy, out."""

from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from exporter.facts.cluster_document import ClusterDocument, cluster_document
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.failure import ApiError

__all__ = ["AgentSaid", "read_cluster_agent"]

SERVICES = "/api/v1/services"
OURS = "app.kubernetes.io/name=aks-cert-exporter"
COMPONENT, CLUSTER = "app.kubernetes.io/component", "cluster"
LARGEST = 64 << 20
"""Bytes. 5,000 nodes make some 15 MB."""


@dataclass(frozen=True, slots=True)
class AgentSaid:
    """What the agent said, and which Service led to it."""

    service: str
    """NAMESPACE/NAME."""
    document: ClusterDocument


class _Port(msgspec.Struct):
    port: int
    name: str = ""


class _Metadata(msgspec.Struct):
    name: str
    namespace: str = ""
    labels: dict[str, str] | None = None


class _Spec(msgspec.Struct):
    ports: list[_Port] | None = None


class _Service(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec


_service = msgspec.json.Decoder(_Service)


def read_cluster_agent(connection: Connection) -> AgentSaid | Failure:
    """What it said, or why it was not asked. What we may not is not tried."""
    may = connection.may(verb="list", resource="services")
    if may is not True:
        return may or Failure(Reason.FORBIDDEN, "you have no right to list services")
    services = connection.list_all(SERVICES, _service.decode, {"labelSelector": OURS})
    if isinstance(services, Failure):
        return services
    ours = [one for one in services if (one.metadata.labels or {}).get(COMPONENT) == CLUSTER and one.spec.ports]
    failure = Failure(Reason.NOT_FOUND, "no cluster agent is installed")
    for one in ours:
        found = _asked(connection, one)
        if isinstance(found, AgentSaid):
            return found
        failure = found
    return failure


def _asked(connection: Connection, one: _Service) -> AgentSaid | Failure:
    namespace, name = one.metadata.namespace, one.metadata.name
    service = f"{namespace}/{name}"
    may = connection.may(verb="get", resource="services", subresource="proxy", namespace=namespace, name=name)
    if may is not True:
        return may or Failure(Reason.FORBIDDEN, f"you have no right to get services/proxy of {service}")
    assert one.spec.ports
    port = one.spec.ports[0]
    failure: Failure
    for scheme in ("http", "https"):
        place = quote(f"{scheme}:{name}:{port.name or port.port}", safe=":")
        try:
            body = connection.body(f"/api/v1/namespaces/{namespace}/services/{place}/proxy/facts", {}, LARGEST)
            return AgentSaid(service, cluster_document(bytes(body)))
        except ApiError as error:
            failure = Failure(error.reason, f"{service}: {error.failure.words}")
            if error.reason in {Reason.UNAUTHORIZED, Reason.FORBIDDEN}:
                break  # it wants a password, which no proxy passes on
        except ValueError as error:
            failure = Failure(Reason.DECODE, f"{service}: {error}")
    return failure
