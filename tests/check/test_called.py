"""`check` on what the API server calls, and on who reads the retired path: found where one may look, else said."""

import json
import time
from pathlib import Path

import pytest

from simulation.api import objects
from simulation.api.server import ApiServer, Fault, FaultKind
from simulation.node.kubelet import SimulatedKubelets
from simulation.pki import DAY, SERVER, YEAR, Authority
from tests.agents.clusters import NOW, populate, serving
from tests.check.test_cluster_look import findings, kubeconfig, report, rows
from tests.check.test_nodes import installed

FILE = "/etc/kubernetes/certs/kubeletserver.crt"
BEHIND, READERS = "what webhooks, CRD conversions and aggregated APIs serve", "all workloads that may read"


def said(found: dict[str, object]) -> str:
    return str(found["not_looked_at"])


def test_who_reads_the_retired_path_is_found_where_one_may_list_them(tmp_path: Path) -> None:
    with ApiServer(serving()) as server:
        populate(server)
        server.store.put("daemonsets", objects.workload("agent", "monitoring", host_path=FILE, mount="/ca.crt"))
        found = report(kubeconfig(tmp_path, server))
    assert ("warning", "AksCertRetiredPathInUse") in findings(found)
    assert READERS not in said(found)
    assert BEHIND in said(found)


def test_who_may_not_list_them_is_told_what_was_not_looked_at(tmp_path: Path) -> None:
    """Nobody asked for it, so it is no failure; and it is never passed over."""
    with ApiServer(serving()) as server:
        populate(server)
        server.faults.add(Fault(FaultKind.STATUS, status=403), resource="daemonsets", verb="list", times=None)
        found = report(kubeconfig(tmp_path, server))
    assert READERS in said(found)
    assert "AksCertSourceDown" not in str(findings(found))


@pytest.mark.parametrize("looks", [(), ("endpoints", "workloads")])
def test_what_the_cluster_agent_does_not_look_at_either_is_told(tmp_path: Path, looks: tuple[str, ...]) -> None:
    """It may have been started without; then its silence is no good news."""
    sources = [{"source": one, "up": True} for one in looks]
    document = {"schema": 1, "agent": "cluster", "looked_at": time.time(), "nodes": [], "findings": []}
    with ApiServer(serving()) as server:
        populate(server)
        server.faults.add(Fault(FaultKind.STATUS, status=403), resource="cronjobs", verb="list", times=None)
        installed(server, json.dumps({**document, "sources": sources}).encode())
        found = report(kubeconfig(tmp_path, server))
    assert (BEHIND in said(found), READERS in said(found)) == (not looks, not looks)


PREFLIGHT = "whether the nodes' next certificate requests would be approved"


def test_the_preflight_is_asked_where_it_is_wanted_and_else_said_to_be_left_out(tmp_path: Path) -> None:
    with ApiServer(serving()) as server:
        populate(server)
        without = report(kubeconfig(tmp_path, server))
        assert not [path for method, path in server.requests if method == "POST" and "/subjectaccess" in path]
        server.forbidden.add("certificatesigningrequests/selfnodeclient")
        found = report(kubeconfig(tmp_path, server), "--preflight")
    assert PREFLIGHT in said(without)
    assert PREFLIGHT not in said(found)
    assert ("warning", "AksCertRenewalNotAllowed") in findings(found)
    (section,) = [one for one in found["sections"] if one["title"] == "Rotation preflight"]  # type: ignore[attr-defined]
    assert [list(row.values()) for row in section["rows"]] == [
        ["nodepool1", "node", "yes", "no"],
        ["-", "bootstrap", "yes", "yes"],
    ]


def test_who_may_not_ask_the_preflight_is_told_so(tmp_path: Path) -> None:
    """It was asked for: that it could not be looked at is no small print."""
    with ApiServer(serving()) as server:
        populate(server)
        server.forbidden.add("subjectaccessreviews")
        found = report(kubeconfig(tmp_path, server), "--preflight")
    assert ("unknown", "AksCertSourceDown") in findings(found)
    assert PREFLIGHT in said(found)


def test_inside_the_cluster_what_the_api_server_calls_is_looked_at(tmp_path: Path) -> None:
    """In a Pod by its name, and elsewhere at the place that is given."""
    own = Authority("own-ca", NOW - YEAR, NOW + YEAR, number=3)
    names = ("policy.security.svc",)
    ended = own.issue("policy", NOW - 90 * DAY, NOW - DAY, names=names, usages=(SERVER,))
    with ApiServer(serving()) as server, SimulatedKubelets() as servers:
        populate(server)
        hook = objects.webhooks("policy", own.pem, service=("security", "policy"), policy="Fail")
        server.store.put("validatingwebhookconfigurations", hook)
        host, port = servers.start(ended, own).address
        found = report(kubeconfig(tmp_path, server), "--endpoints.resolve", f"security/policy={host}:{port}")
    assert BEHIND not in said(found)
    assert ("critical", "AksCertEndpointUntrusted") in findings(found)
    (row,) = [row for row in rows(found, "What the API server calls") if row["NAME"] == "policy"]
    assert (row["ADDRESS"], row["ACCEPTED"]) == ("policy.security.svc:443", "no: certificate_expired")
