"""Single steps of a look at a cluster (exporter.check.cluster_look): the login, what it sees first, and its time."""

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.check import cluster_look
from exporter.check.cluster_look import look_at_cluster
from exporter.facts.cluster import Endpoint
from exporter.facts.x509 import certificates
from exporter.reason import Reason, Source
from exporter.settings import Command, SettingsError, resolve
from exporter.sources.kube.access import Access
from exporter.sources.kube.connection import Connection, Kubeconfig, ServiceAccount
from simulation.api.server import ApiServer, write_kubeconfig
from tests.agents.clusters import CA, NEXT_CA, node, populate, serving
from tests.check.test_cluster_look_parts import ANSWERED, alone, sources
from tests.proxies import Proxy

__all__ = ["alone"]


class Broken(ServiceAccount):
    """Of which nobody foresaw what it does."""

    def read(self) -> Access:
        raise RuntimeError


@pytest.mark.parametrize("timeout", ["", "1m"])
def test_a_login_with_a_bug_is_why_nobody_was_asked(timeout: str, tmp_path: Path) -> None:
    """However long that may take: without a bound it has the usual one."""
    found = look_at_cluster(resolve(Command.CHECK, {"timeout": timeout}, {}), Broken(tmp_path, {}))
    assert set(sources(found)) == set(ANSWERED) - {"apiserver"}
    (words,) = set(sources(found).values())
    assert words.startswith("a bug in this program: RuntimeError")


def test_a_login_needs_no_file_twice_and_what_is_served_is_seen_with_its_chain(tmp_path: Path) -> None:
    """A plugin may take what is left of the time, but for the telling."""
    with ApiServer(replace(serving(), chain=(NEXT_CA.certificate,))) as server:
        path = write_kubeconfig(tmp_path / "config", server.kubeconfig(CA.pem))
        settings = resolve(Command.CHECK, {"kubeconfig": str(path)}, {})
        account, deadline = ServiceAccount(tmp_path, {}), time.monotonic() + 50
        one = cluster_look._Look(
            settings, path, *cluster_look._read(path, ""), deadline, lambda _: None, account, handshake=2.0
        )
        path.unlink()
        one._connect()
        connection: Any = one._connection
        assert (connection._timeout, connection._credentials._patience) == (15.0, pytest.approx(49, abs=5))
        assert (connection._credentials._paths, connection._credentials._context) == (path, "")
        connection.close()
        one._probe()
        place = f"127.0.0.1:{server.port}"
    leaf, between = one._seen.chain
    assert one._seen.endpoint == Endpoint(place, leaf, None, between=(between,))
    assert (leaf.subject, (between,)) == ("CN=apiserver", certificates(NEXT_CA.pem))


def test_who_names_no_account_has_the_pods_own_and_a_server_that_cannot_be_is_a_bad_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="and this is no Pod"):
        look_at_cluster(resolve(Command.CHECK, {}, {}))
    content = {
        "clusters": [{"name": "c", "cluster": {"server": "gopher://a"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c"}}],
        "current-context": "x",
    }
    path = write_kubeconfig(tmp_path / "config", content)
    with pytest.raises(SettingsError, match=f"^kubeconfig {path}: "):
        look_at_cluster(resolve(Command.CHECK, {"kubeconfig": str(path)}, {}))


def test_without_any_ca_nobody_knows_whether_what_is_served_is_trusted(tmp_path: Path) -> None:
    with ApiServer(serving()) as server:
        content = server.kubeconfig(b"")
        content["clusters"][0]["cluster"] = {"server": server.url, "insecure-skip-tls-verify": True}
        path = write_kubeconfig(tmp_path / "config", content)
        one = looking(tmp_path, time.monotonic() + 20)
        with closing(Connection(Kubeconfig(path))) as connection:
            one._probe_from_pod(connection)
    assert one._seen.endpoint is not None
    assert (one._seen.endpoint.failure, one._seen.endpoint.trusted) == (None, None)


def test_the_first_node_with_an_id_leads_to_the_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # nobody is logged in
    with ApiServer(serving()) as server:
        populate(server)
        without = node("aks-a-12345678-vmss000000")
        without["spec"].pop("providerID")  # type: ignore[attr-defined]
        server.store.put("nodes", without)
        path = write_kubeconfig(tmp_path / "config", server.kubeconfig(CA.pem))
        flags = {"kubeconfig": str(path), "kubelets": "false", "azure_enabled": "true"}
        words = sources(look_at_cluster(resolve(Command.CHECK, flags, {})))["azure"]
    assert "no Azure CLI" in words


def test_what_is_served_is_seen_through_the_proxy_that_leads_there(tmp_path: Path) -> None:
    with ApiServer(serving(CA, "api.invalid")) as server, Proxy(("127.0.0.1", server.port)) as proxy:
        content = server.kubeconfig(CA.pem)
        content["clusters"][0]["cluster"] |= {"server": "https://api.invalid", "proxy-url": f"http://{proxy.place}"}
        path = write_kubeconfig(tmp_path / "config", content)
        one = looking(tmp_path, time.monotonic() + 20, path)
        one._probe()
    assert one._seen.endpoint is not None
    assert (one._seen.endpoint.address, one._seen.endpoint.failure) == ("api.invalid:443", None)


def test_where_nothing_is_encrypted_no_certificate_is_looked_for(tmp_path: Path) -> None:
    with ApiServer(None) as server:
        populate(server)
        path = write_kubeconfig(tmp_path / "config", server.kubeconfig(CA.pem))
        found = look_at_cluster(resolve(Command.CHECK, {"kubeconfig": str(path), "kubelets": "false"}, {}))
    assert sources(found) == dict.fromkeys((*ANSWERED[:-1], "workloads"), "yes")


def looking(folder: Path, deadline: float, path: Path | None = None) -> cluster_look._Look:
    settings, account = resolve(Command.CHECK, {}, {}), ServiceAccount(folder, {})
    choice, view = cluster_look._read(path, "") if path else (None, None)
    return cluster_look._Look(settings, path, choice, view, deadline, lambda _: None, account, 1.0)


def test_what_was_told_can_still_be_printed(tmp_path: Path) -> None:
    one = looking(tmp_path, 100.0)
    assert (one._deadline, one._told_by) == (100.0, 99.0)


def test_a_look_with_a_bug_is_its_sources_failure(tmp_path: Path) -> None:
    def broken() -> None:
        raise ValueError

    one = looking(tmp_path, time.monotonic() + 20)
    failures = one._look_with({Source.LEASES: broken, Source.NODES: lambda: None})
    assert {name: failure.reason for name, failure in failures.items()} == {Source.LEASES: Reason.BUG}
    assert [(one.source, one.last_reason) for one in one._state.sources() if one.up is False] == [
        (Source.LEASES, Reason.BUG)
    ]


def test_so_long_and_so_many_are_waited_for() -> None:
    assert (cluster_look.PATIENCE, cluster_look.HANDSHAKE, cluster_look.ENDPOINT) == (90.0, 10.0, 5.0)
    assert (cluster_look.AZURE, cluster_look.AZURE_PARTS, cluster_look.TELLING) == (30.0, 2, 1.0)
    assert (cluster_look.ENDPOINTS_PATIENCE, cluster_look.MOST_ENDPOINTS, cluster_look.AT_ONCE) == (30.0, 1000, 16)
    asked = {"verb": "list", "group": "apiextensions.k8s.io", "resource": "customresourcedefinitions"}
    assert asked == cluster_look.DEFINITIONS
