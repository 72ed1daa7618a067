"""One kubeconfig file's document in, its clusters, users and contexts out, typed as client-go types them.

Source: client-go tools/clientcmd/api/v1/types.go and conversion.go. kubectl refuses a file as a whole where one value
has another type, also in an entry that nobody uses; so does this. Messages quote names, never values: a secret may
be where something else should.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from exporter.facts.base64 import go_base64

__all__ = ["AuthProvider", "Cluster", "Context", "ExecPlugin", "KubeconfigError", "KubeconfigFile", "User", "shown"]

Document = Mapping[object, object]
Resolve = Callable[[str], str]
"""A path as it is written in, the path seen from here out: relative ones are relative to their file."""

T = TypeVar("T")

EXEC_EXTENSION = "client.authentication.k8s.io/exec"
"""The extension of a cluster that a plugin is told (client-go, ExecCluster.Config)."""


class KubeconfigError(ValueError):
    """kubectl would not use this kubeconfig. The message is one line that holds no secret."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where an API server is, and what it is trusted by."""

    name: str = ""
    server: str = field(default="", repr=False)
    """The URL as it is written: it may hold a password."""
    tls_server_name: str = ""
    insecure: bool = False
    """insecure-skip-tls-verify."""
    authority_path: str = ""
    authority: bytes = b""
    proxy_url: str = field(default="", repr=False)
    plugin_config: object = field(default=None, repr=False)
    """What an exec plugin is told of the cluster."""


