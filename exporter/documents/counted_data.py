"""PodCertificateRequests and ClusterTrustBundles as they were counted in, their part of a cluster's /facts out."""

from exporter.facts.kube.certificates_api import CLUSTER_TRUST_BUNDLES, POD_CERTIFICATE_REQUESTS, Counted

__all__ = ["counted_data"]


def counted_data(counted: Counted) -> dict[str, object]:
    """Both kinds: what came of looking, and how many there are."""
    kinds = ((POD_CERTIFICATE_REQUESTS, counted.requests), (CLUSTER_TRUST_BUNDLES, counted.bundles))
    return {
        kind: {
            "status": counted.statuses[kind].value,
            "objects": [
                {"signer_name": signer or None, "state": state.value, "count": count}
                for (signer, state), count in objects.items()
            ],
        }
        for kind, objects in kinds
    }
