"""What the scenarios promise is what the pure conclusions say of their trees."""

import threading
from pathlib import Path

import pytest

from exporter import presets
from exporter.facts.host.host_facts import HostFacts, Served, host_facts
from exporter.facts.host.host_reads import HostReads
from exporter.facts.host.paths import path_table
from exporter.facts.source import SourceLedger
from exporter.facts.x509 import Certificate, certificates
from exporter.findings import Severity
from exporter.findings.host import host_findings
from exporter.reason import FileStatus, Reason, Role, Source
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.host_reads import read_host
from simulation.demo.child_process import obey_modes
from simulation.node.build_options import OperatingSystem
from simulation.node.scenarios import SCENARIOS, Expected, Scenario, scenario
from simulation.node.simulated_node import SimulatedNode, build
from simulation.pki import YEAR, Authority

NOW = 1_790_000_000.0
AUTHORITY = Authority.cluster(NOW - 3 * YEAR)
WELL = {FileStatus.OK, FileStatus.NOT_EXPECTED}


def seen(node: SimulatedNode) -> HostFacts:
    """The node's facts, with the kubelet's port as it is."""
    windows = node.scenario.options.system is OperatingSystem.WINDOWS
    table = path_table(presets.preset("aks-windows" if windows else "aks-linux"))
    served = certificates(node.serving.certificate_pem) if node.serving else None
    found: list[HostFacts] = []

    def look() -> None:
        obey_modes()  # of this thread and those it starts: root reads a file of mode 0000 otherwise
        reads = read_host(HostFiles(node.root), table)
        found.append(host_facts(node.name, reads, _served(served, reads)))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found[0]


def _served(chain: tuple[Certificate, ...] | None, reads: HostReads) -> Served | None:
    """What was seen on the port by a look that began with the file that lies there now."""
    if chain is None:
        return None
    files = [read.value for path, read in reads.certificates.items() if "serv" in path and read.value]
    return Served(chain, files[0].certificates[0] if files else None)


def kubelet(node: SimulatedNode) -> SourceLedger:
    ledger = SourceLedger(Source.KUBELET)
    if node.serving:
        ledger.success(NOW)
    else:
        ledger.failure(Reason.TLS_ALERT if node.listening else Reason.REFUSED)
    return ledger


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)
def test_what_a_scenario_promises_is_concluded(tmp_path: Path, one: Scenario) -> None:
    node = build(one, tmp_path, NOW, AUTHORITY)
    host = seen(node)
    client, serving = host.rotation_of(Role.KUBELET_CLIENT), host.rotation_of(Role.KUBELET_SERVING)
    said = Expected(
        client=(client.state, client.reason),
        serving=(serving.state, serving.reason),
        bootstrap=host.bootstrap_method,
        files=frozenset((file.about, file.status) for file in host.files if file.status not in WELL),
        alerts=frozenset(filter(None, (one.alert for one in host_findings(host, (kubelet(node).facts(),), NOW)))),
        fleet_alerts=one.expected.fleet_alerts,
    )
    assert said == one.expected


def test_the_healthy_nodes_have_no_finding_at_all(tmp_path: Path) -> None:
    for name in ("healthy", "healthy-secure-tls", "windows-healthy"):
        node = build(scenario(name), tmp_path / name, NOW, AUTHORITY)
        assert host_findings(seen(node), (kubelet(node).facts(),), NOW) == ()


def test_a_kept_former_ca_is_information(tmp_path: Path) -> None:
    """B1: it may be removed; nothing ends, and nobody is told to rotate."""
    node = build(scenario("former-ca-kept"), tmp_path, NOW, AUTHORITY)
    (only,) = host_findings(seen(node), (kubelet(node).facts(),), NOW)
    assert only.severity is Severity.INFO
    assert "may be removed" in only.next[0].text
    assert not only.alert
