"""`check` with a kubeconfig, as a person runs it."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from simulation.api.server import ApiServer, write_kubeconfig
from simulation.csr_answer import Answer
from simulation.pki import DAY
from tests.agents.clusters import CA, NEXT_CA, NODE, NOW, csr, node, populate, serving
from tests.check import inside

PLUGIN = """#!/bin/sh
cat <<'JSON'
{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{"token": "{token}"}}}}
JSON
"""


def check(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return inside.run(["check", *flags], environment)


def report(path: Path, *flags: str, **environment: str) -> dict[str, object]:
    done = check("--kubeconfig", str(path), "--output", "json", *flags, **environment)
    assert done.stderr == ""
    found: dict[str, object] = json.loads(done.stdout)
    assert found["exit_status"] == done.returncode
    return found


def findings(found: dict[str, object]) -> list[tuple[str, str]]:
    return [(one["severity"], one["alert"]) for one in found["findings"]]  # type: ignore[attr-defined]


def rows(found: dict[str, object], title: str) -> list[dict[str, str]]:
    (section,) = [one for one in found["sections"] if one["title"] == title]  # type: ignore[attr-defined]
    return list(section["rows"])


def kubeconfig(folder: Path, server: ApiServer, user: object = None) -> Path:
    content = server.kubeconfig(CA.pem)
    if user:
        content["users"] = [{"name": "reader", "user": user}]
    return write_kubeconfig(folder / "config", content)


def test_a_healthy_cluster_is_well(tmp_path: Path) -> None:
    """Every table of the page, and exit status 0."""
    with ApiServer(serving()) as server:
        populate(server)
        server.store.put("certificatesigningrequests", csr("csr-1", Answer.ISSUED))
        found = report(kubeconfig(tmp_path, server))
    assert (found["verdict"], found["findings"], found["exit_status"]) == ("ok", [], 0)
    (request,) = rows(found, "Certificate signing requests")
    assert {key: request[key] for key in request if key != "AGE"} == {
        "NAME": "csr-1",
        "SIGNERNAME": "kubernetes.io/kubelet-serving",
        "REQUESTOR": f"system:node:{NODE}",
        "REQUESTEDDURATION": "<none>",
        "CONDITION": "Approved,Issued",
        "MORE": "0",
    }
    (authority,) = rows(found, "Kubeconfig")
    assert (authority["WHAT"], authority["NOTE"]) == ("CA it trusts", "30-year class")
    assert [row["NOTE"] for row in rows(found, "Control plane")][:2] == ["trusted", "30-year class"]


def test_what_is_wrong_is_found_in_one_look(tmp_path: Path) -> None:
    """A node that waits, a pool without rotation, a policy that is not kept."""
    client = CA.issue("masterclient", NOW - 100 * DAY, NOW + 630 * DAY)
    (tmp_path / "client.pem").write_bytes(client.pem)
    with ApiServer(serving()) as server:
        populate(server)
        server.store.put("certificatesigningrequests", csr("csr-1", created=NOW - DAY))
        old = node("aks-old-12345678-vmss000000", version="v1.26.3", labels={"kubernetes.azure.com/agentpool": "old"})
        server.store.put("nodes", old)
        user = {"client-certificate": "client.pem", "client-key": "client.pem"}
        found = report(kubeconfig(tmp_path, server, user), "--max-age", "90d")
    assert findings(found) == [
        ("critical", "AksCertCsrPending"),
        ("warning", "AksCertOlderThanPolicy"),
        ("info", "AksCertNobodySigns"),  # one node's request, beside an approver that lives
        ("info", "AksCertRotationDisabled"),
    ]
    assert found["exit_status"] == 2


def test_a_kubeconfig_from_before_a_rotation_is_told_so(tmp_path: Path) -> None:
    """The remedy comes first, and what could not be asked is not hidden."""
    with ApiServer(serving(NEXT_CA)) as server:
        populate(server)
        found = report(kubeconfig(tmp_path, server))
    assert findings(found) == [("critical", "AksCertApiServerUntrusted"), ("unknown", "AksCertSourceDown")]
    first = found["findings"][0]  # type: ignore[index]
    assert any("az aks get-credentials" in (step["command"] or "") for step in first["next"])
    assert [row["SUBJECT"] for row in rows(found, "Control plane")] == ["CN=apiserver"]


def test_with_a_dead_api_server_it_says_what_it_can_still_tell(tmp_path: Path) -> None:
    """The kubeconfig's own certificates; exit status 3."""
    with ApiServer(serving()) as server:
        path = kubeconfig(tmp_path, server)
    found = report(path)
    assert found["verdict"] == "unknown"
    assert found["exit_status"] == 3
    assert {severity for severity, _ in findings(found)} == {"unknown"}
    assert rows(found, "Kubeconfig")[0]["WHAT"] == "CA it trusts"


