"""Kubeconfig bytes in; out: which credential it uses, whose CA it trusts, and who wrote it. Never the secret itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from exporter.facts.base64 import go_base64
from exporter.facts.certificate import Certificate, CertificateFile
from exporter.facts.yaml import document

__all__ = ["Credential", "HostKubeconfig", "KubeconfigText", "ServerTrust", "kubeconfig", "kubeconfig_text"]

Section = Mapping[object, object]


class Credential(StrEnum):
    """The kind of credential of a kubeconfig's user, in the order in which client-go prefers them."""

    CERTIFICATE_FILE = "certificate_file"
    CERTIFICATE_INLINE = "certificate_inline"
    TOKEN = "token"  # noqa: S105 - a kind of credential, not one
    EXEC = "exec"
    NONE = "none"


class ServerTrust(StrEnum):
    """By what a client believes that it talks to the API server."""

    NAMED_CA = "named_ca"
    SYSTEM_CAS = "system_cas"
    """No CA is named: client-go goes by those of the machine, none of which signs for an AKS API server."""
    ANYBODY = "anybody"
    """insecure-skip-tls-verify."""
    PLAIN_HTTP = "plain_http"
    """No TLS at all."""


@dataclass(frozen=True, slots=True)
class HostKubeconfig:
    """What the current context of a kubeconfig leads to."""

    cluster: str
    """The cluster's name in the file."""
    user: str
    """The user's name in the file."""
    namespace: str
    """The context's namespace, empty without one: the kubelet writes `default`, secure TLS bootstrapping none."""
    server: str
    credential: Credential
    client_certificate: str = ""
    """Path of the client certificate as written: on the host, relative to the kubeconfig if not absolute."""
    client_key: str = ""
    """Path of the private key as written; empty where it is in the file itself, or there is none."""
    client_certificates: tuple[Certificate, ...] = ()
    """The client certificate that is in the file itself, and its chain."""
    certificate_authority: str = ""
    """Path of the CA bundle as written."""
    certificate_authorities: tuple[Certificate, ...] = ()
    """The CA bundle that is in the file itself."""
    insecure_skip_tls_verify: bool = False
    """Whether the server's certificate is not verified."""
    contexts: int = 1
    """How many contexts the file has."""

    @property
    def server_trust(self) -> ServerTrust:
        """By what the server is believed."""
        if self.server.strip().lower().startswith("http://"):
            return ServerTrust.PLAIN_HTTP
        if self.insecure_skip_tls_verify:
            return ServerTrust.ANYBODY
        named = self.certificate_authority or self.certificate_authorities
        return ServerTrust.NAMED_CA if named else ServerTrust.SYSTEM_CAS


@dataclass(frozen=True, slots=True)
class KubeconfigText:
    """A kubeconfig whose own certificates are not parsed yet."""

    bare: HostKubeconfig
    """All but the certificates."""
    client: bytes | None
    """PEM of the client certificate in the file itself, None without one."""
    authorities: bytes | None
    """PEM of the CA bundle in the file itself."""

    def parsed(
        self, leaf: Callable[[bytes], CertificateFile], bundle: Callable[[bytes], CertificateFile]
    ) -> HostKubeconfig:
        """With its certificates. `leaf` and `bundle` parse as `x509.certificate_file` and `x509.authority_file`: the
        first certificate of a client is the one that is shown, and a CA bundle has no first. Raises ValueError.
        """
        return replace(
            self.bare,
            client_certificates=_members("client-certificate-data", self.client, leaf),
            certificate_authorities=_members("certificate-authority-data", self.authorities, bundle),
        )


def kubeconfig(content: bytes, context: str = "") -> HostKubeconfig:
    """The kubeconfig's current context, or the one named. Raises ValueError with a one-line message, which quotes
    nothing of the file: in one that is damaged a key or a token may be where a name should.

    Without a current-context the kubelet has no API server to talk to, be there one context or several.
    """
    text = kubeconfig_text(content, context)
    if text.client is None and text.authorities is None:
        return text.bare
    from exporter.facts.x509 import authority_file, certificate_file  # not where another process parses

    return text.parsed(certificate_file, authority_file)


