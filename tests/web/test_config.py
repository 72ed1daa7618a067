"""Web configuration files: what is taken, and the one line that each bad one gets."""

import ssl
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.settings import SettingsError
from exporter.web.config import read_web_config
from exporter.web.reload import ReloadingConfig
from exporter.web.tls import ssl_context
from simulation.pki import DAY, Authority

HASH = "$2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze"
PAIR = "cert_file: a.crt, key_file: a.key"


def tls(more: str) -> str:
    return f"tls_server_config: {{{PAIR}, {more}}}"


EMPTY = "holds no setting: to serve plain HTTP to everybody, write {}"

BAD = {
    **dict.fromkeys(("", "# nothing\n", "---\n", "null", "~\n...\n"), EMPTY),
    "basic_auth_users:": "basic_auth_users: is there and empty: fill it in or leave it out",
    "basic_auth_users: {}": "basic_auth_users: is there and empty: fill it in or leave it out",
    "basic_auth_users: []": "basic_auth_users: not a mapping: []",
    "basic_auth_users: ''": "basic_auth_users: not a mapping: ''",
    "basic_auth_users: {alice: }": "basic_auth_users.alice: not a bcrypt hash, such as `htpasswd -nBC 10 USER` prints",
    "tls_server_config:": "tls_server_config: is there and empty: fill it in or leave it out",
    "tls_server_config: {}": "tls_server_config: is there and empty: fill it in or leave it out",
    f"tls_server_config:\n  cert_file: a\n  key_file: a\nbasic_auth_users:\n  alice: {HASH}\nrate_limit:\n": (
        "rate_limit: is there and empty: fill it in or leave it out"
    ),
    "tls_server_config:\n  cert_file: a\n  key_file: a\n  client_auth_type:": (
        "tls_server_config.client_auth_type: has no value"
    ),
    "tls_server_config:\n  cert_file: a\n  key_file: a\n  client_allowed_sans:": (
        "tls_server_config.client_allowed_sans: has no value"
    ),
    "http_server_config: {headers: }": "http_server_config.headers: is there and empty: fill it in or leave it out",
    "? [a, b]\n: c": ":1: not YAML: a key is not a string",
    "? {a: b}\n: c": ":1: not YAML: a key is not a string",
    "basic_auth_users:\n  ? [alice]\n  : c": ":2: not YAML: a key is not a string",
    "basic_auth_users: {[alice]: c}": ":1: not YAML: a key is not a string",
    "tls_server_config:\n  ? &a [*a]\n  : c": ":2: not YAML: a key is not a string",
    "? !!set {a}\n: c": ":1: not YAML: a key is not a string",
    "null: 1": "a key is not a string: None",
    "2026-01-01: 1": "a key is not a string: datetime.date(2026, 1, 1)",
    "basic_auth_users: {1.5: x}": "basic_auth_users: a key is not a string: 1.5",
    "a: !!timestamp x": "not YAML: AttributeError",
    "a: !!bool x": "not YAML: KeyError",
    "a: !!int ''": "not YAML: IndexError",
    "a: !!float 1e_": "not YAML: ValueError",
    f"a: !!float {'1:' * 300}0.5": "not YAML: OverflowError",
    "[" * 2000: "not YAML: RecursionError",
    "[]": "not a mapping: []",
    "just words": "not a mapping: 'just words'",
    "1: 2": "a key is not a string: 1",
    "a: b: c": ":1: not YAML: mapping values are not allowed here",
    "basic_auth_users: {": ":1: not YAML: expected the node content, but found '<stream end>'",
    "x: &x [*x]\ny: !!python/object/apply:os.system [ls]": ":2: not YAML: could not determine a constructor for the "
    "tag 'tag:yaml.org,2002:python/object/apply:os.system'",
    "rate_limit: {burst: 1}\nrate_limit: {burst: 2}": ":2: not YAML: a key is there twice",
    "basic_auth: {}": "unknown key basic_auth",
    "auth_excluded_paths: [/metrics]": "unknown key auth_excluded_paths",
    "tls_server_config: []": "tls_server_config: not a mapping: []",
    "tls_server_config: {certfile: a}": "unknown key tls_server_config.certfile",
    "tls_server_config: {key_file: a}": "tls_server_config.cert_file: missing",
    "tls_server_config: {cert_file: a}": "tls_server_config.key_file: missing",
    "tls_server_config: {cert_file: 1, key_file: a}": "tls_server_config.cert_file: not a string: 1",
    'tls_server_config: {cert_file: "a\\nb", key_file: a}': "tls_server_config.cert_file: holds a control character",
    "tls_server_config: {cert: secret, key_file: a}": "tls_server_config.cert: written inside the file it cannot be "
    "used here: use cert_file",
    "tls_server_config: {cert_file: a, key: secret}": "tls_server_config.key: written inside the file it cannot be "
    "used here: use key_file",
    tls("client_auth_type: RequireAnyClientCert"): "tls_server_config.client_auth_type: RequireAnyClientCert takes "
    "certificates that nobody verifies, which cannot be had here: use VerifyClientCertIfGiven or "
    "RequireAndVerifyClientCert",
    tls("client_auth_type: RequestClientCert"): "tls_server_config.client_auth_type: RequestClientCert takes "
    "certificates that nobody verifies, which cannot be had here: use VerifyClientCertIfGiven or "
    "RequireAndVerifyClientCert",
    tls("client_auth_type: Always"): "tls_server_config.client_auth_type: not one of NoClientCert, "
    "VerifyClientCertIfGiven, RequireAndVerifyClientCert: 'Always'",
    tls("client_ca_file: ca.crt"): "tls_server_config.client_ca_file: has no use without client_auth_type: "
    "RequireAndVerifyClientCert",
    tls("client_auth_type: RequireAndVerifyClientCert"): "tls_server_config.client_ca_file: missing, and "
    "client_auth_type is RequireAndVerifyClientCert",
    tls("client_allowed_sans: [a]"): "tls_server_config.client_allowed_sans: has no use without client_auth_type: "
    "RequireAndVerifyClientCert",
    tls("client_allowed_sans: a"): "tls_server_config.client_allowed_sans: not a list: 'a'",
    tls("min_version: TLS10"): "tls_server_config.min_version: TLS10 is not to be used any more (RFC 8996): use TLS12 "
    "or TLS13",
    tls("max_version: SSL3"): "tls_server_config.max_version: not one of TLS12, TLS13: 'SSL3'",
    tls("min_version: TLS13, max_version: TLS12"): "tls_server_config.max_version: below min_version",
    tls("cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]"): "tls_server_config.cipher_suites: unknown cipher: "
    "'TLS_RSA_WITH_RC4_128_SHA'",
    tls("cipher_suites: [TLS_AES_128_GCM_SHA256]"): "tls_server_config.cipher_suites: the TLS 1.3 suites cannot be "
    "chosen one by one: name all three or none",
    tls(
        "cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256]"
    ): "tls_server_config.cipher_suites: no suite for TLS 1.2: name one, or set min_version: TLS13",
    tls("prefer_server_cipher_suites: maybe"): "tls_server_config.prefer_server_cipher_suites: not true or false: "
    "'maybe'",
    tls("curve_preferences: [P256]"): "tls_server_config.curve_preferences: not one of CurveP256, CurveP384, "
    "CurveP521, X25519: 'P256'",
    tls("curve_preferences: [X25519, CurveP256]"): "tls_server_config.curve_preferences: only one curve can be set "
    "here; without any, OpenSSL's own choice holds",
    "http_server_config: {http2: 1}": "http_server_config.http2: not true or false: 1",
    "http_server_config: {h2: true}": "unknown key http_server_config.h2",
    "http_server_config: {headers: {X-Frame-Options: never}}": "http_server_config.headers.X-Frame-Options: not one of "
    "deny, sameorigin: 'never'",
    "http_server_config: {headers: {X-XSS-Protection: ä}}": "http_server_config.headers.X-XSS-Protection: not ASCII",
    'http_server_config: {headers: {X-XSS-Protection: "1\\r\\nSet-Cookie: a"}}': "http_server_config.headers."
    "X-XSS-Protection: holds a control character",
    "http_server_config: {headers: {Set-Cookie: a}}": "http_server_config.headers.Set-Cookie: not a header that can be "
    "set; those are Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection, "
    "Content-Security-Policy",
    "basic_auth_users: {alice: password}": "basic_auth_users.alice: not a bcrypt hash, such as `htpasswd -nBC 10 USER` "
    "prints",
    "basic_auth_users: {alice: 1}": "basic_auth_users.alice: not a bcrypt hash, such as `htpasswd -nBC 10 USER` prints",
    f'basic_auth_users: {{"a:b": {HASH}}}': "basic_auth_users.a:b: a user name is not empty and has no colon "
    "(RFC 7617 §2)",
    f'basic_auth_users: {{"a\\nb": {HASH[:-1]}}}': "basic_auth_users.a b: not a bcrypt hash, such as "
    "`htpasswd -nBC 10 USER` prints",
    "rate_limit: {interval: soon, burst: 1}": "rate_limit.interval: not a duration such as 1s or 500ms: 'soon'",
    "rate_limit: {interval: 5, burst: 1}": "rate_limit.interval: not a string: 5",
    "rate_limit: {interval: 1s}": "rate_limit.burst: must be 1 or more, or no request ever passes",
    "rate_limit: {interval: 1s, burst: -1}": "rate_limit.burst: not a whole number: -1",
}


