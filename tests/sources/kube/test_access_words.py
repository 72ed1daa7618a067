"""What is wrong with a kubeconfig is one line that holds no secret."""

import base64
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.config import ConfigException

from exporter.facts.kube.kubeconfig_entries import KubeconfigError
from exporter.facts.proxy import ProxyError
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.access import _as_credentials_error
from exporter.sources.kube.connection import Connection, Kubeconfig
from exporter.sources.kube.failure import ApiError
from tests.sources.kube.kubeconfigs import SECRET, broken, user


def test_a_kubeconfig_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(ApiError, match=rf"kubeconfig {file}: no such file"):
        Connection(Kubeconfig(file))


def test_what_is_wrong_with_a_kubeconfig_is_one_line(file: Path, config: dict[str, Any]) -> None:
    text = yaml.safe_dump(user(config, token=SECRET))
    assert broken(file, "a: b\nc: d: e") == "not YAML in line 2"
    assert broken(file, "\x00") == "not YAML"
    assert broken(file, "[" * 100_000) == "nested too deep"
    assert broken(file, "") == "it names no cluster and no context"
    assert broken(file, "- a list") == "the document is not a mapping"
    assert broken(file, f"just {SECRET}") == "the document is not a mapping"
    assert broken(file, "apiVersion: v1") == "it names no cluster and no context"
    assert broken(file, text, "simulate") == "no context 'simulate'. Did you mean 'simulated'? Contexts: simulated"
    assert broken(file, text.replace("https://", "ftp://")) == "the cluster's server is not an https:// URL"
    config["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(b"no CA").decode()
    assert broken(file, yaml.safe_dump(config)) == "the CA holds no certificate that can be read"


def test_a_kubeconfig_that_names_an_absent_file_says_which(file: Path, config: dict[str, Any]) -> None:
    assert str(file.parent / "absent") in broken(file, yaml.safe_dump(user(config, tokenFile="absent")))
    names = {"client-certificate": "absent.crt", "client-key": "absent.key"}
    assert str(file.parent / "absent.crt") in broken(file, yaml.safe_dump(user(config, **names)))


def test_a_user_without_its_settings_is_an_error_that_quotes_nothing(file: Path, config: dict[str, Any]) -> None:
    config["users"] = [{"name": "reader", "user": [{"token": SECRET}]}]
    assert broken(file, yaml.safe_dump(config)) == "user 'reader': its user is not a mapping"


@pytest.mark.parametrize("server", ["https://:6443", "https://host:0", "https://host:65536", "https://host:x"])
def test_a_server_that_nobody_can_connect_to_is_one_line(file: Path, config: dict[str, Any], server: str) -> None:
    config["clusters"][0]["cluster"]["server"] = server
    assert broken(file, yaml.safe_dump(config)) == "the cluster's server has no host, or an impossible port"


def test_a_ca_that_is_not_base64_is_not_replaced_by_the_systems(file: Path, config: dict[str, Any]) -> None:
    config["clusters"][0]["cluster"]["certificate-authority-data"] = "@@@"
    assert broken(file, yaml.safe_dump(config)) == "cluster 'simulated': certificate-authority-data is not base64"


@pytest.mark.parametrize("key", ["client-certificate-data", "client-key-data"])
def test_a_client_certificate_that_is_not_base64_is_named(file: Path, config: dict[str, Any], key: str) -> None:
    assert broken(file, yaml.safe_dump(user(config, **{key: f"{SECRET}@"}))) == f"user 'reader': {key} is not base64"


@given(st.binary(max_size=200))
def test_no_bytes_make_a_kubeconfig_end_in_anything_but_its_error(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        path.write_bytes(content)
        with pytest.raises(ApiError):
            Kubeconfig(path).read()


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
KEYS = st.sampled_from(
    ["name", "cluster", "user", "context", "server", "token", "exec", "command", "clusters", "users"]
)
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))


@given(st.fixed_dictionaries({"clusters": TREES, "contexts": TREES, "users": TREES, "current-context": SCALARS}))
def test_no_shape_of_a_kubeconfig_ends_in_anything_but_its_error(content: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        path.write_text(yaml.safe_dump(content))
        with pytest.raises(ApiError):
            Kubeconfig(path).read()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KubeconfigError("a\n {b}"), "a {b}"),
        (ProxyError("no proxy"), "no proxy"),
        (ConfigException("what it is {'token': 's3cr3t'}"), "what it is"),
        (OSError(13, "Permission denied", "/a"), "/a: Permission denied"),
        (OSError(13, "Permission denied"), "Permission denied"),
        (OSError("only words"), "only words"),
        (ValueError("s3cr3t"), "not a kubeconfig"),
        (TypeError("s3cr3t"), "not a kubeconfig"),
        (AttributeError("s3cr3t"), "not a kubeconfig"),
        (KeyError("s3cr3t"), "not a kubeconfig"),
        (RecursionError("s3cr3t"), "not a kubeconfig"),
        (KubeconfigError("x" * 501), "x" * 500),
    ],
)
def test_an_exception_is_one_line_that_quotes_nothing(error: Exception, said: str) -> None:
    for place, words in (("a place", f"a place: {said}"), ("", said)):
        with pytest.raises(ApiError) as raised, _as_credentials_error(place):
            raise error
        assert raised.value.failure == Failure(Reason.CREDENTIALS, words)


def test_what_is_a_fault_of_ours_is_none_of_the_credentials() -> None:
    with pytest.raises(ZeroDivisionError), _as_credentials_error("a place"):
        raise ZeroDivisionError
    with _as_credentials_error("a place"):
        pass
