"""The node agent: what one scrape says."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.utils import floatToGoString

from exporter.agents.node.agent import _parsing
from exporter.reason import Reason
from simulation.node.kubelet import SimulatedKubelets
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import build
from tests.agents.nodes import CA, NOW, agent_of, series, simulated, text, values

BUDGET = 62
"""Series of ours on a healthy Linux node, error counters apart."""

# Without the prefix akscert_ and the label node.
HEALTHY = """\
certificate_not_after_timestamp_seconds{origin="file",role="kubelet-client",rotation="enabled"} {client}
certificate_not_after_timestamp_seconds{origin="file",role="kubelet-serving",rotation="enabled"} {serving}
certificate_not_after_timestamp_seconds{origin="file",role="cluster-ca",rotation="none"} {ca}
certificate_issued_by_cluster_ca{origin="file",role="kubelet-client"} 1.0
certificate_issued_by_cluster_ca{origin="wire",role="kubelet-serving"} 1.0
certificate_usable{origin="file",reason="ok",role="kubelet-client"} 1.0
certificate_usable{origin="file",reason="ok",role="kubelet-serving"} 1.0
certificate_usable{origin="wire",reason="ok",role="kubelet-serving"} 1.0
certificate_served_matches_file 1.0
file_status{path="/var/lib/kubelet/kubeconfig",role="evidence",status="ok"} 1.0
file_status{path="/etc/kubernetes/certs/client.crt",role="kubelet-client",status="not_expected"} 1.0
rotation_state{reason="rotating",role="kubelet-client",state="enabled"} 1.0
rotation_state{reason="rotating",role="kubelet-serving",state="enabled"} 1.0
rotation_evidence{evidence="kubelet_config",role="kubelet-client"} 1.0
rotation_evidence{evidence="kubeconfig",role="kubelet-client"} 1.0
rotation_evidence{evidence="file",role="kubelet-client"} 1.0
rotation_evidence{evidence="wire",role="kubelet-serving"} 1.0
rotation_due_timestamp_seconds{role="kubelet-client"} {due}
rotation_deadline_timestamp_seconds{role="kubelet-client"} {deadline}
bootstrap_info{method="token"} 1.0
bootstrap_kubeconfig_present 1.0
file_leftovers{role="kubelet-client"} 2.0
source_up{source="kubelet"} 1.0
"""


def test_a_healthy_node_is_described_within_its_budget(tmp_path: Path) -> None:
    """Every kind of series is there, and not one too many."""
    node = simulated(tmp_path)
    assert node.client is not None
    assert node.serving is not None
    with SimulatedKubelets() as kubelets:
        agent = agent_of(node.root, kubelet=kubelets.start(node.serving, CA).address)
        assert agent.wire is not None
        agent.wire.look()
        lines = {_short(line) for line in text(agent).splitlines() if line.startswith("akscert_")}
    life = node.client.not_after - node.client.not_before
    dates = {
        "{client}": node.client.not_after,
        "{serving}": node.serving.not_after,
        "{ca}": CA.certificate.not_valid_after_utc.timestamp(),
        "{due}": node.client.not_before + 0.7 * life,
        "{deadline}": node.client.not_before + 0.9 * life,
    }
    expected = HEALTHY
    for mark, date in dates.items():
        expected = expected.replace(mark, str(floatToGoString(date)))  # type: ignore[no-untyped-call]  # prometheus_client has no types
    assert set(expected.splitlines()) <= lines
    assert len([line for line in lines if "errors_total" not in line]) <= BUDGET


def _short(line: str) -> str:
    """A sample without the prefix and the node's name, its labels in alphabetical order."""
    name, _, rest = line.removeprefix("akscert_").partition("{")
    labels, _, value = rest.rpartition("} ")
    shown = ",".join(sorted(label for label in labels.split(",") if label != 'node="aks-1"'))
    return f"{name}{{{shown}}} {value}" if shown else f"{name} {value}"