def kubeconfig_text(content: bytes, context: str = "") -> KubeconfigText:
    """The same before its certificates are parsed. Raises as `kubeconfig`."""
    loaded = document(content)
    if not isinstance(loaded, dict) or (loaded.get("kind") or "Config") != "Config" or "clusters" not in loaded:
        raise ValueError("not a kubeconfig")
    contexts = _named(loaded, "contexts", "context")
    name = context or loaded.get("current-context") or ""
    if not isinstance(name, str) or name not in contexts:
        if context:
            raise ValueError(f"no context {context[:80]!r}")
        raise ValueError("no context of the name in current-context" if name else "no current-context")
    chosen = contexts[name]
    cluster_name, user_name = _text(chosen, "cluster"), _text(chosen, "user")
    cluster = _named(loaded, "clusters", "cluster").get(cluster_name)
    user = _named(loaded, "users", "user").get(user_name)
    if cluster is None:
        raise ValueError("no cluster of the name in the context")
    if user is None:
        raise ValueError("no user of the name in the context")
    credential = _credential(user)
    bare = HostKubeconfig(
        cluster=cluster_name,
        user=user_name,
        namespace=_text(chosen, "namespace"),
        server=_text(cluster, "server"),
        credential=credential,
        client_certificate=_path(user, "client-certificate") if credential is Credential.CERTIFICATE_FILE else "",
        client_key="" if user.get("client-key-data") else _path(user, "client-key"),
        certificate_authority=(
            "" if cluster.get("certificate-authority-data") else _path(cluster, "certificate-authority")
        ),
        insecure_skip_tls_verify=_flag(cluster, "insecure-skip-tls-verify"),
        contexts=len(contexts),
    )
    inline = credential is Credential.CERTIFICATE_INLINE
    client = _embedded(user, "client-certificate-data") if inline else None
    return KubeconfigText(bare, client, _embedded(cluster, "certificate-authority-data"))


def _flag(section: Section, key: str) -> bool:
    value = section.get(key)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{key} is neither true nor false")
    return bool(value)


def _credential(user: Section) -> Credential:
    for key, kind in (
        ("client-certificate-data", Credential.CERTIFICATE_INLINE),  # client-go: data takes precedence over the path
        ("client-certificate", Credential.CERTIFICATE_FILE),
        ("token", Credential.TOKEN),
        ("tokenFile", Credential.TOKEN),
        ("exec", Credential.EXEC),
    ):
        if user.get(key):
            return kind
    return Credential.NONE


def _named(loaded: Section, section: str, member: str) -> dict[object, Section]:
    """The entries of `clusters`, `users` or `contexts` by name. client-go refuses a file that has a name twice."""
    entries = loaded.get(section) or []
    if not isinstance(entries, list):
        raise ValueError(f"{section} is not a list")
    found: dict[object, Section] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise ValueError(f"an entry of {section} has no name")
        value = entry.get(member) or {}
        if not isinstance(value, dict):
            raise ValueError(f"{section}: a {member} is not a mapping")
        if entry["name"] in found:
            raise ValueError(f"{section}: a name is there twice")
        found[entry["name"]] = value
    return found


def _text(section: Section, key: str) -> str:
    value = section.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key} is not a string")
    return value


def _path(section: Section, key: str) -> str:
    path = _text(section, key)
    if "-----" in path:  # a path is shown; this one has a PEM block in it
        raise ValueError(f"{key} is not a path")
    return path


def _embedded(section: Section, key: str) -> bytes | None:
    encoded = _text(section, key)
    if not encoded:
        return None
    try:
        return go_base64(encoded.encode())
    except ValueError:
        raise ValueError(f"{key} is not base64") from None


def _members(key: str, content: bytes | None, parse: Callable[[bytes], CertificateFile]) -> tuple[Certificate, ...]:
    if content is None:
        return ()
    try:
        return parse(content).certificates
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
