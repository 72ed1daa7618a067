"""`check` asks about the nodes: their kubelets through the node proxy, and the cluster agent through its Service."""

import json
import re
import threading
import time
from pathlib import Path

import jsonschema
import pytest

from simulation.api.server import ApiServer
from simulation.node.kubelet_api import KubeletApi, KubeletSettings
from simulation.pki import DAY
from tests.agents.clusters import NODE, NOW, node, populate, serving
from tests.check.test_cluster_look import check, findings, kubeconfig, report, rows

DOCS = Path(__file__).parents[2] / "docs"
RIGHTS = {"proxied": frozenset({"metrics", "configz", "proxy"})}
ON = KubeletSettings(rotate_certificates=True, server_tls_bootstrap=True)


def kubelet(left: float = 200 * DAY, settings: KubeletSettings = ON) -> KubeletApi:
    return KubeletApi(settings, client_not_after=NOW + left, server_not_after=NOW + left, rights=RIGHTS)


def behind(server: ApiServer, kubelets: dict[str, KubeletApi]) -> list[str]:
    """Kubelets behind the API server; a node that is not among them does not answer."""
    asked: list[str] = []

    def answer(name: str, path: str) -> tuple[int, str, bytes]:
        asked.append(f"{name}{path}")
        if name not in kubelets:
            raise ConnectionRefusedError("connection refused")
        return kubelets[name].answer(path, "proxied")

    server.node_proxy = answer
    return asked


def fleet(server: ApiServer, count: int) -> list[str]:
    names = [f"aks-nodepool1-12345678-vmss{number:06}" for number in range(count)]
    populate(server)
    for name in names:
        server.store.put("nodes", node(name))
    return names


def test_the_kubelets_are_asked_where_one_may(tmp_path: Path) -> None:
    """Nodes that are alike are one row; those with something wrong come first."""
    with ApiServer(serving()) as server:
        names = fleet(server, 6)
        kubelets: dict[str, KubeletApi] = {name: kubelet() for name in names}
        kubelets[names[3]] = kubelet(settings=KubeletSettings(rotate_certificates=False, server_tls_bootstrap=True))
        kubelets[names[4]] = kubelet(-DAY)
        behind(server, kubelets)
        path = kubeconfig(tmp_path, server)
        found = report(path)
        told = check("--kubeconfig", str(path)).stdout
    shown = rows(found, "Kubelets")
    assert [row["NODE"] for row in shown] == [names[3], names[4], "4 nodes of nodepool1"]
    assert shown[2]["STATE"] == "ok"
    assert shown[2]["LEFT"] in {"199 days", "200 days"}
    assert (shown[2]["CLIENT"], shown[2]["SERVING"]) == ("enabled", "configured")
    assert shown[1]["WHAT IS WRONG"] == "AksCertRotationWaiting"
    assert ("warning", "AksCertRotationDisabled") in findings(found)
    assert ("warning", "AksCertRotationWaiting") in findings(found)
    assert "4 nodes of nodepool1" in told
    by = {one["node"]: one["observed_by"] for one in found["nodes"]}  # type: ignore[attr-defined]
    assert by[names[0]] == "kubelet"


def test_nothing_is_tried_without_the_right_and_that_is_told(tmp_path: Path) -> None:
    """A7: the review is asked first."""
    with ApiServer(serving()) as server:
        names = fleet(server, 2)
        asked = behind(server, {name: kubelet() for name in names})
        server.forbidden.add("nodes/proxy")
        path = kubeconfig(tmp_path, server)
        found, strict = report(path), report(path, "--kubelets", "true")
        off = report(path, "--kubelets", "false")
    assert asked == []
    assert "no right to get nodes/proxy" in found["not_looked_at"][0]["what"]  # type: ignore[index]
    assert (found["exit_status"], strict["exit_status"], off["exit_status"]) == (0, 3, 0)
    assert "--kubelets false was given" in str(off["not_looked_at"])


def test_kubelets_that_the_api_server_does_not_reach_are_told(tmp_path: Path) -> None:
    """None of them: the way there; some of them: those nodes."""
    with ApiServer(serving()) as server:
        names = fleet(server, 30)
        asked = behind(server, {})
        path = kubeconfig(tmp_path, server)
        none, strict = report(path), report(path, "--kubelets", "true")
        behind(server, dict.fromkeys(names[1:], kubelet()))
        some = report(path)
    assert (none["exit_status"], strict["exit_status"]) == (0, 3)
    assert 40 <= len(asked) < 55, "all of them only where that is wanted"
    assert "the API server reaches none of them" in str(none["not_looked_at"])
    assert ("unknown", "AksCertNodeNotObserved") in findings(some)
    assert [one["node"] for one in some["findings"]] == [names[0]]  # type: ignore[attr-defined]


