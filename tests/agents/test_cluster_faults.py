"""Whatever the API server does wrong, in the end the cluster agent says what a fresh list would say."""

import logging
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.agents.cluster.kube_sources import KUBE_SOURCES, Intervals
from simulation.api.server import Fault, FaultKind
from simulation.csr_answer import Answer
from tests.agents.clusters import MARK, NODE, NOW, Cluster, cluster, csr, node

CSRS = "certificatesigningrequests"
FAULTS = {
    "an error event 410": Fault(FaultKind.ERROR_EVENT, status=410),
    "an error event 500": Fault(FaultKind.ERROR_EVENT, status=500),
    "status 401": Fault(FaultKind.STATUS, status=401),
    "status 403": Fault(FaultKind.STATUS, status=403),
    "status 429": Fault(FaultKind.STATUS, status=429, headers={"Retry-After": "0"}),
    "status 503": Fault(FaultKind.STATUS, status=503),
    "a reset in mid-event": Fault(FaultKind.RESET),
    "a truncated event": Fault(FaultKind.TRUNCATED),
    "junk": Fault(FaultKind.JUNK),
    "an event of 5 MB": Fault(FaultKind.HUGE, size=5_000_000),
    "forgotten versions": Fault(FaultKind.EXPIRE),
}


NEXT: dict[Answer | None, list[Answer]] = {
    None: list(Answer),
    Answer.PENDING: list(Answer),
    Answer.APPROVED: [Answer.APPROVED, Answer.ISSUED, Answer.FAILED],
    **{answer: [answer] for answer in (Answer.ISSUED, Answer.DENIED, Answer.FAILED)},
}
"""What may become of a request."""


def as_listed(found: Cluster) -> None:
    """Nodes and CSRs in the exposition are those of the store."""
    found.until_told()
    store = found.server.store
    names = {one["metadata"]["name"]: _ready(one) for one in store.objects("nodes")}
    conditions = Counter(_condition(one) for one in store.objects(CSRS))

    def same() -> bool:
        shown = {dict(labels)["node"]: value for (name, labels), value in found.series().items() if name == READY}
        counts: Counter[str] = Counter()
        for (name, labels), value in found.series().items():
            if name == "akscert_csr_objects" and value:
                counts[dict(labels)["condition"]] += int(value)
        return shown == names and counts == conditions

    found.until(same, f"{names} {conditions}")


READY = "akscert_node_ready"


def _ready(one: dict[str, object]) -> float:
    (condition,) = one["status"]["conditions"]  # type: ignore[index]
    return float(condition["status"] == "True")


def _condition(one: dict[str, object]) -> str:
    status = one["status"]
    kinds = [condition["type"].lower() for condition in status.get("conditions", ())]  # type: ignore[attr-defined]
    if "certificate" in status:  # type: ignore[operator]
        return "issued"
    return str(kinds[-1]) if kinds else "pending"


@pytest.mark.parametrize("name", FAULTS)
def test_after_a_fault_the_facts_are_those_of_a_fresh_list(name: str, tmp_path: Path) -> None:
    """It strikes both watches while objects come, change and go; both sources answer again, nothing counts twice."""
    with cluster(tmp_path) as found:
        found.until_ready()
        server = found.server
        server.store.put(CSRS, csr("csr-1"))
        as_listed(found)
        for plural in ("nodes", CSRS):
            server.faults.add(FAULTS[name], resource=plural, times=2)
        if FAULTS[name].kind in {FaultKind.STATUS, FaultKind.EXPIRE}:
            server.sever()
        server.store.put("nodes", node(ready=False))
        server.store.put(CSRS, csr("csr-1", Answer.ISSUED))
        server.store.put(CSRS, csr("csr-2", created=NOW + 1))
        server.store.put(CSRS, csr("csr-3", Answer.DENIED, created=NOW + 2))
        server.store.delete(CSRS, "csr-3")
        found.until(lambda: server.faults.struck >= 2)
        as_listed(found)
        for source in ("csrs", "nodes"):
            found.until_value(1.0, "akscert_source_up", source=source)
        assert sum(found.values("akscert_csr_completed_total", outcome="issued")) == 1
        assert found.values("akscert_csr_pending_since_timestamp_seconds", node=NODE) == [NOW + 1]


@pytest.mark.parametrize("seed", range(2))
def test_a_storm_of_faults_leaves_the_facts_of_a_fresh_list(seed: int, tmp_path: Path) -> None:
    """Every fault at random, while objects come and go at random."""
    draw = random.Random(seed)
    with cluster(tmp_path) as found:
        found.until_ready()
        server, alive = found.server, dict[str, Answer]()
        for number in range(120):
            if number % 6 == 0:
                fault = draw.choice(list(FAULTS.values()))
                server.faults.add(fault, resource=draw.choice(["nodes", CSRS]), times=draw.randint(1, 2))
            if number % 20 == 10:
                server.sever()
            if alive and draw.random() < 0.3:
                server.store.delete(CSRS, gone := draw.choice(sorted(alive)))
                del alive[gone]
            else:
                chosen = draw.choice([*sorted(alive), f"csr-{number}"])
                alive[chosen] = draw.choice(NEXT[alive.get(chosen)])
                server.store.put(CSRS, csr(chosen, alive[chosen], created=NOW))
            server.store.put("nodes", node(draw.choice([NODE, MARK]), ready=draw.random() < 0.5))
        server.faults.clear()
        as_listed(found)
        counted = sum(found.values("akscert_csr_completed_total"))
        assert counted <= 120


def test_a_restart_of_the_api_server_is_one_line_and_over_in_seconds(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """G10: refused, then 403 for a second, then 410: with the waits of the real agent."""
    often = replace(Intervals(), probe_timeout=2.0)
    with caplog.at_level(logging.INFO, "exporter"), cluster(tmp_path, intervals=often) as found:
        found.until_ready()
        found.server.restart(unsettled=1.5)
        found.server.store.put("nodes", node(ready=False))
        found.until_value(0.0, "akscert_node_ready", node=NODE)
        for source in KUBE_SOURCES:
            found.until_value(1.0, "akscert_source_up", source=source)
    assert [line for line in caplog.messages if "answer" in line or "403" in line][1:] == [
        "the API server answers again"
    ]
