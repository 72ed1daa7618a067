"""What answers to the API server's calls in, its part of a cluster's /facts out."""

from exporter.documents.certificate_data import certificate_data
from exporter.facts.kube.aks_component import aks_component
from exporter.facts.kube.endpoint import ServedEndpoint

__all__ = ["endpoint_data"]


def endpoint_data(one: ServedEndpoint) -> dict[str, object]:
    """One of them."""
    target = one.target
    component = aks_component(*target.service) if target.service else ""
    return {
        "kind": target.kind,
        "name": target.name,
        "address": target.address,
        "failure_policy": target.failure_policy.value,
        "verified": target.verified,
        "aks_component": component or None,
        "status": one.status.value,
        "trusted": one.trusted,
        "untrusted": one.untrusted.value if one.untrusted else None,
        "failure": {"reason": one.failure.reason.value, "words": one.failure.words} if one.failure else None,
        "silent_since": one.silent_since,
        "certificate": certificate_data(one.certificate) if one.certificate else None,
    }
