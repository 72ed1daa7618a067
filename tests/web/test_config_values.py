"""What a web configuration file comes to, whole: every key, each side of every bound, and the context it makes."""

import errno
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.settings import SettingsError
from exporter.web import config, tls
from exporter.web.config import WebConfig, read_web_config
from exporter.web.tls import LiveContext, ServerContext, TLSConfig, ssl_context
from simulation.pki import DAY, Authority

HASH = f"$2y$10${'a' * 53}"
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
THIRTEEN = "TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256"


def read(directory: Path, content: str) -> WebConfig:
    file = directory / "web.yml"
    file.write_text(content)
    return read_web_config(file)


def plain(directory: Path) -> TLSConfig:
    """What the shortest section comes to."""
    return TLSConfig(
        file=directory / "web.yml",
        cert_file=directory / "a.pem",
        key_file=Path("/keys/a.pem"),
        client_ca_file=None,
        verify=ssl.CERT_NONE,
        client_allowed_sans=None,
        minimum=TLS12,
        maximum=TLS13,
        ciphers=(),
        prefer_server_ciphers=True,
        curve="",
    )


def test_nothing_is_set_by_braces(tmp_path: Path) -> None:
    found = read(tmp_path, "{}")
    assert found == WebConfig(None, {}, (), 0.0, 0, ())
    assert WebConfig() == WebConfig(None, None, (), 0.0, 0, ())


