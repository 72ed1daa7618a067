"""What a cluster says about its nodes, to the last field: exporter/findings/cluster.py."""

from dataclasses import replace

import pytest

from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.node_requests import NodeRequests, Rejected
from exporter.facts.node_observation import NodeObservation
from exporter.facts.source import SourceFacts, SourceLedger
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.azure import azure_findings
from exporter.findings.cluster import certificate_words, cluster_findings, serving_off_reason
from exporter.findings.commands import Place, machine, step
from exporter.findings.formatting import lasting, when
from exporter.findings.wording import SOURCE_WORDS
from exporter.reason import CsrOutcome, Observer, Reason, Role, Rotation, Source
from simulation.azure.bodies import agent_pool, managed_cluster
from tests.findings.test_cluster import HOUR, NODE, NOW, node, only, pending, waiting

INFO, WARNING, CRITICAL, UNKNOWN = Severity.INFO, Severity.WARNING, Severity.CRITICAL, Severity.UNKNOWN
READ = Step("Read the request, and whether it comes from this node.", "kubectl describe csr csr-1")
SIGNERS = Step(
    "See whether anybody approves and signs.",
    "kubectl get lease -n kube-system kube-controller-manager kubelet-serving-csr-approver",
)
APPROVE = Step(
    "Approve it, if it comes from this node and nobody else approves it.", "kubectl certificate approve csr-1"
)


@pytest.mark.parametrize(
    ("request_", "severity", "what", "role", "steps"),
    [
        (pending(HOUR), WARNING, "serving certificate {}: csr-1 has no answer.", Role.KUBELET_SERVING, (APPROVE,)),
        (
            pending(7 * HOUR, pending_objects=2, signer_name=CLIENT_SIGNER),
            CRITICAL,
            "client certificate {}: csr-1 has no answer, like 1 more.",
            Role.KUBELET_CLIENT,
            (APPROVE,),
        ),
        (
            pending(HOUR, approved=True, signer_name="example.com/x"),
            WARNING,
            "certificate of example.com/x {}: csr-1 is approved, but nobody issues the certificate.",
            None,
            (),
        ),
    ],
)
def test_a_request_that_waits(
    request_: NodeRequests, severity: Severity, what: str, role: Role | None, steps: tuple[Step, ...]
) -> None:
    since = request_.pending_since
    assert since is not None
    assert only(waiting(request_)) == Finding(
        severity,
        Subject(Kind.NODE, NODE),
        f"It has waited for its {what.format(lasting(since, NOW))}",
        (READ, SIGNERS, *steps),
        "AksCertCsrPending",
        node=NODE,
        role=role,
        since=since,
    )


IDENTIFIER = (
    "azure:///subscriptions/5ab0/resourceGroups/MC_rg/providers/Microsoft.Compute/virtualMachineScaleSets/vmss/"
    "virtualMachines/7"
)


@pytest.mark.parametrize("os", ["", "linux", "windows"])
def test_a_request_that_failed_leads_to_the_addresses_and_the_clock_of_its_node(os: str) -> None:
    """By the machine behind it, as far as it is known."""
    failed = NodeRequests(NODE, SERVING_SIGNER, rejected=Rejected("csr-1", CsrOutcome.FAILED, NOW - 60, ""))
    nodes = (node(os=os, provider_id=IDENTIFIER),) if os else ()
    behind = machine(NODE, provider_id=IDENTIFIER if os else "", pool="nodepool1", windows=os == "windows")
    clock = "w32tm /query /status" if os == "windows" else "chronyc tracking"
    assert only(replace(waiting(failed), nodes=nodes)) == Finding(
        WARNING,
        Subject(Kind.NODE, NODE),
        f"Its request for a serving certificate, csr-1, failed at the signer {when(NOW - 60, NOW)}.",
        (
            Step("Read the answer.", "kubectl describe csr csr-1"),
            Step("Compare the node's addresses with the request's.", f"kubectl get node {NODE} -o wide"),
            step("Look at the node's clock.", behind.run(clock)),
        ),
        "AksCertCsrRejected",
        node=NODE,
        role=Role.KUBELET_SERVING,
        since=NOW - 60,
    )


@pytest.mark.parametrize(("age", "told"), [(HOUR - 1, True), (HOUR, False), (HOUR + 1, False)])
def test_a_request_that_was_denied_is_told_for_an_hour(age: float, told: bool) -> None:
    denied = NodeRequests(NODE, CLIENT_SIGNER, rejected=Rejected("csr-1", CsrOutcome.DENIED, NOW - age, "Not mine.."))
    expected = Finding(
        WARNING,
        Subject(Kind.NODE, NODE),
        f"Its request for a client certificate, csr-1, was denied {when(NOW - age, NOW)}.",
        (
            Step("Read the answer.", "kubectl describe csr csr-1"),
            Step("Look for a second approver beside AKS's own.", "kubectl get deployments -A"),
        ),
        "AksCertCsrRejected",
        "The answer says: Not mine.",
        node=NODE,
        role=Role.KUBELET_CLIENT,
        since=NOW - age,
    )
    assert cluster_findings(waiting(denied), (), NOW) == ((expected,) if told else ())


