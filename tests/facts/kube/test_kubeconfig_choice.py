"""Which context of joined kubeconfigs is meant, and which entries kubectl would not take."""

from dataclasses import replace
from typing import Any

import pytest

from exporter.facts.kube.kubeconfig_choice import MOST_NAMES, Choice, choose, joined
from exporter.facts.kube.kubeconfig_entries import (
    AuthProvider,
    Cluster,
    Context,
    ExecPlugin,
    KubeconfigError,
    KubeconfigFile,
    User,
)

CLUSTER = Cluster("c", "https://contoso.example:443")
USER = User("u", token="secret")
V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"
PLUGIN = ExecPlugin("kubelogin", (), (("A", "b"), ("C", "")), V1, "", False, "Never")


def file(current: str = "x", *, cluster: Cluster = CLUSTER, user: User = USER, **changes: Any) -> KubeconfigFile:
    whole = KubeconfigFile(current, {"c": cluster}, {"u": user}, {"x": Context("c", "u")})
    return replace(whole, **changes)


def refusal(found: KubeconfigFile, context: str = "") -> str:
    with pytest.raises(KubeconfigError) as raised:
        choose(found, context)
    assert "secret" not in str(raised.value)
    return str(raised.value)


def test_the_first_definition_of_each_name_counts_as_a_whole() -> None:
    """And the first current-context that is not empty (client-go, loader.go)."""
    first = KubeconfigFile("", {"c": CLUSTER}, {"u": USER}, {"x": Context("c", "u")})
    second = KubeconfigFile(
        "y",
        {"c": Cluster("c", insecure=True), "d": Cluster("d")},
        {"u": User("u"), "v": User("v")},
        {"x": Context("d", "v"), "y": Context("d", "u")},
    )
    third = KubeconfigFile("x", {"e": Cluster("e")}, {"w": User("w")}, {"z": Context("e", "w")})
    assert joined([first, second, third]) == KubeconfigFile(
        "y",
        {"c": CLUSTER, "d": Cluster("d"), "e": Cluster("e")},
        {"u": USER, "v": User("v"), "w": User("w")},
        {"x": Context("c", "u"), "y": Context("d", "u"), "z": Context("e", "w")},
    )
    assert joined([]) == KubeconfigFile()


def test_the_context_that_is_named_or_the_current_one_is_meant() -> None:
    found = file(contexts={"x": Context("c", "u"), "y": Context("c", "nobody"), "z": Context("c")})
    names = ("x", "y", "z")
    assert choose(found) == Choice("x", names, CLUSTER, USER)
    assert choose(found, "y") == Choice("y", names, CLUSTER, User())
    assert choose(found, "z") == choose(replace(found, current_context="z")) == Choice("z", names, CLUSTER, User())


def test_names_may_be_empty() -> None:
    """client-go looks them up all the same."""
    found = KubeconfigFile("", {"": CLUSTER}, {"": USER}, {"": Context()})
    assert choose(found) == Choice("", ("",), CLUSTER, USER)


MANY = {f"n{number:02}": Context("c", "u") for number in range(MOST_NAMES + 1)}
TEN = "n00, n01, n02, n03, n04, n05, n06, n07, n08, n09"


@pytest.mark.parametrize(
    ("found", "context", "words"),
    [
        (KubeconfigFile(), "", "it names no cluster and no context"),
        (KubeconfigFile("x"), "", "it names no cluster and no context"),
        (KubeconfigFile(), "x", "no context 'x'. It has no contexts."),
        (KubeconfigFile(clusters={"c": CLUSTER}), "", "no current-context: give --context. It has no contexts."),
        (file(""), "", "no current-context: give --context. Contexts: x."),
        (file("", contexts=MANY), "", f"no current-context: give --context. Contexts: {TEN} and 1 more."),
        (
            file("", contexts=dict(reversed(list(MANY.items())[:MOST_NAMES]))),
            "",
            f"no current-context: give --context. Contexts: {TEN}.",
        ),
        (file("other"), "", "current-context: no context 'other'. Contexts: x."),
        (file(), "other", "no context 'other'. Contexts: x."),
        (
            file("aks-prod", contexts={"aks-prd": Context(), "b": Context()}),
            "",
            "current-context: no context 'aks-prod'. Did you mean 'aks-prd'? Contexts: aks-prd, b.",
        ),
        (file(contexts={"x": Context()}), "", "context 'x' names no cluster"),
        (file(contexts={"x": Context("gone")}), "", "context 'x': no cluster 'gone'. There are: c."),
        (file(clusters={}), "", "context 'x': no cluster 'c'. There is none."),
        (file(contexts={"x": Context("c\n")}), "x", "context 'x': no cluster 'c\\n'. There are: c."),
    ],
)
def test_what_leads_to_no_cluster_is_said_with_what_there_is(found: KubeconfigFile, context: str, words: str) -> None:
    assert MOST_NAMES == 10
    assert refusal(found, context) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"server": ""}, " has no server"),
        (
            {"authority_path": "/ca.crt", "authority": b"PEM"},
            ": certificate-authority and certificate-authority-data exclude each other",
        ),
        (
            {"authority_path": "/ca.crt", "insecure": True},
            ": insecure-skip-tls-verify and a certificate-authority exclude each other",
        ),
        (
            {"authority": b"PEM", "insecure": True, "server": "HTTPS://contoso.example"},
            ": insecure-skip-tls-verify and a certificate-authority exclude each other",
        ),
        ({"proxy_url": "ftp://proxy"}, ": proxy-url: "),
    ],
)
def test_a_cluster_that_contradicts_itself_is_refused(changes: dict[str, Any], words: str) -> None:
    """client-go, validation.go; its name goes first."""
    assert refusal(file(cluster=replace(CLUSTER, **changes))).startswith(f"cluster 'c'{words}")


