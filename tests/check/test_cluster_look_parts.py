"""One look at a cluster (exporter.check.cluster_look), in this process: whom it asks, and what it makes of silence."""

import json
import logging
import os
import re
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from exporter.check.cluster_look import look_at_cluster
from exporter.check.report import Report
from exporter.settings import Command, SettingsError, resolve
from exporter.sources.azure import managed_cluster  # noqa: F401 - it takes long to import
from exporter.sources.kube.connection import ServiceAccount
from simulation.api import objects
from simulation.api.server import ApiServer, Fault, FaultKind, write_kubeconfig
from simulation.csr_answer import Answer
from simulation.demo.azure_courses import CLUSTER
from simulation.node.kubelet import SimulatedKubelets
from simulation.pki import DAY, SERVER, YEAR, Authority
from tests.agents.clusters import CA, NEXT_CA, NODE, NOW, csr, node, populate, serving
from tests.check import inside
from tests.check.test_nodes import behind, fleet, installed, kubelet


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nobody's home and environment, and no lines of the log."""
    for name in list(os.environ):
        if name.startswith((*inside.UNSET, "HTTPS_PROXY", "https_proxy")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """A small healthy cluster."""
    with ApiServer(serving()) as found:
        populate(found)
        yield found


def look(folder: Path, server: ApiServer, authority: Authority = CA, **flags: str) -> Report:
    """With a kubeconfig that trusts this CA."""
    path = write_kubeconfig(folder / "config", server.kubeconfig(authority.pem))
    return look_at_cluster(resolve(Command.CHECK, {"kubeconfig": str(path), "kubelets": "false", **flags}, {}))


def pod(folder: Path, server: ApiServer, authority: Authority = CA, **flags: str) -> Report:
    """As in a Pod of the cluster."""
    (folder / "token").write_text("secret")
    (folder / "ca.crt").write_bytes(authority.pem)
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)}
    settings = resolve(Command.CHECK, {"kubelets": "false", **flags}, {})
    return look_at_cluster(settings, ServiceAccount(folder, environment))


def table(found: Report, title: str) -> list[tuple[str, ...]]:
    return [row for one in found.sections if one.title == title for row in one.rows]


def alerts(found: Report) -> list[tuple[str, str]]:
    return [(one.severity.value, one.alert) for one in found.findings]


def sources(found: Report) -> dict[str, str]:
    """What each source that was asked said: how it answers, or its last error."""
    return {row[0]: row[2] if row[1] == "no" else row[1] for row in table(found, "Sources")}


ANSWERED = ("csrs", "nodes", "configmaps", "leases", "webhooks", "apiservices", "apiserver")


def test_everything_is_asked_once(tmp_path: Path, server: ApiServer) -> None:
    server.store.put("certificatesigningrequests", csr("csr-1", Answer.ISSUED))
    found = look(tmp_path, server)
    assert found.subject == f"cluster simulated at 127.0.0.1:{server.port}"
    assert sources(found) == dict.fromkeys((*ANSWERED, "workloads"), "yes")
    assert [row[0] for row in table(found, "Certificate signing requests")] == ["csr-1"]
    assert [row[:2] for row in table(found, "Node pools and serving rotation")] == [("nodepool1", "1")]
    assert len(table(found, "Signers")) == 2
    assert sorted(row[:2] for row in table(found, "CA bundles")) == [
        ("APIService", "v1beta1.metrics.k8s.io"),
        ("MutatingWebhookConfiguration", "injector"),
        ("ValidatingWebhookConfiguration", "policy"),
    ]
    assert (table(found, "Control plane")[0][1], table(found, "Control plane")[0][-1]) == ("CN=apiserver", "trusted")
    assert alerts(found) == []
    assert found.generated == pytest.approx(time.time(), abs=60)


def test_a_wrong_clock_is_told(tmp_path: Path, server: ApiServer) -> None:
    server.clock_offset = 300.0
    assert ("critical", "AksCertClockSkew") in alerts(look(tmp_path, server))


def test_in_a_pod_its_own_account_asks_and_the_address_is_looked_at(tmp_path: Path, server: ApiServer) -> None:
    server.tokens = {"secret"}
    found = pod(tmp_path, server)
    assert found.subject == f"cluster of this Pod at 127.0.0.1:{server.port}"
    assert sources(found) == dict.fromkeys((*ANSWERED, "endpoints", "workloads"), "yes")
    first = table(found, "Control plane")[0]
    assert (first[0], first[1], first[-1]) == (f"API server 127.0.0.1:{server.port}", "CN=apiserver", "trusted")
    assert "Kubeconfig" not in [one.title for one in found.sections]
    assert "what webhooks" not in str(found.not_looked_at)