def test_a_file_that_says_everything_is_kept_whole(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        f"""
tls_server_config:
  cert_file: a.pem
  key_file: /keys/a.pem
  client_ca_file: ca.crt
  client_auth_type: VerifyClientCertIfGiven
  client_allowed_sans: [one, two]
  min_version: TLS13
  max_version: TLS13
  cipher_suites: [{THIRTEEN}, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP384]
http_server_config:
  http2: true
  headers:
    Content-Security-Policy: default-src 'self'
    X-Frame-Options: deny
    X-Content-Type-Options: nosniff
    X-XSS-Protection: '1'
    Strict-Transport-Security: max-age=1
basic_auth_users:
  alice: {HASH}
  bób: {HASH}
rate_limit:
  interval: 1h2m3.5s250ms
  burst: 7
""",
    )
    assert found == WebConfig(
        tls=replace(
            plain(tmp_path),
            client_ca_file=tmp_path / "ca.crt",
            verify=ssl.CERT_OPTIONAL,
            client_allowed_sans=("one", "two"),
            minimum=TLS13,
            ciphers=("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
            prefer_server_ciphers=False,
            curve="secp384r1",
        ),
        users={b"alice": HASH.encode(), "bób".encode(): HASH.encode()},
        headers=(
            ("Strict-Transport-Security", "max-age=1"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "deny"),
            ("X-XSS-Protection", "1"),
            ("Content-Security-Policy", "default-src 'self'"),
        ),
        interval=3723.75,
        burst=7,
        notes=("http_server_config.http2: the server speaks HTTP/1.1, to which clients fall back",),
    )
    assert found.tls is not None
    assert found.tls.files == (tmp_path / "a.pem", Path("/keys/a.pem"), tmp_path / "ca.crt")


TLS_KEYS: dict[str, dict[str, object]] = {
    "": {},
    "client_auth_type: ''": {},
    "client_auth_type: NoClientCert": {},
    "min_version: TLS12": {},
    "max_version: TLS12": {"maximum": TLS12},
    "min_version: TLS12, max_version: TLS12": {"maximum": TLS12},
    "min_version: TLS13, max_version: TLS13": {"minimum": TLS13},
    "prefer_server_cipher_suites: true": {},
    "prefer_server_cipher_suites: false": {"prefer_server_ciphers": False},
    "cipher_suites: []": {},
    f"min_version: TLS13, cipher_suites: [{THIRTEEN}]": {"minimum": TLS13},
    f"cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, {THIRTEEN}]": {"ciphers": ("ECDHE-RSA-AES256-SHA",)},
    "curve_preferences: []": {},
    "curve_preferences: [CurveP256]": {"curve": "prime256v1"},
    "curve_preferences: [CurveP384]": {"curve": "secp384r1"},
    "curve_preferences: [CurveP521]": {"curve": "secp521r1"},
    "curve_preferences: [X25519]": {"curve": "X25519"},
    **{
        f"cipher_suites: [TLS_ECDHE_{key}_WITH_{go}]": {"ciphers": (f"ECDHE-{key}-{openssl}",)}
        for key in ("ECDSA", "RSA")
        for go, openssl in (
            ("AES_128_CBC_SHA", "AES128-SHA"),
            ("AES_256_CBC_SHA", "AES256-SHA"),
            ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
            ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
            ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
        )
    },
}


@pytest.mark.parametrize(("keys", "changed"), TLS_KEYS.items())
def test_each_key_of_tls_changes_what_it_names(tmp_path: Path, keys: str, changed: dict[str, object]) -> None:
    found = read(tmp_path, f"tls_server_config: {{cert_file: a.pem, key_file: /keys/a.pem, {keys}}}")
    assert found.tls == replace(plain(tmp_path), **changed)  # type: ignore[arg-type]


REFUSED = {
    "client_auth_type: RequireClientCert": "client_auth_type: RequireClientCert takes certificates that nobody "
    "verifies, which cannot be had here: use VerifyClientCertIfGiven or RequireAndVerifyClientCert",
    "client_auth_type: VerifyClientCertIfGiven": "client_ca_file: missing, and client_auth_type is "
    "VerifyClientCertIfGiven",
    "client_auth_type: NoClientCert, client_ca_file: a": "client_ca_file: has no use without client_auth_type: "
    "RequireAndVerifyClientCert",
    "client_allowed_sans: []": "client_allowed_sans: has no use without client_auth_type: RequireAndVerifyClientCert",
    "client_ca: x": "client_ca: written inside the file it cannot be used here: use client_ca_file",
    "min_version: TLS11": "min_version: TLS11 is not to be used any more (RFC 8996): use TLS12 or TLS13",
    "max_version: TLS10": "max_version: TLS10 is not to be used any more (RFC 8996): use TLS12 or TLS13",
    "min_version: TLS14": "min_version: not one of TLS12, TLS13: 'TLS14'",
    "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, TLS_AES_256_GCM_SHA384]": "cipher_suites: the TLS 1.3 suites "
    "cannot be chosen one by one: name all three or none",
    f"min_version: TLS12, cipher_suites: [{THIRTEEN}]": "cipher_suites: no suite for TLS 1.2: name one, or set "
    "min_version: TLS13",
    "curve_preferences: [X25519, P1]": "curve_preferences: not one of CurveP256, CurveP384, CurveP521, X25519: 'P1'",
}


@pytest.mark.parametrize(("keys", "words"), REFUSED.items())
def test_what_tls_cannot_have_is_said_with_its_key(tmp_path: Path, keys: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, f"tls_server_config: {{cert_file: a.pem, key_file: b, {keys}}}")
    assert str(caught.value) == f"{tmp_path}/web.yml: tls_server_config.{words}"


@pytest.mark.parametrize("key", ["cert", "key", "client_ca"])
def test_a_key_without_a_value_that_belongs_inside_is_passed_over(tmp_path: Path, key: str) -> None:
    """As the toolkit writes them out itself: empty."""
    section = f"tls_server_config: {{cert_file: a.pem, key_file: /keys/a.pem, {key}: }}"
    assert read(tmp_path, section).tls == plain(tmp_path)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("2h", 7200.0),
        ("3m", 180.0),
        ("1.5s", 1.5),
        ("500ms", 0.5),
        ("1m30s", 90.0),
        ("1h1ms", 3600.001),
        ("0s", 0.0),
        ("0", 0.0),
        ("0.0", 0.0),
    ],
)
def test_an_interval_is_a_duration_of_go(tmp_path: Path, text: str, seconds: float) -> None:
    assert read(tmp_path, f"rate_limit: {{interval: {text}, burst: 1}}") == WebConfig(
        users={}, interval=seconds, burst=1
    )


