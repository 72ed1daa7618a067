"""For every node of the demo, from today until long after its certificates' end: findings are alerts."""

import pytest

from exporter.agents.node.agent import node_agent
from exporter.facts.source import SourceFacts, SourceLedger
from exporter.families import build
from exporter.families import node_agent as families
from exporter.findings import Finding
from exporter.findings.host import host_findings
from exporter.reason import Mode, Reason, Source
from exporter.settings import Command, resolve
from simulation.node.scenarios import SCENARIOS
from simulation.node.simulated_node import build as simulated
from simulation.pki import DAY, YEAR, Authority
from tests.judgement.differences import (
    Said,
    alert_without_finding,
    finding_without_alert,
    fired,
    heard,
    told,
)
from tests.judgement.promtool import Alerts, Scrape, alerts
from tests.pages.example import NOW

MOMENTS = (0, 150.3, 290.3, 335.3, 350.3, 370.3, 1500.3)
"""Days from now: every state that a certificate of a year goes through."""
KUBELETS = {
    "answering": None,
    "refusing": (Reason.REFUSED, "connection refused"),
    "without a certificate": (Reason.NO_CERTIFICATE, "no certificate"),
}


def kubelet(failure: tuple[Reason, str] | None, now: float) -> SourceFacts:
    ledger = SourceLedger(Source.KUBELET)
    if failure is None:
        ledger.success(now)
    else:
        ledger.failure(*failure)
    return ledger.facts()


Case = tuple[list[Scrape], tuple[Finding, ...]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Case], dict[str, Alerts]]:
    """Every case with its families and findings, and what promtool makes of the families."""
    folder = tmp_path_factory.mktemp("nodes")
    cases: dict[str, Case] = {}
    for one in SCENARIOS:
        node = simulated(one, folder / one.name, NOW, Authority.cluster(NOW - 3 * YEAR))
        flags = {"host_root": str(node.root), "node_name": node.name, "kubelet_address": ""}
        host = node_agent(resolve(Command.CHECK, flags, {})).look()
        for days in MOMENTS:
            now = NOW + days * DAY
            for word, failure in KUBELETS.items() if days == 0 else [("answering", None)]:
                source = kubelet(failure, now)
                scrapes = [
                    Scrape([*families.families(host, [source], "")], now, node.name),
                    Scrape([*build.families(Mode.CLUSTER, "")], now, "cluster"),
                ]
                cases[f"{one.name}, {days} days, {word}"] = (scrapes, host_findings(host, [source], now))
    return cases, alerts({name: scrapes for name, (scrapes, _) in cases.items()}, folder)


def test_what_fires_is_found_and_what_is_found_fires(
    judged: tuple[dict[str, Case], dict[str, Alerts]],
) -> None:
    """B12, A15: name, severity and node are the same, `for` apart: what is found is pending at least."""
    cases, seen = judged
    wrong: dict[str, set[Said]] = {}
    for name, (_, findings) in cases.items():
        firing, active, found = heard(seen[name]), fired(seen[name]), told(findings)
        if missing := alert_without_finding(firing, found):
            wrong[f"{name}: fires, and is not found"] = missing
        if silent := finding_without_alert(found, active):
            wrong[f"{name}: is found, and does not fire"] = silent
    assert not wrong, "\n".join(f"{name}: {sorted(those)}" for name, those in wrong.items())


def test_the_cases_are_of_all_kinds(judged: tuple[dict[str, Case], dict[str, Alerts]]) -> None:
    """An agreement on nothing would be none."""
    said = {one["alertname"] for each in judged[1].values() for one in each}
    assert said >= {
        "AksCertExpired",
        "AksCertExpiringWithoutRotation",
        "AksCertFileUnreadable",
        "AksCertRotationDisabled",
        "AksCertRotationOverdue",
        "AksCertRotationWaiting",
        "AksCertSourceDown",
        "AksCertUnusable",
    }
