"""How a cluster is reached by its entry in a kubeconfig, whom that trusts, and when two ways are the same."""

import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.facts.proxy import Proxy
from exporter.sources.kube.access import Access, Kubeconfig
from simulation.pki import Authority
from tests.sources.kube.unasked import BEARER, CA, LEAF, OTHER, b64, certified, der, ders, kubeconfig, read, words
from tests.sources.kube.watching import T0

pytestmark = pytest.mark.usefixtures("nothing_of_the_systems")


JUNK = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
CHANGES: dict[str, tuple[dict[str, Any], dict[str, object]]] = {
    "server": (certified(), {"server": "https://127.0.0.1:6444"}),
    "name": (certified(), {"tls-server-name": "localhost"}),
    "no verification": (certified(), {"certificate-authority-data": None, "insecure-skip-tls-verify": True}),
    "authority": (certified(), {"certificate-authority-data": b64(OTHER.pem)}),
    "no authority": (certified(), {"certificate-authority-data": None}),
    "proxy": (certified(), {"proxy-url": "http://10.0.0.9:3128"}),
    "proxy's password": (certified(), {"proxy-url": "http://me:pa55@10.0.0.9:3128"}),
    "certificate": (certified(CA.kubelet_client("another", T0)), {}),
    "key": (certified(key=LEAF.key_pem + b"\n"), {}),
    "no certificate": ({}, {}),
}


def test_whatever_a_connection_is_made_of_makes_another_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection made earlier is kept as long as that is the same; what is sent in headers is not part of it."""
    plain: dict[str, object] = {"certificate-authority-data": b64(CA.pem)}
    found = {what: read(tmp_path, user, **{**plain, **cluster}) for what, (user, cluster) in CHANGES.items()}
    found["nothing"] = read(tmp_path, certified(), **plain)
    assert read(tmp_path, {**certified(), "token": "abc", "as": "jo"}, **plain).identity == found["nothing"].identity
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.8:3128")
    assert read(tmp_path, certified(), **plain).identity == found["nothing"].identity, "none leads to loopback"
    found["far"] = read(tmp_path, certified(), **{**plain, "server": "https://10.0.0.1"})
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.7:3128")
    found["far, by another proxy"] = read(tmp_path, certified(), **{**plain, "server": "https://10.0.0.1"})
    assert len({one.identity for one in found.values()}) == len(found)
    assert {len(one.identity) for one in found.values()} == {32}


def test_a_cluster_is_reached_as_its_entry_says(tmp_path: Path) -> None:
    cluster = {
        "server": "https://contoso.example",
        "tls-server-name": "aks.example",
        "proxy-url": "http://me:pa55@10.0.0.9:3128",
        "certificate-authority-data": b64(CA.pem),
    }
    found = read(tmp_path, {"token": "abc"}, **cluster)
    assert replace(found, context=None, identity=b"") == Access(
        server="https://contoso.example",
        server_name="aks.example",
        proxy=Proxy("http", "10.0.0.9", 3128, "me", "pa55"),
        context=None,
        authorities=CA.pem,
        identity=b"",
        headers=BEARER,
        expires=None,
    )
    assert found.address == ("contoso.example", 443)


def test_over_plain_http_there_is_no_tls(tmp_path: Path) -> None:
    found = read(tmp_path, certified(), server="http://127.0.0.1:8001")
    assert (found.context, found.address) == (None, ("127.0.0.1", 8001))


@pytest.mark.parametrize(
    ("bundle", "trusted"),
    [
        (CA.pem, [CA]),
        (b"# a comment\n" + CA.pem + JUNK + OTHER.pem, [CA, OTHER]),
        (OTHER.pem + OTHER.pem, [OTHER]),
    ],
)
def test_every_member_of_the_bundle_is_trusted(tmp_path: Path, bundle: bytes, trusted: list[Authority]) -> None:
    found = read(tmp_path, **{"certificate-authority-data": b64(bundle)})
    assert found.context is not None
    assert ders(found.context) == sorted(map(der, trusted))
    assert found.context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    assert (found.context.check_hostname, found.context.verify_mode) == (True, ssl.CERT_REQUIRED)


def test_without_a_bundle_the_systems_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "system.pem").write_bytes(OTHER.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    found = read(tmp_path)
    assert der(OTHER) in ders(found.context)
    assert found.context is not None
    assert found.context.verify_mode is ssl.CERT_REQUIRED


def test_where_nothing_is_verified_nothing_is_trusted(tmp_path: Path) -> None:
    found = read(tmp_path, **{"insecure-skip-tls-verify": True})
    assert found.context is not None
    assert (found.context.check_hostname, found.context.verify_mode) == (False, ssl.CERT_NONE)
    assert ders(found.context) == []


@pytest.mark.parametrize("bundle", [b"no CA", JUNK])
def test_a_bundle_of_which_nothing_can_be_read_is_told(tmp_path: Path, bundle: bytes) -> None:
    file = kubeconfig(tmp_path, **{"certificate-authority-data": b64(bundle)})
    assert words(Kubeconfig(file)) == f"kubeconfig {file}: the CA holds no certificate that can be read"
