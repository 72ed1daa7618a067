"""A kubeconfig's values of the wrong kind are refused in one line, by the key they are for."""

import pytest

from exporter.facts.kube.kubeconfig_entries import KubeconfigError, KubeconfigFile


def read(**document: object) -> KubeconfigFile:
    return KubeconfigFile.read(document, lambda path: f"/home/me/{path}")


def cluster(**values: object) -> KubeconfigFile:
    return read(clusters=[{"name": "c", "cluster": values}])


def user(**values: object) -> KubeconfigFile:
    return read(users=[{"name": "u", "user": values}])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"insecure-skip-tls-verify": "yes"}, "insecure-skip-tls-verify is not true or false"),
        ({"server": 5}, "server"),
        ({"extensions": {}}, "extensions"),
        ({"extensions": ["x"]}, "an extension"),
        ({"certificate-authority": "-----BEGIN CERTIFICATE-----"}, "certificate-authority is not a path"),
    ],
)
def test_a_cluster_of_the_wrong_kind_is_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(KubeconfigError, match=words):
        cluster(**values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"as-groups": "admins"}, "as-groups is not a list"),
        ({"as-groups": [5]}, "an entry of as-groups"),
        ({"client-key": "-----BEGIN PRIVATE KEY-----\nSECRET"}, "client-key is not a path"),
        ({"token": ["SECRET"]}, "token"),
        ({"exec": "SECRET"}, "exec"),
    ],
)
def test_a_user_of_the_wrong_kind_is_refused_and_not_quoted(values: dict[str, object], words: str) -> None:
    with pytest.raises(KubeconfigError, match=words) as raised:
        user(**values)
    assert "SECRET" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_server_is_verified_unless_it_is_said_that_it_is_not() -> None:
    found = {word: cluster(**{"insecure-skip-tls-verify": word}).clusters["c"].insecure for word in (True, False)}
    assert found == {True: True, False: False}
    assert cluster().clusters["c"].insecure is False


def test_only_the_extension_for_plugins_is_given_to_a_plugin() -> None:
    """client.authentication.k8s.io/exec (client-go, tools/clientcmd/api/types.go)."""
    mine = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    others = [{"name": "minikube", "extension": {"provider": "y"}}]
    assert cluster(extensions=[*others, mine]).clusters["c"].plugin_config == {"audience": "x"}
    assert cluster(extensions=others).clusters["c"].plugin_config is None


def test_paths_are_from_where_the_file_is() -> None:
    """And what is not given is not resolved."""
    assert user(**{"client-certificate": "me.pem"}).users["u"].certificate_path == "/home/me/me.pem"
    assert user().users["u"].certificate_path == ""
    assert user(**{"as": "boss", "as-groups": ["a", "b"]}).users["u"].impersonate_groups == ("a", "b")
