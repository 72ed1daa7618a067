"""A web configuration file of the Prometheus exporter-toolkit in, frozen settings out.

The format is https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md. What cannot be had
here is refused with a line that says so: certificates and keys written inside the file, client certificates that nobody
verifies, TLS below 1.2, more than one preferred curve, and some of the TLS 1.3 suites without the others. `http2: true`
is accepted with a note: the server speaks HTTP/1.1, to which every client falls back.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from exporter.settings_file import YAML_ERRORS, SettingsError
from exporter.web.tls import TLSConfig, tls_config
from exporter.web.yaml_mapping import YamlMapping, clean, shown, text, truth

__all__ = ["WebConfig", "read_web_config"]

CAP = 1024 * 1024
"""Largest file in bytes."""

HEADERS: dict[str, tuple[str, ...]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
"""Headers that may be set, and their allowed values where these are a closed list: the toolkit's."""

_BCRYPT = re.compile(r"\$2[abxy]?\$(?P<cost>0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")
_DURATION = re.compile(r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+)ms)?")


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What a web configuration file says. Without one: plain HTTP for everybody."""

    tls: TLSConfig | None = None
    users: Mapping[bytes, bytes] | None = None
    """User names and their bcrypt hashes; None or empty: no login."""
    headers: tuple[tuple[str, str], ...] = ()
    interval: float = 0.0
    """Seconds between two requests of the rate limit; 0: none."""
    burst: int = 0
    notes: tuple[str, ...] = ()
    """What will be otherwise than the file may lead one to think; for the log."""


def read_web_config(path: Path) -> WebConfig:
    """The settings of a file. Raises SettingsError with one line that names the file and the key.

    Relative paths in it are relative to its directory. The files it names are not opened here.
    """
    content = _loaded(path)
    if content is None:
        raise SettingsError(f"{path}: holds no setting: to serve plain HTTP to everybody, write {{}}")
    top = YamlMapping(path, "", content)
    tls = tls_config(top.mapping("tls_server_config"), path.parent)
    http = top.mapping("http_server_config")
    http2 = http.take("http2", truth, default=False)
    headers = _headers(http.mapping("headers"))
    http.end()
    users = _users(top.mapping("basic_auth_users"))
    interval, burst = _rate_limit(top.mapping("rate_limit"))
    top.end()
    notes = ("http_server_config.http2: the server speaks HTTP/1.1, to which clients fall back",) if http2 else ()
    return WebConfig(tls, users, headers, interval, burst, notes)


def _loaded(path: Path) -> object:
    try:
        with path.open("rb") as stream:
            content = stream.read(CAP + 1)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    if len(content) > CAP:
        raise SettingsError(f"{path}: larger than {CAP} bytes")
    try:
        return yaml.load(content, _Loader)  # noqa: S506 - a subclass of SafeLoader
    except YAML_ERRORS as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else f"{path}"
        # Not the words around the place, which a YAML error quotes: they may be a password's hash.
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or type(error).__name__
        raise SettingsError(f"{where}: not YAML: {clean(str(problem))}") from None


class _Loader(yaml.SafeLoader):
    """As strict as the toolkit: a key that is there twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """The mapping, or a ConstructorError."""
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is not a string", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, "a key is there twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _headers(section: YamlMapping) -> tuple[tuple[str, str], ...]:
    found = []
    for name, allowed in HEADERS.items():
        value = section.take(name, text, "")
        if value and allowed and value not in allowed:
            section.fail(name, f"not one of {', '.join(allowed)}: {shown(value)}")
        if not value.isascii():
            section.fail(name, "not ASCII")
        if value:
            found.append((name, value))
    for name in section.content:
        section.fail(clean(name), f"not a header that can be set; those are {', '.join(HEADERS)}")
    return tuple(found)


def _users(section: YamlMapping) -> Mapping[bytes, bytes]:
    users = {}
    for name, value in section.content.items():
        # The value is a secret: it is checked and never shown.
        if not isinstance(value, str) or not _BCRYPT.fullmatch(value):
            section.fail(clean(name), "not a bcrypt hash, such as `htpasswd -nBC 10 USER` prints")
        if not name or ":" in name:
            section.fail(clean(name), "a user name is not empty and has no colon (RFC 7617 §2)")
        users[name.encode()] = str(value).encode()
    return users


def _rate_limit(section: YamlMapping) -> tuple[float, int]:
    interval = section.take("interval", _seconds, 0.0)
    burst = section.take("burst", _count, 0)
    section.end()
    if interval and burst < 1:
        section.fail("burst", "must be 1 or more, or no request ever passes")
    return interval, burst


def _seconds(value: object) -> float:
    """Seconds of a Go duration such as 1s, 500ms or 1m30s, or of the number 0."""
    if value == 0 and not isinstance(value, bool):
        return 0.0
    match = _DURATION.fullmatch(text(value)) if value else None
    if match is None:
        raise ValueError(f"not a duration such as 1s or 500ms: {shown(value)}")
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    return sum(float(match[unit]) * seconds for unit, seconds in units.items() if match[unit])


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"not a whole number: {shown(value)}")
    return value
