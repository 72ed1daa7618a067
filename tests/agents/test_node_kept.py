"""What stays as it is is looked at each time, and concluded and rendered once."""

import gzip
import re
import threading
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from exporter.agents.node.agent import NodeAgent
from exporter.facts.host.host_facts import Served
from simulation.node.kubelet import SimulatedKubelets
from tests.agents.nodes import CA, NOW, agent_of, series, simulated, status, text, values
from tests.web.test_tls import comes

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
NOT_AFTER = "akscert_certificate_not_after_timestamp_seconds"


def test_nothing_is_concluded_again_while_every_answer_is_the_same(tmp_path: Path) -> None:
    """Also where files are absent, and where all are so young that their bytes are read each time."""
    agent = agent_of(simulated(tmp_path).root)
    assert agent.look() is agent.look()


def test_whatever_changes_is_in_the_very_next_scrape(tmp_path: Path) -> None:
    """Content, absence, a directory's names, the kubelet's settings: each by itself."""
    node = simulated(tmp_path)
    agent = agent_of(node.root)
    renewed = CA.kubelet_client("aks-1", NOW)
    pki = node.root / "var/lib/kubelet/pki"
    seen = [agent.look()]

    def looked() -> None:
        assert agent.look() is not seen[-1]
        seen.append(agent.look())

    link = pki / "kubelet-client-current.pem"
    (pki / link.readlink().name).write_bytes(renewed.pem)
    looked()
    assert values(series(agent), NOT_AFTER, role="kubelet-client") == [renewed.not_after]
    (node.root / "etc/kubernetes/certs/apiserver.crt").unlink()
    looked()
    (pki / "kubelet-client-2020-01-01-00-00-00.pem").write_bytes(b"")
    looked()
    (node.root / "etc/default/kubelet").write_text("KUBELET_FLAGS=--rotate-certificates=false\n")
    looked()
    (client,) = values(series(agent), "akscert_rotation_state", role="kubelet-client", state="disabled")
    assert client == 1.0


def test_a_file_that_comes_is_in_the_next_scrape(tmp_path: Path) -> None:
    agent, ca = agent_of(tmp_path), "/etc/kubernetes/certs/ca.crt"
    assert status(agent, ca) == "not_found"
    (tmp_path / "etc/kubernetes/certs").mkdir(parents=True)
    (tmp_path / ca[1:]).write_bytes(CA.pem)
    assert status(agent, ca) == "ok"


def test_what_is_on_the_port_changes_the_scrape_while_no_file_does(tmp_path: Path) -> None:
    node = simulated(tmp_path)
    with SimulatedKubelets() as kubelets:
        kubelet = kubelets.start(node.serving, CA)
        agent = agent_of(node.root, kubelet=kubelet.address)
        assert agent.wire is not None
        before = series(agent)
        agent.wire.look()
        after = series(agent)
        known = agent.look()
        agent.wire.look()  # which sees the same, and asks for the file
        assert agent.look() is known
    assert values(before, NOT_AFTER, origin="wire") == []
    assert len(values(after, NOT_AFTER, origin="wire")) == 1


def test_a_scrape_at_once_is_one_that_was_rendered_and_of_what_is_on_the_port(tmp_path: Path) -> None:
    """Where files are old enough to be compared; whatever must be rendered is left to another thread."""
    node = simulated(tmp_path)
    with SimulatedKubelets() as kubelets:
        agent = agent_of(node.root, kubelet=kubelets.start(node.serving, CA).address)

        def told() -> bool:
            agent.exposition("", False)
            return agent.at_once("", False) is not None

        assert agent.at_once("", False) is None
        assert comes(told)
        assert agent.at_once(OPENMETRICS, False) is None
        assert agent.wire is not None
        agent.wire.look()
        assert agent.at_once("", False) is None
        assert comes(told)


def test_a_scrape_at_once_is_of_the_files_that_were_read_last(tmp_path: Path) -> None:
    """Also where only a page was shown of them since; of what the port showed last; and in a form that was rendered."""
    agent = agent_of(simulated(tmp_path).root, kubelet=("127.0.0.1", 1))
    scraped = agent.exposition("", True).body
    assert agent._seen is not None
    assert agent.wire is not None
    reads = agent._seen.reads
    for last, told in ((reads, True), (replace(reads), False), (None, False), (reads, True)):
        setattr(agent._reader, "read_at_once", lambda last=last: last)  # noqa: B010 - a method, which a type holds fast
        assert (agent.at_once("", False) is not None) is told
    found = agent.at_once("", True)
    assert found is not None
    assert _ours(gzip.decompress(found.body).decode()) == _ours(gzip.decompress(scraped).decode())
    assert agent.at_once(OPENMETRICS, False) is None
    agent.wire._served = Served((), None)
    assert agent.at_once("", False) is None
    agent.wire._served = None
    assert agent.at_once("", False) is not None
    agent._shown = None
    assert agent.at_once("", False) is None
    agent._seen = None  # nothing sound was concluded yet
    assert agent.at_once("", False) is None


def test_a_scrape_tells_of_the_node_first_and_of_the_process_last(tmp_path: Path) -> None:
    families = re.findall(r"^# TYPE ([a-z]+)_", text(agent_of(simulated(tmp_path).root)), re.MULTILINE)
    assert [subject for subject, _ in groupby(families)] == ["akscert", "python", "akscert", "process"]


def test_every_format_tells_the_same(tmp_path: Path) -> None:
    """Plain and compressed, text and OpenMetrics, after a change too."""
    node = simulated(tmp_path)
    agent = agent_of(node.root)
    for part in ("etc/kubernetes/certs/apiserver.crt", "etc/kubernetes/certs/ca.crt"):
        plain = agent.exposition(OPENMETRICS, False).body
        packed = gzip.decompress(agent.exposition(OPENMETRICS, True).body)
        assert _ours(plain.decode()) == _ours(packed.decode()) == _ours(text(agent))
        assert plain.endswith(b"# EOF\n")
        (node.root / part).unlink()


def test_scrapes_at_once_never_show_what_is_over(tmp_path: Path) -> None:
    """While a file goes back and forth, a scrape that begins after a change shows it."""
    node = simulated(tmp_path)
    agent = agent_of(node.root)
    stop = threading.Event()

    def scrape(of: NodeAgent) -> None:
        while not stop.is_set():
            of.exposition("", False)

    threads = [threading.Thread(target=scrape, args=(agent,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    target = node.root / "etc/kubernetes/certs/ca.crt"
    content = target.read_bytes()
    try:
        for number in range(20):
            target.write_bytes(content if number % 2 else b"")
            status = "ok" if number % 2 else "empty"
            assert values(series(agent), "akscert_file_status", path="/etc/kubernetes/certs/ca.crt", status=status)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _ours(exposed: str) -> list[str]:
    return sorted(line for line in exposed.splitlines() if line.startswith("akscert_"))
