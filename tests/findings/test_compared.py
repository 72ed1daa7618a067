"""What no agent knows by itself, a node's word beside its cluster's: exporter/findings/compared.py."""

from dataclasses import replace

import pytest

from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.kubelet_metrics import KubeletConfig
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.node_view import Validity, node_view
from exporter.facts.node_document import NodeDocument, ToldFinding, ToldRotation
from exporter.facts.node_observation import NodeObservation
from exporter.facts.x509 import certificates
from exporter.findings import Finding, Severity
from exporter.findings.cluster import cluster_findings
from exporter.findings.commands import Place, machine
from exporter.findings.compared import machine_of
from exporter.findings.formatting import ends, lasting
from exporter.reason import Ca, KubeletStatus, Observer, Role, Rotation
from simulation.azure.bodies import agent_pool, managed_cluster
from simulation.pki import DAY, YEAR, Authority
from tests.pages.example import CA, NOW
from tests.pages.fleet import FORMER, fleet

PRESENT, FORMER_PEM = certificates(CA.pem), certificates(FORMER.pem)
RESOURCE = ResourceId("5ab0", "contoso", "managedClusters", "aks1")
ON = {"file": True, "kubelet_config": True}


def cluster(document: NodeDocument, **more: object) -> ClusterFacts:
    """One node with an agent; its label says that its serving certificate rotates."""
    node = replace((fleet(1, 1).nodes or ())[0], name=document.node, serving_rotation=Rotation.ENABLED)
    observed = {document.node: NodeObservation(Observer.NODE_AGENT, document)}
    leaf = certificates(CA.apiserver(("a",), NOW - 30 * DAY).certificate_pem)[0]
    facts = ClusterFacts(nodes=(node,), endpoints=(Endpoint("a:443", leaf, True),), cas={Ca.CLUSTER: PRESENT})
    return replace(facts, observations=observed, **more)  # type: ignore[arg-type]


def document(*, client: ToldRotation | None = None, serving: str = "enabled", **more: object) -> NodeDocument:
    rotation = client or ToldRotation("kubelet-client", "enabled", NOW + 100 * DAY, NOW + 150 * DAY, ON)
    server = ToldRotation("kubelet-serving", serving, evidence={"file": serving == "enabled"})
    held = frozenset({PRESENT[0].fingerprint_sha256})
    return replace(NodeDocument("n1", (), (rotation, server), b"", held), **more)  # type: ignore[arg-type]


def said(facts: ClusterFacts) -> list[Finding]:
    return [one for one in cluster_findings(facts, (), NOW) if one.node]


@pytest.mark.parametrize(("os", "windows"), [("linux", False), ("windows", True), ("Windows", True), ("", False)])
def test_the_machine_of_a_node_is_known_from_its_object(os: str, windows: bool) -> None:
    place, identifier = Place("rg", "aks1"), "azure:///subscriptions/5ab0/resourceGroups/MC/providers/"
    identifier += "Microsoft.Compute/virtualMachineScaleSets/set/virtualMachines/7"
    known = replace((fleet(1, 1).nodes or ())[0], os=os, provider_id=identifier, agentpool="p")
    expected = machine("n1", provider_id=identifier, pool="p", windows=windows, place=place)
    assert machine_of("n1", known, place) == expected
    assert (expected.scale_set, expected.pool, expected.windows, expected.place) == ("set", "p", windows, place)
    assert machine_of("n1", None, place) == machine("n1", place=place)


def test_a_node_that_fits_is_no_finding() -> None:
    assert said(cluster(document())) == []


def test_a_label_without_the_file_is_a_conflict_told_once() -> None:
    facts = cluster(document(serving="disabled"))
    (one,) = (each for each in said(facts) if each.alert == "AksCertRotationEvidenceConflict")
    assert (one.severity, one.role, one.node) == (Severity.WARNING, Role.KUBELET_SERVING, "n1")
    assert "on by the node's label, off by the current certificate file" in one.what
    own = ToldFinding("warning", "Places disagree.", one.alert, role="kubelet-serving")
    facts = cluster(document(serving="disabled", findings=(own,)))
    assert [each.what for each in said(facts) if each.alert == one.alert] == ["Places disagree."]


def test_a_tag_without_a_reimage_is_each_nodes_and_not_the_pools_again() -> None:
    pools = [agent_pool("pool0", tags={"aks-disable-kubelet-serving-certificate-rotation": "true"})]
    facts = cluster(document(), azure=AzureFacts(azure_cluster(managed_cluster(RESOURCE, pools), RESOURCE)))
    every = [one for one in cluster_findings(facts, (), NOW) if one.alert == "AksCertRotationEvidenceConflict"]
    assert [one.node for one in every] == ["n1"]
    silent = node_view(KubeletReport("n1", KubeletStatus.TIMEOUT), PRESENT, {})
    for untold in (None, {"n1": NodeObservation(Observer.NOBODY, view=silent)}):
        without = [
            one
            for one in cluster_findings(replace(facts, observations=untold), (), NOW)
            if one.alert == "AksCertRotationEvidenceConflict"
        ]
        assert [(one.node, str(one.subject)) for one in without] == [("", "node pool pool0")], (
            "by the label, where nobody else tells"
        )


