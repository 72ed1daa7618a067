"""Kubeconfig files and a context in; out: what is meant by them, and what its certificates are, or why it cannot be.

Nothing is asked here, and no credential plugin is run.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from exporter.facts.certificate import Certificate, CertificateError
from exporter.facts.kube.kubeconfig_choice import Choice, choose, joined
from exporter.facts.kube.kubeconfig_entries import Cluster, KubeconfigError, KubeconfigFile, User
from exporter.facts.proxy import Proxy, ProxyError, environment_proxy, proxy_url
from exporter.facts.source import Failure
from exporter.facts.x509 import authority_file, certificate_file
from exporter.facts.yaml import GoValues, decoded
from exporter.reason import Reason

__all__ = [
    "KubeconfigView",
    "Paths",
    "address_of",
    "context_names",
    "default_kubeconfig",
    "file_names",
    "proxy_for",
    "read_kubeconfig",
    "read_material",
    "server_url",
    "view",
]

Paths = str | Path
"""A Path is one file, as kubectl's --kubeconfig; a string may be several, as KUBECONFIG."""

LARGEST = 32 * 1024 * 1024
"""Bytes. A kubeconfig of 1,000 clusters has 6 MB."""
DEEPEST = 100
"""Levels of nesting. The parser in C would exhaust the stack, and with it end the process."""


@dataclass(frozen=True, slots=True)
class KubeconfigView:
    """The context that is meant, with the certificates that its files hold. Keys, tokens and plugins stay there."""

    context: str
    cluster: str
    user: str
    """The user's name; empty where there is none."""
    credential: str
    """What the user has to show, in words."""
    server: str
    """The URL, without a password."""
    address: tuple[str, int]
    """Host and port."""
    tls: bool
    """Whether the server is an https:// one."""
    insecure: bool
    """Whether nothing is verified: insecure-skip-tls-verify."""
    server_name: str
    """The name that the server's certificate is to be for: tls-server-name, or the host."""
    proxy: Proxy | None
    authorities: tuple[Certificate, ...] | None
    """None: those of the system."""
    client: tuple[Certificate, ...]
    """The client certificate and its chain; empty where the user has another kind of credential."""
    unreadable: str = ""
    """What could not be read of it."""


def default_kubeconfig(environment: Mapping[str, str] = os.environ) -> Paths | None:
    """What kubectl would read: KUBECONFIG, which may be several paths, or ~/.kube/config; None where neither is."""
    if found := environment.get("KUBECONFIG"):
        return found
    try:
        usual = Path.home() / ".kube" / "config"
    except RuntimeError:  # a user that nobody knows, without HOME
        return None
    return usual if usual.is_file() else None


def file_names(paths: Paths) -> tuple[Path, ...]:
    """The files that are meant."""
    if isinstance(paths, Path):
        return (paths,)
    return tuple(dict.fromkeys(Path(part) for part in paths.split(os.pathsep) if part))


def read_kubeconfig(paths: Paths, context: str = "") -> Choice:
    """The context of the files, joined as kubectl joins them; the current one where none is named. KubeconfigError."""
    found = _read(paths)
    try:
        return choose(found, context)
    except KubeconfigError as error:
        raise KubeconfigError(f"kubeconfig {paths}: {error}") from None


def context_names(paths: Paths) -> tuple[str, ...]:
    """The names of the contexts there are. KubeconfigError."""
    return tuple(sorted(_read(paths).contexts))


def _read(paths: Paths) -> KubeconfigFile:
    files = []
    for path in file_names(paths):
        try:
            files.append(KubeconfigFile.read(_document(_bytes(path)), lambda written, at=path: _resolved(at, written)))  # type: ignore[misc]
        except FileNotFoundError:
            continue  # as kubectl does, so long as one of them is there
        except OSError as error:
            raise KubeconfigError(f"kubeconfig {path}: {error.strerror or error}") from None
        except KubeconfigError as error:
            raise KubeconfigError(f"kubeconfig {path}: {error}") from None
    if not files:
        raise KubeconfigError(f"kubeconfig {paths}: no such file")
    return joined(files)


def _resolved(file: Path, written: str) -> str:
    return written if os.path.isabs(written) else str(file.absolute().parent / written)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise KubeconfigError(f"larger than {LARGEST >> 20} MiB")
    return content