def test_a_rotation_is_seen_in_the_very_next_scrape(tmp_path: Path) -> None:
    """The same series goes on with the new date: serial and path are not part of it."""
    node = simulated(tmp_path)
    agent = agent_of(node.root)
    before = series(agent)
    key = ("akscert_certificate_not_after_timestamp_seconds", "kubelet-client")
    (old,) = values(before, key[0], role=key[1])
    renewed = CA.kubelet_client("aks-1", NOW)
    pki = node.root / "var/lib/kubelet/pki"
    (pki / "kubelet-client-2026-11-24-09-00-00.pem").write_bytes(renewed.pem)
    link = pki / "kubelet-client-current.pem"
    link.unlink()
    link.symlink_to("/var/lib/kubelet/pki/kubelet-client-2026-11-24-09-00-00.pem")
    after = series(agent)
    assert values(after, key[0], role=key[1]) == [renewed.not_after]
    assert renewed.not_after != old
    assert {k for k in before if k[0] == key[0]} == {k for k in after if k[0] == key[0]}


def test_a_kubelet_that_serves_an_older_certificate_is_told_from_the_file(tmp_path: Path) -> None:
    """And once it was restarted, the wire is looked at again and matches."""
    node = simulated(tmp_path, "serves-old")
    with SimulatedKubelets() as kubelets:
        kubelet = kubelets.start(node.serving, CA)
        agent = agent_of(node.root, kubelet=kubelet.address)
        assert agent.wire is not None
        agent.wire.look()
        assert values(series(agent), "akscert_certificate_served_matches_file") == [0.0]
        kubelet.swap(node.installed)
        agent.wire.look()
        assert values(series(agent), "akscert_certificate_served_matches_file") == [1.0]


def test_a_dead_kubelet_is_a_failed_source_and_costs_the_rest_nothing(tmp_path: Path) -> None:
    """What was on the disk is still told; what the wire would say is absent."""
    agent = agent_of(simulated(tmp_path).root, kubelet=("127.0.0.1", 1))
    assert agent.unanswered() == ("kubelet",)
    assert agent.wire is not None
    agent.wire.look()
    found = series(agent)
    assert agent.unanswered() == ()
    assert values(found, "akscert_source_up", source="kubelet") == [0.0]
    assert values(found, "akscert_source_errors_total", source="kubelet", reason=Reason.REFUSED) == [1.0]
    assert values(found, "akscert_source_last_success_timestamp_seconds") == []
    assert values(found, "akscert_certificate_served_matches_file") == []
    assert len(values(found, "akscert_certificate_not_after_timestamp_seconds")) == 4


def test_a_new_file_makes_the_agent_look_at_the_wire_at_once(tmp_path: Path) -> None:
    """Within the minute between two looks."""
    node = simulated(tmp_path)
    with SimulatedKubelets() as kubelets:
        kubelet = kubelets.start(node.serving, CA)
        agent = agent_of(node.root, kubelet=kubelet.address)
        assert agent.wire is not None
        agent.wire.start()
        _until(lambda: agent.unanswered() == ())
        series(agent)  # tells the wire what is installed
        _until(lambda: values(series(agent), "akscert_certificate_served_matches_file") == [1.0])
        renewed = CA.kubelet_serving("aks-1", NOW)
        kubelet.swap(renewed)
        (node.root / "var/lib/kubelet/pki/kubelet-server-current.pem").unlink()
        (node.root / "var/lib/kubelet/pki/kubelet-server-current.pem").write_bytes(renewed.pem)
        _until(lambda: values(series(agent), "akscert_certificate_served_matches_file") == [1.0])
        agent.wire.stop()


def test_the_agent_imports_nothing_that_only_the_cluster_agent_needs(tmp_path: Path) -> None:
    """A started node agent after a scrape, a page and a probe, in a process of its own."""
    code = """
import sys
from pathlib import Path
from exporter.agents.node.agent import node_agent
from exporter.settings import Command, resolve
from exporter.web.app import Application
agent = node_agent(resolve(Command.NODE, {"host_root": sys.argv[1], "kubelet_address": ""}, {}))
Application(agent).close()
assert b"akscert_build_info" in agent.exposition("", False).body
assert "<html" in agent.page({})
print(sorted({"kubernetes", "azure", "msgspec", "requests", "rich", "click", "multiprocessing"} & set(sys.modules)))
"""
    ran = subprocess.run(
        [sys.executable, "-c", code, str(simulated(tmp_path).root)], capture_output=True, text=True, check=False
    )
    assert (ran.stdout.strip(), ran.stderr, ran.returncode) == ("[]", "", 0)


