"""The process's own metrics, by the names that client libraries give them: memory, time, descriptors, Python."""

import contextlib
import os
import platform
import sys
from collections.abc import Iterator

from exporter.metric import Family, Metric, MetricKind

if sys.platform != "win32":
    import resource

__all__ = ["PROC", "ProcessMetrics", "platform_metrics"]

PROC = "/proc"
VIRTUAL = Metric("process_virtual_memory_bytes", "Virtual memory size in bytes.")
RESIDENT = Metric("process_resident_memory_bytes", "Resident memory size in bytes.")
STARTED = Metric("process_start_time_seconds", "Start time of the process since unix epoch in seconds.")
USED = Metric("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", kind=MetricKind.COUNTER)
OPEN = Metric("process_open_fds", "Number of open file descriptors.")
MOST_OPEN = Metric("process_max_fds", "Maximum number of open file descriptors.")
PYTHON = Metric(
    "python_info", "Python platform information", ("version", "implementation", "major", "minor", "patchlevel")
)


def platform_metrics() -> Iterator[Family]:
    """Which Python this is."""
    version = platform.python_version()
    yield PYTHON.family([((version, platform.python_implementation(), *platform.python_version_tuple()), 1.0)])


class ProcessMetrics:
    """What proc(5) says about this process on Linux; elsewhere nothing."""

    def __init__(self, proc: str = PROC) -> None:
        self._proc = proc
        self._booted = 0.0
        with contextlib.suppress(OSError), open(f"{proc}/stat", "rb") as lines:
            self._booted = next((float(line.split()[1]) for line in lines if line.startswith(b"btime ")), 0.0)

    def collect(self) -> Iterator[Family]:
        """Now."""
        if sys.platform == "win32" or not self._booted:
            return
        with contextlib.suppress(OSError):
            with open(f"{self._proc}/self/stat", "rb") as stat:
                fields = stat.read().rpartition(b")")[2].split()
            ticks = os.sysconf("SC_CLK_TCK")
            yield VIRTUAL.family([((), float(fields[20]))])
            yield RESIDENT.family([((), float(fields[21]) * os.sysconf("SC_PAGE_SIZE"))])
            yield STARTED.family([((), float(fields[19]) / ticks + self._booted)])
            yield USED.family([((), (float(fields[11]) + float(fields[12])) / ticks)])
        with contextlib.suppress(OSError):
            yield OPEN.family([((), float(len(os.listdir(f"{self._proc}/self/fd"))))])
            most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            yield MOST_OPEN.family([((), float("inf") if most == resource.RLIM_INFINITY else float(most))])
