"""akscert_file_*: what came of looking at each file, and how many old ones lie beside the current."""

from collections.abc import Iterator

from exporter.facts.host.host_facts import HostFacts
from exporter.metric import Metric, Part, part
from exporter.reason import FileRole, FileStatus, Role

__all__ = ["parts"]

STATUS = Metric(
    "akscert_file_status",
    "1; exactly one series for each file the agent is to look at. not_expected: absent, as expected. A drop-in has one "
    "where it cannot be read; else its directory speaks for it.",
    ("node", "role", "path", "status"),
    words={"role": tuple(FileRole), "status": tuple(FileStatus)},
)
LEFTOVERS = Metric(
    "akscert_file_leftovers",
    "Dated PEM files beside the current one. Absent where the directory cannot be listed.",
    ("node", "role"),
    words={"role": tuple(Role)},
)


def parts(host: HostFacts) -> Iterator[Part]:
    """Samples of one node's files."""
    yield part((STATUS, (((host.node, file.role, file.path, file.status), 1.0) for file in host.files)))
    yield part((LEFTOVERS, (((host.node, role), float(count)) for role, count in host.leftovers.items())))
