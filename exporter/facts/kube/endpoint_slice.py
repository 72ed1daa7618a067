"""EndpointSlices in (discovery.k8s.io/v1), where the Pods of a Service are reached and on which nodes out."""

from dataclasses import dataclass

import msgspec

from exporter.facts.kube.metadata import Metadata
from exporter.facts.kube.reader import ObjectReader

__all__ = ["PodAddress", "endpoint_slice"]


@dataclass(frozen=True, slots=True)
class PodAddress:
    """One Pod behind a Service."""

    node: str
    host: str
    port: int


class _Conditions(msgspec.Struct):
    serving: bool | None = None
    terminating: bool | None = None


class _Endpoint(msgspec.Struct):
    addresses: list[str] = []
    nodeName: str | None = None
    conditions: _Conditions | None = None


class _Port(msgspec.Struct):
    port: int | None = None
    protocol: str | None = None


class _Object(msgspec.Struct):
    metadata: Metadata
    addressType: str = ""
    endpoints: list[_Endpoint] | None = None
    ports: list[_Port] | None = None


def _addresses(found: _Object) -> tuple[PodAddress, ...]:
    """Those with a node and a TCP port, ready or not: an agent that is not ready may still answer."""
    ports = [one.port for one in found.ports or () if one.port and one.protocol in {None, "TCP"}]
    if not ports or found.addressType not in {"IPv4", "IPv6"}:
        return ()
    return tuple(
        PodAddress(one.nodeName, one.addresses[0], ports[0])
        for one in found.endpoints or ()
        if one.nodeName and one.addresses and not (one.conditions and one.conditions.terminating)
    )


endpoint_slice = ObjectReader(_Object, _addresses)
"""The addresses of one slice's JSON. Raises ObjectError."""