def test_in_a_pod_the_clusters_ca_judges_before_the_mounted_one(tmp_path: Path, server: ApiServer) -> None:
    server.store.put("configmaps", objects.root_ca_config("kube-system", NEXT_CA.pem))
    assert table(pod(tmp_path, server), "Control plane")[0][-1] == "not trusted: certificate_untrusted"


def test_in_a_pod_the_mounted_ca_judges_where_the_clusters_is_not_known(tmp_path: Path, server: ApiServer) -> None:
    server.faults.add(Fault(FaultKind.STATUS, status=403), resource="configmaps", times=None)
    assert table(pod(tmp_path, server), "Control plane")[0][-1] == "trusted"


def test_who_is_in_no_pod_and_has_no_kubeconfig_has_nobody_to_ask(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        look_at_cluster(resolve(Command.CHECK, {}, {}), ServiceAccount(tmp_path, {}))
    assert str(raised.value) == "no --kubeconfig, no KUBECONFIG, no ~/.kube/config, and this is no Pod"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"KUBERNETES_SERVICE_PORT": "abc"}, "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address"),
        ({"HTTPS_PROXY": ":"}, "HTTPS_PROXY: it is no URL such as http://proxy.example:3128"),
    ],
)
def test_in_a_pod_whose_account_is_of_no_use_it_is_said_why(
    environment: dict[str, str], words: str, tmp_path: Path
) -> None:
    """And not that it is no Pod."""
    for name in ("token", "ca.crt"):
        (tmp_path / name).write_text("secret")
    whole = {"KUBERNETES_SERVICE_HOST": "api.example", "KUBERNETES_SERVICE_PORT": "443", **environment}
    with pytest.raises(SettingsError) as raised:
        look_at_cluster(resolve(Command.CHECK, {}, {}), ServiceAccount(tmp_path, whole))
    assert str(raised.value) == f"service account: {words}"


def test_without_credentials_only_what_is_served_is_seen(tmp_path: Path, server: ApiServer) -> None:
    content = server.kubeconfig(CA.pem)
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/false", "interactiveMode": "Never"}
    content["users"] = [{"name": "reader", "user": {"exec": plugin}}]
    path = write_kubeconfig(tmp_path / "config", content)
    found = look_at_cluster(resolve(Command.CHECK, {"kubeconfig": str(path)}, {}))
    said = sources(found)
    assert said.pop("apiserver") == "yes"
    assert set(said) == set(ANSWERED) - {"apiserver"}
    assert len({*said.values()}) == 1
    assert "exec: false ended with status 1" in said["csrs"]
    assert table(found, "Control plane")[0][-1] == "trust unknown"


def test_a_server_that_refuses_is_no_reason_to_wait(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    content = {
        "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c"}}],
        "current-context": "x",
    }
    path = write_kubeconfig(tmp_path / "config", content)
    began = time.monotonic()
    found = look_at_cluster(resolve(Command.CHECK, {"kubeconfig": str(path)}, {}))
    assert time.monotonic() - began < 10
    assert set(sources(found)) >= set(ANSWERED)
    assert all("refused" in words.lower() for words in sources(found).values())
    assert [one for one in alerts(found) if one[0] != "unknown"] == []


