"""Who reads the retired kubelet serving certificate: found by the agent where it may list workloads."""

from pathlib import Path

from simulation.api import objects
from simulation.api.server import ApiServer, Fault, FaultKind
from tests.agents.clusters import cluster, populate

METRIC = "akscert_workload_uses_retired_path"
FILE = "/etc/kubernetes/certs/kubeletserver.crt"
WHERE = {"namespace": "monitoring", "kind": "DaemonSet", "name": "agent"}


def prepare(server: ApiServer) -> None:
    populate(server)
    agent = objects.workload("agent", "monitoring", host_path=FILE, mount="/ca.crt")
    server.store.put("daemonsets", agent)
    fine = objects.workload("fine", "monitoring", host_path="/var/lib/kubelet/pki", mount="/pki")
    server.store.put("deployments", fine)


def test_who_reads_the_retired_path_is_told_with_what_to_set_instead(tmp_path: Path) -> None:
    """As a series and a finding, until it is changed."""
    with cluster(tmp_path, prepare=prepare, workloads=True) as found:
        found.until_value(1.0, METRIC, **WHERE, how="mount")
        assert len(found.values(METRIC)) == 1
        page = found.agent.page({})
        assert "AksCertRetiredPathInUse" in page
        assert "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt" in page
        found.server.store.put("daemonsets", objects.workload("agent", "monitoring", host_path="/x", mount="/x"))
        found.until(lambda: not found.values(METRIC), "changed")
        found.until_value(1.0, "akscert_source_up", source="workloads")


def test_it_is_not_looked_for_unless_asked(tmp_path: Path) -> None:
    """It takes rights of its own."""
    with cluster(tmp_path, prepare=prepare) as found:
        found.until_ready()
        assert found.values(METRIC) == found.values("akscert_source_up", source="workloads") == []
        assert not [path for _, path in found.server.requests if "daemonsets" in path]


def test_a_missing_right_is_the_sources_failure_and_hides_nothing_else(tmp_path: Path) -> None:
    """What was found before stays: it could not be looked at again."""
    with cluster(tmp_path, prepare=prepare, workloads=True) as found:
        found.until_value(1.0, METRIC, **WHERE)
        found.server.faults.add(Fault(FaultKind.STATUS, status=403), resource="daemonsets", verb="list", times=None)
        found.until_value(0.0, "akscert_source_up", source="workloads")
        assert found.values(METRIC, **WHERE) == [1.0]
