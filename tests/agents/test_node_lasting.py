"""What must hold over the life of a node: past a certificate's end, through renewals, and when a source is away."""

from pathlib import Path

from simulation.node.kubelet import SimulatedKubelets
from simulation.pki import DAY, YEAR, Authority
from tests.agents.nodes import CA, NOW, Series, agent_of, series, simulated, status, values

PKI = "var/lib/kubelet/pki"
NOT_AFTER = "akscert_certificate_not_after_timestamp_seconds"


def sources(found: Series, metric: str) -> set[str]:
    """The sources that a metric speaks of."""
    return {dict(labels)["source"] for name, labels in found if name == metric}


def test_a_certificate_that_has_ended_keeps_its_date(tmp_path: Path) -> None:
    """On the disk and on the wire: an alert on it must not resolve at the very moment it comes true."""
    node = simulated(tmp_path)
    ended = CA.kubelet_serving("aks-1", NOW - YEAR - DAY)
    client = CA.kubelet_client("aks-1", NOW - YEAR - 2 * DAY)
    for kind, credential in (("server", ended), ("client", client)):
        link = node.root / PKI / f"kubelet-{kind}-current.pem"
        link.unlink()
        link.write_bytes(credential.pem)
    with SimulatedKubelets() as kubelets:
        agent = agent_of(node.root, kubelet=kubelets.start(ended, CA).address)
        assert agent.wire is not None
        agent.wire.look()
        found = series(agent)
    assert ended.not_after < NOW
    assert values(found, NOT_AFTER, role="kubelet-serving", origin="wire", rotation="enabled") == [ended.not_after]
    assert values(found, NOT_AFTER, role="kubelet-serving", origin="file", rotation="enabled") == [ended.not_after]
    assert values(found, NOT_AFTER, role="kubelet-client", rotation="enabled") == [client.not_after]
    (deadline,) = values(found, "akscert_rotation_deadline_timestamp_seconds", role="kubelet-client")
    assert deadline < NOW


def test_a_certificate_that_is_no_longer_used_is_not_told(tmp_path: Path) -> None:
    """A static one from before the rotation lies beside the current one, long ended."""
    node = simulated(tmp_path)
    before = series(agent_of(node.root))
    old = CA.kubelet_client("aks-1", NOW - 3 * YEAR)
    (node.root / "etc/kubernetes/certs/client.crt").write_bytes(old.certificate_pem)
    agent = agent_of(node.root)
    assert status(agent, "/etc/kubernetes/certs/client.crt") == "ok"
    after = series(agent)
    assert values(after, NOT_AFTER) == values(before, NOT_AFTER)


def test_a_source_goes_down_and_comes_back(tmp_path: Path) -> None:
    """Up is said of the last look, not of the first; the time of the last answer stays while there is none."""
    node = simulated(tmp_path)
    with SimulatedKubelets() as kubelets:
        kubelet = kubelets.start(node.serving, CA)
        agent = agent_of(node.root, kubelet=kubelet.address)
        assert agent.wire is not None
        before = series(agent)
        agent.wire.look()
        first = series(agent)
        kubelet.swap(None)
        agent.wire.look()
        down = series(agent)
        agent.wire.look()
        still = series(agent)
        kubelet.swap(node.serving)
        agent.wire.look()
        back = series(agent)
    up, last = "akscert_source_up", "akscert_source_last_success_timestamp_seconds"
    assert [values(found, up) for found in (before, first, down, back)] == [[], [1.0], [0.0], [1.0]]
    assert values(down, last) == values(first, last) <= values(back, last)
    assert sum(values(first, "akscert_source_errors_total")) == 0
    assert [sum(values(found, "akscert_source_errors_total")) for found in (down, still, back)] == [1, 2, 2]
    assert values(first, "akscert_certificate_served_matches_file") == [1.0]
    assert values(down, "akscert_certificate_served_matches_file") == []


def test_every_series_on_a_source_has_the_same_name_for_it(tmp_path: Path) -> None:
    """A join of errors with up must not come out empty."""
    node = simulated(tmp_path)
    with SimulatedKubelets() as kubelets:
        agent = agent_of(node.root, kubelet=kubelets.start(node.serving, CA).address)
        assert agent.wire is not None
        agent.wire.look()
        found = series(agent)
    for metric in ("up", "last_success_timestamp_seconds", "errors_total"):
        assert sources(found, f"akscert_source_{metric}") == {"kubelet"}


def test_what_a_kubeconfig_names_lies_on_the_node_wherever_that_is(tmp_path: Path) -> None:
    """Absolute paths that no preset has are paths below the host root, as are the links in them."""
    node = simulated(tmp_path)
    client = CA.kubelet_client("aks-1", NOW - DAY)
    place = node.root / "srv/kubelet"
    place.mkdir(parents=True)
    (place / "dated.pem").write_bytes(client.pem)
    (place / "client-current.pem").symlink_to("/srv/kubelet/dated.pem")
    (place / "authority.crt").write_bytes(CA.pem)
    (node.root / "etc/kubernetes/certs/ca.crt").unlink()
    kubeconfig = node.root / "var/lib/kubelet/kubeconfig"
    text = kubeconfig.read_text().replace("/var/lib/kubelet/pki/kubelet-client-current", "/srv/kubelet/client-current")
    kubeconfig.write_text(text.replace("/etc/kubernetes/certs/ca.crt", "/srv/kubelet/authority.crt"))
    agent = agent_of(node.root)
    assert status(agent, "/srv/kubelet/client-current.pem") == "ok"
    assert status(agent, "/srv/kubelet/authority.crt") == "ok"
    found = series(agent)
    assert values(found, NOT_AFTER, role="kubelet-client", rotation="enabled") == [client.not_after]
    assert values(found, "akscert_certificate_issued_by_cluster_ca", role="kubelet-client") == [1.0]


def test_a_file_behind_a_directory_that_is_swapped_is_seen_anew(tmp_path: Path) -> None:
    """As Kubernetes mounts a Secret: `ca.crt` leads to `..data/ca.crt`, and `..data` is what changes."""
    node = simulated(tmp_path)
    certs = node.root / "etc/kubernetes/certs"
    other = Authority.cluster(NOW - YEAR, number=1)
    for name, content in (("..1", CA.pem), ("..2", other.pem)):
        (certs / name).mkdir()
        (certs / name / "ca.crt").write_bytes(content)
    (certs / "..data").symlink_to("..1")
    (certs / "ca.crt").unlink()
    (certs / "ca.crt").symlink_to("..data/ca.crt")
    agent = agent_of(node.root)
    issued = "akscert_certificate_issued_by_cluster_ca"
    assert values(series(agent), issued, role="kubelet-client") == [1.0]
    (certs / "..new").symlink_to("..2")
    (certs / "..new").rename(certs / "..data")
    assert values(series(agent), issued, role="kubelet-client") == [0.0]


def test_the_process_tells_its_own_memory_and_files(tmp_path: Path) -> None:
    """With the names that every Prometheus client has."""
    found = series(agent_of(tmp_path))
    assert values(found, "process_resident_memory_bytes")[0] > 1 << 20
    for metric in ("process_cpu_seconds_total", "process_open_fds", "process_start_time_seconds"):
        assert len(values(found, metric)) == 1
    assert len(values(found, "python_info")) == 1
