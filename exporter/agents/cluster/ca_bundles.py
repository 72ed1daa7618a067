"""A connection in; the caBundles of the cluster's objects out, by their kind, or why they could not be listed."""

from collections.abc import Callable, Mapping
from functools import partial

from exporter.facts.kube.ca_bundle import CaBundle, api_service, conversion, webhooks
from exporter.facts.kube.metadata import ObjectError
from exporter.facts.source import Failure
from exporter.sources.kube import resource
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.listing import Listing

__all__ = ["Found", "api_service_bundles", "webhook_bundles"]

DEFINITIONS = 50
"""CustomResourceDefinitions asked for at once: one may have a megabyte of schemas, which are passed over."""
MOST_CERTIFICATES = 20_000
"""Certificates kept of all caBundles of one kind."""

Found = Mapping[str, Listing[CaBundle | None] | Failure]
"""By kind; None for an object that has no caBundle and needs none."""
_Read = Callable[[bytes], CaBundle | None]


def webhook_bundles(connection: Connection, *, conversions: bool) -> Found:
    """Those of admission webhooks, and where `conversions` says so of the webhooks that convert custom resources."""
    found: dict[str, Listing[CaBundle | None] | Failure] = {
        kind: connection.list_all(what.path, _bounded(partial(webhooks, kind)))
        for kind, what in (
            ("ValidatingWebhookConfiguration", resource.VALIDATING_WEBHOOKS),
            ("MutatingWebhookConfiguration", resource.MUTATING_WEBHOOKS),
        )
    }
    if conversions:
        path = resource.CUSTOM_RESOURCE_DEFINITIONS.path
        found["CustomResourceDefinition"] = connection.list_all(path, _bounded(conversion), page=DEFINITIONS)
    return found


def api_service_bundles(connection: Connection) -> Found:
    """Those of APIServices."""
    return {"APIService": connection.list_all(resource.API_SERVICES.path, _bounded(api_service))}


def _bounded(read: _Read) -> _Read:
    left = MOST_CERTIFICATES

    def bounded(raw: bytes) -> CaBundle | None:
        nonlocal left
        if left <= 0:
            raise ObjectError(f"the objects before it hold {MOST_CERTIFICATES} certificates: no more are kept")
        found = read(raw)
        left -= len(found.certificates) if found else 0
        return found

    return bounded
