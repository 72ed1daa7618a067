"""A memory cgroup around one command, where this machine lets one be made: its peak, children included."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

MIB = 1024 * 1024
PLACES = (("/sys/fs/cgroup/memory", "memory.max_usage_in_bytes"), ("/sys/fs/cgroup", "memory.peak"))
"""Version 1 and version 2, and the file that tells the peak."""


class Cgroup:
    """One group."""

    def __init__(self, directory: Path | None, peak: str) -> None:
        self._directory, self._peak = directory, peak

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The same command, in the group from its first instruction on."""
        if self._directory is None:
            return list(arguments)
        return ["/bin/sh", "-c", f'echo $$ > {self._directory}/cgroup.procs; exec "$@"', "sh", *arguments]

    @property
    def peak(self) -> float:
        """MiB; NaN where no group could be made."""
        if self._directory is None:
            return float("nan")
        return int((self._directory / self._peak).read_text()) / MIB


@contextlib.contextmanager
def cgroup(name: str) -> Iterator[Cgroup]:
    """A group for what is started inside; it is removed once that has ended."""
    for place, peak in PLACES:
        directory = Path(place) / f"aks-cert-exporter-{name}-{os.getpid()}"
        try:
            directory.mkdir()
        except OSError:
            continue
        if not (directory / peak).exists():
            directory.rmdir()
            continue
        try:
            yield Cgroup(directory, peak)
        finally:
            with contextlib.suppress(OSError):
                directory.rmdir()
        return
    yield Cgroup(None, "")
