"""The cluster agent as a user starts it, against a real API server: its series against what kubectl says."""

import base64
import datetime as dt
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from prometheus_client.parser import text_string_to_metric_families

from simulation.csr_answer import CLIENT_SIGNER, SERVING_SIGNER
from simulation.pki import Authority
from tests.apiserver import requests
from tests.apiserver.controlplane import BOOTSTRAP, NODE, ControlPlane, free_port, stopped, wait


class Agent:
    """A running agent, and its series."""

    def __init__(self, kubeconfig: Path, log: Path) -> None:
        self.port, self.log = free_port(), log
        command = [sys.executable, "-m", "exporter", "cluster", f"--kubeconfig={kubeconfig}", "--azure.enabled=false"]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [*command, f"--web.listen-address=127.0.0.1:{self.port}"],
                stdout=file,
                stderr=file,
                env={"PATH": os.environ["PATH"]},
            )

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            self.get("/readyz")
        except (urllib.error.URLError, ConnectionError):
            return False
        return True

    def series(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Values of a metric by some of its labels."""
        found: dict[tuple[str, ...], float] = {}
        for family in text_string_to_metric_families(self.get("/metrics")):
            for sample in family.samples:
                if sample.name == name:
                    key = tuple(sample.labels[label] for label in labels)
                    assert key not in found, f"{name} has more labels than {labels}"
                    found[key] = sample.value
        return found

    def value(self, name: str, *values: str, labels: tuple[str, ...] = ()) -> float | None:
        return self.series(name, *labels).get(values)

    def up(self) -> dict[str, float]:
        return {source: value for (source,), value in self.series("akscert_source_up", "source").items()}

    def errors(self, source: str) -> dict[str, float]:
        found = self.series("akscert_source_errors_total", "source", "reason")
        return {reason: value for (of, reason), value in found.items() if of == source and value}


@pytest.fixture
def agent(plane: ControlPlane, token: str, tmp_path: Path) -> Iterator[Agent]:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_bytes(plane.kubeconfig("", token=token).read_bytes())
    running = Agent(kubeconfig, tmp_path / "agent.log")
    try:
        wait(running.ready, "the agent is ready")
        yield running
    finally:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0, running.log.read_text()
        log = running.log.read_text()
        assert "Traceback" not in log, log


def timestamp(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def condition(status: dict[str, object]) -> str:
    """The word for a CSR's state, from what kubectl shows."""
    listed = status.get("conditions")
    types = {item["type"] for item in listed} if isinstance(listed, list) else set()
    if status.get("certificate"):
        return "issued"
    return next((word.lower() for word in ("Denied", "Failed", "Approved") if word in types), "pending")


def expected_objects(plane: ControlPlane) -> Counter[tuple[str, str, str]]:
    kinds = {BOOTSTRAP: "bootstrap", requests.KUBELET: "node"}
    return Counter(
        (item["spec"]["signerName"], kinds[item["spec"]["username"]], condition(item.get("status", {})))
        for item in plane.objects("csr")
    )


def objects(agent: Agent) -> dict[tuple[str, ...], float]:
    found = agent.series("akscert_csr_objects", "signer_name", "requestor", "condition")
    return {key: value for key, value in found.items() if value}


def agrees(agent: Agent, plane: ControlPlane) -> None:
    wait(lambda: objects(agent) == dict(expected_objects(plane)), "the agent counts as kubectl does")


def completed(agent: Agent) -> Counter[tuple[str, ...]]:
    labels = ("signer_name", "requestor", "outcome")
    return Counter({key: int(value) for key, value in agent.series("akscert_csr_completed_total", *labels).items()})


def test_requests_are_counted_as_kubectl_shows_them(plane: ControlPlane, agent: Agent) -> None:
    before = completed(agent)
    requests.all_kinds(plane, "counted")
    agrees(agent, plane)
    assert completed(agent) - before == Counter(
        {
            (CLIENT_SIGNER, "bootstrap", "issued"): 1,
            (CLIENT_SIGNER, "node", "issued"): 1,
            (SERVING_SIGNER, "node", "issued"): 1,
            (SERVING_SIGNER, "node", "failed"): 1,
            (SERVING_SIGNER, "node", "denied"): 1,
            (SERVING_SIGNER, "node", "abandoned"): 1,
        }
    )
    after = completed(agent)
    plane.kubectl("delete", "csr", "counted-issued", "counted-failed", "counted-denied")
    agrees(agent, plane)
    assert completed(agent) == after, "what was counted once is not counted again when it goes"


def test_a_node_waits_since_its_first_unanswered_request(plane: ControlPlane, agent: Agent) -> None:
    plane.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}})
    requests.serving(plane, "waits-first")
    agrees(agent, plane)
    wait(lambda: agent.series("akscert_csr_pending_since_timestamp_seconds", "node", "signer_name") != {}, "it waits")
    (first,) = (item for item in plane.objects("csr") if item["metadata"]["name"] == "waits-first")
    since = agent.value(
        "akscert_csr_pending_since_timestamp_seconds", NODE, SERVING_SIGNER, labels=("node", "signer_name")
    )
    assert since == timestamp(first["metadata"]["creationTimestamp"])
    plane.kubectl("certificate", "approve", "waits-first")
    wait(lambda: agent.series("akscert_csr_pending_since_timestamp_seconds", "node", "signer_name") == {}, "no more")
    plane.kubectl("delete", "node", NODE)
    wait(lambda: agent.series("akscert_node_info", "node") == {}, "the node is gone")


