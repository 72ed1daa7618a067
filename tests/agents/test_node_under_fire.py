"""A thousand of the kubelet's swaps while a whole node agent is scraped over HTTP: not one failed or wrong answer."""

import http.client
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.agents.node.agent import NodeAgent
from exporter.sources.parsing.process import ParserProcess
from exporter.sources.parsing.sealed import SealedParsing
from exporter.web.server import WebServer
from tests.agents.nodes import CA, NOW, agent_of, simulated

SWAPS, EACH = 1000, 20
KILLED = 60
CURRENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"

# updateSymlink of k8s.io/client-go/util/certificate/certificate_store.go, in a process of its own: the two share no
# lock, so that scrapes meet the swap at each of its steps. For each line that it reads it swaps a few times.
KUBELET = f"""
import os, sys
pki, source = sys.argv[1:]
for number, _ in enumerate(sys.stdin):
    with open(f"{{source}}/{{number}}.pem", "rb") as made:
        content = made.read()
    for second in range({EACH}):
        name = f"kubelet-client-2026-11-24-09-{{number:02}}-{{second:02}}.pem"
        with open(f"{{pki}}/{{name}}", "wb") as stream:
            stream.write(content)
        os.symlink(f"/var/lib/kubelet/pki/{{name}}", f"{{pki}}/kubelet-client-updated.pem")
        os.remove(f"{{pki}}/kubelet-client-current.pem")
        os.rename(f"{{pki}}/kubelet-client-updated.pem", f"{{pki}}/kubelet-client-current.pem")
"""


def test_a_thousand_swaps_give_no_failed_and_no_wrong_answer(tmp_path: Path) -> None:
    """Date and identity are of one certificate, and never of an older one than was told before."""
    node = simulated(tmp_path)
    renewed = [CA.kubelet_client("aks-1", NOW + number) for number in range(SWAPS // EACH)]
    for number, credential in enumerate(renewed):
        (tmp_path / f"{number}.pem").write_bytes(credential.pem)
    assert node.client is not None
    known = {one.serial_number.lower().lstrip("0"): one.not_after for one in (node.client, *renewed)}
    command = [sys.executable, "-c", KUBELET, str(node.root / "var/lib/kubelet/pki"), str(tmp_path)]
    with serving(agent_of(node.root)) as connection:
        latest = known[_told(connection)[0]]
        assert latest == node.client.not_after
        with subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0) as kubelet:
            assert kubelet.stdin is not None
            for _ in renewed:
                kubelet.stdin.write(b"\n")
                serial, not_after = _told(connection)
                assert known[serial] == not_after
                assert not_after >= latest
                latest = not_after
        assert kubelet.returncode == 0
        assert _told(connection)[1] == renewed[-1].not_after


@pytest.mark.skipif(sys.platform != "linux", reason="the sealed child is Linux's")
def test_neither_do_swaps_while_the_parser_is_killed_at_random(tmp_path: Path) -> None:
    """Each scrape meets another certificate and a child that is there, starting, parsing or gone."""
    fire(tmp_path, KILLED)


def fire(tmp_path: Path, swaps: int) -> None:
    """As many swaps, each followed by a scrape, while children are killed."""
    node = simulated(tmp_path)
    renewed = (CA.kubelet_client("aks-1", NOW + number) for number in range(swaps))
    pki = node.root / "var/lib/kubelet/pki"
    children: list[ParserProcess] = []
    hazard = random.Random(14)

    def start() -> ParserProcess:
        child = ParserProcess()
        children.append(child)
        # At a moment of which nobody knows what the child does then; the tenth of a second is what a start takes.
        threading.Timer(hazard.uniform(0, 0.1), child.kill).start()
        return child

    parsing = SealedParsing(start)
    try:
        with serving(agent_of(node.root, parsing=parsing)) as connection:
            for credential in renewed:
                (pki / "renewed.pem").write_bytes(credential.pem)
                (pki / "next.pem").symlink_to("/var/lib/kubelet/pki/renewed.pem")
                (pki / "next.pem").rename(pki / "kubelet-client-current.pem")
                serial, not_after = _told(connection)
                assert (serial, not_after) == (f"{credential.certificate.serial_number:x}", credential.not_after)
    finally:
        parsing.close()
    assert len(children) > swaps / 10


def _told(connection: http.client.HTTPConnection) -> tuple[str, float]:
    """Serial and notAfter of the client certificate, of a scrape in which everything is as it should be."""
    connection.request("GET", "/metrics")
    response = connection.getresponse()
    body = response.read().decode()
    assert response.status == 200
    told: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(body):
        for sample in family.samples:
            told.setdefault(sample.name.removeprefix("akscert_"), []).append((sample.labels, sample.value))

    def of_client(metric: str) -> list[tuple[dict[str, str], float]]:
        return [one for one in told[metric] if one[0]["role"] == "kubelet-client"]

    assert [one["status"] for one, _ in of_client("file_status") if one["path"] == CURRENT] == ["ok"]
    assert [one["state"] for one, _ in of_client("rotation_state")] == ["enabled"]
    ((labels, not_after),) = of_client("certificate_not_after_timestamp_seconds")
    ((identity, _),) = of_client("certificate_info")
    assert labels["rotation"] == "enabled"
    return identity["serial_number"], not_after


@contextmanager
def serving(agent: NodeAgent) -> Iterator[http.client.HTTPConnection]:
    """The agent behind the real server."""
    listening, address = threading.Event(), []

    def told(host: str, port: int) -> None:
        address.append((host, port))
        listening.set()

    server = WebServer(agent, ("127.0.0.1", 0), on_listening=told)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert listening.wait(20)
        connection = http.client.HTTPConnection(*address[0], timeout=20)
        yield connection
        connection.close()
    finally:
        server.stop()
        thread.join()
