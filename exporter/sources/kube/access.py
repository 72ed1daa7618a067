"""A kubeconfig or a pod's service account in; out comes where the API server is and how to be let in."""

import base64
import contextlib
import hashlib
import logging
import os
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import yaml
from kubernetes.client import Configuration
from kubernetes.config import ConfigException, kube_config
from kubernetes.config.dateutil import parse_rfc3339
from kubernetes.config.exec_provider import ExecProvider
from kubernetes.config.incluster_config import InClusterConfigLoader
from kubernetes.config.kube_config import ConfigNode

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.failure import ApiError

__all__ = ["Access", "Credentials", "Kubeconfig", "ServiceAccount"]

_log = logging.getLogger(__name__)
_loading = threading.Lock()

Stamp = tuple[tuple[str, int, int, int], ...]
"""Which files, and which state of them."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the API server at one moment."""

    configuration: Configuration
    """Host, proxy and server name; it holds no key and names no file any more."""
    context: ssl.SSLContext | None
    """None: plain HTTP, as `kubectl proxy` gives it."""
    authorities: bytes
    """PEM of the CAs that are trusted; empty: those of the system, or none."""
    identity: bytes = field(repr=False)
    """Equal as long as a connection made earlier is still the right one."""
    headers: Mapping[str, str] = field(repr=False)
    expires: float | None = None
    """Unix seconds when the credentials must be had anew, where they say so."""


class Credentials(Protocol):
    """A place that access is read from."""

    slow: bool
    """Reading may take seconds and may ask a person: not to be repeated at every turn."""

    def read(self) -> Access:
        """Access from what the files say now. ApiError with CREDENTIALS: they give none."""

    def stamp(self) -> Stamp:
        """The state of the files that were read last: when it differs, read again."""