RUNNING = """
import gc, os, signal, socket, sys, threading, time
from exporter.cli import Parser, main

def look():
    while True:
        asked = socket.socket()  # connected by its number: a name would load what is looked for
        try:
            asked.connect(("127.0.0.1", int(sys.argv[2])))
            break
        except OSError:
            time.sleep(0.01)
    asked.sendall(b"GET /metrics HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n")
    scrape = asked.makefile("rb").read()
    assert b"akscert_build_info{" in scrape and b"akscert_sandbox_info{" in scrape
    assert "kubelet-wire" in {thread.name for thread in threading.enumerate()}
    assert gc.get_freeze_count()
    gc.unfreeze()  # what is frozen is not among get_objects
    gc.collect()
    left = {"encodings.idna", "exporter.completion", "exporter.web.config", "exporter.web.tls"}
    left |= {"exporter.facts.kube.node_view", "exporter.sources.parsing.in_process"}
    print(sorted(left & set(sys.modules)), sum(isinstance(one, Parser) for one in gc.get_objects()))
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=look).start()
main(["node", "--host-root", sys.argv[1], "--web.listen-address", f"127.0.0.1:{sys.argv[2]}",
      "--kubelet-address", sys.argv[3], "--log.format", "json", "--node-name", "aks-1"])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it parses in its own process")
def test_a_running_agent_is_sealed_and_keeps_nothing_that_only_its_start_needs(tmp_path: Path) -> None:
    """Not the parser of its command line, nor modules for what nobody asked it: each costs every node memory."""
    node = simulated(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    with SimulatedKubelets() as kubelets:
        host, kubelet = kubelets.start(node.serving, CA).address
        command = [sys.executable, "-c", RUNNING, str(node.root), port, f"{host}:{kubelet}"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.stdout, ran.returncode) == ("[] 0\n", 0)
    sealed, looks, *_ = (json.loads(line)["message"] for line in ran.stderr.splitlines())
    assert sealed.startswith("sealed: Landlock ")
    assert looks == f"node agent of aks-1 looks below {node.root}"


def test_where_no_process_can_be_sealed_it_parses_in_its_own() -> None:
    with _parsing("win32") as parsing:
        assert parsing is None


def test_windows_paths_are_told_by_the_files_that_are_there(tmp_path: Path) -> None:
    """And shown as Windows writes them."""
    node = build(scenario("windows-healthy"), tmp_path / "host", NOW, CA)
    found = series(agent_of(node.root))
    assert values(found, "akscert_file_status", path="C:\\k\\ca.crt", status="ok") == [1.0]
    assert values(found, "akscert_rotation_state", role="kubelet-client", state="enabled") == [1.0]


def test_an_empty_host_root_is_described_and_never_fine(tmp_path: Path) -> None:
    """Everything that should be there is missing, and rotation is unknown."""
    found = series(agent_of(tmp_path))
    assert values(found, "akscert_certificate_not_after_timestamp_seconds") == []
    assert len(values(found, "akscert_rotation_state", state="unknown")) == 2
    assert values(found, "akscert_bootstrap_info", method="unknown") == [1.0]
    missing = [dict(labels)["path"] for name, labels in found if ("status", "not_found") in labels]
    assert sorted(missing) == [
        "/etc/default/kubelet",
        "/etc/default/kubeletconfig.json",
        "/etc/kubernetes/certs/ca.crt",
        "/var/lib/kubelet/kubeconfig",
        "/var/lib/kubelet/pki/kubelet-client-current.pem",
        "/var/lib/kubelet/pki/kubelet-server-current.pem",
    ]


def _until(condition: object, tries: int = 400) -> None:
    """Wait for what another thread does; ten seconds at most."""
    import threading

    pause = threading.Event()
    assert callable(condition)
    for _ in range(tries):
        if condition():
            return
        pause.wait(0.025)
    raise AssertionError("it did not come about")


def test_the_page_leads_to_the_grafana_that_is_set_and_to_no_other(tmp_path: Path) -> None:
    root = simulated(tmp_path).root
    leads = '"https://grafana.example/d/akscert-node?var-node=aks-1"'
    assert leads in agent_of(root, grafana_url="https://grafana.example/").page({})
    assert "rafana" not in agent_of(root).page({})
