"""akscert_ca_*: the CAs of the control plane, and the bundles that APIServices and admission webhooks hold of them."""

from collections.abc import Iterator

from exporter.facts.ca_use import MemberUse
from exporter.facts.certificate import ends_last
from exporter.facts.cluster import ClusterFacts
from exporter.metric import Family, Metric
from exporter.reason import Ca, CaBundleStatus

__all__ = ["families"]

_KINDS = ("APIService", "CustomResourceDefinition", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")

NOT_AFTER = Metric(
    "akscert_ca_not_after_timestamp_seconds",
    "Unix time of X.509 notAfter of the CA; of a bundle, of the member that signed what is served, or of the "
    "one that ends last where none is seen to have. cluster: kube-root-ca.crt; client and requestheader: ConfigMap "
    "kube-system/extension-apiserver-authentication.",
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
    "1, with the identity of a CA; one series for each certificate of the bundle. in_use: whether it signed what the "
    "API server serves; unknown where no member is seen to have.",
    ("ca", "subject", "serial_number", "fingerprint_sha256", "in_use"),
    words={"ca": tuple(Ca), "in_use": tuple(MemberUse)},
)
BUNDLE_NOT_AFTER = Metric(
    "akscert_ca_bundle_not_after_timestamp_seconds",
    "Unix time of X.509 notAfter of the certificate that ends last in the object's caBundle, or its caBundles.",
    ("kind", "name"),
    words={"kind": _KINDS},
)
BUNDLE_NOT_BEFORE = Metric(
    "akscert_ca_bundle_not_before_timestamp_seconds",
    "Unix time of X.509 notBefore of the certificate that begins first in the object's caBundle, or its caBundles.",
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
BUNDLE_STATUS = Metric(
    "akscert_ca_bundle_status",
    "1; one series for each webhook configuration, APIService and CRD conversion that has or needs a caBundle. empty: "
    "it has none, and the API server cannot verify the Service without it. The worst one where there are several.",
    ("kind", "name", "status"),
    words={"kind": _KINDS, "status": tuple(CaBundleStatus)},
)


def families(cluster: ClusterFacts) -> Iterator[Family]:
    """Samples of the CAs that are known."""
    uses = [(ca, use) for ca in cluster.cas if (use := cluster.ca_use(ca)) is not None]
    yield NOT_AFTER.family(((ca,), use.counts.not_after) for ca, use in uses)
    yield NOT_BEFORE.family(((ca,), use.counts.not_before) for ca, use in uses)
    yield INFO.family(
        ((ca, one.subject, one.serial_number, one.fingerprint_sha256, use.of(one)), 1.0)
        for ca, use in uses
        for one in use.bundle
    )
    yield BUNDLE_NOT_AFTER.family(
        ((one.kind, one.name), ends_last(one.certificates).not_after) for one in cluster.bundles if one.certificates
    )
    yield BUNDLE_NOT_BEFORE.family(((one.kind, one.name), one.begins) for one in cluster.bundles if one.certificates)
    known = ((one, cluster.outdated(one)) for one in cluster.bundles if one.certificates)
    yield BUNDLE_OUTDATED.family(
        ((one.kind, one.name), float(outdated)) for one, outdated in known if outdated is not None
    )
    yield BUNDLE_STATUS.family(((one.kind, one.name, one.status), 1.0) for one in cluster.bundles)
