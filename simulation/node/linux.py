"""A Linux node's files as AKS and the kubelet leave them: options and an authority in, a tree and its credentials out.

Paths and modes are those of Azure/AgentBaker's cse_config.sh, the kubelet and Azure/aks-secure-tls-bootstrap.
"""

from collections.abc import Mapping

from simulation.node import file_contents
from simulation.node.build_options import Bootstrap, BuildOptions, Client, Damage, Serving
from simulation.node.file_tree import NodeTree
from simulation.pki import DAY, YEAR, Authority, Credential, self_signed_linux

__all__ = ["write_linux"]

CERTS = "/etc/kubernetes/certs"
KUBELET = "/var/lib/kubelet"
PKI = f"{KUBELET}/pki"
DROP_INS = "/etc/systemd/system/kubelet.service.d"
FQDN = "contoso-dns-1a2b3c4d.hcp.westeurope.azmk8s.io"
SERVER = f"https://{FQDN}:443"


def write_linux(
    tree: NodeTree, options: BuildOptions, name: str, labels: Mapping[str, str], now: float, authority: Authority
) -> tuple[Credential | None, Credential | None]:
    """Write the node. Returns its client and its serving certificate, None for one that was never issued."""
    made = now - options.age_days * DAY
    former = Authority.cluster(now - 4 * YEAR, years=2, number=2).pem if options.former_authority_kept else b""
    tree.write(f"{CERTS}/ca.crt", former + authority.pem, 0o600)
    tree.write(f"{CERTS}/apiserver.crt", authority.apiserver((FQDN,), made).certificate_pem)
    tree.write("/etc/kubernetes/azure.json", file_contents.azure_json(), 0o600)
    tree.write(
        "/opt/azure/containers/imds_instance_metadata_cache.json", file_contents.imds_cache(options.provisioning_tags)
    )
    tree.directory(PKI)
    _write_settings(tree, options, labels)
    _write_bootstrap(tree, options)
    return _write_client(tree, options, name, now, authority), _write_serving(tree, options, name, now, made, authority)


def _write_settings(tree: NodeTree, options: BuildOptions, labels: Mapping[str, str]) -> None:
    rotation = serving_rotation(options.serving)
    flags = file_contents.kubelet_flags(serving_rotation=rotation, component_config=options.component_config)
    tree.write("/etc/default/kubelet", file_contents.kubelet_defaults(flags, labels), 0o600)
    if options.component_config:
        tree.write("/etc/default/kubeletconfig.json", file_contents.kubeletconfig(serving_rotation=rotation), 0o600)
        tree.write(f"{DROP_INS}/10-componentconfig.conf", file_contents.component_config_drop_in(), 0o600)


def serving_rotation(serving: Serving) -> bool | None:
    """What the kubelet's settings say of it; None: nothing, as before rotation was offered."""
    if serving is Serving.NEVER_OFFERED:
        return None
    return serving is not Serving.OPTED_OUT


def _write_bootstrap(tree: NodeTree, options: BuildOptions) -> None:
    if options.bootstrap is Bootstrap.NONE:
        return
    # With secure TLS bootstrapping the token stays in place as the fallback.
    tree.write(f"{KUBELET}/bootstrap-kubeconfig", file_contents.bootstrap_kubeconfig(SERVER))
    tree.write(f"{DROP_INS}/10-tlsbootstrap.conf", file_contents.tls_bootstrap_drop_in(), 0o600)
    if options.bootstrap is Bootstrap.SECURE_TLS:
        tree.write("/etc/default/secure-tls-bootstrap", file_contents.secure_tls_bootstrap(FQDN), 0o600)


def _write_client(
    tree: NodeTree, options: BuildOptions, name: str, now: float, authority: Authority
) -> Credential | None:
    if options.client is Client.PENDING:
        return None  # with rotateCertificates the key of the first request stays in the kubelet's memory
    if options.client is Client.STATIC:
        lifetime = 2 * YEAR
        static = authority.kubelet_client(name, now - options.client_gone * lifetime + 300, days=730)
        tree.write(f"{CERTS}/client.crt", static.certificate_pem)
        tree.write(f"{CERTS}/client.key", static.key_pem)
        tree.write(f"{KUBELET}/kubeconfig", file_contents.static_kubeconfig(SERVER))
        return static
    namespace = options.bootstrap is not Bootstrap.SECURE_TLS
    tree.write(f"{KUBELET}/kubeconfig", file_contents.kubelet_kubeconfig(SERVER, namespace=namespace), 0o600)
    for former in range(options.leftovers, 0, -1):
        signed = now - (options.client_gone + 0.8 * former) * YEAR + 300
        tree.rotated(PKI, "kubelet-client", authority.kubelet_client(name, signed))
    signed = now - options.client_gone * YEAR + 300
    match options.client_damage:
        case Damage.ANOTHER_NODE:
            client = authority.kubelet_client(f"{name[:-1]}z", signed)
        case Damage.ANOTHER_USE:
            client = authority.kubelet_serving(name, signed)
        case _:
            client = authority.kubelet_client(name, signed)
    _damage(tree, tree.rotated(PKI, "kubelet-client", client), client, options.client_damage)
    return client


def _damage(tree: NodeTree, path: str, client: Credential, damage: Damage) -> None:
    match damage:
        case Damage.KEY_LOST:
            tree.write(path, client.certificate_pem, 0o600)
        case Damage.REMOVED:
            tree.at(path).unlink()
        case Damage.UNREADABLE:
            tree.at(path).chmod(0)
        case Damage.TRUNCATED:
            tree.write(path, client.pem[: len(client.certificate_pem) // 2], 0o600)
        case Damage.EMPTIED:
            tree.write(path, b"", 0o600)
        case Damage.NONE | Damage.ANOTHER_NODE | Damage.ANOTHER_USE:
            pass


def _write_serving(
    tree: NodeTree, options: BuildOptions, name: str, now: float, made: float, authority: Authority
) -> Credential | None:
    if options.serving is Serving.PENDING:
        return None
    if options.serving is Serving.ROTATED:
        serving = authority.kubelet_serving(name, now - options.serving_gone * YEAR + 300)
        tree.rotated(PKI, "kubelet-server", serving)
        return serving
    serving = self_signed_linux(name, made)
    tree.write(f"{CERTS}/kubeletserver.crt", serving.certificate_pem)
    tree.write(f"{CERTS}/kubeletserver.key", serving.key_pem)
    return serving