@dataclass(frozen=True, slots=True)
class AuthProvider:
    """A credential plugin of the kind that kubectl has built in; `oidc` is the only one left."""

    name: str
    config: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A credential plugin: a program that prints an ExecCredential."""

    command: str
    arguments: tuple[str, ...] = field(repr=False)
    environment: tuple[tuple[str, str], ...] = field(repr=False)
    api_version: str
    install_hint: str
    provide_cluster_info: bool
    interactive_mode: str


@dataclass(frozen=True, slots=True)
class User:
    """As whom to ask. An empty one is anonymous."""

    name: str = ""
    certificate_path: str = ""
    certificate: bytes = field(default=b"", repr=False)
    key_path: str = ""
    key: bytes = field(default=b"", repr=False)
    token: str = field(default="", repr=False)
    token_path: str = ""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    impersonate: str = ""
    impersonate_uid: str = ""
    impersonate_groups: tuple[str, ...] = ()
    impersonate_extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    provider: AuthProvider | None = None
    plugin: ExecPlugin | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """A cluster and a user, by name."""

    cluster: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class KubeconfigFile:
    """What one file says, or several that were joined."""

    current_context: str = ""
    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    contexts: Mapping[str, Context] = field(default_factory=dict)

    @classmethod
    def read(cls, document: object, resolve: Resolve) -> "KubeconfigFile":
        """From the plain values of YAML or JSON; None (an empty file, only comments) says nothing. KubeconfigError."""
        if document is None:
            return cls()
        top = _mapping(document, "the document")
        if _text(top, "kind") not in {"", "Config"} or _text(top, "apiVersion") not in {"", "v1", "/v1"}:
            raise KubeconfigError("not a kubeconfig: its kind is not v1 Config")
        _check_extensions(top)
        preferences = _mapping(top.get("preferences"), "preferences")
        _flag(preferences, "colors")
        _check_extensions(preferences)
        return cls(
            _text(top, "current-context"),
            _named(top, "clusters", "cluster", lambda name, one: _cluster(name, one, resolve)),
            _named(top, "users", "user", lambda name, one: _user(name, one, resolve)),
            _named(top, "contexts", "context", lambda _, one: _context(one)),
        )


def _context(one: Document) -> Context:
    _text(one, "namespace")
    _check_extensions(one)
    return Context(_text(one, "cluster"), _text(one, "user"))


def _check_extensions(section: Document) -> None:
    names = [_text(_mapping(entry, "an extension"), "name") for entry in _list(section, "extensions")]
    if len(names) > len(set(names)):
        raise KubeconfigError("extensions: a name is there twice")


def _cluster(name: str, one: Document, resolve: Resolve) -> Cluster:
    _check_extensions(one)
    _flag(one, "disable-compression")
    plugin_config = None
    for extension in _list(one, "extensions"):
        entry = _mapping(extension, "an extension")
        if _text(entry, "name") == EXEC_EXTENSION:
            plugin_config = entry.get("extension")
    return Cluster(
        name=name,
        server=_text(one, "server"),
        tls_server_name=_text(one, "tls-server-name"),
        insecure=_flag(one, "insecure-skip-tls-verify"),
        authority_path=_path(one, "certificate-authority", resolve),
        authority=_data(one, "certificate-authority-data"),
        proxy_url=_text(one, "proxy-url"),
        plugin_config=plugin_config,
    )


def _user(name: str, one: Document, resolve: Resolve) -> User:
    _check_extensions(one)
    extra = _mapping(one.get("as-user-extra"), "as-user-extra")
    return User(
        name=name,
        certificate_path=_path(one, "client-certificate", resolve),
        certificate=_data(one, "client-certificate-data"),
        key_path=_path(one, "client-key", resolve),
        key=_data(one, "client-key-data"),
        token=_text(one, "token"),
        token_path=_path(one, "tokenFile", resolve),
        username=_text(one, "username"),
        password=_text(one, "password"),
        impersonate=_text(one, "as"),
        impersonate_uid=_text(one, "as-uid"),
        impersonate_groups=_texts(one, "as-groups"),
        impersonate_extra=tuple((_string(key, "as-user-extra"), _texts(extra, key)) for key in extra),
        provider=_provider(one),
        plugin=_plugin(one, resolve),
    )


def _provider(user: Document) -> AuthProvider | None:
    if user.get("auth-provider") is None:
        return None
    one = _mapping(user["auth-provider"], "auth-provider")
    config = _mapping(one.get("config"), "auth-provider")
    return AuthProvider(_text(one, "name"), {_string(key, "auth-provider"): _text(config, key) for key in config})


def _plugin(user: Document, resolve: Resolve) -> ExecPlugin | None:
    if user.get("exec") is None:
        return None
    one = _mapping(user["exec"], "exec")
    command = _text(one, "command")
    variables = [_mapping(entry, "exec: env") for entry in _list(one, "env")]
    return ExecPlugin(
        # A name without a folder is looked for in PATH.
        command=resolve(command) if "/" in command or "\\" in command else command,
        arguments=_texts(one, "args"),
        environment=tuple((_text(entry, "name"), _text(entry, "value")) for entry in variables),
        api_version=_text(one, "apiVersion"),
        install_hint=_text(one, "installHint"),
        provide_cluster_info=_flag(one, "provideClusterInfo"),
        interactive_mode=_text(one, "interactiveMode"),
    )


def _named(top: Document, section: str, member: str, read: Callable[[str, Document], T]) -> dict[str, T]:
    found: dict[str, T] = {}
    for entry in _list(top, section):
        one = _mapping(entry, f"an entry of {section}")
        name = _text(one, "name")
        if name in found:
            raise KubeconfigError(f"{section}: the name {shown(name)} is there twice")
        try:
            found[name] = read(name, _mapping(one.get(member), f"its {member}"))
        except KubeconfigError as error:
            raise KubeconfigError(f"{member} {shown(name)}: {error}") from None
    return found


def shown(name: str) -> str:
    """A name in a message: short, on one line, and recognizable as one."""
    return repr(name if len(name) <= 80 else f"{name[:79]}…")


def _mapping(value: object, what: str) -> Document:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise KubeconfigError(f"{what} is not a mapping")
    return value


def _list(section: Document, key: str) -> list[object]:
    value = section.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise KubeconfigError(f"{key} is not a list")
    return value


def _string(value: object, key: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise KubeconfigError(f"{key} is not a string")
    return value


def _text(section: Document, key: object) -> str:
    return _string(section.get(key), str(key))


def _texts(section: Document, key: object) -> tuple[str, ...]:
    value = section.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise KubeconfigError(f"{key} is not a list")
    return tuple(_string(one, f"an entry of {key}") for one in value)


def _flag(section: Document, key: str) -> bool:
    value = section.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise KubeconfigError(f"{key} is not true or false")
    return value


def _path(section: Document, key: str, resolve: Resolve) -> str:
    path = _text(section, key)
    if "-----" in path:  # paths are shown; this one has a PEM block in it
        raise KubeconfigError(f"{key} is not a path")
    return resolve(path) if path else ""


def _data(section: Document, key: str) -> bytes:
    text = _text(section, key)
    try:
        return go_base64(text.encode())
    except ValueError:
        raise KubeconfigError(f"{key} is not base64") from None
