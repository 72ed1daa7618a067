"""What caBundles hold in, which of them the API server cannot verify by out: former, ended, unreadable."""

from collections.abc import Iterator
from shlex import quote

from exporter.facts.certificate import ends_last
from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.ca_bundle import CaBundle, Holds
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.commands import step
from exporter.findings.formatting import ends, when
from exporter.findings.limits import not_yet_valid
from exporter.findings.wording import BUNDLE_STATUS_WORDS
from exporter.reason import CaBundleStatus

__all__ = ["HOLDS_ORDER", "HOLDS_WORDS", "bundle_findings", "object_subject"]

HOLDS_WORDS = {
    Holds.CLUSTER_CA: "the cluster CA",
    Holds.FORMER_CA: "a former cluster CA",
    Holds.OWN: "a CA of its own",
    Holds.ENDED: "nothing that is still valid",
    Holds.EARLY: "nothing that is valid yet",
    None: "unknown",
}
"""What a readable caBundle holds."""
HOLDS_ORDER = (Holds.ENDED, Holds.EARLY, Holds.FORMER_CA, None, Holds.OWN, Holds.CLUSTER_CA)
"""In which order people see the bundles."""

_KINDS = {"APIService": Kind.APISERVICE, "CustomResourceDefinition": Kind.CRD}
_BLOCKS = (
    "The API server verifies by it what answers there: a webhook with failurePolicy Fail blocks every write that it "
    "covers, an APIService is unavailable, a CRD's objects cannot be converted."
)


def bundle_findings(cluster: ClusterFacts, now: float) -> Iterator[Finding]:
    """The findings, in no order. `now` in Unix seconds."""
    for held in cluster.bundles:
        yield from _bundle(cluster, held, now)


def object_subject(kind: str, name: str) -> Subject:
    """A webhook configuration, an APIService or a CustomResourceDefinition, by its Kubernetes kind."""
    return Subject(_KINDS[kind], name) if kind in _KINDS else Subject(Kind.WEBHOOK, f"{kind}/{name}")


def _bundle(cluster: ClusterFacts, held: CaBundle, now: float) -> Iterator[Finding]:
    subject = object_subject(held.kind, held.name)
    look = Step("Look at it.", f"kubectl get {quote(held.kind.lower())} {quote(held.name)} -o yaml")
    restart = step(
        "Restart or reinstall the component that owns it: most write the bundle anew when they start.",
        "kubectl rollout restart -n NAMESPACE deployment DEPLOYMENT",
    )
    if held.certificates and (ended := ends_last(held.certificates).not_after) < now:
        yield Finding(
            Severity.WARNING,
            subject,
            f"Its caBundle {ends(ended, now)}, and holds nothing that is still valid.",
            (restart,),
            "AksCertCaBundleOutdated",
            _BLOCKS,
            until=ended,
        )
    elif held.certificates and not_yet_valid(began := held.begins, now) is Severity.CRITICAL:
        yield Finding(
            Severity.WARNING,
            subject,
            f"Its caBundle becomes valid {when(began, now)}, and holds nothing that is valid now.",
            (restart,),
            "AksCertCaBundleOutdated",
            _BLOCKS,
            until=began,
        )
    elif cluster.outdated(held):
        yield Finding(
            Severity.WARNING,
            subject,
            "Its caBundle holds a former cluster CA and not the present one.",
            (restart,),
            "AksCertCaBundleOutdated",
            _BLOCKS,
        )
    if held.status is not CaBundleStatus.OK:
        detail = f": {held.unreadable}" if held.unreadable else ""
        yield Finding(
            Severity.WARNING,
            subject,
            f"Its caBundle {BUNDLE_STATUS_WORDS[held.status]}{detail}.",
            (look, restart),
            "AksCertCaBundleUnreadable",
            _BLOCKS,
        )
