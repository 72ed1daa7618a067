"""How a look at a managed cluster is made: how many at a time, what one failure says of the next, and what a bug is."""

import logging
import threading

import pytest

from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.azure.managed_cluster import AzureSource
from exporter.sources.azure.resource_manager import ResourceManager
from simulation.azure import bodies
from simulation.azure.bodies import agent_pool
from simulation.azure.faults import FAULTS
from simulation.azure.resource_manager import Route
from simulation.azure.site import ArmSite
from tests.sources.azure.simulated import CLUSTER, SNAPSHOT, asked, facts, put


def test_four_requests_may_be_under_way_and_no_more(source: AzureSource) -> None:
    """Those that came to an end are forgotten."""
    over = threading.Event()
    source._abandoned = [threading.Thread(target=over.wait, daemon=True) for _ in range(3)]
    ended = threading.Thread(target=str)
    for thread in (*source._abandoned, ended):
        thread.start()
    ended.join()
    source._abandoned.append(ended)
    assert source._look(lambda _: True, "5ab0") is True
    source._abandoned.append(threading.current_thread())
    assert source._look(lambda _: True, "5ab0") == Failure(Reason.TIMEOUT, "4 requests have not come to an end yet")
    assert ended not in source._abandoned
    over.set()


@pytest.mark.parametrize(
    ("name", "requests"),
    [
        ("not_found", 2),
        ("forbidden", 2),
        ("not_an_object", 2),
        ("huge", 2),
        ("conflict", 1),
        ("throttled", 1),
        ("unavailable", 1),
        ("reset", 1),
    ],
)
def test_what_belongs_to_one_snapshot_does_not_keep_from_the_next(
    site: ArmSite, source: AzureSource, name: str, requests: int
) -> None:
    """And what every request would meet does."""
    other = ResourceId("5ab1", "images", "snapshots", "other")
    put(site.arm, agent_pool("one", snapshot=SNAPSHOT), agent_pool("two", snapshot=other))
    site.arm.faults[Route.SNAPSHOT] = FAULTS[name]
    facts(source.read_cluster(CLUSTER))
    assert asked(site.arm).count(("GET", Route.SNAPSHOT)) == requests


def test_a_bug_in_a_look_is_told_as_one(source: AzureSource, caplog: pytest.LogCaptureFixture) -> None:
    """With its place, and without its words; the log says what was looked at."""
    caplog.set_level(logging.DEBUG, logger="exporter")

    def read(_manager: ResourceManager) -> None:
        raise LookupError("what was read")

    found = source._look(read, "5ab0")
    assert isinstance(found, Failure)
    assert found.reason is Reason.BUG
    assert found.words.startswith("a bug in this program: LookupError at test_managed_cluster.py:")
    assert f"Azure: {found.words}" in [record.getMessage() for record in caplog.records]


def test_the_snapshot_of_a_pool_that_is_gone_is_forgotten(site: ArmSite, source: AzureSource) -> None:
    site.arm.put(bodies.snapshot(SNAPSHOT, "AKSUbuntu-2204gen2containerd-202501.12.0"))
    put(site.arm, agent_pool("golden", snapshot=SNAPSHOT))
    source.read_cluster(CLUSTER)
    assert list(source._snapshots) == [SNAPSHOT.key]
    put(site.arm, agent_pool("plain"))
    source.read_cluster(CLUSTER)
    assert source._snapshots == {}
