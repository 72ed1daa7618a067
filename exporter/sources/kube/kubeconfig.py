"""Kubeconfig files and a context in; out: what it trusts, as whom it asks and where, or why that cannot be read."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from exporter.facts.kubeconfig import Kubeconfig, kubeconfig
from exporter.facts.source import Failure
from exporter.facts.x509 import Certificate, CertificateError, certificates
from exporter.reason import Reason

__all__ = ["KubeconfigView", "default_kubeconfig", "read_kubeconfig"]

LARGEST = 8 * 1024 * 1024
"""Bytes. A kubeconfig of 500 clusters has 5 MB."""


@dataclass(frozen=True, slots=True)
class KubeconfigView:
    """One context, with the certificates that its files hold. Keys, tokens and plugins stay where they are."""

    kubeconfig: Kubeconfig
    context: str
    server: tuple[str, int] | None
    """Host and port; None where the URL is none."""
    server_name: str
    """The name that the server's certificate is to be for: tls-server-name, or the host."""
    authorities: tuple[Certificate, ...] | None
    """None: those of the system."""
    client: tuple[Certificate, ...]
    """The client certificate and its chain; empty where the user has another kind of credential."""
    unreadable: str = ""
    """What could not be read of it."""


def default_kubeconfig(environment: dict[str, str] | os._Environ[str] = os.environ) -> str:
    """What kubectl would read: KUBECONFIG, which may be several paths, or ~/.kube/config; empty where neither is."""
    if found := environment.get("KUBECONFIG"):
        return found
    usual = Path.home() / ".kube" / "config"
    return str(usual) if usual.is_file() else ""


def read_kubeconfig(paths: str, context: str = "") -> KubeconfigView | Failure:
    """The context of the files, joined as kubectl joins them; the current one where none is named."""
    joined: dict[str, object] = {"kind": "Config"}
    found = False
    for name in filter(None, paths.split(os.pathsep)):
        path = Path(name).expanduser()
        try:
            loaded = yaml.load(_bytes(path), Loader=_LOADER)  # noqa: S506 - a safe loader, in C
        except FileNotFoundError:
            continue  # as kubectl does, so long as one of them is there
        except OSError as error:
            return Failure(Reason.CREDENTIALS, f"kubeconfig {path}: {error.strerror or error}")
        except (yaml.YAMLError, ValueError, RecursionError):
            return Failure(Reason.CREDENTIALS, f"kubeconfig {path}: not YAML")  # the parser's words may quote secrets
        if not isinstance(loaded, dict):
            return Failure(Reason.CREDENTIALS, f"kubeconfig {path}: not a mapping")
        found = True
        _join(joined, loaded, path.parent)
    if not found:
        return Failure(Reason.CREDENTIALS, f"kubeconfig {paths}: no such file")
    try:
        read = kubeconfig(yaml.safe_dump(joined).encode(), context)
    except ValueError as error:
        return Failure(Reason.CREDENTIALS, f"kubeconfig {paths}: {error}")
    return _view(read, context or str(joined.get("current-context") or ""), _cluster(joined, read.cluster))


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LISTS = {"clusters": "cluster", "users": "user", "contexts": "context"}


def _bytes(path: Path) -> bytes:
    with path.open("rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError("too large")
    return content


def _join(joined: dict[str, object], loaded: dict[object, object], folder: Path) -> None:
    """The first file that names something wins; paths are relative to the file they stand in."""
    if loaded.get("current-context"):
        joined.setdefault("current-context", loaded["current-context"])
    for key, inner in _LISTS.items():
        known = joined.setdefault(key, [])
        entries = loaded.get(key)
        if not isinstance(known, list) or not isinstance(entries, list):
            continue
        names = {entry["name"] for entry in known}
        for entry in entries:
            if isinstance(entry, dict) and isinstance(entry.get("name"), str) and entry["name"] not in names:
                settings = entry.get(inner)
                absolute = {
                    path: str(folder / value)
                    for path in ("certificate-authority", "client-certificate")
                    if isinstance(settings, dict) and isinstance(value := settings.get(path), str)
                }
                known.append({**entry, inner: {**settings, **absolute} if isinstance(settings, dict) else settings})


def _cluster(joined: dict[str, object], name: str) -> dict[str, object]:
    clusters = joined.get("clusters")
    found = [one["cluster"] for one in clusters if one["name"] == name] if isinstance(clusters, list) else []
    return found[0] if found and isinstance(found[0], dict) else {}


def _view(read: Kubeconfig, context: str, cluster: dict[str, object]) -> KubeconfigView:
    unreadable = []
    parts = urlsplit(read.server)
    server = None
    try:
        if parts.hostname:
            server = (parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    except ValueError:
        unreadable.append("the server's URL")
    authorities: tuple[Certificate, ...] | None = read.certificate_authorities or None
    client = read.client_certificates
    try:
        if read.certificate_authority:
            authorities = certificates(_bytes(Path(read.certificate_authority)))
    except (OSError, CertificateError) as error:
        unreadable.append(f"{read.certificate_authority}: {_words(error)}")
    try:
        if read.client_certificate:
            client = certificates(_bytes(Path(read.client_certificate)))
    except (OSError, CertificateError) as error:
        unreadable.append(f"{read.client_certificate}: {_words(error)}")
    name = cluster.get("tls-server-name")
    host = server[0] if server else ""
    return KubeconfigView(
        kubeconfig=replace(read, client_certificates=(), certificate_authorities=()),
        context=context,
        server=server if parts.scheme == "https" else None,
        server_name=name if isinstance(name, str) and name else host,
        authorities=authorities,
        client=client,
        unreadable="; ".join(unreadable),
    )


def _words(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