@pytest.mark.parametrize("text", ["1", "s", "''", "1d", "-1s", "1s1h", "1.5h", "true", "false", "' 1s'", "[]"])
def test_what_is_no_duration_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r": rate_limit\.interval: not a (duration such as 1s or 500ms|string): "):
        read(tmp_path, f"rate_limit: {{interval: {text}, burst: 1}}")


@pytest.mark.parametrize(
    ("text", "interval", "burst"),
    [
        ("{interval: 1s, burst: 1}", 1.0, 1),
        ("{burst: 0}", 0.0, 0),
        ("{interval: 0, burst: 0}", 0.0, 0),
        ("{interval: 0}", 0.0, 0),
        ("{burst: 3}", 0.0, 3),
    ],
)
def test_a_limit_takes_an_interval_and_a_burst(tmp_path: Path, text: str, interval: float, burst: int) -> None:
    found = read(tmp_path, f"rate_limit: {text}")
    assert (found.interval, found.burst) == (interval, burst)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("rate_limit: {interval: 1s, burst: 1, bursts: 1}", "unknown key rate_limit.bursts"),
        ("http_server_config: {http: true}", "unknown key http_server_config.http"),
        ("tls_server_config: {cert_file: a, key_file: b, cert_files: c}", "unknown key tls_server_config.cert_files"),
        ("a: &a {b: *a}", "unknown key a"),
        ("rate_limit: !!timestamp {=: x}", "not YAML: TypeError"),
    ],
)
def test_what_no_section_knows_is_named(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, content)
    assert str(caught.value) == f"{tmp_path}/web.yml: {words}"


@pytest.mark.parametrize("text", ["true", "1.0", "'1'", "-1"])
def test_a_burst_is_a_whole_number(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r": rate_limit\.burst: not a whole number: "):
        read(tmp_path, f"rate_limit: {{burst: {text}}}")


@pytest.mark.parametrize(
    ("hashed", "taken"),
    [
        (HASH, True),
        (HASH.replace("$2y$", "$2$"), True),
        (HASH.replace("$2y$", "$2a$"), True),
        (HASH.replace("$2y$", "$2b$"), True),
        (HASH.replace("$2y$", "$2x$"), True),
        (HASH.replace("$2y$", "$2z$"), False),
        (HASH.replace("$10$", "$03$"), False),
        (HASH.replace("$10$", "$04$"), True),
        (HASH.replace("$10$", "$31$"), True),
        (HASH.replace("$10$", "$32$"), False),
        (HASH[:-1], False),
        (HASH + "a", False),
        (HASH[:-1] + "!", False),
    ],
)
def test_a_password_is_a_bcrypt_hash(tmp_path: Path, hashed: str, taken: bool) -> None:
    if taken:
        assert read(tmp_path, f"basic_auth_users: {{a: '{hashed}'}}").users == {b"a": hashed.encode()}
        return
    with pytest.raises(SettingsError, match=r"web.yml: basic_auth_users\.a: not a bcrypt hash, such as "):
        read(tmp_path, f"basic_auth_users: {{a: '{hashed}'}}")


@pytest.mark.parametrize("name", ["", "a:b", ":"])
def test_a_name_without_a_letter_or_with_a_colon_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="a user name is not empty and has no colon"):
        read(tmp_path, f"basic_auth_users: {{'{name}': '{HASH}'}}")


@pytest.mark.parametrize(
    "header",
    [
        "Strict-Transport-Security: anything",
        "X-Content-Type-Options: nosniff",
        "X-Frame-Options: deny",
        "X-Frame-Options: sameorigin",
        "X-XSS-Protection: anything",
        "Content-Security-Policy: anything",
    ],
)
def test_each_header_may_have_these_values(tmp_path: Path, header: str) -> None:
    name, value = header.split(": ")
    assert read(tmp_path, f"http_server_config: {{headers: {{{header}}}}}").headers == ((name, value),)
    assert read(tmp_path, f"http_server_config: {{headers: {{{name}: ''}}}}").headers == ()


