r"""A Windows node's files as AKS and the kubelet leave them under C:\k: build options and an authority in, a tree out.

What PowerShell wrote has CRLF, what the kubelet wrote has not (Azure/AgentBaker, staging/cse/windows/kubeletfunc.ps1).
"""

from collections.abc import Mapping

from simulation.node import file_contents
from simulation.node.build_options import BuildOptions, Serving
from simulation.node.file_tree import NodeTree
from simulation.node.linux import SERVER, serving_rotation
from simulation.pki import YEAR, Authority, Credential, self_signed_windows

__all__ = ["write_windows"]


def write_windows(
    tree: NodeTree, options: BuildOptions, name: str, labels: Mapping[str, str], now: float, authority: Authority
) -> tuple[Credential, Credential]:
    """Write the node. Returns its client and its serving certificate."""
    tree.write("C:\\k\\ca.crt", _crlf(authority.pem.decode()))
    tree.write("C:\\k\\bootstrap-config", _crlf(file_contents.windows_bootstrap_config(SERVER, authority.pem)))
    tree.write("C:\\k\\config", file_contents.windows_kubelet_config(SERVER, authority.pem))
    tree.write(
        "C:\\k\\kubeclusterconfig.json",
        file_contents.windows_cluster_config(labels, serving_rotation=serving_rotation(options.serving)),
    )
    client = authority.kubelet_client(name, now - options.client_gone * YEAR + 300)
    # The link's target on the node is C:\k\pki\…; without the drive the kernel that reads the tree resolves it alike.
    tree.rotated("/k/pki", "kubelet-client", client)
    if options.serving is Serving.ROTATED:
        serving = authority.kubelet_serving(name, now - options.serving_gone * YEAR + 300)
        tree.rotated("/k/pki", "kubelet-server", serving)
    else:
        serving = self_signed_windows(name, now - options.serving_gone * YEAR)
        tree.write("C:\\k\\pki\\kubelet.crt", serving.certificate_pem)
        tree.write("C:\\k\\pki\\kubelet.key", serving.key_pem, 0o600)
    return client, serving


def _crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("ascii")
