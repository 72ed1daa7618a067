"""Kubeconfigs as kubectl joins them: what they trust, as whom they ask, and where."""

import base64
import tempfile
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.facts.kube.kubeconfig_entries import KubeconfigError
from exporter.facts.source import Failure
from exporter.sources.kube import kubeconfig
from exporter.sources.kube.kubeconfig import KubeconfigView, Paths, default_kubeconfig, read_kubeconfig
from simulation.pki import Authority

NOW = time.time()
CA = Authority.cluster(NOW)
CLIENT = CA.issue("masterclient", NOW - 600, NOW + 9e6, organization="system:masters")
SERVER = "https://contoso-dns-1a2b3c4d.hcp.westeurope.azmk8s.io:443"


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def content(name: str = "aks1", user: object = None) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": SERVER, "certificate-authority-data": b64(CA.pem)}}],
        "users": [{"name": f"user-{name}", "user": user or {"token": "secret-token"}}],
        "contexts": [{"name": f"context-{name}", "context": {"cluster": name, "user": f"user-{name}"}}],
        "current-context": f"context-{name}",
    }


def write(path: Path, what: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(what))
    return path


def view(paths: Paths, context: str = "") -> KubeconfigView:
    found = kubeconfig.view(read_kubeconfig(paths, context), {})
    assert isinstance(found, KubeconfigView), found
    return found


def test_the_current_context_of_one_file(tmp_path: Path) -> None:
    """As az aks get-credentials --admin writes it."""
    user = {"client-certificate-data": b64(CLIENT.certificate_pem), "client-key-data": b64(CLIENT.key_pem)}
    found = view(write(tmp_path / "config", content(user=user)))
    assert found.context == "context-aks1"
    assert found.address == ("contoso-dns-1a2b3c4d.hcp.westeurope.azmk8s.io", 443)
    assert found.server_name == "contoso-dns-1a2b3c4d.hcp.westeurope.azmk8s.io"
    assert found.authorities is not None
    assert [one.fingerprint_sha256 for one in found.authorities] == [CA.fingerprint_sha256]
    assert [one.serial_number for one in found.client] == [CLIENT.serial_number]


def test_several_files_are_joined_as_kubectl_joins_them(tmp_path: Path) -> None:
    """The first file that names something wins; one that is not there is passed over."""
    first = write(tmp_path / "a" / "config", content("one"))
    second = content("two")
    second["clusters"].append({"name": "one", "cluster": {"server": "https://elsewhere:1"}})  # type: ignore[attr-defined]
    paths = f"{tmp_path / 'gone'}:{first}:{write(tmp_path / 'b' / 'config', second)}"
    assert view(paths).context == "context-one"
    assert view(paths).address == ("contoso-dns-1a2b3c4d.hcp.westeurope.azmk8s.io", 443)
    assert view(paths, "context-two").cluster == "two"


def test_paths_are_relative_to_their_file(tmp_path: Path) -> None:
    """The CA and the client certificate beside the kubeconfig."""
    (tmp_path / "ca.crt").write_bytes(CA.pem)
    (tmp_path / "client.crt").write_bytes(CLIENT.certificate_pem)
    what = content(user={"client-certificate": "client.crt", "client-key": "client.key"})
    what["clusters"] = [{"name": "aks1", "cluster": {"server": SERVER, "certificate-authority": "ca.crt"}}]
    found = view(write(tmp_path / "config", what))
    assert found.authorities is not None
    assert [len(found.authorities), len(found.client)] == [1, 1]
    (tmp_path / "ca.crt").unlink()
    found = view(tmp_path / "config")
    assert found.authorities is None
    assert found.unreadable.endswith("ca.crt: No such file or directory")


