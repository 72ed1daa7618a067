"""Whether the next renewals would be approved, by questions that store nothing; and the newer certificate kinds."""

import json
from pathlib import Path

import pytest

from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.preflight import questions
from exporter.reason import CsrCondition, CsrOutcome, PreflightStep, Requestor
from simulation.api.server import ApiServer
from simulation.pki import DAY, Authority
from tests.agents.clusters import NOW, Cluster, cluster, node, populate
from tests.facts.test_outlook import node as known

ALLOWED = "akscert_preflight_allowed"
POOL = {"agentpool": "nodepool1", "requestor": "node"}


def findings(found: Cluster) -> list[dict[str, object]]:
    document = found.agent.documents["/facts"]("", {})
    assert document is not None
    every: list[dict[str, object]] = json.loads(document.body)["findings"]
    return [one for one in every if one["alert"] == "AksCertRenewalNotAllowed"]


def test_a_removed_binding_shows_in_minutes_instead_of_months(tmp_path: Path) -> None:
    """By pool, and for nodes that are still to come; nothing waits yet."""
    with cluster(tmp_path, preflight=True) as found:
        found.until_value(1.0, ALLOWED, **POOL, step="approval")
        assert found.values(ALLOWED, agentpool="", requestor="bootstrap") == [1.0, 1.0]
        assert findings(found) == []
        found.server.forbidden.add("certificatesigningrequests/selfnodeclient")
        found.until_value(0.0, ALLOWED, **POOL, step="approval")
        assert found.values(ALLOWED, **POOL, step="request") == [1.0]
        (one,) = findings(found)
        assert (one["severity"], one["subject"]) == ("warning", {"kind": "node_pool", "name": "nodepool1"})
        assert "selfnodeclient" in str(one["next"])
        assert "Whether the next certificate requests would be approved" in found.agent.page({})


def test_it_is_not_asked_unless_wanted(tmp_path: Path) -> None:
    """It takes a right of its own."""
    with cluster(tmp_path) as found:
        found.until_ready()
        assert found.values(ALLOWED) == found.values("akscert_source_up", source="preflight") == []
        assert not [path for method, path in found.server.requests if method == "POST"]


def test_one_node_of_each_pool_is_asked_about() -> None:
    """All nodes are of one group; a thousand questions would say no more."""
    nodes = [known(f"n{number}") for number in range(1000)]
    asked = questions(nodes, None)
    assert [(one.requestor, one.step, one.user) for one in asked] == [
        (Requestor.NODE, PreflightStep.REQUEST, "system:node:n0"),
        (Requestor.NODE, PreflightStep.APPROVAL, "system:node:n0"),
        (Requestor.BOOTSTRAP, PreflightStep.REQUEST, "system:bootstrap:preflight"),
        (Requestor.BOOTSTRAP, PreflightStep.APPROVAL, "system:bootstrap:preflight"),
    ]
    assert asked[1].spec == {
        "user": "system:node:n0",
        "groups": ["system:nodes", "system:authenticated"],
        "resourceAttributes": {
            "group": "certificates.k8s.io",
            "resource": "certificatesigningrequests",
            "subresource": "selfnodeclient",
            "verb": "create",
            "version": "*",
        },
    }


@pytest.mark.parametrize(
    ("signer", "requestor", "asked"),
    [
        (CLIENT_SIGNER, Requestor.AKS_SERVICE, False),
        (CLIENT_SIGNER, Requestor.BOOTSTRAP, True),
        (SERVING_SIGNER, Requestor.AKS_SERVICE, True),
    ],
)
def test_where_aks_asks_for_new_nodes_itself_no_bootstrap_token_need_be_allowed(
    signer: str, requestor: Requestor, asked: bool
) -> None:
    """Secure TLS bootstrapping."""
    for totals in (
        CsrTotals({(signer, requestor, CsrCondition.ISSUED): 1}, {}, {}, ()),
        CsrTotals({}, {(signer, requestor, CsrOutcome.ISSUED): 1}, {}, ()),
    ):
        assert (Requestor.BOOTSTRAP in {one.requestor for one in questions([], totals)}) is asked


def request(name: str, *conditions: str, signer: str = "example.com/pods") -> dict[str, object]:
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "PodCertificateRequest",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"signerName": signer, "podName": "p"},
        "status": {"conditions": [{"type": one, "status": "True"} for one in conditions]},
    }


def bundle(name: str, pem: str, signer: str = "") -> dict[str, object]:
    spec = {"trustBundle": pem, **({"signerName": signer} if signer else {})}
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "ClusterTrustBundle",
        "metadata": {"name": name},
        "spec": spec,
    }


ENDED = Authority("own", NOW - 9 * DAY, NOW - DAY, number=3).pem.decode()
LIVING = Authority("own", NOW - 9 * DAY, NOW + DAY, number=4).pem.decode()


def newer(server: ApiServer) -> None:
    populate(server)
    for name, conditions in (("a", ()), ("b", ()), ("c", ("Issued",)), ("d", ("Denied",)), ("e", ("Failed",))):
        server.store.put("podcertificaterequests", request(name, *conditions))
    for name, pem in (("x", LIVING + ENDED), ("y", ENDED), ("z", "nothing"), ("w", LIVING[:200])):
        server.store.put("clustertrustbundles", bundle(name, pem))
    server.store.put("clustertrustbundles", bundle("v", LIVING, "example.com/pods"))


def test_the_newer_kinds_are_counted_by_signer_and_state(tmp_path: Path) -> None:
    """PodCertificateRequests and ClusterTrustBundles, where the server has them."""
    pods, bundles = "akscert_pod_certificate_request_objects", "akscert_trust_bundle_objects"
    with cluster(tmp_path, prepare=newer) as found:
        found.until_value(2.0, pods, signer_name="example.com/pods", condition="pending")
        for condition in ("issued", "denied", "failed"):
            assert found.values(pods, signer_name="example.com/pods", condition=condition) == [1.0]
        for state in ("ok", "ended", "empty", "malformed"):
            assert found.values(bundles, signer_name="", state=state) == [1.0], state
        assert found.values(bundles, signer_name="example.com/pods", state="ok") == [1.0]
        assert found.values("akscert_pod_certificate_status", status="ok") == [1.0]
        assert "PodCertificateRequest" in found.agent.page({})
        told = found.agent.documents["/facts"]("", {})
        assert told is not None
        counted = json.loads(told.body)["certificate_objects"]
        assert counted["podcertificaterequests"]["status"] == "ok"
        assert {"signer_name": None, "state": "ended", "count": 1} in counted["clustertrustbundles"]["objects"]


@pytest.mark.parametrize(("how", "status"), [("absent", "not_served"), ("forbidden", "forbidden")])
def test_where_there_are_none_or_they_may_not_be_read_a_status_says_so_and_no_fault(
    tmp_path: Path, how: str, status: str
) -> None:
    """A server before 1.34, and a role from before this version."""

    def prepare(server: ApiServer) -> None:
        newer(server)
        getattr(server, how).update({"podcertificaterequests", "clustertrustbundles"})

    with cluster(tmp_path, prepare=prepare) as found:
        for metric in ("akscert_pod_certificate_status", "akscert_trust_bundle_status"):
            found.until_value(1.0, metric, status=status)
        assert found.values("akscert_pod_certificate_request_objects") == []
        assert "podcertificate" not in found.agent.page({}).lower()
        assert not [one for one in found.agent.sources() if "certificates" in str(one.last_error)]
        found.server.store.put("nodes", node())
