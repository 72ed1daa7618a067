"""Who tells about each node: its node agent, else its kubelet, else nobody; and never two voices for one node."""

import base64
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from exporter.agents.cluster.node_looks import Observing
from simulation.api import objects
from simulation.api.server import ApiServer
from simulation.csr_answer import CLIENT_SIGNER, Answer
from simulation.node.kubelet import SimulatedKubelet, SimulatedKubelets
from simulation.pki import DAY, Credential, self_signed_linux
from tests.agents.clusters import CA, NODE, NOW, Cluster, cluster, csr, node, populate

TOKEN = "the-agent's-own"
OTHER = "aks-nodepool1-12345678-vmss000001"
KUBELETS = Observing(kubelets=True, kubelet_interval=0.2, kubelet_timeout=2.0, judged=0.1)
SERVICE = ("monitoring", "aks-cert-exporter-node")
AGENTS = Observing(
    service=SERVICE,
    agent_interval=0.1,
    slices_interval=0.1,
    agent_timeout=2.0,
    judged=0.1,
    kubelets=True,
    kubelet_interval=0.2,
    kubelet_timeout=2.0,
)


@pytest.fixture
def kubelets() -> Iterator[SimulatedKubelets]:
    with SimulatedKubelets() as kubelets:
        yield kubelets


def listening(kubelets: SimulatedKubelets, serving: Credential | None, *, name: str = NODE) -> SimulatedKubelet:
    kubelet = kubelets.start(serving, CA)
    kubelet.api.rights = {TOKEN: frozenset({"metrics", "configz"})}
    kubelet.api.client_not_after = NOW + 200 * DAY
    return kubelet


@contextlib.contextmanager
def asking(folder: Path, *nodes: dict[str, object], observing: Observing = KUBELETS) -> Iterator[Cluster]:
    def prepare(server: ApiServer) -> None:
        populate(server)
        server.store.put_all("nodes", nodes)

    with cluster(folder, prepare=prepare, observing=observing, token=TOKEN) as found:
        # Until the ConfigMap with the cluster CA is read, nobody can tell who signed what a kubelet serves.
        found.until(lambda: found.values("akscert_ca_info", ca="cluster"), "the cluster CA")
        yield found


def test_a_node_without_an_agent_is_told_about_by_its_kubelet(tmp_path: Path, kubelets: SimulatedKubelets) -> None:
    """Dates of both certificates, rotation and its evidence, under the names that a node agent uses."""
    serving = CA.kubelet_serving(NODE, NOW - DAY)
    kubelet = listening(kubelets, serving)
    with asking(tmp_path, node(kubelet=kubelet.address)) as found:
        found.until_value(1.0, "akscert_kubelet_status", node=NODE, status="ok")
        found.until_value(1.0, "akscert_node_observed", node=NODE, by="kubelet")
        where = {"node": NODE, "rotation": "enabled"}
        name = "akscert_certificate_not_after_timestamp_seconds"
        assert found.values(name, role="kubelet-serving", origin="wire", **where) == [serving.not_after]
        assert found.values(name, role="kubelet-client", origin="kubelet", **where) == [
            pytest.approx(NOW + 200 * DAY, abs=5)
        ]
        assert found.values("akscert_certificate_issued_by_cluster_ca", node=NODE) == [1.0]
        assert found.values("akscert_certificate_usable", node=NODE, role="kubelet-serving", reason="ok") == [1.0]
        for role in ("kubelet-client", "kubelet-serving"):
            assert found.values("akscert_rotation_state", node=NODE, role=role, state="enabled") == [1.0]
            evidence = found.values("akscert_rotation_evidence", node=NODE, role=role, evidence="kubelet_configz")
            assert evidence == [1.0]
        assert found.values("akscert_kubelet_renew_errors_total", node=NODE, role="kubelet-client") == [0.0]
        assert len([key for key in found.series() if ("node", NODE) in key[1]]) <= 36
        found.until_value(1.0, "akscert_source_up", source="kubelets")


