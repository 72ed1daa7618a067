"""The parts of a kubeconfig one by one: its files, its document, its server, its proxy, its certificates."""

import base64
import os
from pathlib import Path

import pytest
import yaml

from exporter.facts.kube.kubeconfig_choice import Choice
from exporter.facts.kube.kubeconfig_entries import AuthProvider, Cluster, ExecPlugin, KubeconfigError, User
from exporter.facts.proxy import Proxy
from exporter.facts.source import Failure
from exporter.facts.x509 import certificates
from exporter.reason import Reason
from exporter.sources.kube.kubeconfig import (
    LARGEST,
    KubeconfigView,
    Paths,
    address_of,
    context_names,
    default_kubeconfig,
    file_names,
    proxy_for,
    read_kubeconfig,
    read_material,
    server_url,
    view,
)
from simulation.pki import Authority
from tests.sources.kube.watching import T0

CA, OTHER = Authority.cluster(T0), Authority.cluster(T0, number=1)
LEAF = CA.kubelet_client("reader", T0)
NO_HOST = "the cluster's server has no host, or an impossible port"


@pytest.mark.parametrize(
    ("written", "url", "address"),
    [
        ("https://contoso.example", "https://contoso.example", ("contoso.example", 443)),
        ("https://contoso.example/", "https://contoso.example", ("contoso.example", 443)),
        ("https://contoso.example:6443/a//", "https://contoso.example:6443/a", ("contoso.example", 6443)),
        ("https://me:pa55@contoso.example:1/a/b?c#d", "https://contoso.example:1/a/b", ("contoso.example", 1)),
        ("http://contoso.example", "http://contoso.example", ("contoso.example", 80)),
        ("contoso.example:8080", "http://contoso.example:8080", ("contoso.example", 8080)),
        ("contoso.example", "http://contoso.example", ("contoso.example", 80)),
        ("https://[::1]:6443", "https://[::1]:6443", ("::1", 6443)),
        ("https://[::1]", "https://[::1]", ("::1", 443)),
        ("https://contoso.example:65535", "https://contoso.example:65535", ("contoso.example", 65535)),
    ],
)
def test_a_server_is_taken_as_client_go_takes_it(written: str, url: str, address: tuple[str, int]) -> None:
    assert server_url(Cluster(server=written)) == url
    assert address_of(url) == address


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("ftp://contoso.example", "the cluster's server is not an https:// URL"),
        ("https://", NO_HOST),
        ("https://:6443", NO_HOST),
        ("https://contoso.example:0", NO_HOST),
        ("https://contoso.example:65536", NO_HOST),
        ("https://contoso.example:x", NO_HOST),
        ("https://[::1", NO_HOST),
        ("https://a b", NO_HOST),
        ("https://a\u00a0b", NO_HOST),
        ("https://a\u200bb", NO_HOST),
        ("https://contoso.example/a b", NO_HOST),
    ],
)
def test_a_server_that_can_be_none_is_told(written: str, words: str) -> None:
    with pytest.raises(KubeconfigError) as raised:
        server_url(Cluster(server=written))
    assert str(raised.value) == words


def test_an_address_of_nothing_is_nothing() -> None:
    assert [address_of(""), address_of("https://")] == [("", 80), ("", 443)]


ENVIRONMENT = {"HTTPS_PROXY": "http://10.0.0.8:3128", "HTTP_PROXY": "http://10.0.0.7", "NO_PROXY": "not.example:443"}


@pytest.mark.parametrize(
    ("own", "url", "proxy"),
    [
        ("", "https://a.example", Proxy("http", "10.0.0.8", 3128)),
        ("", "http://a.example", Proxy("http", "10.0.0.7", 80)),
        ("", "https://not.example", None),
        ("", "https://not.example:6443", Proxy("http", "10.0.0.8", 3128)),
        ("socks5://me:p@10.0.0.9", "https://not.example", Proxy("socks5", "10.0.0.9", 1080, "me", "p")),
    ],
)
def test_a_clusters_own_proxy_goes_before_that_of_the_environment(own: str, url: str, proxy: Proxy | None) -> None:
    assert proxy_for(Cluster(proxy_url=own), url, ENVIRONMENT) == proxy


