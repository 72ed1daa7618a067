"""Webhook configurations, CRDs and APIServices in; whom the API server calls because of them, and whom it trusts, out.

The API server connects to SERVICE.NAMESPACE.svc on the Service's port, or to a URL's host, and verifies the served
chain and that name under the object's own caBundle, or under its host's roots where there is none (apiserver,
pkg/util/webhook/client.go; kube-aggregator, pkg/apiserver/handler_proxy.go).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from exporter.facts.kube.ca_bundle import bundle_certificates
from exporter.facts.kube.metadata import Metadata, bounded_text, decoded
from exporter.facts.x509 import Certificate
from exporter.reason import FailurePolicy

__all__ = ["EndpointTarget", "api_service_targets", "conversion_targets", "webhook_targets"]

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


class _Service(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    port: int | None = None


class _ClientConfig(msgspec.Struct):
    caBundle: str | None = None
    service: _Service | None = None
    url: str | None = None


class _Webhook(msgspec.Struct):
    clientConfig: _ClientConfig | None = None
    failurePolicy: str | None = None


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


class _Called(Protocol):
    """Where a call goes: a webhook's clientConfig or an APIService's spec."""

    @property
    def caBundle(self) -> str | None: ...

    @property
    def service(self) -> _Service | None: ...


_WEBHOOKS = msgspec.json.Decoder(_WebhookConfiguration)
_API_SERVICE = msgspec.json.Decoder(_ApiService)
_DEFINITION = msgspec.json.Decoder(_Definition)


def webhook_targets(kind: str, raw: bytes) -> tuple[EndpointTarget, ...]:
    """Those of a ValidatingWebhookConfiguration or MutatingWebhookConfiguration. Raises ObjectError.

    failurePolicy is Fail where it is not given (admissionregistration.k8s.io/v1).
    """
    found = decoded(_WEBHOOKS, raw)
    return _merged(
        target
        for one in found.webhooks or ()
        if one.clientConfig is not None
        for target in _target(
            kind,
            found.metadata.name,
            one.clientConfig,
            url=one.clientConfig.url,
            policy=FailurePolicy.IGNORE if one.failurePolicy == "Ignore" else FailurePolicy.FAIL,
        )
    )


def api_service_targets(raw: bytes) -> tuple[EndpointTarget, ...]:
    """That of an APIService; none where the API server serves it itself. Raises ObjectError."""
    found = decoded(_API_SERVICE, raw)
    spec = found.spec or _ApiServiceSpec()
    return tuple(_target("APIService", found.metadata.name, spec, verified=not spec.insecureSkipTLSVerify))


def conversion_targets(raw: bytes) -> tuple[EndpointTarget, ...]:
    """That of the webhook that converts a custom resource; most have none. Raises ObjectError."""
    if b'"clientConfig"' not in raw:  # saves the decoding of schemas by the megabyte
        return ()
    found = decoded(_DEFINITION, raw)
    how = found.spec.conversion if found.spec else None
    if how is None or how.webhook is None or how.webhook.clientConfig is None:
        return ()
    config = how.webhook.clientConfig
    return tuple(_target("CustomResourceDefinition", found.metadata.name, config, url=config.url))


def _target(
    kind: str,
    name: str,
    called: _Called,
    *,
    url: str | None = None,
    policy: FailurePolicy = FailurePolicy.NONE,
    verified: bool = True,
) -> Iterator[EndpointTarget]:
    service = None
    if called.service is not None and called.service.name and called.service.namespace:
        service = bounded_text(called.service.namespace), bounded_text(called.service.name)
        host, port = f"{service[1]}.{service[0]}.svc", called.service.port or HTTPS
    elif (place := _place(url or "")) is not None:
        host, port = place
    else:
        return
    if 1 <= port <= 65535:
        trust = (bundle_certificates(called.caBundle) if called.caBundle else None,)
        yield EndpointTarget(kind, bounded_text(name), host, port, service, policy, verified, trust if verified else ())


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
