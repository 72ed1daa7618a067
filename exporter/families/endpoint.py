"""akscert_endpoint_*: what answers to the API server's calls serves, and whether the API server accepts it."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.aks_component import aks_component
from exporter.metric import Family, Metric
from exporter.reason import EndpointStatus, FailurePolicy, Reason

__all__ = ["families"]

_KINDS = ("APIService", "CustomResourceDefinition", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_OK = "ok"

NOT_AFTER = Metric(
    "akscert_endpoint_certificate_not_after_timestamp_seconds",
    "Unix time of X.509 notAfter of the certificate that a webhook, a CRD conversion or an aggregated API serves, by "
    "a handshake from inside the cluster. Kept for an hour after it was last seen.",
    ("kind", "name", "address"),
    words={"kind": _KINDS},
)
NOT_BEFORE = Metric(
    "akscert_endpoint_certificate_not_before_timestamp_seconds",
    "Unix time of X.509 notBefore of the same certificate.",
    ("kind", "name", "address"),
    words={"kind": _KINDS},
)
TRUSTED = Metric(
    "akscert_endpoint_trusted",
    "1 if the served chain and name verify under the object's own caBundle, as the API server does it, else 0 with the "
    "reason. Where the object has none: under this host's roots. Absent where the API server does not verify it.",
    ("kind", "name", "address", "reason"),
    words={
        "kind": _KINDS,
        "reason": (
            _OK,
            Reason.CERTIFICATE_UNTRUSTED,
            Reason.CERTIFICATE_EXPIRED,
            Reason.CERTIFICATE_HOSTNAME,
        ),
    },
)
STATUS = Metric(
    "akscert_endpoint_status",
    "1, with what came of the last look. unreachable and unresolved: not reachable from here, which says nothing about "
    "its certificate. refused: the Service has no Pod that listens.",
    ("kind", "name", "address", "status"),
    words={"kind": _KINDS, "status": tuple(EndpointStatus)},
)
INFO = Metric(
    "akscert_endpoint_info",
    "1, with what depends on it. failure_policy: the strictest of the webhooks that share the address. verified: no "
    "under insecureSkipTLSVerify. owner: aks where it belongs to AKS or one of its add-ons.",
    ("kind", "name", "address", "failure_policy", "verified", "owner"),
    words={
        "kind": _KINDS,
        "failure_policy": tuple(FailurePolicy),
        "verified": ("yes", "no"),
        "owner": ("aks", "other"),
    },
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of everything that was looked at."""
    looked = [((one.target.kind, one.target.name, one.target.address), one) for one in cluster.served or ()]
    seen = [(labels, one.certificate) for labels, one in looked if one.certificate]
    yield NOT_AFTER.family((labels, found.not_after) for labels, found in seen)
    yield NOT_BEFORE.family((labels, found.not_before) for labels, found in seen)
    yield TRUSTED.family(
        ((*labels, one.untrusted or _OK), float(one.trusted)) for labels, one in looked if one.trusted is not None
    )
    yield STATUS.family(((*labels, one.status), 1.0) for labels, one in looked)
    yield INFO.family(
        (
            (
                *labels,
                one.target.failure_policy,
                "yes" if one.target.verified else "no",
                "aks" if one.target.service and aks_component(*one.target.service) else "other",
            ),
            1.0,
        )
        for labels, one in looked
    )
