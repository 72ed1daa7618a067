"""akscert_sandbox_*: how far the kernel let the node agent seal itself."""

from collections.abc import Iterator

from exporter.facts.sandbox import FilesystemSeal, NetworkSeal, Sandbox, Seccomp
from exporter.metric import Metric, Part, Row, part

__all__ = ["parts"]

INFO = Metric(
    "akscert_sandbox_info",
    "1, with how far the kernel let the node agent seal itself. landlock_abi: the kernel's version of Landlock, 0 "
    "where it has none. filesystem: sealed (it reads only what it needs, writes nothing, and executes only the "
    "interpreter of the child that parses certificates). network: "
    "tcp (TCP only to the kubelet's port and on its own). seccomp: the system call filter it was started with.",
    ("node", "landlock_abi", "filesystem", "network", "seccomp"),
    words={"filesystem": tuple(FilesystemSeal), "network": tuple(NetworkSeal), "seccomp": tuple(Seccomp)},
)


def parts(node: str, sandbox: Sandbox | None) -> Iterator[Part]:
    """The one sample; none where the process did not try to seal itself."""
    rows: list[Row] = (
        []
        if sandbox is None
        else [((node, str(sandbox.landlock_abi), sandbox.filesystem, sandbox.network, sandbox.seccomp), 1.0)]
    )
    yield part((INFO, rows))