def test_a_server_that_is_silent_fails_every_source_by_one_handshake(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        content = {
            "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{silent.getsockname()[1]}"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c"}}],
            "current-context": "x",
        }
        path = write_kubeconfig(tmp_path / "config", content)
        settings = resolve(Command.CHECK, {"kubeconfig": str(path)}, {})
        found = look_at_cluster(settings, handshake=0.2)
        assert sources(found) == dict.fromkeys(ANSWERED, "no handshake within 0.2 s")
        late = resolve(Command.CHECK, {"kubeconfig": str(path), "timeout": "1s"}, {})
        began = time.monotonic()
        assert set(sources(look_at_cluster(late))) == set(ANSWERED)
    assert 0.9 < time.monotonic() - began < 5


def test_only_a_server_that_is_silent_is_not_asked_any_further(tmp_path: Path) -> None:
    """What is served here is of a version of X.509 that does not exist; a client that verifies nothing takes it."""
    credential = serving()
    with ApiServer(credential) as server:
        populate(server)
        der = credential.certificate.public_bytes(Encoding.DER)
        odd = ssl.DER_cert_to_PEM_cert(der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03", 1))
        (tmp_path / "odd.pem").write_bytes(odd.encode() + credential.key_pem)
        assert server.context is not None
        server.context.load_cert_chain(tmp_path / "odd.pem")
        content = server.kubeconfig(b"")
        content["clusters"][0]["cluster"] = {"server": server.url, "insecure-skip-tls-verify": True}
        path = write_kubeconfig(tmp_path / "config", content)
        found = look_at_cluster(resolve(Command.CHECK, {"kubeconfig": str(path), "kubelets": "false"}, {}))
    said = sources(found)
    assert said.pop("apiserver") not in {"yes", "no"}
    assert said == dict.fromkeys((*ANSWERED[:-1], "workloads"), "yes")


def test_the_served_chain_is_judged_by_the_name_that_is_meant(tmp_path: Path) -> None:
    with ApiServer(serving(CA, "aks.example.test")) as server:
        populate(server)
        content = server.kubeconfig(CA.pem)
        content["clusters"][0]["cluster"]["tls-server-name"] = "aks.example.test"
        path = write_kubeconfig(tmp_path / "config", content)
        settings = resolve(Command.CHECK, {"kubeconfig": str(path), "kubelets": "false"}, {})
        assert alerts(look_at_cluster(settings)) == []
        content["clusters"][0]["cluster"]["tls-server-name"] = "other.example.test"
        write_kubeconfig(tmp_path / "config", content)
        assert ("critical", "AksCertApiServerUntrusted") in alerts(look_at_cluster(settings))


def test_a_policy_of_ages_is_kept_to(tmp_path: Path, server: ApiServer) -> None:
    (tmp_path / "client.pem").write_bytes(CA.issue("me", NOW - 100 * DAY, NOW + 600 * DAY).pem)
    content = server.kubeconfig(CA.pem)
    content["users"][0]["user"] = {"client-certificate": "client.pem", "client-key": "client.pem"}
    path = write_kubeconfig(tmp_path / "config", content)
    flags = {"kubeconfig": str(path), "kubelets": "false"}
    assert ("warning", "AksCertOlderThanPolicy") not in alerts(look_at_cluster(resolve(Command.CHECK, flags, {})))
    strict = resolve(Command.CHECK, {**flags, "max_age": "90d"}, {})
    assert ("warning", "AksCertOlderThanPolicy") in alerts(look_at_cluster(strict))


@pytest.mark.parametrize(("kind", "uses"), [("daemonsets", 0), ("cronjobs", 1)])
def test_workloads_that_could_be_listed_are_known(kind: str, uses: int, tmp_path: Path, server: ApiServer) -> None:
    """And who may list none asked for nothing that fails."""
    file = "/etc/kubernetes/certs/kubeletserver.crt"
    server.store.put("daemonsets", objects.workload("agent", "monitoring", host_path=file, mount="/ca.crt"))
    server.faults.add(Fault(FaultKind.STATUS, status=403), resource=kind, verb="list", times=None)
    found = look(tmp_path, server)
    assert alerts(found).count(("warning", "AksCertRetiredPathInUse")) == uses
    assert ("workloads" in sources(found)) is bool(uses)
    unseen = [one.what for one in found.not_looked_at if one.what.startswith("all workloads")]
    assert len(unseen) == 1
    assert "403" in unseen[0]


def test_the_preflight_is_asked_of_the_nodes_there_are(tmp_path: Path, server: ApiServer) -> None:
    server.forbidden.add("certificatesigningrequests/selfnodeclient")
    found = look(tmp_path, server, preflight="true")
    rows = [("nodepool1", "node", "yes", "no"), ("-", "bootstrap", "yes", "yes")]
    assert table(found, "Rotation preflight") == rows
    assert sources(found)["preflight"] == "yes"
    assert table(look(tmp_path, server), "Rotation preflight") == []
    server.faults.add(Fault(FaultKind.STATUS, status=403), resource="nodes", verb="list", times=None)
    unknown = look(tmp_path, server, preflight="true", kubelets="auto")
    assert [row[0] for row in table(unknown, "Rotation preflight")] == ["-"]
    assert table(unknown, "Kubelets") == []
    server.forbidden.add("subjectaccessreviews")
    assert "403" in sources(look(tmp_path, server, preflight="true"))["preflight"]


def test_what_the_api_server_calls_is_looked_at_where_it_can_be(tmp_path: Path, server: ApiServer) -> None:
    own = Authority("own-ca", NOW - YEAR, NOW + YEAR, number=3)
    good = own.issue("policy", NOW - DAY, NOW + 90 * DAY, names=("policy.security.svc",), usages=(SERVER,))
    hook = objects.webhooks("policy", own.pem, service=("security", "policy"), policy="Fail")
    server.store.put("validatingwebhookconfigurations", hook)
    with SimulatedKubelets() as servers:
        host, port = servers.start(good, own).address
        found = look(tmp_path, server, endpoints_resolve=[f"security/policy={host}:{port}"])  # type: ignore[arg-type]
    called = {row[1]: (row[2], row[4]) for row in table(found, "What the API server calls")}
    assert called["policy"] == ("policy.security.svc:443", "yes")
    assert len(called) == 3
    assert all(words.startswith("not seen: ") for name, (_, words) in called.items() if name != "policy")
    assert "more of those that the API server calls" not in str(found.not_looked_at)
    assert sources(found)["endpoints"] == "yes"


@pytest.mark.parametrize(
    ("setting", "by_agent", "asked", "shown"),
    [
        ("auto", (), [0, 1, 2], ["3 nodes of nodepool1"]),
        ("auto", (0, 1), [2], ["aks-nodepool1-12345678-vmss000002"]),
        ("true", (0, 1), [0, 1, 2], ["3 nodes of nodepool1"]),
        ("false", (), [], []),
        ("auto", (0, 1, 2), [], []),
    ],
)
def test_kubelets_are_asked_that_nobody_else_tells_about(
    setting: str, by_agent: tuple[int, ...], asked: list[int], shown: list[str], tmp_path: Path
) -> None:
    with ApiServer(serving()) as server:
        names = fleet(server, 3)
        virtual = node("virtual-node-aci-linux", labels={"type": "virtual-kubelet"})
        server.store.put("nodes", virtual)
        said = behind(server, {name: kubelet() for name in names})
        if by_agent:
            nodes = [{"node": names[one], "observed_by": "node_agent"} for one in by_agent]
            document = {"schema": 1, "agent": "cluster", "looked_at": NOW, "nodes": nodes, "findings": []}
            installed(server, json.dumps(document).encode())
        found = look(tmp_path, server, kubelets=setting)
    assert {one.split("/")[0] for one in said} == {names[one] for one in asked}
    assert [row[0] for row in table(found, "Kubelets")] == shown


@pytest.mark.parametrize(("setting", "kubelets"), [("auto", 10), ("true", 12)])
def test_where_no_kubelet_is_reached_only_who_insists_asks_all_of_them(
    setting: str, kubelets: int, tmp_path: Path
) -> None:
    with ApiServer(serving()) as server:
        fleet(server, 12)
        said = behind(server, {})
        found = look(tmp_path, server, kubelets=setting)
    assert kubelets <= len({one.split("/")[0] for one in said}) <= (kubelets if setting == "true" else 12)
    assert bool(table(found, "Kubelets")) is (setting == "true")
    assert ("the API server reaches none of them" in str(found.not_looked_at)) is (setting == "auto")


def test_a_server_that_answers_nothing_is_asked_for_no_agent_either(tmp_path: Path, server: ApiServer) -> None:
    server.faults.add(Fault(FaultKind.STATUS, status=401), times=None)
    asked = installed(server, b"{}")
    found = look(tmp_path, server, kubelets="auto")
    assert asked == []
    assert "Cluster agent" not in [one.title for one in found.sections]
    assert not [target for _, target in server.requests if "/services" in target]


def test_an_agent_that_cannot_be_asked_says_why(tmp_path: Path, server: ApiServer) -> None:
    installed(server, b"no", 503)
    (section,) = [one for one in look(tmp_path, server).sections if one.title == "Cluster agent"]
    assert section.note.startswith("It was not asked: ")
    assert "503" in section.note


def test_a_login_and_a_look_at_azure_have_half_of_what_is_left_each(
    tmp_path: Path, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("a token")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        at = f"https://127.0.0.1:{silent.getsockname()[1]}"
        who = {"AZURE_CLIENT_ID": "a", "AZURE_TENANT_ID": "b", "AZURE_AUTHORITY_HOST": at}
        for name, value in {**who, "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")}.items():
            monkeypatch.setenv(name, value)
        found = look(tmp_path, server, azure_endpoint=at, azure_resource_id=CLUSTER.path, timeout="1s")
    within = re.fullmatch(r"no answer from Azure within (0\.\d+) s", sources(found)["azure"])
    assert within
    assert 0.2 < float(within[1]) < 0.5


def test_without_a_node_nobody_knows_of_which_cluster_azure_is_to_be_asked(tmp_path: Path, server: ApiServer) -> None:
    server.store.delete("nodes", NODE)
    words = sources(look(tmp_path, server, azure_enabled="true"))["azure"]
    assert words == "no node is known that leads to the cluster: give --azure.resource-id"


@pytest.mark.parametrize("allowed", [True, False])
def test_conversions_are_listed_where_that_is_allowed(allowed: bool, tmp_path: Path, server: ApiServer) -> None:
    """And only where what they lead to can be looked at: not from outside of the cluster."""
    if not allowed:
        server.forbidden.add("customresourcedefinitions")
    found = pod(tmp_path, server)
    assert any("customresourcedefinitions" in target for _, target in server.requests) is allowed
    assert sources(found)["webhooks"] == "yes"
    asked = len(server.requests)
    look(tmp_path, server)
    assert not [target for _, target in list(server.requests)[asked:] if "customresourcedefinitions" in target]