@pytest.mark.parametrize(
    "changes",
    [
        {"authority_path": "/ca.crt"},
        {"authority": b"PEM"},
        {"insecure": True},
        {"insecure": True, "authority": b"PEM", "server": "http://contoso.example"},
        {"proxy_url": "socks5://proxy:1080"},
    ],
)
def test_a_cluster_that_does_not_is_taken(changes: dict[str, Any]) -> None:
    cluster = replace(CLUSTER, **changes)
    assert choose(file(cluster=cluster)).cluster == cluster


CERTIFICATE_TWICE = "client-certificate and client-certificate-data exclude each other"
NEED_AS = "as-uid, as-groups and as-user-extra need as"
MODES = "exec: interactiveMode is to be Never, IfAvailable or Always"


def exec_version(shown: str) -> str:
    return f"exec has {shown}; kubectl takes {V1} and v1beta1: update the plugin, and write the kubeconfig anew"


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (User(token="t", username="a"), "a token and a password exclude each other"),
        (User(token="t", password="secret"), "a token and a password exclude each other"),
        (User(certificate_path="/a", certificate=b"PEM", key=b"KEY"), CERTIFICATE_TWICE),
        (User(key_path="/a", key=b"KEY"), "client-key and client-key-data exclude each other"),
        (User(certificate_path="/a"), "its client certificate has no client-key"),
        (User(certificate=b"PEM"), "its client certificate has no client-key"),
        (User(impersonate_uid="1"), NEED_AS),
        (User(impersonate_groups=("g",)), NEED_AS),
        (User(impersonate_extra=(("k", ("v",)),)), NEED_AS),
        (User(provider=AuthProvider("oidc", {}), plugin=PLUGIN), "auth-provider and exec exclude each other"),
        (
            User(provider=AuthProvider("azure", {})),
            "auth-provider azure: kubectl removed it in 1.26: run az aks get-credentials --overwrite-existing for this "
            "cluster, and kubelogin convert-kubeconfig -l azurecli where it uses Microsoft Entra ID",
        ),
        (
            User(provider=AuthProvider("gcp", {})),
            "auth-provider gcp: kubectl removed it in 1.26: install gke-gcloud-auth-plugin and fetch the credentials "
            "again",
        ),
        (User(provider=AuthProvider("openstack", {})), "kubectl knows no auth-provider 'openstack'"),
        (User(plugin=replace(PLUGIN, command="")), "exec names no command"),
        (User(plugin=replace(PLUGIN, api_version="")), exec_version("no apiVersion")),
        (User(plugin=replace(PLUGIN, api_version=f"{V1}alpha1")), exec_version(f"'{V1}alpha1'")),
        (User(plugin=replace(PLUGIN, environment=(("A", "b"), ("", "c")))), "exec: a variable of env has no name"),
        (User(plugin=replace(PLUGIN, interactive_mode="")), MODES),
        (User(plugin=replace(PLUGIN, interactive_mode="never")), MODES),
        (User(plugin=replace(PLUGIN, interactive_mode="Sometimes", api_version=V1BETA1)), MODES),
    ],
)
def test_a_user_that_contradicts_itself_is_refused(user: User, words: str) -> None:
    assert refusal(file(user=replace(user, name="u"))) == f"user 'u': {words}"


@pytest.mark.parametrize(
    "user",
    [
        User("u"),
        User("u", username="a", password="b"),
        User("u", token="t", token_path="/t"),
        User("u", certificate_path="/a", key_path="/b"),
        User("u", certificate_path="/a", key=b"KEY"),
        User("u", certificate=b"PEM", key_path="/b"),
        User("u", certificate=b"PEM", key=b"KEY"),
        User("u", key=b"KEY"),
        User("u", impersonate="a", impersonate_uid="1", impersonate_groups=("g",), impersonate_extra=(("k", ("v",)),)),
        User("u", provider=AuthProvider("oidc", {})),
        *(User("u", plugin=replace(PLUGIN, interactive_mode=mode)) for mode in ("Never", "IfAvailable", "Always")),
        *(
            User("u", plugin=replace(PLUGIN, api_version=V1BETA1, interactive_mode=mode))
            for mode in ("", "Never", "IfAvailable", "Always")
        ),
    ],
)
def test_a_user_that_does_not_is_taken(user: User) -> None:
    """v1beta1 of a plugin may leave its interactiveMode out."""
    assert choose(file(user=user)).user == user