def test_a_header_of_a_closed_list_has_no_other_value(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="X-Content-Type-Options: not one of nosniff: 'sniff'"):
        read(tmp_path, "http_server_config: {headers: {X-Content-Type-Options: sniff}}")


def test_http2_is_noted_only_where_it_is_on(tmp_path: Path) -> None:
    assert read(tmp_path, "http_server_config: {http2: false}").notes == ()


def test_a_file_of_a_mebibyte_is_read_and_no_longer_one(tmp_path: Path) -> None:
    assert config.CAP == 1024 * 1024
    rest = "{}\n# "
    assert read(tmp_path, rest + "x" * (config.CAP - len(rest))) == WebConfig(users={})
    with pytest.raises(SettingsError, match="larger than 1048576 bytes"):
        read(tmp_path, rest + "x" * (config.CAP - len(rest) + 1))


class Made:
    """A context from real files."""

    def __init__(self, directory: Path) -> None:
        authority = Authority("ca", 0, 2 * DAY)
        (directory / "a.pem").write_bytes(authority.kubelet_serving("a", DAY).pem)
        (directory / "ca.crt").write_bytes(authority.pem)
        self.directory = directory
        self.config = replace(plain(directory), key_file=directory / "a.pem")

    def context(self, **changed: object) -> ServerContext:
        return ssl_context(replace(self.config, **changed))  # type: ignore[arg-type]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def test_a_context_without_clients_certificates(made: Made) -> None:
    context = made.context()
    assert (context.minimum_version, context.maximum_version) == (TLS12, TLS13)
    assert context.verify_mode == ssl.CERT_NONE
    assert not context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    assert context.allowed_names is None
    for option in (ssl.OP_NO_RENEGOTIATION, ssl.OP_NO_COMPRESSION, ssl.OP_CIPHER_SERVER_PREFERENCE):
        assert context.options & option
    assert context.get_ca_certs() == []


def test_a_context_that_asks_for_clients_certificates(made: Made) -> None:
    context = made.context(
        client_ca_file=made.directory / "ca.crt",
        verify=ssl.CERT_REQUIRED,
        client_allowed_sans=("one", "two"),
        minimum=TLS13,
        maximum=TLS13,
        prefer_server_ciphers=False,
    )
    assert (context.minimum_version, context.maximum_version) == (TLS13, TLS13)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    assert context.allowed_names == frozenset({"one", "two"})
    assert not context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    assert len(context.get_ca_certs()) == 1
    assert made.context(client_allowed_sans=()).allowed_names == frozenset()


def test_a_context_has_the_suites_of_tls_1_2_in_their_order(made: Made) -> None:
    chosen = ("ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES128-GCM-SHA256")
    names = [one["name"] for one in made.context(ciphers=chosen).get_ciphers()]
    assert [name for name in names if not name.startswith("TLS_")] == list(chosen)


def test_each_file_that_is_not_there_is_said_with_its_key(made: Made) -> None:
    none = made.directory / "none"
    for changed, key in (
        ({"cert_file": none}, "cert_file"),
        ({"key_file": none}, "key_file"),
        ({"client_ca_file": none, "verify": ssl.CERT_REQUIRED}, "client_ca_file"),
    ):
        with pytest.raises(SettingsError) as caught:
            made.context(**changed)
        assert str(caught.value) == (f"{made.config.file}: tls_server_config.{key}: {none}: No such file or directory")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (OSError("odd"), "cannot be read"),
        (ValueError("odd"), "odd"),
    ],
)
def test_what_a_file_fails_with_is_said_in_one_line(made: Made, error: Exception, words: str) -> None:
    found = tls._failure(made.config, "key", Path("/a"), error)
    assert str(found) == f"{made.config.file}: tls_server_config.key: /a: {words}"


def test_a_connection_has_the_context_of_when_it_began(made: Made) -> None:
    first, second = made.context(), made.context()
    live = LiveContext(first)
    taken = live.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
    live.current = second
    later = live.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
    assert (taken.context, later.context) == (first, second)
    assert taken.server_side
    named = live.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True, server_hostname="a")
    assert named.server_hostname == "a"
    with pytest.raises(ssl.SSLError, match="client"):
        live.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
