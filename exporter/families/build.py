"""akscert_build_info: which build this process runs, and as which agent."""

import platform
from collections.abc import Iterator

from exporter import __version__
from exporter.metric import Family, Metric
from exporter.reason import Mode

__all__ = ["families"]

INFO = Metric(
    "akscert_build_info",
    "1, with the version and source revision of this build, its Python and which agent it runs as.",
    ("version", "revision", "python_version", "mode"),
    words={"mode": tuple(Mode)},
)


def families(mode: Mode, revision: str) -> Iterator[Family]:
    """The one sample. The revision comes from the image's build argument; outside an image it is `unknown`."""
    yield INFO.family([((__version__, revision, platform.python_version(), mode), 1.0)])