def test_requests_for_more_nodes_than_can_be_followed_are_a_blind_spot() -> None:
    found = only(ClusterFacts(csrs=CsrTotals({}, {}, {}, (), untracked=7)))
    assert (found.severity, found.subject, found.alert) == (
        UNKNOWN,
        Subject(Kind.CSR, "certificate signing requests"),
        "AksCertCsrFlood",
    )
    assert found.what.startswith("There are 7 requests for more nodes than can be followed: ")
    assert [one.text for one in found.next] == ["See who sends them."]
    assert cluster_findings(ClusterFacts(csrs=CsrTotals({}, {}, {}, ())), (), NOW) == ()


def test_a_signers_certificates_have_words() -> None:
    words = [certificate_words(signer) for signer in (CLIENT_SIGNER, SERVING_SIGNER, "example.com/x")]
    assert words == ["client certificate", "serving certificate", "certificate of example.com/x"]


TAG = "opted out by the node pool's tag, or not made anew since AKS offers it there"
IMAGE = "AKSUbuntu-2204gen2containerd-{}"


@pytest.mark.parametrize(
    ("version", "image", "reason"),
    [
        ("v1.26.12", "", "Kubernetes v1.26.12 has none, 1.27 has"),
        ("1.9.0", "", "Kubernetes 1.9.0 has none, 1.27 has"),
        ("v1.27.0", "", TAG),
        ("v2.1.0", "", TAG),
        ("unknown", "", TAG),
        (
            "v1.33.2",
            IMAGE.format("202501.11.0"),
            f"its image {IMAGE.format('202501.11.0')} is older than 202501.12.0, by itself or from a snapshot",
        ),
        ("v1.33.2", IMAGE.format("202501.12.0"), TAG),
        ("v1.33.2", "golden", TAG),
    ],
)
def test_why_a_node_has_no_serving_rotation(version: str, image: str, reason: str) -> None:
    assert serving_off_reason(node(kubelet_version=version, node_image_version=image)) == reason


@pytest.mark.parametrize(
    ("names", "subject", "shown"),
    [
        ("a", "a", "a"),
        ("ba", "2 nodes", "a, b"),
        ("cab", "3 nodes", "a, b, c"),
        ("dcab", "4 nodes", "a, b, c, …"),
    ],
)
def test_nodes_that_aks_does_not_label_are_listed(names: str, subject: str, shown: str) -> None:
    """A note, not a warning; those with a label say it themselves."""
    nodes = (*(node(name, serving_rotation=Rotation.UNKNOWN) for name in names), node("labelled"))
    found = only(ClusterFacts(nodes=nodes))
    assert (found.severity, found.subject, found.alert) == (INFO, Subject(Kind.NODE, subject), "")
    assert found.what == (
        "AKS does not label them, so whether their serving certificate rotates cannot be told from here: " + f"{shown}."
    )
    assert [one.command for one in found.next] == ["kubectl get nodes -L kubernetes.azure.com/kubelet-serving-ca"]


def test_serving_rotation_that_is_off_leads_to_an_upgrade_of_the_first_pool_alike() -> None:
    """Pools with another reason are another finding; of one node that somebody asked, its label says nothing more."""
    old = {"serving_rotation": Rotation.DISABLED, "kubelet_version": "v1.26.1"}
    nodes = (
        node("a1", agentpool="a", **old),
        node("a2", agentpool="a"),
        node("b1", agentpool="b", **old),
        node("c1", agentpool="c", serving_rotation=Rotation.DISABLED),
    )
    one, other = cluster_findings(ClusterFacts(nodes=nodes), (), NOW)
    place = Place()
    assert one == Finding(
        INFO,
        Subject(Kind.NODE_POOL, "a and b"),
        "Serving certificate rotation is off on 2 of 3 nodes: Kubernetes v1.26.1 has none, 1.27 has.",
        (
            step(
                "Upgrade the control plane, unless it is recent.",
                place.aks("upgrade", "--control-plane-only --kubernetes-version VERSION"),
            ),
            step("Make the node pool's nodes anew.", place.nodepool("upgrade", "a", "--node-image-only")),
        ),
        "AksCertRotationDisabled",
    )
    assert (other.subject, other.what) == (
        Subject(Kind.NODE_POOL, "c"),
        f"Serving certificate rotation is off on its one node: {TAG}.",
    )
    found = cluster_findings(ClusterFacts(nodes=nodes), (), NOW, told=frozenset({"a1", "b1"}))
    assert [str(each.subject) for each in found] == ["node pool c"]
    by = {"c1": NodeObservation(Observer.NODE_AGENT), "b1": NodeObservation(Observer.NOBODY)}
    found = cluster_findings(ClusterFacts(nodes=nodes, observations=by), (), NOW)
    assert [str(each.subject) for each in found] == ["node pool a and b"]


