"""What a reload would take away, by the keys of the file."""

import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.web.config import WebConfig
from exporter.web.protection import taken_away
from exporter.web.tls import TLSConfig

PROTECTED = WebConfig(users={b"a": b"hash"}, headers=(("x-a", "1"), ("x-b", "2")), interval=1.0, burst=5)

TLS = TLSConfig(
    file=Path("web.yml"),
    cert_file=Path("a.crt"),
    key_file=Path("a.key"),
    client_ca_file=Path("ca.crt"),
    verify=ssl.CERT_REQUIRED,
    client_allowed_sans=("a",),
    minimum=ssl.TLSVersion.TLSv1_2,
    maximum=ssl.TLSVersion.TLSv1_3,
    ciphers=("ECDHE-ECDSA-AES128-GCM-SHA256",),
    prefer_server_ciphers=True,
    curve="",
)
NEWER = replace(TLS, minimum=ssl.TLSVersion.TLSv1_3)


def test_each_key_that_says_less_is_named() -> None:
    assert list(taken_away(PROTECTED, WebConfig())) == [
        "basic_auth_users",
        "rate_limit",
        "http_server_config.headers.x-a",
        "http_server_config.headers.x-b",
    ]


def test_what_says_as_much_or_more_takes_nothing_away() -> None:
    assert list(taken_away(PROTECTED, PROTECTED)) == []
    assert list(taken_away(WebConfig(), PROTECTED)) == []
    assert list(taken_away(WebConfig(), WebConfig())) == []
    other = WebConfig(users={b"b": b"other"}, headers=(("x-b", "3"), ("x-a", "4")), interval=9.0, burst=1)
    assert list(taken_away(PROTECTED, other)) == []


@pytest.mark.parametrize(
    ("former", "new", "keys"),
    [
        (TLS, None, ["tls_server_config"]),
        (TLS, TLS, []),
        (TLS, replace(TLS, verify=ssl.CERT_OPTIONAL), ["tls_server_config.client_auth_type"]),
        (TLS, replace(TLS, verify=ssl.CERT_NONE), ["tls_server_config.client_auth_type"]),
        (replace(TLS, verify=ssl.CERT_OPTIONAL), TLS, []),
        (
            replace(TLS, verify=ssl.CERT_OPTIONAL),
            replace(TLS, verify=ssl.CERT_NONE),
            ["tls_server_config.client_auth_type"],
        ),
        (replace(TLS, verify=ssl.CERT_NONE), TLS, []),
        (TLS, replace(TLS, client_allowed_sans=None), ["tls_server_config.client_allowed_sans"]),
        (TLS, replace(TLS, client_allowed_sans=("b", "c")), []),
        (TLS, replace(TLS, client_allowed_sans=()), []),
        (replace(TLS, client_allowed_sans=None), TLS, []),
        (NEWER, TLS, ["tls_server_config.min_version"]),
        (TLS, NEWER, []),
        (TLS, replace(TLS, ciphers=()), ["tls_server_config.cipher_suites"]),
        (TLS, replace(TLS, ciphers=("ECDHE-RSA-AES128-SHA",)), []),
        (replace(TLS, ciphers=()), TLS, []),
        (TLS, replace(NEWER, ciphers=()), []),
    ],
)
def test_of_tls_each_key_that_says_less_is_named(former: TLSConfig, new: TLSConfig | None, keys: list[str]) -> None:
    """Suites for TLS 1.2 may go where nobody speaks it any more."""
    assert list(taken_away(WebConfig(tls=former), WebConfig(tls=new))) == keys


def test_tls_that_was_not_there_is_not_missed() -> None:
    assert list(taken_away(WebConfig(), WebConfig(tls=TLS))) == []
    assert list(taken_away(replace(PROTECTED, tls=TLS), WebConfig(tls=replace(TLS, client_allowed_sans=None))))[:2] == [
        "tls_server_config.client_allowed_sans",
        "basic_auth_users",
    ]