def test_without_another_the_environment_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.8:3128")
    assert proxy_for(Cluster(), "https://a.example") == Proxy("http", "10.0.0.8", 3128)


def test_a_proxy_that_can_be_none_is_told() -> None:
    for cluster, environment, words in (
        (Cluster(proxy_url="ftp://x"), {}, "a proxy of the scheme ftp:// is not supported: http, https or socks5"),
        (Cluster(), {"HTTPS_PROXY": "http://a:b"}, "HTTPS_PROXY: it is no URL such as http://proxy.example:3128"),
    ):
        with pytest.raises(KubeconfigError) as raised:
            proxy_for(cluster, "https://a.example", environment)
        assert str(raised.value) == words


def test_material_is_in_the_file_that_is_named_or_beside_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"of the file")
    assert [read_material(path, b"data") for path in (str(tmp_path / "file"), "")] == [b"of the file", b"data"]
    assert read_material("", b"") == b""


@pytest.mark.parametrize(
    ("paths", "files"),
    [
        (Path("/a:b"), (Path("/a:b"),)),
        ("/a", (Path("/a"),)),
        (f"/b{os.pathsep}{os.pathsep}a{os.pathsep}/b{os.pathsep}", (Path("/b"), Path("a"))),
        ("", ()),
    ],
)
def test_a_string_may_name_several_files(paths: Paths, files: tuple[Path, ...]) -> None:
    assert file_names(paths) == files


def test_where_nothing_is_named_it_is_what_kubectl_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KUBECONFIG, or the file in the home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", "/a:/b")
    assert default_kubeconfig() == "/a:/b"
    assert default_kubeconfig({}) is None
    usual = tmp_path / ".kube" / "config"
    usual.mkdir(parents=True)
    assert default_kubeconfig({}) is None, "a directory is no file"
    usual.rmdir()
    usual.write_text("")
    assert default_kubeconfig({}) == default_kubeconfig({"KUBECONFIG": ""}) == usual


def test_a_user_without_a_home_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)  # whom no system knows
    assert default_kubeconfig({}) is None


def document(name: str = "a", **more: object) -> str:
    contexts = [{"name": name, "context": {"cluster": "c", "user": "u"}}]
    clusters = [{"name": "c", "cluster": {"server": f"https://{name}.example"}}]
    return yaml.safe_dump({"contexts": contexts, "clusters": clusters, "current-context": name, **more})


def test_of_a_file_the_first_document_counts(tmp_path: Path) -> None:
    file = tmp_path / "config"
    for content in (
        f"{document()}---\nx: ]",
        f"# a comment\n{document()}...\n---\n{document('b')}",
        document().encode("utf-16"),
        document().encode("utf-8-sig"),
    ):
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        assert read_kubeconfig(file).context == "a"
    file.write_text(document().replace("https://a.example", "0x1F.example"))
    assert read_kubeconfig(file).cluster.server == "0x1F.example"


def test_contexts_are_named_in_order(tmp_path: Path) -> None:
    for name, contexts in (("one", "ba"), ("two", "cb")):
        content = {"contexts": [{"name": context, "context": {}} for context in contexts]}
        (tmp_path / name).write_text(yaml.safe_dump(content))
    assert context_names(f"{tmp_path / 'one'}:{tmp_path / 'two'}") == ("a", "b", "c")


def nested(levels: int) -> bytes:
    """Lists in lists in the mapping of the document."""
    return b"x: " + b"[" * (levels - 1) + b"]" * (levels - 1) + b"\n" + document().encode()


