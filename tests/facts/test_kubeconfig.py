"""Kubeconfigs as AKS, the kubelet and people write them."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.kubeconfig import Credential, kubeconfig
from simulation.node.file_contents import kubelet_kubeconfig
from simulation.pki import Authority

CA = Authority.cluster(time.time())
TOKEN = "abc123.0123456789abcdef"


def text(user: str, *, cluster: str = "certificate-authority: /etc/kubernetes/certs/ca.crt", rest: str = "") -> bytes:
    return f"""apiVersion: v1
kind: Config
clusters:
- name: default-cluster
  cluster:
    server: https://contoso.hcp.westeurope.azmk8s.io:443
    {cluster}
users:
- name: default-auth
  user: {user}
contexts:
- name: default-context
  context: {{cluster: default-cluster, user: default-auth, namespace: default}}
current-context: default-context
{rest}""".encode()


def test_the_kubelets_own_kubeconfig_names_its_current_link() -> None:
    """Paths are kept as written."""
    link = "/var/lib/kubelet/pki/kubelet-client-current.pem"
    found = kubeconfig(text(f"{{client-certificate: {link}, client-key: {link}}}"))
    assert (found.credential, found.client_certificate) == (Credential.CERTIFICATE_FILE, link)
    assert (found.certificate_authority, found.namespace) == ("/etc/kubernetes/certs/ca.crt", "default")


@pytest.mark.parametrize(
    ("user", "kind"),
    [
        (f'{{token: "{TOKEN}"}}', Credential.TOKEN),
        ("{tokenFile: /var/run/token}", Credential.TOKEN),
        ("{exec: {command: /opt/azure/tlsbootstrap/tls-bootstrap-client}}", Credential.EXEC),
        ("{}", Credential.NONE),
    ],
)
def test_the_kind_of_credential_is_told_and_never_the_credential(user: str, kind: Credential) -> None:
    """Nothing of a token is anywhere in what comes out."""
    found = kubeconfig(text(user))
    assert found.credential is kind
    assert TOKEN not in repr(found)


def test_embedded_certificates_are_read() -> None:
    """Of the client, without its key, and of the CA, in preference to a path."""
    client = CA.kubelet_client("one", time.time())
    data = base64.b64encode(client.pem).decode()
    authority = base64.b64encode(CA.pem).decode()
    found = kubeconfig(
        text(
            f"{{client-certificate-data: {data}, client-key-data: {data}, client-certificate: /ignored}}",
            cluster=f"certificate-authority-data: {authority}",
        )
    )
    assert found.credential is Credential.CERTIFICATE_INLINE
    assert found.client_certificates[0].fingerprint_sha256 == client.fingerprint_sha256
    assert found.certificate_authorities[0].fingerprint_sha256 == CA.fingerprint_sha256
    assert (found.client_certificate, found.certificate_authority) == ("", "")
    assert b"PRIVATE" not in repr(found).encode()


def test_of_several_contexts_the_current_or_the_named_one_counts() -> None:
    """And one that is not there is an error that names it, if the name is not the file's."""
    rest = "\n".join(["", "extensions: []"])
    content = text("{}", rest=rest).replace(
        b"contexts:\n", b"contexts:\n- name: other\n  context: {cluster: default-cluster, user: nobody}\n"
    )
    assert kubeconfig(content).contexts == 2
    with pytest.raises(ValueError, match="no user of the name in the context"):
        kubeconfig(content, "other")
    with pytest.raises(ValueError, match="no context 'third'"):
        kubeconfig(content, "third")
    with pytest.raises(ValueError, match="no current-context"):
        kubeconfig(content.replace(b"current-context: default-context", b""))


@pytest.mark.parametrize("written", ["", "current-context:", 'current-context: ""', "current-context: ~"])
def test_without_a_current_context_the_kubelet_has_no_server(written: str) -> None:
    """B3's neighbour: clientcmd falls back to an empty cluster, be there a single context or several."""
    with pytest.raises(ValueError, match="no current-context"):
        kubeconfig(text("{}").replace(b"current-context: default-context", written.encode()))


def test_the_kind_may_be_left_out() -> None:
    """clientcmd does not ask for it, and people's own files are without."""
    assert kubeconfig(text("{}").replace(b"kind: Config\n", b"")) == kubeconfig(text("{}"))


BOMB = b"a: &a [x,x]\nb: &b {<<: [" + b",".join([b"*a"] * 50) + b"]}\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"just text",
        b"[1, 2]",
        b"kind: Deployment\nclusters: []",
        b"kind: Config",
        b"kind: Config\nclusters: 7",
        b"kind: Config\nclusters: [{name: x}]\ncontexts: [{context: {}}]",
        b"kind: Config\nclusters: [{name: x, cluster: 7}]\ncontexts: [{name: x, context: 9}]",
        b"{unclosed",
        b"\x00\x01\x02",
        b"\xff\xfe",
        b"a: b: c",
        b"!!python/object/apply:os.system ['true']",
        b"2026-13-99: x",
        b"? [a]\n: b",
        b"[" * 30_000,
        BOMB,
        text("{client-certificate-data: '%%%'}"),
        text("{client-certificate-data: aGVsbG8=}"),
        text("{client-certificate: 7}"),
        text("{}").replace(b"kind: Config", b"kind: Deployment"),
        text("{}").replace(b"clusters:", b"others:"),
        text("{}", rest="users: [{name: x}, {name: x}]"),
        text("{}", cluster="certificate-authority-data: 'aGVs bG8='"),
        text("{}", cluster="certificate-authority-data: aGVsbG8="),
    ],
)
def test_what_is_not_a_kubeconfig_is_one_line_of_error(content: bytes) -> None:
    """YAML of another kind, aliases, depth, tags, junk: a ValueError whose message fits a line."""
    with pytest.raises(ValueError, match=r"\A[^\n]{1,400}\Z"):
        kubeconfig(content)


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail_otherwise(content: bytes) -> None:
    """Random bytes, alone and inside a real kubeconfig."""
    real = text("{token: x}")
    for candidate in (content, real[:200] + content + real[200:]):
        try:
            kubeconfig(candidate)
        except ValueError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("after", ["---\n", "---\n- junk\n", "...\n", "---\nkind: Config\n"])
def test_what_follows_the_first_document_is_not_looked_at(after: str) -> None:
    """B3's neighbour: the kubelet reads the first document, and starts."""
    written = kubelet_kubeconfig("https://apiserver.example.test:443", namespace=True)
    assert kubeconfig(f"{written}{after}".encode()) == kubeconfig(written.encode())
