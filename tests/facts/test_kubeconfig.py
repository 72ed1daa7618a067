"""Kubeconfigs as AKS, the kubelet and people write them."""

import base64
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.kubeconfig import (
    Credential,
    HostKubeconfig,
    KubeconfigText,
    kubeconfig,
    kubeconfig_text,
)
from exporter.facts.x509 import authority_file, certificate_file
from simulation.node.file_contents import kubelet_kubeconfig
from simulation.pki import Authority

CA = Authority.cluster(time.time())
NO_CONTEXT = "no context of the name in current-context"
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
    assert found.credential == "certificate_inline"
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
    """clientcmd does not ask for it, and people's own files are without, or have it empty."""
    for written in (b"", b"kind:\n", b'kind: ""\n'):
        assert kubeconfig(text("{}").replace(b"kind: Config\n", written)) == kubeconfig(text("{}"))


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


BARE = HostKubeconfig(
    cluster="default-cluster",
    user="default-auth",
    namespace="default",
    server="https://contoso.hcp.westeurope.azmk8s.io:443",
    credential=Credential.NONE,
    certificate_authority="/etc/kubernetes/certs/ca.crt",
)
CLIENT = CA.kubelet_client("one", time.time())
CLIENT_DATA, CA_DATA = (base64.b64encode(one.pem).decode() for one in (CLIENT, CA))


def test_what_a_kubeconfig_leaves_out_is_empty() -> None:
    assert (
        HostKubeconfig(
            "default-cluster",
            "default-auth",
            "default",
            "https://contoso.hcp.westeurope.azmk8s.io:443",
            Credential.NONE,
            client_certificate="",
            client_key="",
            client_certificates=(),
            certificate_authority="/etc/kubernetes/certs/ca.crt",
            certificate_authorities=(),
            insecure_skip_tls_verify=False,
            contexts=1,
        )
        == BARE
    )
    least = b"""{clusters: [{name: c}], users: [{name: u}], contexts: [{name: x, context: {cluster: c, user: u}}],
        current-context: x}"""
    assert kubeconfig(least) == HostKubeconfig("c", "u", "", "", Credential.NONE)


@pytest.mark.parametrize(
    ("user", "changes"),
    [
        ("{}", {}),
        ("", {}),
        ("{token: ''}", {}),
        ("{client-key: k}", {"client_key": "k"}),
        ("{client-certificate: c}", {"credential": "certificate_file", "client_certificate": "c"}),
        (
            "{client-certificate: c, client-key: k, token: t}",
            {"credential": "certificate_file", "client_certificate": "c", "client_key": "k"},
        ),
        (
            "{client-certificate: c, client-key: k, client-key-data: d}",
            {"credential": "certificate_file", "client_certificate": "c"},
        ),
        ("{token: t, exec: {command: x}}", {"credential": "token"}),
        ("{tokenFile: t, exec: {command: x}}", {"credential": "token"}),
        ("{exec: {command: x}, username: u}", {"credential": "exec"}),
        ("{exec: {}, username: u}", {}),
    ],
)
def test_a_user_has_the_first_kind_of_credential_that_is_there(user: str, changes: dict[str, Any]) -> None:
    found = kubeconfig_text(text(user))
    assert found == KubeconfigText(replace(BARE, **changes), None, None)
    assert kubeconfig(text(user)) == found.bare


@pytest.mark.parametrize(
    ("cluster", "changes", "authorities"),
    [
        ("certificate-authority: a", {"certificate_authority": "a"}, None),
        (f"certificate-authority-data: {CA_DATA}", {"certificate_authority": ""}, CA.pem),
        (
            f"certificate-authority: a\n    certificate-authority-data: {CA_DATA}",
            {"certificate_authority": ""},
            CA.pem,
        ),
        ("insecure-skip-tls-verify: true", {"certificate_authority": "", "insecure_skip_tls_verify": True}, None),
        ("insecure-skip-tls-verify: false", {"certificate_authority": ""}, None),
        ("insecure-skip-tls-verify:", {"certificate_authority": ""}, None),
    ],
)
def test_a_cluster_says_whose_ca_it_trusts(cluster: str, changes: dict[str, Any], authorities: bytes | None) -> None:
    assert kubeconfig_text(text("{}", cluster=cluster)) == KubeconfigText(replace(BARE, **changes), None, authorities)


def test_certificates_in_the_file_are_parsed_by_whoever_is_asked() -> None:
    """The client's as a leaf's file, the CA's as a bundle."""
    content = text(
        f"{{client-certificate-data: {CLIENT_DATA}, client-certificate: c, client-key: k}}",
        cluster=f"certificate-authority-data: {CA_DATA}",
    )
    bare = replace(BARE, credential=Credential.CERTIFICATE_INLINE, client_key="k", certificate_authority="")
    assert kubeconfig_text(content) == KubeconfigText(bare, CLIENT.pem, CA.pem)
    leaf, bundle = certificate_file(CLIENT.pem).certificates, authority_file(CA.pem).certificates
    whole = replace(bare, client_certificates=leaf, certificate_authorities=bundle)
    assert kubeconfig(content) == whole
    assert kubeconfig_text(content).parsed(authority_file, certificate_file) == whole
    only = kubeconfig(text(f"{{client-certificate-data: {CLIENT_DATA}}}"))
    assert only == replace(BARE, credential=Credential.CERTIFICATE_INLINE, client_certificates=leaf)