def merged(levels: int) -> bytes:
    """Lists one in the other by their aliases, of which the last is merged and so is made before those in it."""
    lists = ["[]", *(f"{'[' * 90}*at{level}{']' * 90}" for level in range(levels))]
    return "".join(f"x{at}: &at{at} {one}\n" for at, one in enumerate(lists)).encode() + b"<<: {y: *at%d}" % levels


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (nested(100), ""),
        (nested(101), "nested too deep"),
        (merged(20), "nested too deep"),
        (b"z:\n" + b"- []\n" * 200 + document().encode(), ""),
        (b"a: b\nc: d: e", "not YAML in line 2"),
        (b"\x00", "not YAML"),
        (b"!!bool maybe", "not YAML"),
        (b"!!binary x", "not YAML"),
        (b"\xff", "neither UTF-8 nor UTF-16"),
        (b"? {a: b}\n: c", "not YAML in line 1"),
        (b"[]", "the document is not a mapping"),
        (b"contexts: 7", "contexts is not a list"),
        (b"", "it names no cluster and no context"),
    ],
    ids=range(13),
)
def test_a_document_that_can_be_none_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "config"
    file.write_bytes(content)
    if not words:
        assert read_kubeconfig(file).context == "a"
        return
    with pytest.raises(KubeconfigError) as raised:
        read_kubeconfig(file)
    assert str(raised.value) == f"kubeconfig {file}: {words}"


