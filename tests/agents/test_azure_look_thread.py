"""The thread that asks Azure (agents/cluster/azure_look.py): what it tells, and after how long it asks again."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from exporter.agents.cluster import azure_look
from exporter.agents.cluster.azure_look import ENDING, NO_NODE, PATIENCE, AzureLook
from exporter.agents.cluster.kube_sources import KUBE_SOURCES
from exporter.agents.cluster.state import ClusterState
from exporter.facts.azure.managed_cluster import AzureCluster, azure_cluster
from exporter.facts.azure.resource_id import NodeGroup, ResourceId
from exporter.facts.source import Failure
from exporter.reason import Reason, Source
from simulation.azure.bodies import managed_cluster
from simulation.demo.azure_courses import CLUSTER
from tests.agents.clusters import source_facts
from tests.check.known import NOW
from tests.web.test_tls import comes

FORBIDDEN = Failure(Reason.FORBIDDEN, "no right")
WELL = azure_cluster(managed_cluster(CLUSTER, ()), CLUSTER)
GROUP = "/subscriptions/5ab0/resourceGroups/MC_contoso_aks1_westeurope"
OF_AZURE = f"azure://{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/x/virtualMachines/0"


@dataclass
class Arm:
    """Azure, which gives these answers one after another; the last one for ever."""

    answers: list[AzureCluster | Failure | Exception]
    asked_to_wait: float | None = None
    asked: list[object] = field(default_factory=list)
    closed: int = 0

    def read_managing_cluster(self, group: NodeGroup) -> ResourceId | Failure:
        self.asked.append(group)
        return CLUSTER

    def read_cluster(self, wanted: ResourceId) -> AzureCluster | Failure:
        self.asked.append(wanted)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        return found

    def close(self) -> None:
        self.closed += 1


class Owner:
    """Does at once what is posted."""

    @staticmethod
    def post(work: Callable[[], None]) -> None:
        work()


@dataclass
class Story:
    """A look, its state, and what it was told about its pauses."""

    arm: Arm
    wanted: ResourceId | None = CLUSTER
    provider_id: str | None = None
    pauses: list[tuple[object, float | None]] = field(default_factory=list)
    jitters: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = ClusterState((*KUBE_SOURCES, Source.AZURE))
        self.look = AzureLook(
            self.arm,  # type: ignore[arg-type]
            self.wanted,
            lambda: self.provider_id,
            self.state,
            Owner(),  # type: ignore[arg-type]
            lambda: NOW,
            pause=self.pause,
            without_nodes=0.01,
        )

    def pause(self, cluster: AzureCluster | None, asked: float | None, jitter: float) -> float:
        self.pauses.append((cluster, asked))
        self.jitters.append(jitter)
        return 0.01 if len(self.pauses) < 4 else 3600.0

    def outcome(self) -> tuple[bool | None, float | None, Reason | None, int]:
        facts = source_facts(self.state, Source.AZURE)
        return facts.up, facts.last_success, facts.last_reason, sum(facts.errors.values())


def test_each_answer_is_told_and_the_pause_follows_from_the_last_cluster_that_was_seen() -> None:
    bug = KeyError("a bug")
    story = Story(Arm([FORBIDDEN, WELL, bug, FORBIDDEN], asked_to_wait=7.0))
    story.look.start()
    assert comes(lambda: len(story.pauses) == 4)
    assert story.pauses == [(None, 7.0), (WELL, 7.0), (WELL, 7.0), (WELL, 7.0)]
    assert all(0 <= jitter < 1 for jitter in story.jitters)
    assert len(set(story.jitters)) == 4
    assert comes(lambda: story.outcome() == (False, NOW, Reason.FORBIDDEN, 3))
    assert story.arm.asked == [CLUSTER] * 4
    facts = story.state.facts().azure
    assert facts is not None
    assert facts.cluster == WELL
    story.look.stop()
    assert story.arm.closed == 1
    assert not story.look._thread.is_alive()


def test_a_bug_is_the_sources_failure() -> None:
    story = Story(Arm([KeyError("a bug")]))
    story.look.start()
    assert comes(lambda: len(story.pauses) == 4)
    assert story.outcome() == (False, None, Reason.BUG, 4)
    story.look.stop()
    broken = Story(Arm([WELL]))
    broken.state.azure_read = None  # type: ignore[assignment, method-assign]
    broken.look.start()
    assert comes(lambda: broken.outcome()[:3] == (False, None, Reason.BUG))
    broken.look.stop()


@pytest.mark.parametrize("tries", [PATIENCE - 1, PATIENCE, PATIENCE + 3])
def test_without_a_node_it_is_told_once_after_six_tries(tries: int) -> None:
    assert PATIENCE == 6
    story = Story(Arm([WELL]), wanted=None)
    seen, enough = [0], threading.Event()

    def provider_id() -> str | None:
        seen[0] += 1
        if seen[0] > tries:
            enough.wait(20)
        return None

    story.look._provider_id = provider_id
    story.look.start()
    assert comes(lambda: seen[0] == tries + 1)
    expected = (None, None, None, 0) if tries < PATIENCE else (False, None, NO_NODE.reason, 1)
    assert story.outcome() == expected
    assert story.pauses == []
    assert story.arm.asked == []
    story.provider_id = OF_AZURE
    story.look._provider_id = lambda: story.provider_id
    enough.set()
    assert comes(lambda: len(story.pauses) == 4)
    assert story.arm.asked == [NodeGroup("5ab0", "MC_contoso_aks1_westeurope"), *[CLUSTER] * 4]  # found once
    assert story.outcome()[:3] == (True, NOW, None)
    story.look.stop()


class Waits(threading.Event):
    """Written down instead of waited; after the third the end is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.told.append(timeout)
        if len(self.told) == 3:
            self.set()
        return self.is_set()


@pytest.mark.parametrize("wanted", [None, CLUSTER])
def test_between_its_looks_it_waits(wanted: ResourceId | None) -> None:
    """For a node; after an answer as long as is said."""
    story = Story(Arm([WELL]), wanted=wanted)
    waits = story.look._stopping = Waits()
    story.look._run()
    assert waits.told == [0.01] * 3


def test_what_was_never_started_can_be_stopped() -> None:
    assert (ENDING, hasattr(azure_look, "AzureSource")) == (1.0, False)  # which costs 30 MiB
    story = Story(Arm([WELL]))
    story.look.stop()
    assert (story.arm.closed, story.arm.asked) == (1, [])
