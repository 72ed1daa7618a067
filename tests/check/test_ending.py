"""How `check` ends: in time, with its own status, whatever it is given and wherever it prints to."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from exporter.check.cluster_look import look_at_cluster
from exporter.check.command import look_at_host
from exporter.settings import Command, resolve
from simulation.api.server import ApiServer, write_kubeconfig
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import build
from simulation.pki import DAY, Authority
from tests.agents.clusters import CA, NEXT_CA, node, populate, serving
from tests.check.test_cluster_look import check, findings, kubeconfig, report, rows
from tests.proxies import Proxy

NOW = time.time()
POOL = "kubernetes.azure.com/agentpool"
UNSET = ("AKSCERT_", "KUBE", "HOST_IP", "COLUMNS")
LINE = re.compile(r"aks-cert-exporter: [^\n]+\n")


def shell(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A script of bash in which `$CHECK` is the command."""
    command = f"{sys.executable} -m exporter check"
    clean = {key: value for key, value in os.environ.items() if not key.startswith(UNSET)}
    return subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        env={**clean, "CHECK": command, **environment},
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a healthy node."""
    folder = tmp_path_factory.mktemp("node")
    return build(scenario("healthy"), folder, NOW, Authority.cluster(NOW)).root


@pytest.mark.parametrize(
    ("script", "status", "complaint"),
    [
        ("$CHECK --host-root $ROOT | head -c 0; exit ${PIPESTATUS[0]}", None, ""),
        ("$CHECK --host-root $ROOT -o json | true; exit ${PIPESTATUS[0]}", None, ""),
        ("$CHECK --host-root $ROOT >/dev/full", 3, "aks-cert-exporter: standard output: No space left on device\n"),
        ("$CHECK --host-root $ROOT >&-", 3, "aks-cert-exporter: standard output is closed\n"),
        ("$CHECK --host-root /nonexistent 2>&-", 3, ""),
        ("$CHECK --nosuch 2>&-", 3, ""),
        ("$CHECK --help | true; exit ${PIPESTATUS[0]}", 0, ""),
    ],
)
def test_output_that_nobody_takes_ends_quietly_or_in_one_line(
    script: str, status: int | None, complaint: str, root: Path
) -> None:
    """C5: a broken pipe keeps the verdict."""
    verdict = check("--host-root", str(root)).returncode
    done = shell(script, ROOT=str(root))
    assert (done.returncode, done.stderr) == (verdict if status is None else status, complaint)


def test_without_standard_error_it_works(root: Path) -> None:
    """C5: there is no progress then."""
    done = shell("$CHECK --host-root $ROOT 2>&-", ROOT=str(root))
    usual = check("--host-root", str(root))
    assert (done.stdout.splitlines()[2:], done.returncode) == (usual.stdout.splitlines()[2:], usual.returncode)


def test_a_stream_that_takes_ascii_only_gets_the_rest_escaped(tmp_path: Path) -> None:
    """C7: no form ends in an error over a character."""
    with ApiServer(serving()) as server:
        populate(server)
        server.store.put("nodes", node("aks-p-12345678-vmss000000", labels={POOL: "ü-\u0085\x1bc-\u202e"}))
        path = kubeconfig(tmp_path, server)
        for form in ("table", "json", "markdown"):
            done = check("--kubeconfig", str(path), "-o", form, PYTHONIOENCODING="ascii")
            assert "Traceback" not in done.stderr
            assert done.stdout.isascii()
            assert all(character.isprintable() or character == "\n" for character in done.stdout)


@pytest.mark.parametrize("form", ["table", "json", "markdown"])
def test_what_moves_the_cursor_is_escaped_in_every_form(form: str, tmp_path: Path) -> None:
    """C7: ESC c resets a terminal; C1 controls and marks that turn the reading direction do as much."""
    pool = "p\x1bc\x9b31m\u202e"
    labels = {POOL: pool, "kubernetes.azure.com/kubelet-serving-ca": "cluster"}
    with ApiServer(serving()) as server:
        populate(server)
        server.store.put("nodes", node("aks-p-12345678-vmss000000", labels=labels))
        done = check("--kubeconfig", str(kubeconfig(tmp_path, server)), "-o", form)
    assert all(character.isprintable() or character == "\n" for character in done.stdout)
    escaped = {
        "table": "p\\x1bc\\x9b31m\\u202e",
        "json": "p\\u001bc\\u009b31m\\u202e",
        "markdown": "p\\\\x1bc\\\\x9b31m\\\\u202e",
    }
    assert escaped[form] in done.stdout
    if form == "json":
        assert any(pool in row.values() for row in rows(json.loads(done.stdout), "Node pools and serving rotation"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--nosuch",), "unrecognized arguments: --nosuch"),
        (("--output", "xml"), "not one of table, json, markdown"),
        (("--max-age", "soon"), "not a duration"),
        (("--config.file", "/nonexistent"), "/nonexistent: No such file or directory"),
        (("--host-root", "/nonexistent"), "--host-root: not a directory"),
        (("--host-root", ""), "--host-root: not a directory"),
        (("--context", "prod"), "no --kubeconfig, no KUBECONFIG, no ~/.kube/config, and this is no Pod"),
        (("--kubeconfig", ""), "no --kubeconfig, no KUBECONFIG, no ~/.kube/config, and this is no Pod"),
        (("--kubeconfig", "/"), "kubeconfig /: Is a directory"),
        (("--kubeconfig", "/nonexistent"), "kubeconfig /nonexistent: no such file"),
    ],
)
def test_what_is_no_judgement_is_3_in_one_line(flags: tuple[str, ...], words: str) -> None:
    """C6: 2 would say that something is critical."""
    done = check(*flags, HOME="/nonexistent")
    assert done.returncode == 3
    assert words in done.stderr.splitlines()[-1]
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_on_a_machine_that_is_no_node_it_asks_for_a_kubeconfig() -> None:
    """One line, 3: nothing was looked at."""
    done = check(HOME="/nonexistent")
    assert (done.returncode, done.stdout) == (3, "")
    assert LINE.fullmatch(done.stderr)
    assert "no --kubeconfig, no KUBECONFIG, no ~/.kube/config, and this machine has none of an AKS node's files" in (
        done.stderr
    )


def test_a_context_without_a_kubeconfig_is_one_line() -> None:
    """Outside of a Pod there is nobody to ask."""
    done = check("--context", "aks1", HOME="/nonexistent")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "aks-cert-exporter: no --kubeconfig, no KUBECONFIG, no ~/.kube/config, and this is no Pod\n"


def test_a_plugin_that_waits_for_a_person_does_not_hold_it(tmp_path: Path) -> None:
    """C4: a device code that nobody types; its last line is told."""
    plugin = tmp_path / "kubelogin"
    plugin.write_text("#!/bin/sh\necho 'To sign in, enter the code ABC' >&2\nsleep 600\n")
    plugin.chmod(0o755)
    settings = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin), "interactiveMode": "Never"}
    began = time.monotonic()
    with ApiServer(serving()) as server:
        populate(server)
        found = report(kubeconfig(tmp_path, server, {"exec": settings}), "--timeout", "3s")
    assert time.monotonic() - began < 15
    assert found["exit_status"] == 3
    assert "kubelogin did not end within 2 s. It said last: To sign in, enter the code ABC" in str(found["findings"])


def test_a_server_that_says_nothing_does_not_hold_it(tmp_path: Path) -> None:
    """One deadline over everything."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        content = {
            "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{silent.getsockname()[1]}"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c"}}],
            "current-context": "x",
        }
        began = time.monotonic()
        path = write_kubeconfig(tmp_path / "config", content)
        found = report(path, "--timeout", "1s")
        assert time.monotonic() - began < 10
        assert found["exit_status"] == 3
        began = time.monotonic()
        settings = resolve(Command.CHECK, {"kubeconfig": str(path)}, {})
        assert look_at_cluster(settings, handshake=0.5).exit_status == 3
    assert time.monotonic() - began < 5, "one handshake is waited for, and not a dozen"


