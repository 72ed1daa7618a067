"""akscert_ca_*: the CAs of the control plane, and the bundles that APIServices and admission webhooks hold of them."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.facts.x509 import ends_first
from exporter.metric import Family, Metric
from exporter.reason import Ca

__all__ = ["families"]

_KINDS = ("APIService", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")

NOT_AFTER = Metric(
    "akscert_ca_not_after_timestamp_seconds",
    "Unix time of X.509 notAfter of the CA, of a bundle that of the certificate that ends first. cluster: "
    "kube-root-ca.crt; client and requestheader: ConfigMap kube-system/extension-apiserver-authentication.",
    ("ca",),
    words={"ca": tuple(Ca)},
)
NOT_BEFORE = Metric(
    "akscert_ca_not_before_timestamp_seconds",
    "Unix time of X.509 notBefore of the same certificate.",
    ("ca",),
    words={"ca": tuple(Ca)},
)
INFO = Metric(
    "akscert_ca_info",
    "1, with the identity of a CA; one series for each certificate of the bundle.",
    ("ca", "subject", "serial_number", "fingerprint_sha256"),
    words={"ca": tuple(Ca)},
)
BUNDLE_NOT_AFTER = Metric(
    "akscert_ca_bundle_not_after_timestamp_seconds",
    "Unix time of X.509 notAfter of the certificate that ends first in the object's caBundle, or its caBundles.",
    ("kind", "name"),
    words={"kind": _KINDS},
)
BUNDLE_OUTDATED = Metric(
    "akscert_ca_bundle_outdated",
    "1 if the object's caBundle holds a former cluster CA and not the present one, else 0. Former ones are those that "
    "this agent saw being replaced since it started, and older ones of the present one's name and lifetime.",
    ("kind", "name"),
    words={"kind": _KINDS},
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of the CAs that are known."""
    first = {ca: ends_first(bundle) for ca, bundle in cluster.cas.items() if bundle}
    yield NOT_AFTER.family(((ca,), one.not_after) for ca, one in first.items())
    yield NOT_BEFORE.family(((ca,), one.not_before) for ca, one in first.items())
    yield INFO.family(
        ((ca, one.subject, one.serial_number, one.fingerprint_sha256), 1.0)
        for ca, bundle in cluster.cas.items()
        for one in bundle
    )
    yield BUNDLE_NOT_AFTER.family(
        ((one.kind, one.name), ends_first(one.certificates).not_after) for one in cluster.bundles if one.certificates
    )
    known = ((one, cluster.outdated(one)) for one in cluster.bundles if one.certificates)
    yield BUNDLE_OUTDATED.family(
        ((one.kind, one.name), float(outdated)) for one, outdated in known if outdated is not None
    )
