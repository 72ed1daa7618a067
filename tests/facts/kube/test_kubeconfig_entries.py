"""A kubeconfig's document is read whole; values of the wrong kind are refused in one line, by the key they are for."""

import base64
from typing import Any

import pytest

from exporter.facts.kube.kubeconfig_entries import (
    AuthProvider,
    Cluster,
    Context,
    ExecPlugin,
    KubeconfigError,
    KubeconfigFile,
    User,
    shown,
)


def resolve(path: str) -> str:
    return f"/home/me/{path}"


def read(**document: object) -> KubeconfigFile:
    return KubeconfigFile.read(document, resolve)


def cluster(**values: object) -> Cluster:
    return read(clusters=[{"name": "c", "cluster": values}]).clusters["c"]


def user(**values: object) -> User:
    return read(users=[{"name": "u", "user": values}]).users["u"]


def b64(text: bytes) -> str:
    return base64.b64encode(text).decode()


EXTENSION = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "SECRET"}}
CLUSTER: dict[str, object] = {
    "server": "https://SECRET@contoso.example",
    "tls-server-name": "name.example",
    "insecure-skip-tls-verify": True,
    "certificate-authority": "ca.crt",
    "certificate-authority-data": b64(b"CA"),
    "proxy-url": "http://SECRET@proxy",
    "disable-compression": True,
    "extensions": [{"name": "minikube", "extension": {"provider": "y"}}, EXTENSION],
}
PLUGIN: dict[str, object] = {
    "command": "kubelogin",
    "args": ["get", "SECRET"],
    "env": [{"name": "A", "value": "SECRET"}, {"name": "B"}],
    "apiVersion": "client.authentication.k8s.io/v1",
    "installHint": "get it",
    "provideClusterInfo": True,
    "interactiveMode": "Never",
}
USER: dict[str, object] = {
    "client-certificate": "me.crt",
    "client-certificate-data": b64(b"SECRET cert"),
    "client-key": "me.key",
    "client-key-data": b64(b"SECRET key"),
    "token": "SECRET token",
    "tokenFile": "token",
    "username": "SECRET name",
    "password": "SECRET word",
    "as": "boss",
    "as-uid": "7",
    "as-groups": ["a", "b"],
    "as-user-extra": {"k": ["v", "w"], "l": None},
    "auth-provider": {"name": "oidc", "config": {"id-token": "SECRET", "x": None}},
    "exec": PLUGIN,
    "extensions": [{"name": "z"}],
}
WHOLE = KubeconfigFile(
    "x",
    {
        "c": Cluster(
            "c",
            "https://SECRET@contoso.example",
            "name.example",
            insecure=True,
            authority_path="/home/me/ca.crt",
            authority=b"CA",
            proxy_url="http://SECRET@proxy",
            plugin_config={"audience": "SECRET"},
        ),
        "": Cluster(),
    },
    {
        "u": User(
            "u",
            certificate_path="/home/me/me.crt",
            certificate=b"SECRET cert",
            key_path="/home/me/me.key",
            key=b"SECRET key",
            token="SECRET token",
            token_path="/home/me/token",
            username="SECRET name",
            password="SECRET word",
            impersonate="boss",
            impersonate_uid="7",
            impersonate_groups=("a", "b"),
            impersonate_extra=(("k", ("v", "w")), ("l", ())),
            provider=AuthProvider("oidc", {"id-token": "SECRET", "x": ""}),
            plugin=ExecPlugin(
                "kubelogin",
                ("get", "SECRET"),
                (("A", "SECRET"), ("B", "")),
                "client.authentication.k8s.io/v1",
                "get it",
                provide_cluster_info=True,
                interactive_mode="Never",
            ),
        ),
        "v": User("v"),
    },
    {"x": Context("c", "u"), "y": Context()},
)


def test_a_document_is_read_whole() -> None:
    """Every key that client-go has a type for; nothing that may be secret is in what it looks like."""
    found = read(
        kind="Config",
        apiVersion="v1",
        preferences={"colors": True, "extensions": [{"name": "a"}, {"name": "b"}]},
        extensions=[{"name": "a"}, {"name": "b"}],
        clusters=[{"name": "c", "cluster": CLUSTER}, {}],
        users=[{"name": "u", "user": USER}, {"name": "v", "user": None}],
        contexts=[{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "n"}}, {"name": "y"}],
        **{"current-context": "x"},
    )
    assert found == WHOLE
    assert "SECRET" not in repr(found)