def test_plain_http_and_no_verification_are_unknown(tmp_path: Path) -> None:
    """A9: nothing is called trusted that nobody verified."""
    with ApiServer(None) as plain, ApiServer(serving(NEXT_CA)) as server:
        for one in (plain, server):
            populate(one)
        http = report(write_kubeconfig(tmp_path / "http", plain.kubeconfig(CA.pem)))
        content = server.kubeconfig(CA.pem)
        content["clusters"][0]["cluster"] = {"server": server.url, "insecure-skip-tls-verify": True}
        insecure = report(write_kubeconfig(tmp_path / "insecure", content))
    for found, words in ((http, "No certificate was seen"), (insecure, "Nothing was verified")):
        assert found["exit_status"] == 3
        assert words in str(found["findings"])
        assert "'trusted'" not in str(found["sections"])


def test_a_private_cluster_behind_a_proxy_is_looked_at_through_it(tmp_path: Path) -> None:
    """B6: the wire, too."""
    with ApiServer(serving(CA, "aks.example.test")) as server, Proxy(("127.0.0.1", server.port)) as proxy:
        populate(server)
        content = server.kubeconfig(CA.pem)
        cluster = content["clusters"][0]["cluster"]
        cluster |= {"server": "https://aks.example.test:6443", "proxy-url": f"http://{proxy.place}"}
        found = report(write_kubeconfig(tmp_path / "config", content))
        assert (found["verdict"], findings(found)) == ("ok", [])
        assert {line.rpartition(" ")[0] for line in proxy.asked} == {"CONNECT aks.example.test:6443"}
        assert f"through http://{proxy.place}" in str(found["sections"])
    with Proxy(("127.0.0.1", 1), refuse=b"407 Proxy Authentication Required") as proxy:
        cluster["proxy-url"] = f"http://{proxy.place}"
        found = report(write_kubeconfig(tmp_path / "config", content))
    assert found["exit_status"] == 3
    assert "407 Proxy Authentication Required" in str(found["findings"])


