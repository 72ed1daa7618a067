"""The looks at workloads that read the retired serving certificate (agents/cluster/workloads.py), taken once."""

from dataclasses import replace

import pytest

from exporter.agents.cluster.workloads import PAGE, WorkloadLooks, read_workloads
from exporter.facts.kube.workload import WorkloadUse
from exporter.reason import Reason, RetiredPathUse, Source
from simulation.api import objects
from tests.agents.test_looks_once import Asking, asking
from tests.check.known import NOW

__all__ = ["asking"]

FILE = "/etc/kubernetes/certs/kubeletserver.crt"
USE = WorkloadUse("DaemonSet", "monitoring", "agent", RetiredPathUse.MOUNT)


def test_workloads_that_read_the_retired_path_are_found(asking: Asking) -> None:
    asking.server.store.put("daemonsets", objects.workload("agent", "monitoring", host_path=FILE, mount="/ca.crt"))
    assert (read_workloads(asking.connection), PAGE) == (((USE,), ()), 100)
    assert [target for _, target in asking.server.requests if "/configmaps" in target and "limit=100" in target]
    looks = WorkloadLooks(asking.connection, asking.state, asking.post, 60.0, lambda: NOW)
    assert looks.look() is True
    assert (asking.state.facts().workloads, asking.outcome(Source.WORKLOADS)) == ((USE,), (True, NOW, None))
    for resource, status in (("cronjobs", 403), ("deployments", 500), ("statefulsets", 403)):
        asking.refuse(resource, status)
    uses, failures = read_workloads(asking.connection)
    assert uses == (USE,)
    assert sorted(one.reason for one in failures) == [Reason.FORBIDDEN, Reason.SERVER_ERROR]  # each once
    assert looks.look() is False
    assert asking.outcome(Source.WORKLOADS) == (False, NOW, Reason.FORBIDDEN)
    asking.server.faults.clear()
    asking.refuse("configmaps")
    assert [one.reason for one in read_workloads(asking.connection)[1]] == [Reason.FORBIDDEN]
    asking.server.faults.clear()
    odd = {"metadata": {"name": "odd", "namespace": "x"}, "spec": FILE}
    asking.server.store.put("deployments", odd)
    uses, failures = read_workloads(asking.connection)
    assert (uses, [one.reason for one in failures]) == ((USE,), [Reason.DECODE])
    asking.connection.list_all = None  # type: ignore[assignment, method-assign]
    assert looks.look() is False
    assert asking.outcome(Source.WORKLOADS) == (False, NOW, Reason.BUG)


@pytest.mark.parametrize("namespace", ["monitoring", "other"])
def test_what_a_workload_reads_by_a_config_map_is_that_of_its_own_namespace(namespace: str, asking: Asking) -> None:
    named = {"name": "paths", "namespace": namespace}
    asking.server.store.put("configmaps", {"metadata": named, "data": {"file": FILE}})
    using = objects.workload("agent", "monitoring", host_path="/etc", mount="/etc")
    source = {"configMapKeyRef": {"name": "paths", "key": "file"}}
    using["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "FILE", "valueFrom": source}]
    asking.server.store.put("daemonsets", using)
    found = replace(USE, how=RetiredPathUse.CONFIGMAP)
    assert read_workloads(asking.connection) == ((found,) if namespace == "monitoring" else (), ())
