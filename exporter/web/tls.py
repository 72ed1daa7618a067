"""tls_server_config in, an SSLContext out, and a context whose settings can be exchanged while connections come."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from exporter.encrypted_key import no_password
from exporter.settings import SettingsError
from exporter.web.yaml_mapping import YamlMapping, text, texts, truth

__all__ = ["LiveContext", "ServerContext", "TLSConfig", "ssl_context", "tls_config"]


@dataclass(frozen=True, slots=True)
class TLSConfig:
    """What tls_server_config says, in the words of Python's ssl."""

    file: Path
    """The web configuration file, for messages."""
    cert_file: Path
    key_file: Path
    client_ca_file: Path | None
    verify: ssl.VerifyMode
    client_allowed_sans: tuple[str, ...] | None
    minimum: ssl.TLSVersion
    maximum: ssl.TLSVersion
    ciphers: tuple[str, ...]
    """OpenSSL names for TLS 1.2; empty: Python's defaults."""
    prefer_server_ciphers: bool
    curve: str
    """OpenSSL's name of the one curve; empty: OpenSSL's defaults."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that the context is made from."""
        return (self.cert_file, self.key_file, *([self.client_ca_file] if self.client_ca_file else []))


_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_OLD_VERSIONS = ("TLS10", "TLS11")
_VERIFY = {
    "": ssl.CERT_NONE,
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")
_CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
_SUITES = {
    f"TLS_ECDHE_{key}_WITH_{go}": f"ECDHE-{key}-{openssl}"
    for key in ("ECDSA", "RSA")
    for go, openssl in (
        ("AES_128_CBC_SHA", "AES128-SHA"),
        ("AES_256_CBC_SHA", "AES256-SHA"),
        ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
    )
}
"""Go's crypto/tls CipherSuites() for TLS 1.2, and OpenSSL's names for them."""
_SUITES_13 = frozenset({"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"})


def tls_config(section: YamlMapping, directory: Path) -> TLSConfig | None:
    """The section's settings; None where it is empty. Raises SettingsError."""
    if not section.content:
        return None
    for key in ("cert", "key", "client_ca"):
        if section.content.pop(key, None) is not None:
            section.fail(key, f"written inside the file it cannot be used here: use {key}_file")
    cert_file, key_file = section.take("cert_file", text, ""), section.take("key_file", text, "")
    client_ca_file = section.take("client_ca_file", text, "")
    auth_type = section.take("client_auth_type", text, "")
    sans = section.take("client_allowed_sans", texts, None)
    minimum = _version(section, "min_version", "TLS12")
    maximum = _version(section, "max_version", "TLS13")
    ciphers = _ciphers(section, section.take("cipher_suites", texts, ()), minimum)
    prefer_server = section.take("prefer_server_cipher_suites", truth, default=True)
    curve = _curve(section, section.take("curve_preferences", texts, ()))
    section.end()
    for key, value in (("cert_file", cert_file), ("key_file", key_file)):
        if not value:
            section.fail(key, "missing")
    if auth_type in _UNVERIFIED:
        section.fail(
            "client_auth_type",
            f"{auth_type} takes certificates that nobody verifies, which cannot be had here: "
            "use VerifyClientCertIfGiven or RequireAndVerifyClientCert",
        )
    if auth_type not in _VERIFY:
        section.fail("client_auth_type", f"not one of {', '.join(filter(None, _VERIFY))}: {auth_type!r}")
    verify = _VERIFY[auth_type]
    if client_ca_file and verify is ssl.CERT_NONE:
        section.fail("client_ca_file", "has no use without client_auth_type: RequireAndVerifyClientCert")
    if verify is not ssl.CERT_NONE and not client_ca_file:
        section.fail("client_ca_file", f"missing, and client_auth_type is {auth_type}")
    if sans is not None and verify is ssl.CERT_NONE:
        section.fail("client_allowed_sans", "has no use without client_auth_type: RequireAndVerifyClientCert")
    if maximum < minimum:
        section.fail("max_version", "below min_version")
    return TLSConfig(
        file=section.file,
        cert_file=directory / cert_file,
        key_file=directory / key_file,
        client_ca_file=directory / client_ca_file if client_ca_file else None,
        verify=verify,
        client_allowed_sans=sans,
        minimum=minimum,
        maximum=maximum,
        ciphers=ciphers,
        prefer_server_ciphers=prefer_server,
        curve=curve,
    )


def _version(section: YamlMapping, key: str, default: str) -> ssl.TLSVersion:
    word = section.take(key, text, default)
    if word in _OLD_VERSIONS:
        section.fail(key, f"{word} is not to be used any more (RFC 8996): use TLS12 or TLS13")
    if word not in _VERSIONS:
        section.fail(key, f"not one of {', '.join(_VERSIONS)}: {word!r}")
    return _VERSIONS[word]


def _ciphers(section: YamlMapping, suites: tuple[str, ...], minimum: ssl.TLSVersion) -> tuple[str, ...]:
    for suite in suites:
        if suite not in _SUITES and suite not in _SUITES_13:
            section.fail("cipher_suites", f"unknown cipher: {suite!r}")
    chosen = _SUITES_13 & set(suites)
    if chosen and chosen != _SUITES_13:
        section.fail("cipher_suites", "the TLS 1.3 suites cannot be chosen one by one: name all three or none")
    ciphers = tuple(_SUITES[suite] for suite in suites if suite in _SUITES)
    if suites and not ciphers and minimum < ssl.TLSVersion.TLSv1_3:
        section.fail("cipher_suites", "no suite for TLS 1.2: name one, or set min_version: TLS13")
    return ciphers


def _curve(section: YamlMapping, curves: tuple[str, ...]) -> str:
    for curve in curves:
        if curve not in _CURVES:
            section.fail("curve_preferences", f"not one of {', '.join(_CURVES)}: {curve!r}")
    if len(curves) > 1:
        section.fail("curve_preferences", "only one curve can be set here; without any, OpenSSL's own choice holds")
    return _CURVES[curves[0]] if curves else ""


class ServerContext(ssl.SSLContext):
    """A context that knows which names a client certificate may bear; None: any."""

    allowed_names: frozenset[str] | None = None


def ssl_context(config: TLSConfig) -> ServerContext:
    """A server context from the files as they are now. Raises SettingsError when they do not make one."""
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    if config.client_allowed_sans is not None:
        context.allowed_names = frozenset(config.client_allowed_sans)
    context.minimum_version, context.maximum_version = config.minimum, config.maximum
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    if config.prefer_server_ciphers:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if config.ciphers:
        context.set_ciphers(":".join(config.ciphers))
    if config.curve:
        context.set_ecdh_curve(config.curve)
    for key, path in (("cert_file", config.cert_file), ("key_file", config.key_file)):
        _readable(config, key, path)
    try:
        context.load_cert_chain(config.cert_file, config.key_file, password=no_password)
    except (OSError, ValueError) as error:
        raise _failure(config, "cert_file, key_file", config.cert_file, error) from None
    if config.client_ca_file is not None:
        try:
            context.load_verify_locations(cafile=config.client_ca_file)
        except OSError as error:
            raise _failure(config, "client_ca_file", config.client_ca_file, error) from None
        # As in Go, a CA of the file is trusted by itself, be it an intermediate one.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_mode = config.verify
    return context


def _readable(config: TLSConfig, key: str, path: Path) -> None:
    try:
        with path.open("rb"):
            return
    except OSError as error:
        raise _failure(config, key, path, error) from None


def _failure(config: TLSConfig, key: str, path: Path, error: Exception) -> SettingsError:
    if isinstance(error, ssl.SSLError):
        words = error.reason.replace("_", " ").lower() if error.reason else "not PEM"
    elif isinstance(error, OSError):
        words = error.strerror or "cannot be read"
    else:
        words = str(error)
    return SettingsError(f"{config.file}: tls_server_config.{key}: {path}: {words}")


class LiveContext(ssl.SSLContext):
    """A context that lends each new connection the settings of `current`, which may be exchanged at any time.

    asyncio asks the context it was given for every connection's TLS object. To change certificates and client CAs on
    one living context would leave old CAs in its store and could mix two states; a connection has one of them whole.
    """

    current: ServerContext

    def __new__(cls, current: ServerContext) -> "LiveContext":
        """An empty server context around `current`."""
        made: LiveContext = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        made.current = current
        return made

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """A TLS object of the current context."""
        return self.current.wrap_bio(incoming, outgoing, server_side, server_hostname, session)