class ServiceAccount:
    """The service account that Kubernetes mounts into a pod; the kubelet swaps token and CA by symbolic links."""

    slow = False

    def __init__(
        self,
        folder: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount"),
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._token, self._authority = folder / "token", folder / "ca.crt"
        self._environment = environment

    def read(self) -> Access:
        """See Credentials."""
        with _as_credentials_error("service account"):
            configuration = Configuration()
            loader = InClusterConfigLoader(
                str(self._token), str(self._authority), try_refresh_token=False, environ=self._environment
            )
            loader.load_and_set(configuration)
            return _access(configuration)

    def stamp(self) -> Stamp:
        """See Credentials."""
        return _stamp((self._token, self._authority))


class Kubeconfig:
    """One context of a kubeconfig, with any user the kubernetes package knows: token, file, certificate, plugin."""

    def __init__(self, path: str | Path, context: str | None = None) -> None:
        """`path` may be several, joined as in KUBECONFIG; `context` None is the current one."""
        self._path, self._context = str(path), context
        self._files: tuple[Path, ...] = ()
        self.slow = False

    def read(self) -> Access:
        """See Credentials."""
        paths = [Path(part).expanduser() for part in self._path.split(os.pathsep) if part]
        self._files = tuple(paths)
        with _as_credentials_error(f"kubeconfig {self._path}"):
            if not any(path.exists() for path in paths):
                raise ConfigException("no such file")
            with _loading, tempfile.TemporaryDirectory(prefix="kubeconfig-") as folder:
                try:
                    return self._load(folder)
                finally:
                    kube_config._cleanup_temp_files()  # it keeps keys, as files and in memory, until the process ends

    def _load(self, folder: str) -> Access:
        config = kube_config.KubeConfigMerger(self._path).config
        if not isinstance(config.value, dict):
            raise ConfigException("not a mapping")
        name = self._context or config["current-context"]
        context = config["contexts"].get_with_name(name)["context"]
        cluster = config["clusters"].get_with_name(context["cluster"])
        user = None
        if context.safe_get("user") and config.safe_get("users"):
            user = config["users"].get_with_name(context["user"], safe=True)
        _check_base64(cluster["cluster"].value)
        headers: dict[str, str] = {}
        expires = None
        if user is not None:
            settings = user["user"]
            if not isinstance(settings, ConfigNode):
                raise ConfigException("the user is not a mapping")
            self._files += tuple(_files(cluster["cluster"].value, cluster.path))
            self._files += tuple(_files(settings.value, user.path))
            self.slow = "exec" in settings
            if self.slow and "token" not in settings:
                expires = _run_plugin(settings, user, cluster)
            _check_base64(settings.value)
            headers = _impersonation(settings.value)
        configuration = Configuration()
        kube_config.KubeConfigLoader(
            config, active_context=name, config_base_path=None, temp_file_path=folder
        ).load_and_set(configuration)
        return _access(configuration, headers, expires)

    def stamp(self) -> Stamp:
        """See Credentials."""
        return _stamp(self._files)


def _run_plugin(settings: ConfigNode, user: ConfigNode, cluster: ConfigNode) -> float | None:
    """Put what the exec plugin says in the plugin's place; when it expires.

    The package would run it too, but swallows its failures, and would then ask as nobody.
    """
    status = ExecProvider(settings["exec"], str(Path(user.path).parent), cluster["cluster"]).run()
    if not isinstance(status, dict):
        raise ConfigException("exec: the plugin's status is not a mapping")
    del settings.value["exec"]
    if token := status.get("token"):
        settings.value["token"] = token
    if (certificate := status.get("clientCertificateData")) and (key := status.get("clientKeyData")):
        settings.value["client-certificate-data"] = base64.b64encode(certificate.encode()).decode()
        settings.value["client-key-data"] = base64.b64encode(key.encode()).decode()
    elif not token:
        raise ConfigException("exec: the plugin gave neither a token nor a certificate with its key")
    if not (expiry := status.get("expirationTimestamp")):
        return None
    return float(parse_rfc3339(expiry).timestamp())


def _impersonation(user: Mapping[str, Any]) -> dict[str, str]:
    """`as` of a kubeconfig: asking with one's own rights instead could show more than was meant."""
    if user.get("as-groups") or user.get("as-user-extra"):
        raise ConfigException("as-groups and as-user-extra are not supported")
    return {"Impersonate-User": user["as"]} if user.get("as") else {}


def _check_base64(settings: Mapping[str, Any]) -> None:
    """The package skips what is not base64: of a CA nothing may be left, and the system's would be trusted instead."""
    for key in ("certificate-authority-data", "client-certificate-data", "client-key-data"):
        try:
            base64.b64decode("".join(str(settings.get(key) or "").split()), validate=True)
        except ValueError:
            raise ConfigException(f"{key} is not base64") from None


def _files(settings: Mapping[str, Any], path: str) -> Iterator[Path]:
    for key in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
        if isinstance(name := settings.get(key), str):
            yield Path(path).parent / name


def _access(
    configuration: Configuration, headers: Mapping[str, str] | None = None, expires: float | None = None
) -> Access:
    """Everything read into memory, so that no file needs to stay; the configuration forgets keys and token."""
    token = configuration.auth_settings().get("BearerToken", {}).get("value")
    all_headers = {"Authorization": token.strip(), **(headers or {})} if token else dict(headers or {})
    if any(ord(character) < 32 for value in all_headers.values() for character in value):
        raise ConfigException("the token holds a line break")
    configuration.api_key, configuration.refresh_api_key_hook = {}, None
    files = (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
    authorities, certificate, key = (Path(file).read_bytes() if file else b"" for file in files)
    context = None
    if configuration.host.startswith("https://"):
        context = _tls_context(configuration, authorities)
    elif not configuration.host.startswith("http://"):
        raise ConfigException("the cluster's server is not an https:// URL")
    if not _names_a_port(configuration.host):
        raise ConfigException("the cluster's server has no host, or an impossible port")
    configuration.ssl_ca_cert = configuration.cert_file = configuration.key_file = None
    facts = (configuration.host, configuration.tls_server_name, configuration.verify_ssl, configuration.proxy)
    digest = hashlib.sha256(repr(facts).encode())
    for part in (authorities, certificate, key):
        digest.update(hashlib.sha256(part).digest())
    return Access(configuration, context, authorities, digest.digest(), all_headers, expires)


def _names_a_port(url: str) -> bool:
    parts = urlsplit(url)
    try:
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _tls_context(configuration: Configuration, authorities: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Every certificate in the bundle is an anchor, as for clients written in Go, be it a root or not.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authorities:
        try:
            context.load_verify_locations(cadata=authorities.decode())
        except (ssl.SSLError, ValueError) as error:
            raise ConfigException("the CA holds no certificate that can be read") from error
    else:
        context.load_default_certs()
    if configuration.cert_file:
        try:
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
        except ssl.SSLError as error:
            raise ConfigException("the client certificate or its key cannot be read, or they are no pair") from error
    return context


@contextlib.contextmanager
def _as_credentials_error(place: str) -> Iterator[None]:
    """What is wrong with the files as one line. Messages of the packages may quote a file, secrets and all: cut off."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        words = f"not YAML{line}"
    except yaml.YAMLError:
        words = "not YAML"
    except ConfigException as error:
        words = str(error).removeprefix("Invalid kube-config file. ").removeprefix("Invalid kube-config. ")
    except OSError as error:
        words = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        _log.debug("%s: %s", place, type(error).__name__)
        words = "not a kubeconfig"
    else:
        return
    words = " ".join(words.partition("{")[0].split())[:300]
    raise ApiError(Failure(Reason.CREDENTIALS, f"{place}: {words}"))


def _stamp(files: tuple[Path, ...]) -> Stamp:
    stamps = []
    for file in files:
        try:
            found = file.stat()
            stamps.append((str(file), found.st_ino, found.st_mtime_ns, found.st_size))
        except OSError:
            stamps.append((str(file), 0, 0, 0))
    return tuple(stamps)