def test_a_static_client_certificate_is_no_conflict_beside_what_says_so() -> None:
    """Its rotation is off, and that is told; the rule is silent too."""
    static = ToldRotation("kubelet-client", "disabled", evidence={"kubelet_config": True, "file": False})
    assert said(cluster(document(client=static))) == []


@pytest.mark.parametrize("window", [(NOW - 60 * DAY, None), (None, NOW - DAY), (None, None)])
def test_half_a_window_says_nothing_of_a_rotation_that_was_missed(window: tuple[float | None, float | None]) -> None:
    assert said(cluster(document(client=ToldRotation("kubelet-client", "enabled", *window, ON)))) == []


def test_a_node_that_missed_the_control_planes_rotation_is_told() -> None:
    late = ToldRotation("kubelet-client", "enabled", NOW - 60 * DAY, NOW - DAY, ON)
    (one,) = said(cluster(document(client=late)))
    assert (one.alert, one.severity, one.since) == ("AksCertNodePoolMissedRotation", Severity.WARNING, NOW - DAY)
    early = ToldRotation("kubelet-client", "enabled", NOW - 20 * DAY, NOW - DAY, ON)
    assert said(cluster(document(client=early))) == [], "the control plane was renewed before it fell due"


def test_a_node_that_only_its_kubelet_tells_of_may_have_missed_it_too() -> None:
    """Then the end of its client certificate is known as well."""
    begin, end = NOW - 362 * DAY, NOW + 3 * DAY
    asked = KubeletReport("n1", KubeletStatus.OK, config=KubeletConfig(True, True, "", True), client_not_after=end)
    view = node_view(asked, PRESENT, {Role.KUBELET_CLIENT: Validity(begin, end)})
    observed = {"n1": NodeObservation(Observer.KUBELET, view=view)}
    (one,) = (
        each
        for each in said(replace(cluster(document()), observations=observed))
        if each.alert == "AksCertNodePoolMissedRotation"
    )
    deadline = begin + 0.9 * (end - begin)
    assert (one.severity, one.role, one.since, one.until) == (
        Severity.WARNING,
        Role.KUBELET_CLIENT,
        deadline,
        end,
    )
    assert one.what == (
        "It missed the rotation that the control plane made: its client certificate has been overdue "
        f"{lasting(deadline, NOW)} and {ends(end, NOW)}."
    )
    serving = replace(view, certificates=tuple(replace(one, role=Role.KUBELET_SERVING) for one in view.certificates))
    observed = {"n1": NodeObservation(Observer.KUBELET, view=serving)}
    alerts = {each.alert for each in said(replace(cluster(document()), observations=observed))}
    assert "AksCertNodePoolMissedRotation" not in alerts, "the control plane renews no serving certificate"


@pytest.mark.parametrize(
    ("held", "bundle", "state", "alerts"),
    [
        (PRESENT, PRESENT, "Succeeded", []),
        (FORMER_PEM, PRESENT, "Succeeded", ["AksCertClusterCaMismatch"]),
        (FORMER_PEM, PRESENT, "Failed", ["AksCertClusterCaMismatch"]),
        (FORMER_PEM, PRESENT, "RotatingClusterCertificates", []),
        (FORMER_PEM + PRESENT, PRESENT, "Succeeded", []),
        (FORMER_PEM, FORMER_PEM + PRESENT, "Succeeded", ["AksCertClusterCaMismatch"]),
        ((), PRESENT, "Succeeded", []),
    ],
    ids=["same", "former", "failed", "rotating", "both", "kept", "none seen"],
)
def test_a_node_with_another_ca_is_told(held: tuple, bundle: tuple, state: str, alerts: list[str]) -> None:  # type: ignore[type-arg]
    """A former CA that the control plane still hands out signs nothing any more, and is none to have in common."""
    authorities = frozenset(one.fingerprint_sha256 for one in held)
    azure = AzureFacts(azure_cluster(managed_cluster(RESOURCE, [], state=state), RESOURCE))
    facts = cluster(document(authorities=authorities), cas={Ca.CLUSTER: bundle}, azure=azure)
    assert [one.alert for one in said(facts)] == alerts


def test_a_ca_that_ends_is_the_clusters_and_no_nodes_again() -> None:
    """A fleet of thousands has one CA."""
    ending = certificates(Authority("ca", NOW - 9 * YEAR, NOW + 20 * DAY).pem)
    own = ToldFinding("critical", "The cluster CA ends.", "AksCertClusterCaExpiring", role="cluster-ca")
    held = frozenset({ending[0].fingerprint_sha256})
    facts = cluster(document(findings=(own,), authorities=held), cas={Ca.CLUSTER: ending}, endpoints=())
    assert [one.node for one in cluster_findings(facts, (), NOW) if one.alert == own.alert] == [""]
    without = replace(facts, cas={})
    assert [one.node for one in cluster_findings(without, (), NOW) if one.alert == own.alert] == ["n1"]