def test_what_azure_says_of_a_pool_takes_the_place_of_what_its_labels_say() -> None:
    """It knows better why, and is told among the cluster's findings."""
    identifier = ResourceId("5ab0", "rg", "managedClusters", "aks1")
    described = azure_cluster(
        managed_cluster(identifier, [agent_pool("a"), agent_pool("b", state="Failed")]), identifier
    )
    azure = AzureFacts(described, {}, {})
    off = {"serving_rotation": Rotation.DISABLED}
    nodes = (node("a1", agentpool="a", **off), node("c1", agentpool="c", **off))
    of_azure = azure_findings(azure, nodes, NOW)
    assert {str(one.subject) for one in of_azure} == {"node pool a", "node pool b"}
    found = cluster_findings(ClusterFacts(nodes=nodes, azure=azure), (), NOW)
    assert set(of_azure) < set(found)
    (other,) = set(found) - set(of_azure)
    assert str(other.subject) == "node pool c"


def answered(source: Source, *, up: bool | None) -> SourceFacts:
    ledger = SourceLedger(source)
    if up:
        ledger.success(NOW)
    elif up is False:
        ledger.failure(Reason.TIMEOUT, "no answer")
    return ledger.facts()


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ((), False),
        ((answered(Source.CSRS, up=True),), True),
        ((answered(Source.CSRS, up=None), answered(Source.KUBELETS, up=True)), True),
        ((answered(Source.KUBELETS, up=True), answered(Source.NODE_AGENTS, up=None)), False),
        ((answered(Source.KUBELETS, up=None), answered(Source.NODE_AGENTS, up=True)), False),
        ((answered(Source.KUBELETS, up=True), answered(Source.NODE_AGENTS, up=True)), True),
        ((answered(Source.KUBELETS, up=False), answered(Source.NODE_AGENTS, up=False)), True),
    ],
)
def test_a_node_without_a_word_is_a_finding_once_everybody_was_asked(
    sources: tuple[SourceFacts, ...], told: bool
) -> None:
    """Node agents and kubelets, where they are asked; other sources say nothing on it."""
    told_of = {"a": NodeObservation(Observer.NODE_AGENT), NODE: NodeObservation(Observer.NOBODY)}
    facts = ClusterFacts(nodes=(node(),), observations=told_of)
    alerts = [one.alert for one in cluster_findings(facts, sources, NOW)]
    assert ("AksCertNodeNotObserved" in alerts) is told


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("up", [True, False, None])
def test_a_source_that_does_not_answer_is_a_blind_spot(source: Source, up: bool | None) -> None:
    """Each address of the API server is one of its own, and what a node agent asks is not asked here."""
    found = list(cluster_findings(ClusterFacts(), [answered(source, up=up)], NOW))
    if up is not False or source in {Source.APISERVER, Source.KUBELET}:
        assert found == []
        return
    (one,) = found
    assert (one.severity, one.alert) == (UNKNOWN, "AksCertSourceDown")
    assert one.subject == Subject(Kind.SOURCE, "Azure" if source is Source.AZURE else source.value)
    if source is not Source.AZURE:
        words = SOURCE_WORDS[source]
        assert one.what == f"{words[0].upper()}{words[1:]} could not be looked at: no answer."


@pytest.mark.parametrize("source", [Source.NODES, Source.AZURE])
def test_a_source_that_is_down_without_a_reason_is_a_blind_spot_too(source: Source) -> None:
    """As one is that is not looked at though nobody chose that."""
    down = SourceFacts(source, False, None, {}, "no word of why")
    plain = replace(down, last_reason=Reason.ERROR)
    found = cluster_findings(ClusterFacts(), [down], NOW)
    assert [one.severity for one in found] == [UNKNOWN]
    assert found == cluster_findings(ClusterFacts(), [plain], NOW)


@pytest.mark.parametrize("reason", Reason)
def test_why_a_source_does_not_answer_leads_to_what_to_do(reason: Reason) -> None:
    ledger = SourceLedger(Source.NODES)
    ledger.failure(reason, "words")
    (one,) = cluster_findings(ClusterFacts(), [ledger.facts()], NOW)
    credentials = "az aks get-credentials -g RESOURCE_GROUP -n CLUSTER --overwrite-existing"
    commands = {
        Reason.FORBIDDEN: ["kubectl auth can-i --list"],
        Reason.BUG: [""],
        Reason.UNAUTHORIZED: [credentials],
        Reason.CERTIFICATE_UNTRUSTED: ["", credentials],
        Reason.CREDENTIALS: ["az login"],
    }
    assert [each.command for each in one.next] == commands.get(reason, ["kubectl get --raw /readyz"])