@pytest.mark.parametrize(("content", "expected"), BAD.items())
def test_a_bad_file_is_one_line_that_names_file_and_key(tmp_path: Path, content: str, expected: str) -> None:
    """C2: whatever is in it, keys that are no scalars among them."""
    file = tmp_path / "web.yml"
    file.write_text(content)
    with pytest.raises(SettingsError) as caught:
        read_web_config(file)
    assert str(caught.value) == (f"{file}{expected}" if expected[0] == ":" else f"{file}: {expected}")


def test_a_folded_value_is_not_written_out(tmp_path: Path) -> None:
    """Nine aliases of nine aliases of …: to print what they stand for would take a gigabyte."""
    file = tmp_path / "web.yml"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{name}: &{name} [{', '.join([f'*{inner}'] * 9)}]" for inner, name in pairwise("abcdefghi")]
    file.write_text("\n".join([*lines, "tls_server_config: *i"]))
    with pytest.raises(SettingsError) as caught:
        read_web_config(file)
    assert len(str(caught.value)) < 200 + len(str(file))


def test_no_error_shows_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    for content in (
        "basic_auth_users: {alice: hunter2}",
        "basic_auth_users: [hunter2",
        "basic_auth_users:\n  alice: 'hunter2",
        "basic_auth_users: {hunter2: {",
        "tls_server_config: {key: hunter2}",
    ):
        file.write_text(content)
        with pytest.raises(SettingsError) as caught:
            read_web_config(file)
        assert "hunter2" not in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    cases = {
        tmp_path / "missing.yml": "No such file or directory",
        tmp_path: "Is a directory",
        tmp_path / "large.yml": "larger than 1048576 bytes",
        tmp_path / "binary.yml": "not YAML: special characters are not allowed",
    }
    (tmp_path / "large.yml").write_bytes(b"#" * 1_100_000)
    (tmp_path / "binary.yml").write_bytes(b"a: \x00\x01")
    for path, words in cases.items():
        with pytest.raises(SettingsError) as caught:
            read_web_config(path)
        assert str(caught.value) == f"{path}: {words}"


