"""A file in Prometheus' http_config form in; how to connect and log in to the node agents out.

Taken: `scheme`, `tls_config` (ca_file, cert_file, key_file, server_name, insecure_skip_verify) and `basic_auth`
(username, password, password_file). A password is sent only over TLS that proves who answers.
"""

import base64
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from exporter.encrypted_key import no_password
from exporter.settings_file import YAML_ERRORS, SettingsError, yaml_words
from exporter.values import HALF

__all__ = ["ClientAccess", "client_access"]

_KEYS = {
    "": {"scheme", "tls_config", "basic_auth"},
    "tls_config": {"ca_file", "cert_file", "key_file", "server_name", "insecure_skip_verify"},
    "basic_auth": {"username", "password", "password_file"},
}


@dataclass(frozen=True, slots=True)
class ClientAccess:
    """How to ask a node agent."""

    context: ssl.SSLContext | None = None
    """None: plain HTTP."""
    server_name: str | None = None
    """The name its certificate must bear; None: its address."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: tuple[Path, ...] = ()
    """What it was read from: read it again when one of them changes."""


def client_access(file: Path | None) -> ClientAccess:
    """The file's settings; plain HTTP without a login where there is none. Raises SettingsError in one line."""
    if file is None:
        return ClientAccess()
    content = _mapping(file, "", _loaded(file))
    tls, login = (_mapping(file, key, content.get(key)) for key in ("tls_config", "basic_auth"))
    scheme = content.get("scheme", "https" if tls else "http")
    if scheme not in ("http", "https"):  # a set cannot be asked for a list
        raise SettingsError(f"{file}: scheme: not one of http, https")
    if tls and scheme == "http":
        raise SettingsError(f"{file}: tls_config: useless with scheme http")
    skip = tls.get("insecure_skip_verify", False)
    if not isinstance(skip, bool):
        raise SettingsError(f"{file}: tls_config.insecure_skip_verify: not true or false")
    if login and (scheme == "http" or skip):
        raise SettingsError(f"{file}: basic_auth: a password is sent only over verified TLS (tls_config with ca_file)")
    files = [file]
    context = _context(file, tls, files, skip=skip) if scheme == "https" else None
    headers = _login(file, login, files) if login else {}
    return ClientAccess(context, _text(file, "tls_config", tls, "server_name") or None, headers, tuple(files))


def _loaded(file: Path) -> object:
    try:
        return yaml.safe_load(file.read_bytes().decode())
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from None
    except YAML_ERRORS as error:
        raise SettingsError(f"{file}: not YAML: {yaml_words(error)}") from None


def _mapping(file: Path, section: str, value: object) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SettingsError(f"{file}: {section or 'the file'}: not a mapping")
    for key in value:
        if key not in _KEYS[section]:
            where = ".".join(part for part in (section, str(key)[:60]) if part)
            raise SettingsError(f"{file}: unknown key {' '.join(where.split())}")
    return {str(key): content for key, content in value.items()}


def _text(file: Path, section: str, mapping: Mapping[str, object], key: str) -> str:
    value = mapping.get(key, "")
    if not isinstance(value, str) or re.search("[\x00-\x1f]", value) or HALF.search(value):
        raise SettingsError(f"{file}: {section}.{key}: not a string of one line")
    return value


def _context(file: Path, tls: Mapping[str, object], files: list[Path], *, skip: bool) -> ssl.SSLContext:
    names = {key: _text(file, "tls_config", tls, key) for key in ("ca_file", "cert_file", "key_file")}
    paths = {key: file.parent / name for key, name in names.items() if name}
    files += paths.values()
    try:
        context = ssl.create_default_context(cafile=str(paths["ca_file"]) if "ca_file" in paths else None)
        if "cert_file" in paths:
            context.load_cert_chain(paths["cert_file"], paths.get("key_file"), password=no_password)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(f"{file}: tls_config: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{file}: tls_config: {error}") from None
    if skip:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _login(file: Path, login: Mapping[str, object], files: list[Path]) -> dict[str, str]:
    user, password, name = (_text(file, "basic_auth", login, key) for key in ("username", "password", "password_file"))
    if name:
        files.append(file.parent / name)
        try:
            password = files[-1].read_bytes().decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            words = getattr(error, "strerror", None) or "not text"
            raise SettingsError(f"{file}: basic_auth.password_file: {words}") from None
    if not user or not password:
        raise SettingsError(f"{file}: basic_auth: username and password, or password_file, are needed")
    shown = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {shown}"}