class _Loader(GoValues, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The quick loader: a kubeconfig of a thousand clusters is read with each look."""


def _document(content: bytes) -> object:
    """The first document, as Go's YAML reads one. KubeconfigError; the parser's own words may quote secrets."""
    try:
        text = decoded(content)
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise KubeconfigError("nested too deep")
            if isinstance(event, yaml.DocumentEndEvent):
                break
        return next(yaml.load_all(text, Loader=_Loader), None)
    except UnicodeDecodeError:
        raise KubeconfigError("neither UTF-8 nor UTF-16") from None
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise KubeconfigError(f"not YAML{line}") from None
    except KubeconfigError:
        raise
    except RecursionError:  # aliases and merges can be for one another, each as deep as is allowed
        raise KubeconfigError("nested too deep") from None
    except (yaml.YAMLError, ValueError):
        raise KubeconfigError("not YAML") from None


def server_url(cluster: Cluster) -> str:
    """The server as client-go takes it: http where no scheme is named, no path's slash at its end. KubeconfigError."""
    text = cluster.server if "://" in cluster.server else f"http://{cluster.server}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise KubeconfigError("the cluster's server has no host, or an impossible port") from None
    if parts.scheme not in {"http", "https"}:
        raise KubeconfigError("the cluster's server is not an https:// URL")
    host = parts.hostname
    if not host or port == 0 or any(character.isspace() or not character.isprintable() for character in text):
        raise KubeconfigError("the cluster's server has no host, or an impossible port")
    place = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{place}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"


def address_of(url: str) -> tuple[str, int]:
    """Host and port of a server_url."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def proxy_for(cluster: Cluster, url: str, environment: Mapping[str, str] = os.environ) -> Proxy | None:
    """The proxy that leads to the cluster: its own, or that of the environment. KubeconfigError."""
    try:
        if cluster.proxy_url:
            return proxy_url(cluster.proxy_url)
        return environment_proxy(urlsplit(url).scheme, *address_of(url), environment)
    except ProxyError as error:
        raise KubeconfigError(str(error)) from None


def read_material(path: str, data: bytes) -> bytes:
    """The bytes of a certificate or key that a kubeconfig names or holds; empty where it does neither. OSError."""
    return Path(path).read_bytes() if path else data


def view(choice: Choice, environment: Mapping[str, str] = os.environ) -> KubeconfigView | Failure:
    """What the choice amounts to; a Failure where its server or proxy cannot be one."""
    cluster, user = choice.cluster, choice.user
    try:
        url = server_url(cluster)
        proxy = proxy_for(cluster, url, environment)
    except KubeconfigError as error:
        return Failure(Reason.CREDENTIALS, str(error))
    address = address_of(url)
    unreadable: list[str] = []
    authorities = _certificates(cluster.authority_path, cluster.authority, "certificate-authority-data", unreadable)
    client = _certificates(user.certificate_path, user.certificate, "client-certificate-data", unreadable)
    return KubeconfigView(
        context=choice.context,
        cluster=cluster.name,
        user=user.name,
        credential=_credential(user),
        server=url,
        address=address,
        tls=url.startswith("https://"),
        insecure=cluster.insecure,
        server_name=cluster.tls_server_name or address[0],
        proxy=proxy,
        authorities=authorities or None,
        client=client,
        unreadable="; ".join(unreadable),
    )


def _certificates(path: str, data: bytes, key: str, unreadable: list[str]) -> tuple[Certificate, ...]:
    try:
        content = read_material(path, data)
        # The first certificate of a client is the one that is shown; a CA bundle has no first.
        read = certificate_file if key.startswith("client-") else authority_file
        return read(content).certificates if content else ()
    except OSError as error:
        unreadable.append(f"{path}: {error.strerror or error}")
    except CertificateError as error:
        unreadable.append(f"{path or key}: {error}")
    except ValueError:  # of the path
        unreadable.append(f"{key.removesuffix('-data')}: no path of a file")
    return ()


def _credential(user: User) -> str:
    if user.certificate_path or user.certificate:
        return "a client certificate"
    if user.token or user.token_path:
        return "a token"
    if user.username or user.password:
        return "a name and a password"
    if user.provider is not None:
        return f"the auth-provider {user.provider.name}"
    if user.plugin is not None:
        return f"the plugin {Path(user.plugin.command).name}"
    return "no credential: it asks as nobody"
