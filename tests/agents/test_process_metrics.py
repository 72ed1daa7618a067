"""The process's own metrics are those that prometheus_client collects."""

import sys
from pathlib import Path

import pytest
from prometheus_client import PlatformCollector, ProcessCollector

from exporter.agents.process_metrics import ProcessMetrics, platform_metrics

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="proc(5) is Linux's")


def test_they_are_those_of_the_library() -> None:
    """The same names, types and help; the same values where these stand still."""
    ours = {family.name: family for family in ProcessMetrics().collect()}
    theirs = {family.name: family for family in ProcessCollector(registry=None).collect()}
    assert {name: (one.type, one.documentation) for name, one in ours.items()} == {
        name: (one.type, one.documentation) for name, one in theirs.items()
    }
    for name in ("process_start_time_seconds", "process_max_fds"):
        assert ours[name].samples[0].value == theirs[name].samples[0].value
    for name in ("process_virtual_memory_bytes", "process_resident_memory_bytes", "process_open_fds"):
        assert ours[name].samples[0].value == pytest.approx(theirs[name].samples[0].value, rel=0.5)
    (python,), (library,) = platform_metrics(), PlatformCollector(registry=None).collect()
    assert (python.samples[0].labels, python.samples[0].value) == (library.samples[0].labels, 1.0)


def test_where_there_is_no_proc_there_are_none(tmp_path: Path) -> None:
    assert list(ProcessMetrics(str(tmp_path)).collect()) == []
    (tmp_path / "stat").write_text("cpu 1\nbtime 100\n")
    assert list(ProcessMetrics(str(tmp_path)).collect()) == []