def test_a_kubelet_that_hangs_holds_nobody_up(tmp_path: Path) -> None:
    """What no time was left for is told."""
    release = threading.Event()
    with ApiServer(serving()) as server:
        fleet(server, 30)
        server.node_proxy = lambda *_: (release.wait(30), "text/plain", b"")[1:] and (200, "text/plain", b"")
        began = time.monotonic()
        found = report(kubeconfig(tmp_path, server), "--timeout", "4s")
        release.set()
    assert time.monotonic() - began < 20
    assert "no time was left" in str(found["not_looked_at"]) or "reaches none of them" in str(found["not_looked_at"])


def agent(findings_told: list[dict[str, object]], *names: str) -> bytes:
    document = {
        "schema": 1,
        "agent": "cluster",
        "cluster": "aks1",
        "looked_at": time.time() - 60,
        "nodes": [{"node": name, "observed_by": "node_agent", "findings": []} for name in names],
        "findings": findings_told,
    }
    return json.dumps(document).encode()


def installed(server: ApiServer, answer: bytes, status: int = 200) -> list[str]:
    """A cluster agent's Service."""
    asked: list[str] = []
    labels = {"app.kubernetes.io/name": "aks-cert-exporter", "app.kubernetes.io/component": "cluster"}
    metadata = {"name": "certs-cluster", "namespace": "monitoring", "labels": labels}
    server.store.put("services", {"metadata": metadata, "spec": {"ports": [{"name": "metrics", "port": 9964}]}})

    def reply(namespace: str, name: str, path: str) -> tuple[int, str, bytes]:
        asked.append(f"{namespace}/{name}{path}")
        return status, "application/json", answer

    server.service_proxy = reply
    return asked


TOLD: dict[str, object] = {
    "severity": "critical",
    "alert": "AksCertExpired",
    "subject": {"kind": "node", "name": NODE},
    "node": NODE,
    "role": "kubelet-client",
    "what": "The kubelet client certificate ended yesterday.",
    "next": [{"text": "Restart it.", "command": "true"}],
}


def test_the_cluster_agent_speaks_for_the_nodes_it_observes(tmp_path: Path) -> None:
    """Through the service proxy; kubelets that it tells about are not asked again."""
    with ApiServer(serving()) as server:
        names = fleet(server, 2)
        asked = behind(server, {})
        service = installed(server, agent([TOLD], NODE, *names))
        found = report(kubeconfig(tmp_path, server))
    assert service == ["monitoring/http:certs-cluster:metrics/facts"]
    assert asked == []
    assert findings(found) == [("critical", "AksCertExpired")]
    assert found["findings"][0]["next"] == TOLD["next"]  # type: ignore[index]
    (section,) = [one for one in found["sections"] if one["title"] == "Cluster agent"]  # type: ignore[attr-defined]
    assert section["note"].startswith("monitoring/certs-cluster was asked through the API server's service proxy")


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (b"<html>", 200, "not a cluster agent's facts"),
        (b"Unauthorized", 401, "HTTP 401"),
        (agent([])[:-1].replace(b'"cluster",', b'"node",', 1) + b"}", 200, "agent is 'node'"),
    ],
)
def test_an_agent_that_does_not_answer_is_told_and_the_kubelets_are_asked(
    answer: bytes, status: int, words: str, tmp_path: Path
) -> None:
    """It looks by itself then."""
    with ApiServer(serving()) as server:
        names = fleet(server, 2)
        asked = behind(server, dict.fromkeys([NODE, *names], kubelet()))
        installed(server, answer, status)
        found = report(kubeconfig(tmp_path, server))
    assert asked
    (section,) = [one for one in found["sections"] if one["title"] == "Cluster agent"]  # type: ignore[attr-defined]
    assert words in section["note"]


@pytest.mark.parametrize(
    ("right", "words"),
    [
        ("services", "you have no right to list services"),
        ("services/proxy", "you have no right to get services/proxy of monitoring/certs-cluster"),
    ],
)
def test_an_agent_that_one_may_not_ask_is_not_asked(right: str, words: str, tmp_path: Path) -> None:
    """The review comes first, and what is missing is named."""
    with ApiServer(serving()) as server:
        populate(server)
        installed(server, agent([]), 200)
        server.forbidden.add(right)
        found = report(kubeconfig(tmp_path, server))
    told = [section["note"] for section in found["sections"] if section["title"] == "Cluster agent"]  # type: ignore[attr-defined]
    assert words in f"{told} {found['not_looked_at']}"


