"""What is printed of records that hold a password, a token or a key: never those."""

from dataclasses import fields

import pytest

from exporter.facts.kube.kubeconfig_entries import AuthProvider, Cluster, ExecPlugin, User
from exporter.facts.proxy import Proxy
from exporter.sources.kube.access import Access
from exporter.sources.kube.exec_plugin import PluginCredential
from exporter.sources.node_agents.client_config import ClientAccess

HIDDEN: dict[type, set[str]] = {
    Access: {"identity", "headers"},
    AuthProvider: {"config"},
    ClientAccess: {"headers"},
    Cluster: {"server", "proxy_url", "plugin_config"},
    ExecPlugin: {"arguments", "environment"},
    PluginCredential: {"token", "certificate", "key"},
    Proxy: {"username", "password"},
    User: {"certificate", "key", "token", "username", "password"},
}


@pytest.mark.parametrize("record", HIDDEN)
def test_a_record_shows_no_secret_where_it_is_printed(record: type) -> None:
    """URLs of servers and of proxies may hold a password, and so may whatever a plugin is started with."""
    names = {one.name for one in fields(record)}
    shown = repr(record(**{name: f"{name} itself" for name in names}))
    assert {name for name in names if f"{name} itself" not in shown} == HIDDEN[record]