def test_an_empty_document_says_nothing() -> None:
    assert KubeconfigFile.read(None, resolve) == KubeconfigFile.read({}, resolve) == KubeconfigFile()
    assert read(**dict.fromkeys(("clusters", "users", "contexts", "preferences", "extensions"))) == KubeconfigFile()
    assert user(**{"exec": None, "auth-provider": None}) == User("u")


@pytest.mark.parametrize(
    ("kind", "version", "taken"),
    [
        (None, None, True),
        ("", "", True),
        ("Config", "v1", True),
        ("Config", "/v1", True),
        ("Config", "v2", False),
        ("config", "v1", False),
        ("List", "v2", False),
    ],
)
def test_only_a_config_of_version_1_is_taken(kind: str | None, version: str | None, taken: bool) -> None:
    if taken:
        assert read(kind=kind, apiVersion=version) == KubeconfigFile()
        return
    with pytest.raises(KubeconfigError, match=r"^not a kubeconfig: its kind is not v1 Config$"):
        read(kind=kind, apiVersion=version)


TWICE: list[dict[str, object]] = [{"name": "a"}, {"name": "a"}]


def refusal(document: object) -> str:
    with pytest.raises(KubeconfigError) as raised:
        KubeconfigFile.read(document, resolve)
    assert "SECRET" not in str(raised.value)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "the document is not a mapping"),
        ({"kind": 5}, "kind is not a string"),
        ({"apiVersion": 1}, "apiVersion is not a string"),
        ({"current-context": ["SECRET"]}, "current-context is not a string"),
        ({"preferences": "x"}, "preferences is not a mapping"),
        ({"preferences": {"colors": "yes"}}, "colors is not true or false"),
        ({"preferences": {"extensions": TWICE}}, "extensions: a name is there twice"),
        ({"extensions": TWICE}, "extensions: a name is there twice"),
        ({"extensions": {}}, "extensions is not a list"),
        ({"extensions": ["SECRET"]}, "an extension is not a mapping"),
        ({"extensions": [{"name": 5}]}, "name is not a string"),
        *(({part: {}}, f"{part} is not a list") for part in ("clusters", "users", "contexts")),
        *(({part: ["x"]}, f"an entry of {part} is not a mapping") for part in ("clusters", "users", "contexts")),
        *(({part: [{"name": 5}]}, "name is not a string") for part in ("clusters", "users", "contexts")),
        *(({part: TWICE}, f"{part}: the name 'a' is there twice") for part in ("clusters", "users", "contexts")),
        ({"clusters": [{"name": "a", "cluster": "x"}]}, "cluster 'a': its cluster is not a mapping"),
        ({"users": [{"name": "a", "user": "SECRET"}]}, "user 'a': its user is not a mapping"),
        ({"contexts": [{"name": "a\n", "context": "x"}]}, "context 'a\\n': its context is not a mapping"),
    ],
)
def test_a_document_of_the_wrong_kind_is_refused(document: object, words: str) -> None:
    assert refusal(document) == words


@pytest.mark.parametrize(
    ("values", "words"),
    [
        *(({key: 5}, f"{key} is not a string") for key in ("server", "tls-server-name", "proxy-url")),
        ({"certificate-authority": 5}, "certificate-authority is not a string"),
        ({"certificate-authority": "-----BEGIN CERTIFICATE-----"}, "certificate-authority is not a path"),
        ({"certificate-authority-data": 5}, "certificate-authority-data is not a string"),
        ({"certificate-authority-data": "SECRET!"}, "certificate-authority-data is not base64"),
        ({"insecure-skip-tls-verify": "yes"}, "insecure-skip-tls-verify is not true or false"),
        ({"disable-compression": 1}, "disable-compression is not true or false"),
        ({"extensions": {}}, "extensions is not a list"),
        ({"extensions": ["x"]}, "an extension is not a mapping"),
        ({"extensions": TWICE}, "extensions: a name is there twice"),
    ],
)
def test_a_cluster_of_the_wrong_kind_is_refused(values: dict[str, object], words: str) -> None:
    assert refusal({"clusters": [{"name": "c", "cluster": values}]}) == f"cluster 'c': {words}"