def test_the_last_issued_certificate_is_the_one_in_the_request(plane: ControlPlane, agent: Agent) -> None:
    requests.client(plane, "issued-client")
    wait(lambda: "issued" in {key[2] for key in objects(agent)}, "issued")
    (item,) = plane.objects("csr")
    issued = x509.load_pem_x509_certificate(base64.b64decode(item["status"]["certificate"]))
    shown = agent.series("akscert_csr_issued_certificate_info", "node", "role", "serial_number")
    assert (NODE, "kubelet-client", f"{issued.serial_number:x}") in shown


def test_the_control_plane_is_described_as_it_is(plane: ControlPlane, agent: Agent) -> None:
    plane_address = (f"127.0.0.1:{plane.port}",)
    wait(lambda: set(agent.up().values()) == {1.0}, "every source is up")
    (created,) = (item for item in plane.objects("namespaces") if item["metadata"]["name"] == "kube-system")
    stamp = timestamp(created["metadata"]["creationTimestamp"])
    wait(lambda: agent.value("akscert_cluster_created_timestamp_seconds") == stamp, "the cluster's age")
    served = x509.load_pem_x509_certificate((plane.folder / "apiserver.crt").read_bytes())
    name = "akscert_apiserver_certificate_not_after_timestamp_seconds"
    assert agent.series(name, "address")[plane_address] == served.not_valid_after_utc.timestamp()
    assert agent.series("akscert_apiserver_trusted", "address")[plane_address] == 1
    offset = agent.value("akscert_apiserver_clock_offset_seconds")
    assert offset is not None
    assert abs(offset) < 2
    authorities = agent.series("akscert_ca_not_after_timestamp_seconds", "ca")
    cluster = plane.authority.certificate.not_valid_after_utc.timestamp()
    front = plane.front_proxy.certificate.not_valid_after_utc.timestamp()
    assert authorities == {("cluster",): cluster, ("client",): cluster, ("requestheader",): front}


def test_the_signers_lease_is_the_one_it_renews(plane: ControlPlane, agent: Agent) -> None:
    def shown() -> float:
        found = agent.series("akscert_signer_lease_renewed_timestamp_seconds", "lease")
        return found.get(("kube-controller-manager",), 0.0)

    wait(lambda: shown() > 0, "a lease")
    assert abs(shown() - time.time()) < 40


def test_nodes_are_those_of_kubectl(plane: ControlPlane, agent: Agent) -> None:
    labels = {"kubernetes.azure.com/agentpool": "nodepool1", "kubernetes.azure.com/kubelet-serving-ca": "cluster"}
    plane.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE, "labels": labels}})
    shown = ("node", "agentpool", "serving_rotation")
    wait(lambda: (NODE, "nodepool1", "enabled") in agent.series("akscert_node_info", *shown), "the node")
    changes = ("kubernetes.azure.com/kubelet-serving-ca-", "kubernetes.azure.com/agentpool=b")
    plane.kubectl("label", "--overwrite", "node", NODE, *changes)
    wait(lambda: [key[:2] for key in agent.series("akscert_node_info", *shown)] == [(NODE, "b")], "the labels")
    plane.kubectl("delete", "node", NODE)
    wait(lambda: agent.series("akscert_node_info", *shown) == {}, "gone")


def test_each_request_counts_once_across_a_restart_of_the_api_server(plane: ControlPlane, agent: Agent) -> None:
    before = completed(agent)
    requests.all_kinds(plane, "restart")
    agrees(agent, plane)
    counted = completed(agent) - before
    assert sum(counted.values()) == 6
    known = objects(agent)
    with stopped(plane, signal.SIGKILL):
        wait(lambda: agent.up()["csrs"] == 0, "it is noticed")
        assert objects(agent) == known, "the last facts stay"
        plane.compact()
    wait(lambda: agent.up()["csrs"] == 1, "it is back", 90)
    agrees(agent, plane)
    assert completed(agent) - before == counted
    assert agent.errors("csrs")


def test_an_api_server_with_another_ca_is_untrusted_until_the_kubeconfig_is_renewed(
    plane: ControlPlane, token: str, agent: Agent, tmp_path: Path
) -> None:
    before, after = plane.authority, Authority.cluster(plane.began, number=1)
    address = (f"127.0.0.1:{plane.port}",)
    try:
        plane.stop_apiserver(signal.SIGKILL)
        plane.rotate(after)
        plane.start_apiserver()
        wait(lambda: "certificate_untrusted" in agent.errors("csrs"), "untrusted", 60)
        assert agent.up()["csrs"] == 0
        (tmp_path / "kubeconfig").write_bytes(plane.kubeconfig("", token=token).read_bytes())
        wait(lambda: agent.up()["csrs"] == 1 and agent.up()["nodes"] == 1, "it trusts again", 90)
        requests.serving(plane, "after-rotation")
        agrees(agent, plane)
        served = agent.series("akscert_apiserver_certificate_info", "address", "issuer")
        assert {key[:1] for key in served} == {address}
    finally:
        plane.stop_apiserver(signal.SIGKILL)
        plane.rotate(before)
        plane.start_apiserver()
