"""What kubelets and node agents say beside what a cluster knows: what findings are kept for."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.kubelet_metrics import KubeletConfig
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.node_view import Validity, node_view
from exporter.facts.node_document import ToldFinding, ToldRotation, ToldStep
from exporter.facts.node_observation import NodeObservation
from exporter.facts.source import Failure
from exporter.reason import Evidence, KubeletStatus, Observer, Reason, Role, Rotation
from simulation.azure.bodies import agent_pool, managed_cluster
from simulation.pki import DAY, YEAR, Authority, self_signed_linux
from tests.findings.test_compared import FORMER_PEM, cluster, document
from tests.findings.test_observed import AUTHORITY, CA, NODE, facts, report
from tests.findings.test_observed import NOW as TOLD
from tests.pages.example import NOW as COMPARED

__all__ = ["compared_states", "told_states"]

RESOURCE = ResourceId("5ab0", "contoso", "managedClusters", "aks1")
PLACED = AzureFacts(azure_cluster(managed_cluster(RESOURCE, [agent_pool("nodepool1")]), RESOURCE))
ADDRESSES = ("10.224.0.4", NODE)
Issued = Mapping[Role, Validity]


def told_states() -> Iterator[tuple[str, ClusterFacts, float]]:
    """Of one node without a node agent, with the moment: what its kubelet tells, or why nobody does."""
    for name, found, issued in _reports():
        view = node_view(found, CA, issued, addresses=ADDRESSES)
        by = Observer.KUBELET if found.told else Observer.NOBODY
        yield f"a kubelet: {name}", facts({NODE: NodeObservation(by, view=view)}), TOLD
    for status in KubeletStatus:
        for detail in ("", "it said so"):
            for served in ((), report().served):
                found = KubeletReport(NODE, status, detail, served)
                view = node_view(found, CA, {}, addresses=ADDRESSES)
                by = Observer.KUBELET if found.told else Observer.NOBODY
                name = f"a kubelet is {status} {f'({detail})' if detail else 'without a word'}"
                for silent in (None, Failure(Reason.REFUSED, "connection refused")):
                    observed = NodeObservation(by, view=view, silent=silent)
                    words = "certificate seen" if served else "nothing seen"
                    agent = "and its agent refuses" if silent else "and no agent"
                    yield f"{name}, {words} {agent}", facts({NODE: observed}), TOLD
    bare = node_view(KubeletReport(NODE, KubeletStatus.TLS_ERROR, no_certificate=True), CA, {})
    for many in (1, 2, 3, 4):
        names = [f"aks-a-12345678-vmss{number:06d}" for number in range(many)]
        waiting = {name: NodeObservation(Observer.KUBELET, view=bare) for name in names}
        yield f"{many} kubelets serve nothing", facts(waiting), TOLD


def _reports() -> Iterator[tuple[str, KubeletReport, Issued]]:
    def year(gone: float) -> tuple[KubeletReport, Issued]:
        end = TOLD + (1 - gone) * YEAR
        return report(client_not_after=end), {Role.KUBELET_CLIENT: Validity(TOLD - gone * YEAR, end)}

    for gone in (0.69, 0.89, 0.91, 0.96, 1.01):
        yield f"{gone:.0%} of its client certificate's year are over", *year(gone)
    for left in (31, 29, 8, 6, -1):
        end = TOLD + left * DAY
        yield f"its client certificate ends in {left} days", report(client_not_after=end), {}
        untold = report(served=(), config=None, client_not_after=end)
        yield f"its client certificate ends in {left} days, and no more is known", untold, {}
        off = report(config=KubeletConfig(False, True, "", True), client_not_after=end)
        yield f"its client certificate ends in {left} days, and nothing renews it", off, {}
    for days, made in ((366, 366), (366, 330), (50, 1), (366, -1)):
        serving = AUTHORITY.kubelet_serving(NODE, TOLD - made * DAY, days=days)
        yield f"it serves a certificate of {days} days in day {made}", report(serving), {}
    other = Authority("ca", TOLD - YEAR, TOLD + YEAR, number=7)
    for name, serving in (
        ("another node's", AUTHORITY.kubelet_serving("aks-other-vmss000001", TOLD - DAY)),
        ("another CA's", other.kubelet_serving(NODE, TOLD - DAY)),
        ("its own", self_signed_linux(NODE, TOLD - DAY)),
    ):
        for on in (True, False):
            config = KubeletConfig(True, on, "", True)
            word = "on" if on else "off"
            yield f"it serves {name}, and rotation is {word}", report(serving, config=config), {}
    static = KubeletConfig(True, False, "/etc/kubernetes/certs/kubeletserver.crt", True)
    yield "it serves a file", report(self_signed_linux(NODE, TOLD - DAY), config=static), {}
    yield "it has no client certificate", report(client_certificate=False, client_not_after=None), {}
    yield "it does not name its client certificate", report(client_certificate=None, client_not_after=None), {}


def compared_states() -> Iterator[tuple[str, ClusterFacts, float]]:
    """Of one node with an agent: what it says, beside what the cluster knows."""
    for moment, found in (("as told", cluster(document())), ("in Azure", cluster(document(), azure=PLACED))):
        yield f"a healthy node, {moment}", found, COMPARED
    for due, deadline in ((-60, -1), (-60, 1), (-20, -1), (-60, 0)):
        late = ToldRotation("kubelet-client", "enabled", COMPARED + due * DAY, COMPARED + deadline * DAY)
        yield (
            f"its client certificate was due for {-due} days, by day {deadline}",
            cluster(document(client=late)),
            COMPARED,
        )
    for role in (Role.KUBELET_CLIENT, Role.KUBELET_SERVING):
        for state in ("enabled", "waiting", "disabled", "unknown"):
            for place in Evidence:
                evidence = {"file": True, place.value: False}
                rotation = ToldRotation(role.value, state, evidence=evidence)
                yield (
                    f"{role} is {state}, on by its file and off by {place}",
                    cluster(document(rotation=(rotation,))),
                    COMPARED,
                )
    former = frozenset(one.fingerprint_sha256 for one in FORMER_PEM)
    yield "it holds a former CA", cluster(document(authorities=former)), COMPARED
    yield from _passed_on()


def _passed_on() -> Iterator[tuple[str, ClusterFacts, float]]:
    """An agent's words; what it could not know of Azure is filled in."""
    steps = (
        ToldStep("Drain it.", "kubectl drain n1"),
        ToldStep("Delete it.", "az aks nodepool delete-machines -g RESOURCE_GROUP --cluster-name CLUSTER -n POOL"),
        ToldStep("Look."),
    )
    bare = ToldFinding("unknown", "It could not look.")
    whole = ToldFinding(
        "critical", "It ended.", "AksCertExpired", role="kubelet-client", since=COMPARED - DAY, until=COMPARED,
        why="It is old.", next=steps,
    )  # fmt: skip
    newer = ToldFinding("catastrophic", "It is new.", role="kubelet-other")
    for name, one in (("whole", whole), ("bare", bare), ("newer", newer)):
        told = document(findings=(one,))
        yield f"an agent's {name} finding", cluster(told), COMPARED
        yield f"an agent's {name} finding in Azure", cluster(told, azure=PLACED), COMPARED
    known = cluster(document(findings=(whole,)), azure=PLACED)
    windows = tuple(replace(one, os="windows", serving_rotation=Rotation.ENABLED) for one in known.nodes or ())
    yield "an agent's whole finding of a Windows node", replace(known, nodes=windows), COMPARED
    yield "an agent's finding of a node that is gone", replace(known, nodes=()), COMPARED