def test_a_user_with_a_plugin_has_no_client_certificate(tmp_path: Path) -> None:
    """kubelogin; nothing is run to look at the file."""
    version = "client.authentication.k8s.io/v1"
    plugin = {"exec": {"apiVersion": version, "command": "/does/not/exist", "interactiveMode": "Never"}}
    found = view(write(tmp_path / "config", content(user=plugin)))
    assert (found.credential, found.client) == ("the plugin exist", ())


def test_the_name_of_the_server_may_be_another(tmp_path: Path) -> None:
    """tls-server-name; and without a CA those of the system are trusted."""
    what = content()
    what["clusters"] = [{"name": "aks1", "cluster": {"server": "https://10.0.0.4", "tls-server-name": "aks.example"}}]
    found = view(write(tmp_path / "config", what))
    assert (found.address, found.server_name, found.authorities) == (("10.0.0.4", 443), "aks.example", None)


MERGES = "\n".join(["all:", "- &a0 {x: 1}", *(f"- &a{n} {{<<: *a{n - 1}}}" for n in range(1, 2000)), "<<: *a1999"])
"""Not nested, but each merge holds the one before it."""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "the document is not a mapping"),
        ("a: b: c", "not YAML in line 1"),
        (MERGES, "nested too deep"),
        ("{}", "it names no cluster and no context"),
        ("current-context: x", "it names no cluster and no context"),
        (yaml.safe_dump({**content(), "clusters": []}), "context 'context-aks1': no cluster 'aks1'. There is none."),
        (
            yaml.safe_dump({**content(), "current-context": "other"}),
            "current-context: no context 'other'. Contexts: context-aks1.",
        ),
        (
            yaml.safe_dump({**content(), "current-context": ""}),
            "no current-context: give --context. Contexts: context-aks1.",
        ),
    ],
)
def test_what_is_no_kubeconfig_is_a_failure_of_one_line(text: str, words: str, tmp_path: Path) -> None:
    """It names the file and the contexts there are, and never quotes it."""
    (tmp_path / "config").write_text(text)
    with pytest.raises(KubeconfigError) as raised:
        read_kubeconfig(tmp_path / "config")
    assert str(raised.value) == f"kubeconfig {tmp_path / 'config'}: {words}"


def test_a_missing_file_is_a_failure(tmp_path: Path) -> None:
    """All of them missing, that is."""
    with pytest.raises(KubeconfigError, match=r"kubeconfig .*/a:.*/b: no such file"):
        read_kubeconfig(f"{tmp_path / 'a'}:{tmp_path / 'b'}")


def test_kubeconfig_comes_from_the_environment_or_not_at_all() -> None:
    """KUBECONFIG first."""
    assert default_kubeconfig({"KUBECONFIG": "/a:/b"}) == "/a:/b"


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["clusters", "users", "contexts", "current-context", "kind"]), json))
def test_any_yaml_is_a_view_or_a_failure(changes: dict[str, object]) -> None:
    """Nothing is raised, and the token is nowhere."""
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "config", {**content(), **changes})
        try:
            choice = read_kubeconfig(path)
        except KubeconfigError as error:
            assert "secret-token" not in str(error)
            assert "\n" not in str(error)
        else:
            assert isinstance(found := kubeconfig.view(choice, {}), (KubeconfigView, Failure))
            assert "secret-token" not in repr(choice) + repr(found)


def test_the_first_certificate_of_the_client_is_the_one_that_is_shown(tmp_path: Path) -> None:
    """A3: one that cannot be read is not replaced by the next; in a CA bundle the others count (B4)."""
    junk = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    document = content(user={"client-certificate-data": b64(junk + CLIENT.pem), "client-key-data": b64(CLIENT.key_pem)})
    document["clusters"][0]["cluster"]["certificate-authority-data"] = b64(junk + CA.pem)  # type: ignore[index]
    found = view(write(tmp_path / "config", document))
    assert found.client == ()
    assert "client-certificate-data" in found.unreadable
    assert found.authorities is not None
    assert [one.fingerprint_sha256 for one in found.authorities] == [CA.fingerprint_sha256]