def test_the_client_certificates_lifetime_is_known_from_the_request_that_gave_it(
    tmp_path: Path, kubelets: SimulatedKubelets
) -> None:
    """A TTL says when it ends; with the CSR its beginning is known, and so by when it is rotated."""
    issued = CA.kubelet_client(NODE, NOW)
    kubelet = listening(kubelets, CA.kubelet_serving(NODE, NOW))
    kubelet.api.client_not_after = issued.not_after
    with asking(tmp_path, node(kubelet=kubelet.address)) as found:
        found.until_value(1.0, "akscert_kubelet_status", node=NODE, status="ok")
        assert found.values("akscert_rotation_deadline_timestamp_seconds", role="kubelet-client") == []
        answered = csr("csr-1", Answer.ISSUED, signer=CLIENT_SIGNER, created=NOW)
        answered["status"]["certificate"] = base64.b64encode(issued.certificate_pem).decode()  # type: ignore[index]
        found.server.store.put("certificatesigningrequests", answered)
        deadline = issued.not_before + 0.9 * (issued.not_after - issued.not_before)
        found.until_value(deadline, "akscert_rotation_deadline_timestamp_seconds", node=NODE, role="kubelet-client")
        where = {"node": NODE, "role": "kubelet-client", "origin": "kubelet"}
        assert found.values("akscert_certificate_not_before_timestamp_seconds", **where) == [issued.not_before]


def test_a_kubelet_whose_request_changes_is_asked_before_its_turn(tmp_path: Path, kubelets: SimulatedKubelets) -> None:
    """What it rotated is seen within seconds, not five minutes later."""
    kubelet = listening(kubelets, CA.kubelet_serving(NODE, NOW - DAY))
    seldom = replace(KUBELETS, kubelet_interval=3600.0, kubelet_apart=0.1)
    with asking(tmp_path, node(kubelet=kubelet.address), observing=seldom) as found:
        found.until_value(1.0, "akscert_kubelet_status", node=NODE, status="ok")
        rotated = CA.kubelet_serving(NODE, NOW)
        kubelet.swap(rotated)
        found.server.store.put("certificatesigningrequests", csr("csr-1", Answer.ISSUED, created=NOW))
        name = "akscert_certificate_not_after_timestamp_seconds"
        found.until_value(rotated.not_after, name, node=NODE, role="kubelet-serving", origin="wire")


def test_a_client_certificate_that_ends_stays_an_ended_one(tmp_path: Path, kubelets: SimulatedKubelets) -> None:
    """K1: from the end on the kubelet tells +Inf, and dies soon after; the date does not vanish with it."""
    kubelet = listening(kubelets, CA.kubelet_serving(NODE, NOW))
    end = kubelet.api.client_not_after
    name, where = "akscert_certificate_not_after_timestamp_seconds", {"node": NODE, "role": "kubelet-client"}
    with asking(tmp_path, node(kubelet=kubelet.address)) as found:
        found.until(lambda: found.values(name, **where))
        kubelet.api.client_not_after = None
        kubelet.api.client_renew_errors = 7  # what shows that the kubelet was asked again
        found.until_value(7.0, "akscert_kubelet_renew_errors_total", node=NODE, role="kubelet-client")
        assert found.values(name, **where) == [pytest.approx(end, abs=5)]


def test_what_a_kubelet_no_longer_serves_is_absent(tmp_path: Path, kubelets: SimulatedKubelets) -> None:
    """G1, G2: a kubelet without a serving certificate waits; what it served before is not told any more."""
    kubelet = listening(kubelets, CA.kubelet_serving(NODE, NOW))
    where = {"node": NODE, "role": "kubelet-serving"}
    with asking(tmp_path, node(kubelet=kubelet.address)) as found:
        found.until(lambda: found.values("akscert_certificate_not_after_timestamp_seconds", origin="wire", **where))
        kubelet.swap(None)
        found.until_value(1.0, "akscert_kubelet_status", node=NODE, status="tls_error")
        assert found.values("akscert_certificate_not_after_timestamp_seconds", origin="wire", **where) == []
        found.until_value(1.0, "akscert_rotation_state", state="waiting", **where)
        assert found.values("akscert_node_observed", node=NODE, by="kubelet") == [1.0]