def test_a_firewall_that_opens_tls_is_told_and_no_new_kubeconfig_advised(tmp_path: Path) -> None:
    """B8: in no form."""
    inspection = Authority("Contoso TLS Inspection", NOW - DAY, NOW + 900 * DAY, number=2)
    with ApiServer(inspection.apiserver(("127.0.0.1",), NOW - 60)) as server:
        path = kubeconfig(tmp_path, server)
        done = check("--kubeconfig", str(path), "--severity", "critical")
    assert done.returncode == 2
    assert "issued by CN=Contoso TLS Inspection; the kubeconfig trusts CN=ca" in done.stdout
    assert "get-credentials" not in done.stdout


def test_two_kubeconfigs_are_one_choice(tmp_path: Path) -> None:
    """B2, B3: heading, wire and objects are of one cluster."""
    with ApiServer(serving()) as first, ApiServer(serving(NEXT_CA)) as second:
        populate(first)
        populate(second)
        one, two = first.kubeconfig(CA.pem), second.kubeconfig(NEXT_CA.pem)
        two["clusters"][0]["name"] = two["contexts"][0]["context"]["cluster"] = two["contexts"][0]["name"] = "two"
        two["current-context"] = "two"
        paths = [write_kubeconfig(tmp_path / name, content) for name, content in (("a", one), ("b", two))]
        (tmp_path / "empty").write_text("# nothing\n")
        joined = ":".join(map(str, (tmp_path / "empty", *paths)))
        done = check("-o", "json", KUBECONFIG=joined)
        found = json.loads(done.stdout)
        assert (found["subject"], found["exit_status"]) == (f"cluster simulated at 127.0.0.1:{first.port}", 0)
        assert len(second.requests) == 0


def test_of_a_node_everything_that_was_not_looked_at_has_a_way_to_look_at_it(root: Path) -> None:
    def apart(**flags: str) -> dict[str, str]:
        found = look_at_host(resolve(Command.CHECK, {"host_root": str(root), "kubelet_address": "", **flags}, {}))
        return {one.what: one.how for one in found.not_looked_at}

    cluster = "the cluster: its API server, CAs, certificate requests, signers and Azure's state"
    kubelet = "what the kubelet serves on its port"
    assert apart() == {
        kubelet: "--kubelet-address HOST:10250, or HOST_IP in the environment",
        "whether the certificates are this node's own: its name is not known": "--node-name NAME",
        cluster: "check --kubeconfig FILE",
    }
    assert list(apart(node_name="n1")) == [kubelet, cluster]
    assert list(apart(node_name="n1", kubelet_address="127.0.0.1:1")) == [cluster]


def test_what_was_not_looked_at_is_always_told(root: Path, tmp_path: Path) -> None:
    """A7: on a node without HOST_IP, and from a laptop."""
    done = check("--host-root", str(root), "-o", "json")
    told = [one["what"] for one in json.loads(done.stdout)["not_looked_at"]]
    assert told[0] == "what the kubelet serves on its port"
    assert told[1] == "whether the certificates are this node's own: its name is not known"
    assert told[2].startswith("the cluster: ")
    done = check("--host-root", str(root), "--node-name", "n1", "-o", "json")
    assert "this node's own" not in str(json.loads(done.stdout)["not_looked_at"])
    with ApiServer(serving()) as server:
        populate(server)
        path = kubeconfig(tmp_path, server)
        found = report(path)
        table = check("--kubeconfig", str(path)).stdout
    told = [one["what"] for one in found["not_looked_at"]]  # type: ignore[attr-defined]
    assert told[0].startswith("the kubelets' certificates of 1 node")
    assert all(what in table for what in told), "in a pipe, no line is broken"
    assert "Azure's state" in told[-1]


def test_each_way_a_kubeconfig_can_fail_names_the_contexts_there_are(tmp_path: Path) -> None:
    """As `kubectl config get-contexts` would."""
    names = [f"aks-{number:02}" for number in range(12)]
    content = {
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "contexts": [{"name": name, "context": {"cluster": "c"}} for name in names],
    }
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(content))
    done = check("--kubeconfig", str(path), "--context", "aks-O3")
    assert done.returncode == 3
    assert done.stderr == (
        f"aks-cert-exporter: kubeconfig {path}: no context 'aks-O3'. Did you mean 'aks-03'? "
        f"Contexts: {', '.join(names[:10])} and 2 more.\n"
    )
    done = check("--kubeconfig", str(path))
    assert "no current-context: give --context. Contexts: aks-00" in done.stderr