def test_the_files_it_names_are_read_at_start(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    authority = Authority("ca", 0, 2 * DAY)
    credential, other = (authority.kubelet_serving("a", DAY) for _ in range(2))
    (tmp_path / "a.crt").write_bytes(credential.certificate_pem)
    (tmp_path / "other.key").write_bytes(other.key_pem)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "locked.key").write_text(
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
        "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n-----END EC PRIVATE KEY-----\n"
    )
    cases = {
        "a.crt, key_file: none.key": "tls_server_config.key_file: {}/none.key: No such file or directory",
        "a.crt, key_file: other.key": "tls_server_config.cert_file, key_file: {}/a.crt: key values mismatch",
        "empty, key_file: other.key": "tls_server_config.cert_file, key_file: {}/empty: not PEM",
        "a.crt, key_file: locked.key": "tls_server_config.cert_file, key_file: {}/a.crt: the key is encrypted, and "
        "there is nowhere to give its password",
    }
    for names, words in cases.items():
        file.write_text(f"tls_server_config: {{cert_file: {names}}}")
        with pytest.raises(SettingsError) as caught:
            ReloadingConfig(file, 9)
        assert str(caught.value) == f"{file}: {words.format(tmp_path)}"


def test_a_client_ca_file_without_a_certificate_is_named(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    credential = Authority("ca", 0, 2 * DAY).kubelet_serving("a", DAY)
    (tmp_path / "a.pem").write_bytes(credential.pem)
    (tmp_path / "ca.crt").write_bytes(b"nothing")
    file.write_text(
        "tls_server_config: {cert_file: a.pem, key_file: a.pem, client_ca_file: ca.crt, "
        "client_auth_type: RequireAndVerifyClientCert}"
    )
    with pytest.raises(SettingsError) as caught:
        ReloadingConfig(file, 9)
    assert str(caught.value) == (
        f"{file}: tls_server_config.client_ca_file: {tmp_path}/ca.crt: no certificate or crl found"
    )


def test_braces_are_plain_http_for_everybody(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("{}")
    config = read_web_config(file)
    assert config.tls is None
    assert not config.users
    assert config.interval == 0


def test_the_toolkits_example_is_read(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text(
        "tls_server_config:\n  cert_file: server.crt\n  key_file: /etc/server.key\n"
        f"basic_auth_users:\n  alice: {HASH}\nrate_limit:\n  interval: '1s'\n  burst: 20\n"
    )
    config = read_web_config(file)
    assert config.tls is not None
    assert config.tls.files == (tmp_path / "server.crt", Path("/etc/server.key"))
    assert config.users == {b"alice": HASH.encode()}
    assert (config.interval, config.burst) == (1.0, 20)


def test_every_suite_curve_and_version_of_the_toolkit_makes_a_context(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    credential = Authority("ca", 0, 2 * DAY).kubelet_serving("a", DAY)
    (tmp_path / "a.pem").write_bytes(credential.pem)
    suites = [
        f"TLS_ECDHE_{key}_WITH_{suite}"
        for key in ("ECDSA", "RSA")
        for suite in ("AES_128_CBC_SHA", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")
    ]
    thirteen = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
    for more in (
        f"cipher_suites: [{', '.join(suites + thirteen)}]",
        f"cipher_suites: [{', '.join(thirteen)}], min_version: TLS13",
        *(f"curve_preferences: [{curve}]" for curve in ("CurveP256", "CurveP384", "CurveP521", "X25519")),
        "min_version: TLS13",
        "max_version: TLS12",
        "prefer_server_cipher_suites: false",
        "client_auth_type: NoClientCert",
    ):
        file.write_text(f"tls_server_config: {{cert_file: a.pem, key_file: a.pem, {more}}}")
        config = read_web_config(file).tls
        assert config is not None
        context = ssl_context(config)
        preferred = bool(context.options & ssl.OP_CIPHER_SERVER_PREFERENCE)
        assert preferred is ("false" not in more)


def test_http2_is_accepted_with_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "web.yml"
    file.write_text("http_server_config: {http2: true}")
    ReloadingConfig(file, 9).close()
    assert caplog.messages == [
        f"{file}: http_server_config.http2: the server speaks HTTP/1.1, to which clients fall back"
    ]
    caplog.clear()
    file.write_text("http_server_config: {http2: false}")
    ReloadingConfig(file, 9).close()
    assert caplog.messages == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["TLS13", "a.crt", HASH, "1s"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SECTIONS = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit", "headers")
OTHERS = ("cert_file", "key_file", "http2", "interval", "burst", "min_version", "cipher_suites", "curve_preferences")
KEYS = st.sampled_from(SECTIONS + OTHERS)


@settings(max_examples=200)
@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4) | VALUES, max_size=4) | VALUES | st.binary())
def test_any_content_is_read_or_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yml"
    file.write_bytes(content if isinstance(content, bytes) else yaml.safe_dump(content).encode())
    try:
        read_web_config(file)
    except SettingsError as error:
        assert str(error).startswith(str(file))
        assert str(error).isprintable()
