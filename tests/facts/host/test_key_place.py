"""Where a certificate's private key has to be: exporter/facts/host/key_place.py."""

from dataclasses import replace

import pytest

from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.key_place import key_place
from exporter.facts.host.kubelet_settings import KubeletSettings
from exporter.facts.host.paths import Candidate, NamedBy, PathTable
from exporter.facts.kubeconfig import HostKubeconfig
from tests.facts.host.looked import AUTHORITY, CLIENT, CLIENT_NAMED, SERVING_NAMED, STATIC, kubeconfig

LINUX = PathTable((), {EvidenceFile.KUBECONFIG: "/etc/kubeconfig"})
WINDOWS = PathTable((), {EvidenceFile.KUBECONFIG: "C:\\k\\config"}, windows=True)
CLIENT_ON_WINDOWS = replace(CLIENT_NAMED, path="C:\\k\\client.crt")


def keyed(path: str) -> KubeletSettings:
    return KubeletSettings(tls_private_key_file=path)


def own(path: str) -> HostKubeconfig:
    return kubeconfig(client_key=path)


@pytest.mark.parametrize(
    ("candidate", "table", "config", "settings", "place"),
    [
        (CLIENT, LINUX, own("/etc/x.key"), keyed("/etc/y.key"), CLIENT.path),
        (CLIENT_NAMED, LINUX, own("/etc/x.key"), keyed("/etc/y.key"), "/etc/x.key"),
        (CLIENT_NAMED, LINUX, own("x.key"), keyed(""), "/etc/x.key"),
        (CLIENT_NAMED, LINUX, own("./client.crt"), keyed(""), CLIENT_NAMED.path),
        (CLIENT_NAMED, LINUX, own("/other/x.key"), keyed(""), ""),
        (CLIENT_NAMED, LINUX, own(""), keyed("/etc/y.key"), ""),
        (CLIENT_NAMED, LINUX, None, keyed("/etc/y.key"), ""),
        (replace(CLIENT_NAMED, named_by=None), LINUX, own("/etc/x.key"), keyed("/etc/y.key"), ""),
        (replace(AUTHORITY, named_by=NamedBy.KUBECONFIG), LINUX, own("/etc/x.key"), keyed("/etc/y.key"), ""),
        (SERVING_NAMED, LINUX, own("/etc/x.key"), keyed("/etc/y.key"), "/etc/y.key"),
        (SERVING_NAMED, LINUX, own("/etc/x.key"), keyed("/etc//tls.crt"), SERVING_NAMED.path),
        (SERVING_NAMED, LINUX, own("/etc/x.key"), keyed("/other/y.key"), ""),
        (SERVING_NAMED, LINUX, own("/etc/x.key"), keyed(""), ""),
        (SERVING_NAMED, LINUX, own("/etc/x.key"), KubeletSettings(), ""),
        (STATIC, LINUX, own("/etc/x.key"), keyed("/etc/y.key"), ""),
        (CLIENT_ON_WINDOWS, WINDOWS, own("x.key"), keyed(""), "C:\\k\\x.key"),
        (CLIENT_ON_WINDOWS, WINDOWS, own("c:/K/CLIENT.crt"), keyed(""), CLIENT_ON_WINDOWS.path),
    ],
)
def test_a_key_is_where_a_file_names_it_beside_its_certificate(
    candidate: Candidate, table: PathTable, config: HostKubeconfig | None, settings: KubeletSettings, place: str
) -> None:
    """What the kubelet renews has its key in one file with it; in another directory nobody looks for it."""
    assert key_place(candidate, table, config, settings) == place
