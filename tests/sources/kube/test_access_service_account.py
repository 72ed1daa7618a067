"""Access by the service account that Kubernetes mounts into a pod."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.facts.proxy import Proxy
from exporter.sources.kube.access import Access, ServiceAccount
from exporter.sources.kube.failure import ApiError
from simulation.pki import Authority
from tests.sources.kube.kubeconfigs import SECRET
from tests.sources.kube.unasked import OTHER, der, ders, stamped, words
from tests.sources.kube.watching import Pod

pytestmark = pytest.mark.usefixtures("nothing_of_the_systems")

SERVICE = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def test_a_service_account_is_reached_by_the_environment(pod: Pod, authority: Authority) -> None:
    (pod.folder / "token").write_text("abc\n")
    environment = {**SERVICE, "HTTPS_PROXY": "http://10.0.0.9:3128"}
    account = ServiceAccount(pod.folder, environment)
    found = account.read()
    assert account.slow is False
    assert replace(found, context=None, identity=b"") == Access(
        server="https://10.0.0.1:443",
        server_name="",
        proxy=Proxy("http", "10.0.0.9", 3128),
        context=None,
        authorities=authority.pem,
        identity=b"",
        headers=(("Authorization", "bearer abc"),),
    )
    assert found.context is not None
    assert ders(found.context) == [der(authority)]
    assert found.context.verify_mode is ssl.CERT_REQUIRED
    assert account.stamp() == stamped(pod.folder / "token", pod.folder / "ca.crt")
    others = [ServiceAccount(pod.folder, {**SERVICE, "KUBERNETES_SERVICE_HOST": host}).read() for host in ("::1", "b")]
    pod.mount(OTHER.pem, "abc")
    others.append(account.read())
    assert len({found.identity, *(one.identity for one in others)}) == 4
    (pod.folder / "token").write_text("def")
    assert account.read().identity == others[-1].identity, "a token is no part of a connection"


@pytest.mark.parametrize(
    ("spoil", "environment", "said"),
    [
        (
            lambda folder: None,
            {**SERVICE, "HTTPS_PROXY": "ftp://x"},
            "HTTPS_PROXY: a proxy of the scheme ftp:// is not supported: http, https or socks5",
        ),
        (lambda folder: None, {**SERVICE, "KUBERNETES_SERVICE_PORT": ""}, "Service host/port is set but empty"),
        (lambda folder: (folder / "ca.crt").unlink(), SERVICE, "Service certification file does not exist"),
        (lambda folder: (folder / "token").write_text(""), SERVICE, "Token file exists but empty"),
        (lambda folder: (folder / "token").write_bytes(b"\xff"), SERVICE, "not a kubeconfig"),
    ],
)
def test_a_service_account_that_cannot_be_used_is_told(
    pod: Pod, spoil: Callable[[Path], object], environment: dict[str, str], said: str
) -> None:
    spoil(pod.folder)
    assert words(ServiceAccount(pod.folder, environment)) == f"service account: {said}"


def test_a_pod_has_its_service_account_where_kubernetes_mounts_it() -> None:
    folder = Path("/var/run/secrets/kubernetes.io/serviceaccount")
    assert [name for name, *_ in ServiceAccount().stamp()] == [str(folder / "token"), str(folder / "ca.crt")]


def test_a_pod_without_a_service_account_says_what_is_missing(tmp_path: Path, pod: Pod) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    with pytest.raises(ApiError, match="service account: Service host/port is not set"):
        ServiceAccount(pod.folder, {}).read()
    with pytest.raises(ApiError, match="service account: Service token file does not exist"):
        ServiceAccount(tmp_path, environment).read()
    pod.mount(b"", SECRET)
    with pytest.raises(ApiError, match="Cert file exists but empty"):
        ServiceAccount(pod.folder, environment).read()


def test_a_token_is_not_shown_where_access_is_printed(pod: Pod) -> None:
    pod.mount((pod.folder / "ca.crt").read_bytes(), SECRET)
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    environment |= {"HTTPS_PROXY": "http://me:pa55word@10.0.0.2:3128"}
    access = ServiceAccount(pod.folder, environment).read()
    assert [(name, value.lower()) for name, value in access.headers] == [("Authorization", f"bearer {SECRET}")]
    assert (access.proxy and access.proxy.password) == "pa55word"
    assert not [secret for secret in (SECRET, "pa55word", "headers=", "identity=") if secret in repr(access)]


def test_a_token_or_a_ca_that_is_swapped_gives_another_stamp(pod: Pod) -> None:
    """By which it is read again before the old one is refused."""
    account = ServiceAccount(pod.folder, {})
    stamps = [account.stamp()]
    for name in ("token", "ca.crt"):
        (pod.folder / name).write_text("more than there was" * 999)
        stamps += [account.stamp(), account.stamp()]
    assert stamps == [stamps[0], stamps[1], stamps[1], stamps[3], stamps[3]]
    assert len(set(stamps)) == 3
