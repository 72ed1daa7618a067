"""The calls that an object has made in; the addresses that the API server calls because of it, and whom it trusts, out.

The API server connects to SERVICE.NAMESPACE.svc on the Service's port, or to a URL's host, and verifies the served
chain and that name under the object's own caBundle, or under its host's roots where there is none (apiserver,
pkg/util/webhook/client.go; kube-aggregator, pkg/apiserver/handler_proxy.go).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from exporter.facts.certificate import Certificate
from exporter.facts.kube.metadata import bounded_text
from exporter.facts.kube.object_calls import Call, ObjectCalls
from exporter.reason import FailurePolicy

__all__ = ["EndpointTarget", "endpoint_targets"]

HTTPS = 443
MOST_TARGETS = 100
"""Endpoints of one object; honest ones have one, a few at most."""


Trust = tuple[Certificate, ...] | None
"""Whom the API server trusts there; None: its host's roots."""


@dataclass(frozen=True, slots=True)
class EndpointTarget:
    """One address that the API server calls because of one object."""

    kind: str
    """The Kubernetes kind of the object."""
    name: str
    """The object's."""
    host: str
    """What the certificate must be for: SERVICE.NAMESPACE.svc, or a URL's host."""
    port: int
    service: tuple[str, str] | None
    """Namespace and name; None: the object has a URL."""
    failure_policy: FailurePolicy = FailurePolicy.NONE
    """Of several webhooks that share the address, the strictest."""
    verified: bool = True
    """Whether the API server looks at the certificate at all: not under insecureSkipTLSVerify."""
    trusts: tuple[Trust, ...] = ()
    """The bundles that each must verify what is served; several where webhooks share the address."""

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return f"{self.kind}/{self.name} {self.address}"


def endpoint_targets(found: ObjectCalls) -> tuple[EndpointTarget, ...]:
    """One for each address; none where an object has no call made, such as a local APIService."""
    return _merged(target for call in found.calls for target in _target(found, call))


def _target(found: ObjectCalls, call: Call) -> Iterator[EndpointTarget]:
    service = None
    if call.service is not None and call.service.name and call.service.namespace:
        service = bounded_text(call.service.namespace), bounded_text(call.service.name)
        host, port = f"{service[1]}.{service[0]}.svc", call.service.port or HTTPS
    elif (place := _place(call.url)) is not None:
        host, port = place
    else:
        return
    if 1 <= port <= 65535:
        trust = (call.bundle.certificates if call.bundle else None,) if call.verified else ()
        yield EndpointTarget(found.kind, found.name, host, port, service, call.failure_policy, call.verified, trust)


def _place(url: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    return (bounded_text(host), port or HTTPS) if parts.scheme == "https" and host else None


_STRICTNESS = (FailurePolicy.NONE, FailurePolicy.IGNORE, FailurePolicy.FAIL)


def _merged(targets: Iterable[EndpointTarget]) -> tuple[EndpointTarget, ...]:
    """One for each address: with the strictest policy, and every bundle that what is served there must satisfy."""
    found: dict[str, EndpointTarget] = {}
    for one in targets:
        other = found.get(one.address)
        if other is not None:
            found[one.address] = EndpointTarget(
                one.kind,
                one.name,
                one.host,
                one.port,
                one.service,
                max(one.failure_policy, other.failure_policy, key=_STRICTNESS.index),
                one.verified,
                tuple(dict.fromkeys((*other.trusts, *one.trusts))),
            )
        elif len(found) < MOST_TARGETS:
            found[one.address] = one
    return tuple(found.values())