def test_an_impostor_gets_no_token_and_is_named(tmp_path: Path, kubelets: SimulatedKubelets) -> None:
    """Whoever took the node's address shows a certificate; it is seen, and nothing is sent."""
    kubelet = listening(kubelets, self_signed_linux(NODE, NOW - DAY))
    with asking(tmp_path, node(kubelet=kubelet.address)) as found:
        found.until_value(1.0, "akscert_kubelet_status", node=NODE, status="untrusted")
        assert kubelet.api.tokens_seen == set()
        assert found.values("akscert_rotation_evidence", node=NODE, evidence="wire") == [0.0]


def test_nobody_tells_about_a_node_that_cannot_be_reached(tmp_path: Path, kubelets: SimulatedKubelets) -> None:
    """One dead kubelet is its own status; where none answers at all, the source is down."""
    dead = kubelets.silent_address()
    with asking(tmp_path, node(kubelet=dead)) as found:
        found.until_value(1.0, "akscert_kubelet_status", node=NODE, status="refused")
        assert found.values("akscert_node_observed", node=NODE, by="nobody") == [1.0]
        found.until_value(0.0, "akscert_source_up", source="kubelets")
        kubelet = listening(kubelets, CA.kubelet_serving(OTHER, NOW), name=OTHER)
        found.server.store.put("nodes", node(OTHER, kubelet=kubelet.address))
        found.until_value(1.0, "akscert_source_up", source="kubelets")
        assert found.values("akscert_node_observed", node=NODE, by="nobody") == [1.0]
        found.server.store.delete("nodes", NODE)
        found.until(lambda: not found.values("akscert_node_observed", node=NODE), "gone with its node")


def test_a_hung_kubelet_delays_no_other(tmp_path: Path, kubelets: SimulatedKubelets) -> None:
    """It holds one place until its deadline."""
    with contextlib.ExitStack() as stack:
        hung = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(20)]
        kubelet = listening(kubelets, CA.kubelet_serving(NODE, NOW))
        nodes = [node(f"aks-hung-12345678-vmss{i:06d}", kubelet=one.getsockname()) for i, one in enumerate(hung)]
        began = time.monotonic()
        with asking(tmp_path, *nodes, node(kubelet=kubelet.address)) as found:
            found.until_value(1.0, "akscert_kubelet_status", node=NODE, status="ok")
            assert time.monotonic() - began < 8
            found.until(lambda: len(found.values("akscert_kubelet_status", status="timeout")) == 20)


@dataclass
class Facts:
    """A node agent's /facts, served for a test."""

    document: dict[str, Any]
    etag: str = '"1"'
    asked: list[tuple[str, str]] = field(default_factory=list)
    """If-None-Match and Authorization of each request."""
    status: int = 200


