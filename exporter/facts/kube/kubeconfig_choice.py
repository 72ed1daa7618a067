"""Kubeconfig files in, the one context that is meant with its cluster and user out: joined and checked as by client-go.

Sources: client-go tools/clientcmd loader.go (joining), client_config.go (choosing), validation.go (checking). The one
difference: where kubectl would go on to localhost:8080, there is no cluster here, and it is said.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exporter.facts.kube.kubeconfig_entries import (
    Cluster,
    Context,
    ExecPlugin,
    KubeconfigError,
    KubeconfigFile,
    User,
    shown,
)
from exporter.facts.proxy import ProxyError, proxy_url

__all__ = ["Choice", "choose", "joined"]

MOST_NAMES = 10
"""Contexts named in a message; a kubeconfig may have five hundred."""

API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")

REMOVED_PROVIDERS = {
    "azure": "kubectl removed it in 1.26: run az aks get-credentials --overwrite-existing for this cluster, "
    "and kubelogin convert-kubeconfig -l azurecli where it uses Microsoft Entra ID",
    "gcp": "kubectl removed it in 1.26: install gke-gcloud-auth-plugin and fetch the credentials again",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What is meant by a kubeconfig and a context."""

    context: str
    contexts: tuple[str, ...]
    """The names of all there are."""
    cluster: Cluster
    user: User


def joined(files: Iterable[KubeconfigFile]) -> KubeconfigFile:
    """The first current-context that is not empty, and the first definition of each name, as a whole."""
    current = ""
    clusters: Mapping[str, Cluster] = {}
    users: Mapping[str, User] = {}
    contexts: Mapping[str, Context] = {}
    for file in files:
        current = current or file.current_context
        clusters = {**file.clusters, **clusters}
        users = {**file.users, **users}
        contexts = {**file.contexts, **contexts}
    return KubeconfigFile(current, clusters, users, contexts)


def choose(file: KubeconfigFile, context: str = "") -> Choice:
    """The context of that name, or the current one. KubeconfigError: its message names the contexts there are."""
    name = context or file.current_context
    if not context and not file.contexts and not file.clusters:
        raise KubeconfigError("it names no cluster and no context")
    if not name and "" not in file.contexts:
        raise KubeconfigError(f"no current-context: give --context. {_there_are(file)}")
    if name not in file.contexts:
        which = "no context" if context else "current-context: no context"
        close = difflib.get_close_matches(name, file.contexts)
        meant = f" Did you mean {shown(close[0])}?" if close else ""
        raise KubeconfigError(f"{which} {shown(name)}.{meant} {_there_are(file)}")
    chosen = file.contexts[name]
    if not chosen.cluster and "" not in file.clusters:
        raise KubeconfigError(f"context {shown(name)} names no cluster")
    cluster = file.clusters.get(chosen.cluster)
    if cluster is None:
        names = f"There are: {_some(file.clusters)}." if file.clusters else "There is none."
        raise KubeconfigError(f"context {shown(name)}: no cluster {shown(chosen.cluster)}. {names}")
    user = file.users.get(chosen.user, User())  # none, or one that is not there: anonymous
    _check_cluster(cluster)
    _check_user(user)
    return Choice(name, tuple(file.contexts), cluster, user)


def _there_are(file: KubeconfigFile) -> str:
    return f"Contexts: {_some(file.contexts)}." if file.contexts else "It has no contexts."


def _some(names: Iterable[str]) -> str:
    all_names = sorted(names)
    more = f" and {len(all_names) - MOST_NAMES} more" if len(all_names) > MOST_NAMES else ""
    return ", ".join(shown(name)[1:-1] for name in all_names[:MOST_NAMES]) + more


def _check_cluster(cluster: Cluster) -> None:
    where = f"cluster {shown(cluster.name)}"
    if not cluster.server:
        raise KubeconfigError(f"{where} has no server")
    if cluster.authority_path and cluster.authority:
        raise KubeconfigError(f"{where}: certificate-authority and certificate-authority-data exclude each other")
    if cluster.insecure and (cluster.authority_path or cluster.authority) and _speaks_tls(cluster.server):
        raise KubeconfigError(f"{where}: insecure-skip-tls-verify and a certificate-authority exclude each other")
    if cluster.proxy_url:
        try:
            proxy_url(cluster.proxy_url)
        except ProxyError as error:
            raise KubeconfigError(f"{where}: proxy-url: {error}") from None


def _speaks_tls(server: str) -> bool:
    return server.lower().startswith("https:")  # client-go asks a transport without TLS for no CA


def _check_user(user: User) -> None:
    where = f"user {shown(user.name)}"
    if user.token and (user.username or user.password):
        raise KubeconfigError(f"{where}: a token and a password exclude each other")
    if user.certificate_path and user.certificate:
        raise KubeconfigError(f"{where}: client-certificate and client-certificate-data exclude each other")
    if user.key_path and user.key:
        raise KubeconfigError(f"{where}: client-key and client-key-data exclude each other")
    if (user.certificate_path or user.certificate) and not (user.key_path or user.key):
        raise KubeconfigError(f"{where}: its client certificate has no client-key")
    if user.impersonate == "" and (user.impersonate_uid or user.impersonate_groups or user.impersonate_extra):
        raise KubeconfigError(f"{where}: as-uid, as-groups and as-user-extra need as")
    if user.provider is not None:
        if user.plugin is not None:
            raise KubeconfigError(f"{where}: auth-provider and exec exclude each other")
        if words := REMOVED_PROVIDERS.get(user.provider.name):
            raise KubeconfigError(f"{where}: auth-provider {user.provider.name}: {words}")
        if user.provider.name != "oidc":
            raise KubeconfigError(f"{where}: kubectl knows no auth-provider {shown(user.provider.name)}")
    if user.plugin is not None:
        _check_plugin(where, user.plugin)


def _check_plugin(where: str, plugin: ExecPlugin) -> None:
    if not plugin.command:
        raise KubeconfigError(f"{where}: exec names no command")
    if plugin.api_version not in API_VERSIONS:
        version = shown(plugin.api_version) if plugin.api_version else "no apiVersion"
        raise KubeconfigError(
            f"{where}: exec has {version}; kubectl takes {API_VERSIONS[0]} and v1beta1: update "
            "the plugin, and write the kubeconfig anew"
        )
    if any(not name for name, _ in plugin.environment):
        raise KubeconfigError(f"{where}: exec: a variable of env has no name")
    modes = ("Never", "IfAvailable", "Always", *([""] if plugin.api_version == API_VERSIONS[1] else []))
    if plugin.interactive_mode not in modes:
        raise KubeconfigError(f"{where}: exec: interactiveMode is to be Never, IfAvailable or Always")
