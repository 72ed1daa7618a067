"""A connection in; the caBundles of the cluster's objects, and whom the API server calls because of them, out by kind.

Or why they could not be listed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from exporter.facts.kube.ca_bundle import CaBundle, ca_bundle
from exporter.facts.kube.endpoint_target import EndpointTarget, endpoint_targets
from exporter.facts.kube.metadata import ObjectError
from exporter.facts.kube.object_calls import ObjectCalls, api_service, conversion, webhooks
from exporter.facts.source import Failure
from exporter.sources.kube import resource
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.listing import Listing

__all__ = ["CalledObject", "Found", "api_service_bundles", "webhook_bundles"]

DEFINITIONS = 50
"""CustomResourceDefinitions asked for at once: one may have a megabyte of schemas, which are passed over."""
MOST_CERTIFICATES = 20_000
"""Certificates kept of all caBundles of one kind."""


@dataclass(frozen=True, slots=True)
class CalledObject:
    """What one object says of those whom the API server calls."""

    bundle: CaBundle | None
    """None where it has none and needs none."""
    targets: tuple[EndpointTarget, ...] = ()


Found = Mapping[str, Listing[CalledObject] | Failure]
"""By kind."""


def webhook_bundles(connection: Connection, *, conversions: bool) -> Found:
    """Those of admission webhooks, and where `conversions` says so of the webhooks that convert custom resources."""
    found: dict[str, Listing[CalledObject] | Failure] = {
        kind: connection.list_all(what.path, _bounded(partial(webhooks, kind)))
        for kind, what in (
            ("ValidatingWebhookConfiguration", resource.VALIDATING_WEBHOOKS),
            ("MutatingWebhookConfiguration", resource.MUTATING_WEBHOOKS),
        )
    }
    if conversions:
        path = resource.CUSTOM_RESOURCE_DEFINITIONS.path
        read = _bounded(conversion)
        found["CustomResourceDefinition"] = connection.list_all(path, read, page=DEFINITIONS)
    return found


def api_service_bundles(connection: Connection) -> Found:
    """Those of APIServices."""
    read = _bounded(api_service)
    return {"APIService": connection.list_all(resource.API_SERVICES.path, read)}


def _bounded(read: Callable[[bytes], ObjectCalls]) -> Callable[[bytes], CalledObject]:
    left = MOST_CERTIFICATES

    def bounded(raw: bytes) -> CalledObject:
        nonlocal left
        if left <= 0:
            raise ObjectError(f"the objects before it hold {MOST_CERTIFICATES} certificates: no more are kept")
        calls = read(raw)
        bundle = ca_bundle(calls)
        left -= len(bundle.certificates) if bundle else 0
        return CalledObject(bundle, endpoint_targets(calls))

    return bounded