STRINGS = ("client-certificate", "client-key", "token", "tokenFile", "username", "password", "as", "as-uid")
PLUGINS_STRINGS = ("command", "apiVersion", "installHint", "interactiveMode")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        *(({key: ["SECRET"]}, f"{key} is not a string") for key in STRINGS),
        *(({key: "-----SECRET"}, f"{key} is not a path") for key in ("client-certificate", "client-key", "tokenFile")),
        *(({f"{key}-data": "SECRET!"}, f"{key}-data is not base64") for key in ("client-certificate", "client-key")),
        ({"as-groups": "SECRET"}, "as-groups is not a list"),
        ({"as-groups": ["a", 5]}, "an entry of as-groups is not a string"),
        ({"as-user-extra": []}, "as-user-extra is not a mapping"),
        ({"as-user-extra": {5: []}}, "as-user-extra is not a string"),
        ({"as-user-extra": {"k": "SECRET"}}, "k is not a list"),
        ({"as-user-extra": {"k": [5]}}, "an entry of k is not a string"),
        ({"extensions": TWICE}, "extensions: a name is there twice"),
        ({"auth-provider": "SECRET"}, "auth-provider is not a mapping"),
        ({"auth-provider": {"name": 5}}, "name is not a string"),
        ({"auth-provider": {"config": "SECRET"}}, "auth-provider is not a mapping"),
        ({"auth-provider": {"config": {5: "SECRET"}}}, "auth-provider is not a string"),
        ({"auth-provider": {"config": {"id-token": ["SECRET"]}}}, "id-token is not a string"),
        ({"exec": "SECRET"}, "exec is not a mapping"),
        *(({"exec": {key: ["SECRET"]}}, f"{key} is not a string") for key in PLUGINS_STRINGS),
        ({"exec": {"args": "SECRET"}}, "args is not a list"),
        ({"exec": {"args": ["a", {}]}}, "an entry of args is not a string"),
        ({"exec": {"env": "SECRET"}}, "env is not a list"),
        ({"exec": {"env": ["SECRET"]}}, "exec: env is not a mapping"),
        ({"exec": {"env": [{"name": 5}]}}, "name is not a string"),
        ({"exec": {"env": [{"value": 5}]}}, "value is not a string"),
        ({"exec": {"provideClusterInfo": "yes"}}, "provideClusterInfo is not true or false"),
    ],
)
def test_a_user_of_the_wrong_kind_is_refused_and_not_quoted(values: dict[str, object], words: str) -> None:
    assert refusal({"users": [{"name": "u", "user": values}]}) == f"user 'u': {words}"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        *(({key: 5}, f"{key} is not a string") for key in ("cluster", "user", "namespace")),
        ({"extensions": TWICE}, "extensions: a name is there twice"),
    ],
)
def test_a_context_of_the_wrong_kind_is_refused(values: dict[str, object], words: str) -> None:
    assert refusal({"contexts": [{"name": "x", "context": values}]}) == f"context 'x': {words}"


@pytest.mark.parametrize(
    ("values", "found"),
    [({}, False), ({"insecure-skip-tls-verify": False}, False), ({"insecure-skip-tls-verify": True}, True)],
)
def test_a_server_is_verified_unless_it_is_said_that_it_is_not(values: dict[str, Any], found: bool) -> None:
    assert cluster(**values).insecure is found


def test_only_the_extension_for_plugins_is_given_to_a_plugin() -> None:
    """client.authentication.k8s.io/exec (client-go, tools/clientcmd/api/types.go)."""
    others = [{"name": "minikube", "extension": {"provider": "y"}}]
    assert cluster(extensions=[EXTENSION, *others]).plugin_config == {"audience": "SECRET"}
    assert cluster(extensions=others).plugin_config is None


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("kubelogin", "kubelogin"),
        ("bin/kubelogin", "/home/me/bin/kubelogin"),
        ("bin\\kubelogin.exe", "/home/me/bin\\kubelogin.exe"),
    ],
)
def test_a_plugin_of_a_folder_is_from_where_the_file_is(command: str, found: str) -> None:
    """Any other one is looked for in PATH."""
    assert user(exec={"command": command}).plugin == ExecPlugin(found, (), (), "", "", False, "")


def test_a_name_is_shown_on_one_line_and_not_for_ever() -> None:
    assert [shown("a"), shown("a\nb"), shown("x" * 80)] == ["'a'", "'a\\nb'", f"'{'x' * 80}'"]
    assert shown("x" * 81) == f"'{'x' * 79}…'"
