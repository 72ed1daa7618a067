"""The path table: presets, what files name, and what a user sets."""

import pytest

from exporter import presets
from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.kubelet_settings import KubeletSettings
from exporter.facts.host.paths import Means, NamedBy, PathTable, path_table
from exporter.facts.kubeconfig import Credential, HostKubeconfig
from exporter.reason import Role

LINUX, WINDOWS = (path_table(presets.preset(name)) for name in presets.PRESETS)


def kubeconfig(client: str, authority: str = "") -> HostKubeconfig:
    return HostKubeconfig(
        "c", "u", "", "", Credential.CERTIFICATE_FILE, client_certificate=client, certificate_authority=authority
    )


def paths(
    table: PathTable, role: Role, named: HostKubeconfig | None = None, settings: KubeletSettings | None = None
) -> list[str]:
    return [c.path for c in table.resolved(named, settings or KubeletSettings()) if c.role is role]


def test_the_shipped_tables_have_the_paths_of_aks() -> None:
    """In the order in which they are tried."""
    assert paths(LINUX, Role.KUBELET_SERVING) == [
        "/var/lib/kubelet/pki/kubelet-server-current.pem",
        "/var/lib/kubelet/kubelet-server-current.pem",
        "/etc/kubernetes/certs/kubeletserver.crt",
        "/var/lib/kubelet/pki/kubelet.crt",
    ]
    assert paths(WINDOWS, Role.KUBELET_CLIENT) == ["C:\\k\\pki\\kubelet-client-current.pem"]
    assert (LINUX.windows, WINDOWS.windows) == (False, True)


def test_a_path_that_two_places_give_is_looked_at_once() -> None:
    """And it is known that the kubeconfig names it, and what its name in the preset means."""
    found = LINUX.resolved(kubeconfig("/etc/kubernetes/certs/client.crt"), KubeletSettings())
    clients = [c for c in found if c.role is Role.KUBELET_CLIENT]
    assert [c.path for c in clients] == [
        "/var/lib/kubelet/pki/kubelet-client-current.pem",
        "/etc/kubernetes/certs/client.crt",
    ]
    assert (clients[1].named_by, clients[1].means) == (NamedBy.KUBECONFIG, Means.STATIC)


def test_a_relative_path_counts_from_the_file_that_names_it() -> None:
    """As in client-go, on Linux and on Windows, where letters' case and slashes make no difference."""
    assert "/var/lib/kubelet/own.crt" in paths(LINUX, Role.KUBELET_CLIENT, kubeconfig("own.crt"))
    assert "C:\\k\\own.crt" in paths(WINDOWS, Role.KUBELET_CLIENT, kubeconfig("own.crt"))
    assert len(paths(WINDOWS, Role.KUBELET_CLIENT, kubeconfig("c:/k/PKI/kubelet-client-current.pem"))) == 1


def test_the_kubelets_tls_cert_file_is_a_candidate() -> None:
    """Wherever it lies."""
    assert "/srv/tls.crt" in paths(LINUX, Role.KUBELET_SERVING, None, KubeletSettings(tls_cert_file="/srv/tls.crt"))


def test_a_users_path_is_expected_and_replaces_the_roles_list() -> None:
    """One that the preset has is not expected more than before."""
    table = path_table(
        presets.preset("aks-linux"),
        {
            "certificates": {
                "kubelet-client": ["/opt/new/kubelet-client-current.pem", "/etc/kubernetes/certs/client.crt"]
            },
            "evidence": {"kubeconfig": "/opt/new/kubeconfig", "instance-metadata": ""},
        },
    )
    found = [c for c in table.resolved(None, KubeletSettings()) if c.role is Role.KUBELET_CLIENT]
    assert [(c.path, c.means, c.expected) for c in found] == [
        ("/opt/new/kubelet-client-current.pem", Means.ROTATED, True),
        ("/etc/kubernetes/certs/client.crt", Means.STATIC, False),
    ]
    assert table.evidence[EvidenceFile.KUBECONFIG] == "/opt/new/kubeconfig"
    assert EvidenceFile.INSTANCE_METADATA not in table.evidence
    assert table.expected_evidence == {EvidenceFile.KUBECONFIG}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"certificate": {}}, "unknown key certificate"),
        ({"certificates": []}, "certificates: not a mapping"),
        ({"certificates": {"kubelet": []}}, "certificates: unknown role kubelet"),
        ({"certificates": {"cluster-ca": "/x"}}, "certificates.cluster-ca: not a list"),
        ({"certificates": {"cluster-ca": ["x/y"]}}, "certificates.cluster-ca: 'x/y' is not an absolute path"),
        ({"certificates": {"cluster-ca": [{"path": "/x", "from": "kubeconfig"}]}}, "certificates.cluster-ca: an entry"),
        ({"certificates": {"cluster-ca": [{"from": "air"}]}}, "from air is not one of"),
        ({"certificates": {"cluster-ca": [{"path": "/x", "means": "y"}]}}, "means y is not one of"),
        ({"certificates": {"cluster-ca": [7]}}, "certificates.cluster-ca: an entry"),
        ({"evidence": {"kubeconfigs": "/x"}}, "evidence: unknown file kubeconfigs"),
        ({"evidence": {"kubeconfig": 7}}, "evidence.kubeconfig: 7 is not an absolute path"),
    ],
)
def test_a_section_that_cannot_be_used_names_its_key(section: dict[str, object], message: str) -> None:
    """Nothing is ignored."""
    with pytest.raises(ValueError, match=message):
        path_table(presets.preset("aks-linux"), section)