def test_a_user_of_a_token_and_one_of_a_plugin_are_let_in(tmp_path: Path) -> None:
    """As with az aks get-credentials and kubelogin."""
    (tmp_path / "plugin").write_text(PLUGIN.format(token="good"))
    (tmp_path / "plugin").chmod(0o755)
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(tmp_path / "plugin"),
        "interactiveMode": "Never",
    }
    with ApiServer(serving()) as server:
        populate(server)
        server.tokens = {"good"}
        for user in ({"token": "good"}, {"exec": plugin}):
            assert report(kubeconfig(tmp_path, server, user))["verdict"] == "ok"
        found = report(kubeconfig(tmp_path, server, {"token": "bad-token"}))
    assert findings(found) == [("unknown", "AksCertSourceDown")]
    assert "bad-token" not in json.dumps(found)


def test_a_plugin_that_fails_leaves_the_look_at_the_wire(tmp_path: Path) -> None:
    """Who is logged out can still see the API server's certificate."""
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/false", "interactiveMode": "Never"}
    with ApiServer(serving()) as server:
        populate(server)
        found = report(kubeconfig(tmp_path, server, {"exec": plugin}))
    assert findings(found) == [("unknown", "AksCertSourceDown")]
    assert [row["WHAT"] for row in rows(found, "Control plane")] == [f"API server 127.0.0.1:{server.port}"]


def test_the_context_is_the_one_that_is_named(tmp_path: Path) -> None:
    """Of several, each with its cluster."""
    with ApiServer(serving()) as server, ApiServer(serving(NEXT_CA)) as other:
        populate(server)
        populate(other)
        content, second = server.kubeconfig(CA.pem), other.kubeconfig(NEXT_CA.pem)
        second["clusters"][0]["name"] = "second"
        second["contexts"] = [{"name": "second", "context": {"cluster": "second", "user": "reader"}}]
        for key in ("clusters", "contexts"):
            content[key] += second[key]
        path = write_kubeconfig(tmp_path / "config", content)
        assert report(path)["subject"] == f"cluster simulated at 127.0.0.1:{server.port}"
        assert report(path, "--context", "second")["subject"] == f"cluster second at 127.0.0.1:{other.port}"
        done = check(KUBECONFIG=str(path), COLUMNS="200")
    assert done.stdout.startswith(f"cluster simulated at 127.0.0.1:{server.port}")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--kubeconfig", "/nonexistent"), "aks-cert-exporter: kubeconfig /nonexistent: no such file\n"),
        (
            ("--kubeconfig", "/nonexistent", "--host-root", "/"),
            "aks-cert-exporter: check looks at a node (--host-root) or at a cluster (--kubeconfig), "
            "not at both at once\n",
        ),
    ],
)
def test_what_cannot_be_looked_at_by_mistake_is_one_line(flags: tuple[str, ...], words: str) -> None:
    """Exit status 3, no traceback."""
    done = check(*flags)
    assert (done.stdout, done.stderr, done.returncode) == ("", words, 3)


def test_a_kubeconfig_with_an_unknown_context_is_one_line(tmp_path: Path) -> None:
    """It names the context."""
    (tmp_path / "config").write_text(yaml.safe_dump({"kind": "Config", "clusters": [], "contexts": []}))
    done = check("--kubeconfig", str(tmp_path / "config"), "--context", "x")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "no context 'x'" in done.stderr