@contextlib.contextmanager
def node_agent(facts: Facts) -> Iterator[tuple[str, int]]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            validator = self.headers.get("If-None-Match", "")
            facts.asked.append((validator, self.headers.get("Authorization", "")))
            fresh = facts.status == 200 and validator == facts.etag
            body = b"" if fresh else json.dumps(facts.document).encode()
            self.send_response(304 if fresh else facts.status)
            self.send_header("ETag", facts.etag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nowhere."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        host, port = server.server_address[:2]
        yield str(host), int(port)
        server.shutdown()
        thread.join()


def document(name: str = NODE, *, what: str = "It is so.") -> dict[str, Any]:
    found = {"severity": "critical", "what": what, "alert": "AksCertExpired", "node": name, "next": []}
    subject = {"kind": "node", "name": name}
    return {
        "schema": 1,
        "agent": "node",
        "node": name,
        "looked_at": NOW,
        "certificates": [],
        "files": [],
        "rotation": [],
        "bootstrap": {},
        "findings": [{**found, "subject": subject}],
    }


def test_a_node_agent_speaks_for_its_node_and_the_kubelet_is_evidence_only(
    tmp_path: Path, kubelets: SimulatedKubelets
) -> None:
    """One voice: no certificate series of a node from the cluster agent where its own agent tells."""
    kubelet = listening(kubelets, CA.kubelet_serving(NODE, NOW))
    facts = Facts(document())
    with node_agent(facts) as (host, port), asking(tmp_path, node(kubelet=kubelet.address), observing=AGENTS) as found:
        found.until_value(1.0, "akscert_node_observed", node=NODE, by="kubelet")
        found.server.store.put("endpointslices", objects.endpoint_slice(*SERVICE, NODE, host, port))
        found.until_value(1.0, "akscert_node_observed", node=NODE, by="node_agent")
        assert found.values("akscert_certificate_not_after_timestamp_seconds", node=NODE) == []
        assert found.values("akscert_rotation_state", node=NODE) == []
        assert found.values("akscert_rotation_evidence", node=NODE, evidence="wire") == []
        assert found.values("akscert_rotation_evidence", node=NODE, evidence="kubelet_configz") == [1.0, 1.0]
        assert len([key for key in found.series() if ("node", NODE) in key[1]]) <= 14
        found.until(lambda: ('"1"', "") in facts.asked, "asked with the validator of the last answer")
        observed = (found.agent.facts.observations or {})[NODE]
        assert observed.document is not None
        assert observed.document.findings[0].what == "It is so."
        facts.document, facts.etag = document(what="It is otherwise."), '"2"'

        def otherwise() -> bool:
            one = (found.agent.facts.observations or {})[NODE].document
            return one is not None and one.findings[0].what == "It is otherwise."

        found.until(otherwise, "what changed is read")
        found.server.store.delete("endpointslices", f"{SERVICE[1]}-{NODE}", SERVICE[0])
        found.until_value(1.0, "akscert_node_observed", node=NODE, by="kubelet")


@pytest.mark.parametrize(
    "facts",
    [
        Facts({"schema": 1}),
        Facts(document(OTHER)),
        Facts({**document(), "agent": "cluster"}),
        Facts(document(), status=500),
        Facts(document(), status=401),
    ],
    ids=["no-document", "of-another-node", "of-another-agent", "500", "401"],
)
def test_what_is_not_this_nodes_word_is_not_believed(tmp_path: Path, facts: Facts) -> None:
    """The node stays unobserved, and the source says why."""
    with node_agent(facts) as (host, port), asking(tmp_path, observing=AGENTS) as found:
        found.server.store.put("endpointslices", objects.endpoint_slice(*SERVICE, NODE, host, port))
        found.until(lambda: facts.asked, "it was asked")
        found.until_value(0.0, "akscert_source_up", source="node_agents")
        assert found.values("akscert_node_observed", node=NODE, by="node_agent") == []


def test_how_to_ask_node_agents_is_read_again_when_its_file_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Half written, it is told once, and what is in hand is used; whole again, the new one is."""
    facts = Facts(document())
    file = tmp_path / "agents.yaml"
    file.write_text("scheme: https\n")  # which this agent does not speak
    with (
        node_agent(facts) as (host, port),
        asking(tmp_path, observing=replace(AGENTS, client_config=file)) as found,
    ):
        found.server.store.put("endpointslices", objects.endpoint_slice(*SERVICE, NODE, host, port))
        found.until_value(0.0, "akscert_source_up", source="node_agents")
        file.write_text("scheme: ht")
        found.until(lambda: any("agents.yaml" in record.message for record in caplog.records), "told")
        file.write_text("scheme: http\n")
        found.until_value(1.0, "akscert_node_observed", node=NODE, by="node_agent")
    told = [record.message for record in caplog.records if "agents.yaml" in record.message]
    assert told == [f"{file}: scheme: not one of http, https"]


def test_a_cluster_without_nodes_has_its_answer(tmp_path: Path) -> None:
    """Nobody is to be asked: the agent is ready all the same."""

    def prepare(server: ApiServer) -> None:
        populate(server)
        server.store.delete("nodes", NODE)

    with cluster(tmp_path, prepare=prepare, observing=KUBELETS, token=TOKEN) as found:
        found.until_ready()
        found.until_value(1.0, "akscert_source_up", source="kubelets")