def test_the_first_certificate_counts_for_a_client_and_none_in_particular_for_a_ca() -> None:
    """A broken one in the first place leaves a client without a certificate, and a bundle with its others."""
    broken = b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"
    client, authority = (base64.b64encode(broken + one.pem).decode() for one in (CLIENT, CA))
    found = kubeconfig(text("{}", cluster=f"certificate-authority-data: {authority}"))
    assert found.certificate_authorities == authority_file(CA.pem).certificates
    with pytest.raises(ValueError, match=r"\Aclient-certificate-data: certificate 1: not a certificate: "):
        kubeconfig(text(f"{{client-certificate-data: {client}}}"))


@pytest.mark.parametrize("word", ["certificate_file", "certificate_inline", "token", "exec", "none"])
def test_a_kubeconfig_without_certificates_of_its_own_is_parsed_as_it_is(word: str) -> None:
    """Whatever its credential, in the words of documents."""
    bare = replace(BARE, credential=Credential(word))
    assert KubeconfigText(bare, None, None).parsed(certificate_file, authority_file) == bare
    assert bare.credential == word


@pytest.mark.parametrize(
    ("server", "changes", "trust"),
    [
        ("https://a", {}, "system_cas"),
        ("https://a", {"certificate_authority": "a"}, "named_ca"),
        ("https://a", {"certificate_authorities": authority_file(CA.pem).certificates}, "named_ca"),
        (
            "https://a",
            {"certificate_authority": "a", "insecure_skip_tls_verify": True},
            "anybody",
        ),
        (" HTTP://a", {"insecure_skip_tls_verify": True}, "plain_http"),
        ("http", {}, "system_cas"),
    ],
)
def test_a_server_is_believed_by_what_the_cluster_says(server: str, changes: dict[str, Any], trust: str) -> None:
    found = replace(BARE, server=server, **{"certificate_authority": "", **changes})
    assert found.server_trust == trust


CONTEXT = b"{cluster: default-cluster, user: default-auth, namespace: default}"


def changed(before: bytes, after: bytes) -> bytes:
    assert text("{}").count(before) == 1
    return text("{}").replace(before, after)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[]", "not a kubeconfig"),
        (b"", "not a kubeconfig"),
        (changed(b"kind: Config", b"kind: Deployment"), "not a kubeconfig"),
        (changed(b"kind: Config", b"kind: 7"), "not a kubeconfig"),
        (changed(b"\nclusters:", b"\nothers:"), "not a kubeconfig"),
        (changed(b"current-context: default-context", b"current-context: other"), NO_CONTEXT),
        (changed(b"current-context: default-context", b"current-context: 7"), NO_CONTEXT),
        (changed(b"current-context: default-context", b"current-context: [x]"), NO_CONTEXT),
        (changed(b"current-context: default-context", b""), "no current-context"),
        (changed(CONTEXT, b"{user: default-auth}"), "no cluster of the name in the context"),
        (changed(CONTEXT, b"{cluster: x, user: default-auth}"), "no cluster of the name in the context"),
        (changed(CONTEXT, b"{cluster: default-cluster}"), "no user of the name in the context"),
        (changed(CONTEXT, b"{cluster: [x], user: default-auth}"), "cluster is not a string"),
        (changed(CONTEXT, b"{cluster: default-cluster, user: 7}"), "user is not a string"),
        (changed(CONTEXT, CONTEXT.replace(b"namespace: default", b"namespace: 7")), "namespace is not a string"),
        (changed(CONTEXT, b"[x]"), "contexts: a context is not a mapping"),
        (changed(b"  user: {}", b"  user: 7"), "users: a user is not a mapping"),
        (changed(b"- name: default-auth", b"- name: 7"), "an entry of users has no name"),
        (changed(b"- name: default-auth\n ", b"- x\n-"), "an entry of users has no name"),
        (text("{}", rest="users: 7"), "users is not a list"),
        (text("{}", rest="users: [{name: default-auth}, {name: default-auth}]"), "users: a name is there twice"),
        (text("{}", rest="contexts: {}"), "no context of the name in current-context"),
        (text("{}", rest="clusters:"), "no cluster of the name in the context"),
        (text("{client-certificate: 7}"), "client-certificate is not a string"),
        (text("{client-certificate: '-----BEGIN'}"), "client-certificate is not a path"),
        (text("{client-key: '-----BEGIN'}"), "client-key is not a path"),
        (text("{}", cluster="certificate-authority: '-----BEGIN'"), "certificate-authority is not a path"),
        (text("{}", cluster="insecure-skip-tls-verify: 1"), "insecure-skip-tls-verify is neither true nor false"),
        (text("{client-certificate-data: '%'}"), "client-certificate-data is not base64"),
        (text("{}", cluster="certificate-authority-data: '%'"), "certificate-authority-data is not base64"),
        (text("{}", cluster="certificate-authority-data: [x]"), "certificate-authority-data is not a string"),
        (
            text("{client-certificate-data: aGVsbG8=}"),
            "client-certificate-data: the file holds no certificate",
        ),
        (
            text("{}", cluster="certificate-authority-data: aGVsbG8="),
            "certificate-authority-data: the file holds no certificate",
        ),
    ],
)
def test_what_is_wrong_is_told_without_a_word_of_the_file(content: bytes, message: str) -> None:
    """B3: each thing that client-go refuses."""
    with pytest.raises(ValueError, match=r"\A") as caught:
        kubeconfig(content)
    assert str(caught.value) == message


def test_a_context_that_somebody_named_is_named_in_the_error() -> None:
    with pytest.raises(ValueError, match=r"\Ano context 'x{80}'\Z"):
        kubeconfig(text("{}"), "x" * 100)
    assert kubeconfig(changed(b"current-context: default-context", b""), "default-context") == BARE