def test_json_is_the_document_of_the_agents(tmp_path: Path) -> None:
    """/facts of a cluster, with what only `check` says beside it."""
    with ApiServer(serving()) as server:
        names = fleet(server, 2)
        behind(server, {NODE: kubelet(), names[0]: kubelet(-DAY), names[1]: kubelet()})
        path = kubeconfig(tmp_path, server)
        whole, severe = report(path), report(path, "--severity", "critical")
    for name in ("cluster-facts", "check"):
        schema = json.loads((DOCS / f"{name}.schema.json").read_text(encoding="utf-8"))
        jsonschema.validate(whole, schema)
        jsonschema.validate(severe, schema)
    (told,) = [one for one in whole["nodes"] if one["node"] == names[0]]  # type: ignore[attr-defined]
    assert [one["alert"] for one in told["findings"]] == ["AksCertRotationWaiting"]
    (told,) = [one for one in severe["nodes"] if one["node"] == names[0]]  # type: ignore[attr-defined]
    assert told["findings"] == []
    assert isinstance(whole["looked_at"], float)


ALERT_80 = "error trying to reach service: remote error: tls: internal error"
EXPIRED = "error trying to reach service: tls: failed to verify certificate: x509: certificate has expired"


@pytest.mark.parametrize(
    ("message", "alert", "words"),
    [
        (ALERT_80, "AksCertRotationWaiting", "there is no certificate yet"),
        (EXPIRED, "AksCertNodeNotObserved", "x509: certificate has expired"),
        ("Forbidden (user=x)", "AksCertNodeNotObserved", "Forbidden (user=x)"),
    ],
)
def test_why_a_kubelet_does_not_tell_is_told(tmp_path: Path, message: str, alert: str, words: str) -> None:
    """G1: one that serves no certificate waits for one; of the others the API server's own words."""
    with ApiServer(serving()) as server:
        (name,) = fleet(server, 1)
        status = json.dumps({"kind": "Status", "status": "Failure", "message": message, "code": 503}).encode()
        server.node_proxy = lambda *_: (503, "application/json", status)
        found = report(kubeconfig(tmp_path, server), "--kubelets", "true")
    (one,) = (each for each in found["findings"] if each["alert"] == alert)  # type: ignore[attr-defined]
    assert one["node"] == name
    assert words in f"{one['what']} {one['why']}"


@pytest.mark.parametrize("message", [ALERT_80, EXPIRED])
def test_kubelets_that_the_api_server_reached_in_vain_are_no_way_that_is_blocked(tmp_path: Path, message: str) -> None:
    """G1: where none of them can serve, that is not "not looked at"."""
    with ApiServer(serving()) as server:
        fleet(server, 2)
        status = json.dumps({"kind": "Status", "status": "Failure", "message": message, "code": 503}).encode()
        server.node_proxy = lambda *_: (503, "application/json", status)
        assert report(kubeconfig(tmp_path, server))["exit_status"] == 3


def test_a_kubelet_without_configz_tells_until_when(tmp_path: Path) -> None:
    """404: with enableDebuggingHandlers off there is no /configz; the client certificate's end is told all the same."""
    with ApiServer(serving()) as server:
        names = fleet(server, 2)
        kubelets = {name: kubelet() for name in names}
        kubelets[names[0]].debugging = False
        behind(server, kubelets)
        found = report(kubeconfig(tmp_path, server), "--kubelets", "true")
    (row,) = (row for row in rows(found, "Kubelets") if row["NODE"] == names[0])
    assert row["LEFT"] in {"199 days", "200 days"}
    assert row["CLIENT"] == "unknown"


@pytest.mark.parametrize("left", ["3e11", "1e18", "-1e18", "1e300"])
def test_a_moment_that_nothing_can_show_is_not_told(tmp_path: Path, left: str) -> None:
    """A10: one kubelet's nonsense does not end the look at all others."""
    with ApiServer(serving()) as server:
        names = fleet(server, 2)
        kubelets = {name: kubelet() for name in names}
        behind(server, kubelets)
        usual = server.node_proxy
        assert usual is not None

        def answer(name: str, path: str) -> tuple[int, str, bytes]:
            status, content_type, body = usual(name, path)
            if name == names[0]:
                body = re.sub(rb"(client_ttl_seconds) \S+", rb"\1 " + left.encode(), body)
            return status, content_type, body

        server.node_proxy = answer
        found = report(kubeconfig(tmp_path, server), "--kubelets", "true")
    assert found["exit_status"] == 3
    assert {row["CLIENT UNTIL"] for row in rows(found, "Kubelets")} > {"not told"}
