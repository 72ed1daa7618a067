"""akscert_bootstrap_*: how a node's kubelet obtains its first client certificate."""

from collections.abc import Iterator

from exporter.facts.host.host_facts import HostFacts
from exporter.metric import Metric, Part, part
from exporter.reason import BootstrapMethod

__all__ = ["parts"]

INFO = Metric(
    "akscert_bootstrap_info",
    "1, with the bootstrap method. none: nothing is there to obtain a new certificate with.",
    ("node", "method"),
    words={"method": tuple(BootstrapMethod)},
)
KUBECONFIG_PRESENT = Metric(
    "akscert_bootstrap_kubeconfig_present",
    "1 if the bootstrap kubeconfig is there, 0 if it is not. Absent where that cannot be seen.",
    ("node",),
)


def parts(host: HostFacts) -> Iterator[Part]:
    """Samples of one node."""
    present = host.bootstrap_kubeconfig_present
    yield part(
        (INFO, [((host.node, host.bootstrap_method), 1.0)]),
        (KUBECONFIG_PRESENT, [] if present is None else [((host.node,), float(present))]),
    )
