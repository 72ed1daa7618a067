"""Access as it is read from a kubeconfig: each kind of credential, and which files it is of."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from exporter.sources.kube.access import PATIENCE, Kubeconfig
from exporter.sources.kube.kubeconfig import read_kubeconfig
from tests.sources.kube.unasked import (
    BEARER,
    CA,
    LEAF,
    OTHER,
    SERVER,
    b64,
    by_plugin,
    certified,
    kubeconfig,
    read,
    stamped,
    words,
)
from tests.sources.kube.watching import T0

pytestmark = pytest.mark.usefixtures("nothing_of_the_systems")


def jwt(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


def oidc(token: str, **more: str) -> dict[str, Any]:
    return {"auth-provider": {"name": "oidc", "config": {"id-token": token, **more}}}


PAIR = "the client certificate or its key cannot be read, or they are no pair"
EXPIRED = "Invalid kube-config file. Expected key idp-issuer-url in kube-config/users[name=-]/user/auth-provider/config"


def basic(text: str) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Basic {b64(text.encode())}"),)


WITH_NAME = "https://me@127.0.0.1:6443"
WITH_PASSWORD = "https://me:pa55@127.0.0.1:6443"


@pytest.mark.parametrize(
    ("user", "server", "headers"),
    [
        ({}, SERVER, ()),
        ({"token": "abc"}, SERVER, BEARER),
        ({"token": "abc"}, WITH_PASSWORD, BEARER),
        ({"tokenFile": "token"}, SERVER, BEARER),
        ({"token": "abc", "tokenFile": "empty"}, SERVER, BEARER),
        ({"tokenFile": "empty"}, SERVER, ()),
        ({"username": "jo", "password": "p:w"}, SERVER, basic("jo:p:w")),
        ({"username": "jo"}, SERVER, basic("jo:")),
        ({"password": "é"}, SERVER, basic(":é")),
        ({"username": "jo"}, WITH_PASSWORD, basic("jo:")),
        ({}, WITH_PASSWORD, basic("me:pa55")),
        ({}, WITH_NAME, basic("me:")),
        ({}, "https://:pa55@127.0.0.1:6443", ()),
        (oidc(jwt(exp=4e9)), WITH_PASSWORD, (("Authorization", f"Bearer {jwt(exp=4e9)}"),)),
        (by_plugin(token="abc"), WITH_PASSWORD, BEARER),
        (by_plugin(token="abc") | {"as": "other"}, SERVER, (*BEARER, ("Impersonate-User", "other"))),
        (by_plugin(token="of the plugin") | {"token": "abc"}, SERVER, BEARER),
        ({"token": "abc", "as": "jörg"}, SERVER, (*BEARER, ("Impersonate-User", "jÃ¶rg"))),
        ({"token": "a\tb c"}, SERVER, (("Authorization", "Bearer a\tb c"),)),
    ],
)
def test_a_user_has_these_headers(
    tmp_path: Path, user: dict[str, Any], server: str, headers: tuple[tuple[str, str], ...]
) -> None:
    (tmp_path / "token").write_text(" abc\n")
    (tmp_path / "empty").write_text(" \n")
    access = read(tmp_path, user, server=server)
    assert access.headers == headers
    assert access.server == SERVER


@pytest.mark.parametrize("character", ["\x00", "\n", "\x1f", "\x7f"])
def test_a_control_character_makes_no_header(tmp_path: Path, character: str) -> None:
    (tmp_path / "token").write_text(f"a{character}b")
    file = kubeconfig(tmp_path, {"tokenFile": "token"})
    assert words(Kubeconfig(file)) == (
        f"kubeconfig {file}: the token, or another credential, holds a line break or another control character"
    )


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (oidc("no token"), "there is no token"),
        (oidc(jwt(exp=1)), EXPIRED),
        (oidc("e30.e30.=="), "there is no token"),
        (oidc("e30.eA.c2ln"), "not a kubeconfig"),
        (
            {"client-certificate-data": b64(b"x"), "client-key-data": b64(b"y")},
            PAIR,
        ),
        (
            {
                "client-certificate-data": b64(LEAF.certificate_pem),
                "client-key-data": b64(OTHER.kubelet_client("a", T0).key_pem),
            },
            PAIR,
        ),
        ({"tokenFile": "absent"}, "{folder}/absent: No such file or directory"),
        ({"tokenFile": "binary"}, "not a kubeconfig"),
        ({"tokenFile": "d/" * 300 + "e"}, ("{folder}/" + "d/" * 300)[:500]),
    ],
)
def test_what_cannot_be_shown_is_told(tmp_path: Path, user: dict[str, Any], said: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")
    file = kubeconfig(tmp_path, user)
    expected = said.format(folder=tmp_path)[:500]
    assert words(Kubeconfig(file)) == f"kubeconfig {file}: {expected}"


def test_nobody_is_asked_for_the_password_of_a_key(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """OpenSSL would ask on the terminal, and wait."""
    locked = BestAvailableEncryption(b"secret")
    key = LEAF.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
    file = kubeconfig(tmp_path, {**certified(), "client-key-data": b64(key)})
    assert words(Kubeconfig(file)) == f"kubeconfig {file}: {PAIR}"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("user", "slow", "expires", "shows"),
    [
        ({"token": "abc"}, False, None, b""),
        (by_plugin(token="abc"), True, None, b""),
        (by_plugin(token="abc", expirationTimestamp="1970-01-01T00:01:40Z"), True, 100.0, b""),
        (by_plugin(token="other", expirationTimestamp="1970-01-01T00:01:40Z") | {"token": "abc"}, False, None, b""),
        (by_plugin(token="abc") | {"as": "jo"}, True, None, b""),
    ],
)
def test_a_plugin_is_slow_and_says_when_to_come_back(
    tmp_path: Path, user: dict[str, Any], slow: bool, expires: float | None, shows: bytes
) -> None:
    assert PATIENCE == 60.0
    credentials = Kubeconfig(kubeconfig(tmp_path, user))
    assert credentials.slow is False
    found = credentials.read()
    assert (credentials.slow, found.expires, found.headers[0]) == (slow, expires, BEARER[0])


def test_the_users_own_certificate_goes_before_that_of_a_plugin(tmp_path: Path) -> None:
    other = CA.kubelet_client("another", T0)
    given = by_plugin(clientCertificateData=other.certificate_pem.decode(), clientKeyData=other.key_pem.decode())
    identities = [read(tmp_path, user).identity for user in (certified(other), given, certified(), given | certified())]
    assert identities == [identities[0], identities[0], identities[2], identities[2]]
    assert identities[0] != identities[2]


def test_what_was_read_a_moment_ago_is_used_once(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, {"token": "first"})
    credentials = Kubeconfig(file, chosen=read_kubeconfig(file))
    kubeconfig(tmp_path, {"token": "second"})
    assert [credentials.read().headers[0][1] for _ in range(3)] == ["Bearer first", "Bearer second", "Bearer second"]


def test_the_stamp_is_of_every_file_that_was_read(tmp_path: Path) -> None:
    user = {"client-certificate": "a.crt", "client-key": "a.key", "tokenFile": "token"}
    first = kubeconfig(tmp_path, user, **{"certificate-authority": "ca.crt"})
    contents = {"ca.crt": CA.pem, "a.crt": LEAF.certificate_pem, "a.key": LEAF.key_pem, "token": b"abc"}
    credentials = Kubeconfig(f"{first}:{tmp_path / 'absent'}")
    assert credentials.stamp() == stamped(first, tmp_path / "absent")
    words(credentials)  # the files are not there yet
    files = [first, tmp_path / "absent", *(tmp_path / name for name in contents)]
    assert credentials.stamp() == stamped(*files)
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for _ in range(2):
        credentials.read()
        assert credentials.stamp() == stamped(*files)
    alone = Kubeconfig(kubeconfig(tmp_path, {"token": "abc"}))
    alone.read()
    assert alone.stamp() == stamped(first)