def test_a_file_is_read_up_to_the_bound(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("")
    assert LARGEST == 32 << 20
    for size, words in ((LARGEST, "not YAML"), (LARGEST + 1, "larger than 32 MiB")):
        os.truncate(file, size)  # zeros
        with pytest.raises(KubeconfigError) as raised:
            read_kubeconfig(file)
        assert str(raised.value) == f"kubeconfig {file}: {words}"


def test_a_file_that_cannot_be_read_is_told_and_one_that_is_absent_is_not(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "config").write_text(document())
    absent, folder, config = (tmp_path / name for name in ("absent", "folder", "config"))
    assert read_kubeconfig(f"{absent}:{config}:{absent}").context == "a"
    for paths, words in (
        (f"{config}:{folder}", f"kubeconfig {folder}: Is a directory"),
        (f"{absent}:{absent}", f"kubeconfig {absent}:{absent}: no such file"),
        ("", "kubeconfig : no such file"),
    ):
        with pytest.raises(KubeconfigError) as raised:
            read_kubeconfig(paths)
        assert str(raised.value) == words


def test_paths_are_relative_to_the_file_that_they_are_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each to its own, also where the kubeconfig is named by a relative path itself."""
    monkeypatch.chdir(tmp_path)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        cluster = {"server": "https://a.example", "certificate-authority": "ca.crt"}
        content = {
            "clusters": [{"name": folder, "cluster": cluster}],
            "contexts": [{"name": folder, "context": {"cluster": folder, "user": folder}}],
            "users": [{"name": folder, "user": {"tokenFile": "/run/token"}}],
        }
        (tmp_path / folder / "config").write_text(yaml.safe_dump(content))
    for folder in ("one", "two"):
        found = read_kubeconfig("one/config:two/config", folder)
        assert found.cluster.authority_path == str(tmp_path / folder / "ca.crt")
        assert found.user.token_path == "/run/token"


PLUGIN = ExecPlugin("/opt/bin/kubelogin", (), (), "v1", "", False, "Never")


@pytest.mark.parametrize(
    ("user", "credential"),
    [
        (User(), "no credential: it asks as nobody"),
        (User(plugin=PLUGIN), "the plugin kubelogin"),
        (User(plugin=PLUGIN, provider=AuthProvider("oidc", {})), "the auth-provider oidc"),
        (User(provider=AuthProvider("oidc", {}), username="a"), "a name and a password"),
        (User(provider=AuthProvider("oidc", {}), password="a"), "a name and a password"),
        (User(username="a", token="b"), "a token"),
        (User(username="a", token_path="b"), "a token"),
        (User(token="b", certificate=b"c"), "a client certificate"),
        (User(token="b", certificate_path="/absent"), "a client certificate"),
    ],
)
def test_what_a_user_has_to_show_is_said(user: User, credential: str) -> None:
    found = view(Choice("here", (), Cluster(server="https://a.example"), user), {})
    assert isinstance(found, KubeconfigView)
    assert found.credential == credential


def choice(cluster: Cluster, user: User | None = None) -> Choice:
    return Choice("here", ("here", "there"), cluster, user or User("me"))


def test_all_of_it_is_in_the_view(tmp_path: Path) -> None:
    (tmp_path / "client.crt").write_bytes(LEAF.certificate_pem)
    cluster = Cluster(
        "one", "https://me:pa55@a.example:6443/x", "b.example", authority=CA.pem + OTHER.pem, insecure=True
    )
    found = view(choice(cluster, User("me", certificate_path=str(tmp_path / "client.crt"))), ENVIRONMENT)
    assert found == KubeconfigView(
        context="here",
        cluster="one",
        user="me",
        credential="a client certificate",
        server="https://a.example:6443/x",
        address=("a.example", 6443),
        tls=True,
        insecure=True,
        server_name="b.example",
        proxy=Proxy("http", "10.0.0.8", 3128),
        authorities=certificates(CA.pem + OTHER.pem),
        client=certificates(LEAF.certificate_pem),
        unreadable="",
    )


def test_what_is_not_there_is_nothing_in_the_view() -> None:
    assert view(choice(Cluster("one", "a.example")), {}) == KubeconfigView(
        context="here",
        cluster="one",
        user="me",
        credential="no credential: it asks as nobody",
        server="http://a.example",
        address=("a.example", 80),
        tls=False,
        insecure=False,
        server_name="a.example",
        proxy=None,
        authorities=None,
        client=(),
    )


def test_certificates_that_cannot_be_read_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "client.crt").write_bytes(b"no certificate")
    paths = [str(tmp_path / name) for name in ("ca.crt", "client.crt")]
    by_path = choice(
        Cluster("one", "https://a.example", authority_path=paths[0]), User("me", certificate_path=paths[1])
    )
    by_data = choice(Cluster("one", "https://a.example", authority=b"none"), User("me", certificate=b"none"))
    told = []
    for one in (by_path, by_data):
        found = view(one, {})
        assert isinstance(found, KubeconfigView)
        assert (found.authorities, found.client) == (None, ())
        told.append([part.rpartition(": ")[0] for part in found.unreadable.split("; ")])
    assert told == [paths, ["certificate-authority-data", "client-certificate-data"]]


def test_what_is_no_path_is_told_by_its_key() -> None:
    """`"a\\0b"` in YAML."""
    found = view(
        choice(Cluster("one", "https://a.example", authority_path="/a\0b"), User("me", certificate_path="/\0")), {}
    )
    assert isinstance(found, KubeconfigView)
    assert found.unreadable == "certificate-authority: no path of a file; client-certificate: no path of a file"


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        (Cluster(server="ftp://x"), "the cluster's server is not an https:// URL"),
        (Cluster(server="https://x", proxy_url="a.example"), "it is no URL such as http://proxy.example:3128"),
    ],
)
def test_a_cluster_that_cannot_be_reached_has_no_view(cluster: Cluster, words: str) -> None:
    assert view(choice(cluster), {}) == Failure(Reason.CREDENTIALS, words)


def test_without_another_the_view_is_by_the_environment_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://x")
    assert isinstance(view(choice(Cluster(server="https://a.example"))), Failure)
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.delenv("https_proxy", raising=False)
    assert isinstance(view(choice(Cluster(server="https://a.example"))), KubeconfigView)


def test_material_of_a_kubeconfig_is_base64(tmp_path: Path) -> None:
    content = yaml.safe_load(document())
    content["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(CA.pem).decode()
    (tmp_path / "config").write_text(yaml.safe_dump(content))
    assert read_kubeconfig(tmp_path / "config").cluster.authority == CA.pem
