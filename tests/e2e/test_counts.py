"""What `make demo` runs: each alert as often on the page, in /facts, in `check`, in the dashboard and in Prometheus."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import pytest

from simulation.demo.cluster_agent import DemoCluster, start_demo_cluster
from simulation.demo.node_agents import Fleet
from simulation.demo.processes import outputs
from simulation.node.agentless import AGENTLESS
from simulation.node.scenarios import SCENARIOS, scenario
from simulation.pki import YEAR, Authority
from tests.commands.runbooks import PAGES, queries
from tests.e2e.stack import Stack, Target
from tests.e2e.test_dashboards import wrong
from tools.dashboards.answers import Prometheus

pytestmark = pytest.mark.timeout(600)

PATIENCE = 180.0
"""Rules look back, and the cluster agent looks at some things once a minute."""
SEVERITIES = ("critical", "warning", "info")
AS_ALERT = {"unknown": "warning"}
"""What could not be looked at is a ticket: rules know no fourth severity."""
UNHEARD = ("AksCertRotationWaiting", scenario("stuck-bootstrap").node_name)
"""Only Prometheus hears its agent. A machine that has not joined has no Node and so no Pod: the agent runs beside
it, and the cluster agent knows of its waiting requests alone, which are counted everywhere."""

Counts = Counter[tuple[str, str]]
"""By alert and severity."""


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo, and the Prometheus with the chart's rules that scrapes it."""

    control: DemoCluster
    stack: Stack


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    now, stop = time.time(), threading.Event()
    folder = tmp_path_factory.mktemp("counts").resolve()
    with Fleet(folder, now, Authority.cluster(now - 3 * YEAR)) as fleet:
        fleet.start(SCENARIOS, stop)
        fleet.add_agentless(AGENTLESS)
        control = start_demo_cluster(fleet, stop)
        addresses = [one.agent.url.removeprefix("http://") for one in fleet.members]
        nodes = [
            Target(address, "aks-cert-exporter-node", f"node-{number}") for number, address in enumerate(addresses)
        ]
        cluster = Target(control.agent.url.removeprefix("http://"), "aks-cert-exporter-cluster", "cluster-0")
        with Stack(folder / "stack", (*nodes, cluster)) as stack:
            yield Demo(control, stack)


def counted(pairs: Iterable[tuple[str, str]]) -> Counts:
    """What has no alert is nobody's to count twice: only the agent says it."""
    return Counter((alert, AS_ALERT.get(severity, severity)) for alert, severity in pairs if alert)


def unheard(labels: Mapping[str, str]) -> bool:
    return (labels["alertname"], labels.get("node")) == UNHEARD


def of_document(text: str) -> Counts:
    """/facts, and `check -o json`, which is the same document."""
    return counted((one["alert"], one["severity"]) for one in json.loads(text)["findings"])


def of_page(html: str) -> Counts:
    """The list of findings; an entry may speak for several nodes."""
    entries = re.findall(r'<li class="card finding .*?</p>', html, re.DOTALL)
    return counted(pair for entry in entries for pair in _entry(re.sub(r"<[^>]+>", "\t", entry)))


def _entry(words: str) -> Iterator[tuple[str, str]]:
    alert, severity = re.search(r"\bAksCert\w+", words), re.search(r"\b(critical|warning|unknown|info)\b", words)
    assert severity
    more = re.search(r" and (\d+) more nodes", words)
    yield from [(alert[0] if alert else "", severity[0])] * (1 + int(more[1]) if more else 1)


def of_text(text: str) -> Counts:
    """The table: each finding begins with its mark, severity, subject and alert."""
    lines = re.findall(r"^\S  ?(?:critical|warning|unknown|info)  .*$", text, re.MULTILINE)
    return counted(pair for line in lines for pair in _entry(line))


def of_prometheus(alerts: Iterable[Mapping[str, str]]) -> Counts:
    """What fires, the worst severity of the same; an alert's warning goes on while it is critical."""

    def subject(labels: Mapping[str, str]) -> list[tuple[str, str]]:
        return sorted((name, value) for name, value in labels.items() if name not in {"severity", "alertstate"})

    ours = [one for one in alerts if one["alertname"].startswith("AksCert") and not unheard(one)]
    ordered = sorted(ours, key=subject)
    worst = (min(those, key=lambda one: SEVERITIES.index(one["severity"])) for _, those in groupby(ordered, subject))
    return counted((one["alertname"], one["severity"]) for one in worst)


def seen(demo: Demo) -> dict[str, Counts]:
    """Every place that tells how many there are."""
    agent, kubeconfig = demo.control.agent, str(demo.control.kubeconfig)
    check = ["check", "--kubeconfig", kubeconfig, "--output"]
    said = outputs({"json": [*check, "json"], "table": [*check, "table"]})
    table = wrong(Prometheus(demo.stack.prometheus.url))
    return {
        "a real Prometheus": of_prometheus(demo.stack.query('ALERTS{alertstate="firing"}')),
        "the dashboard's table": counted(
            (one.labels["alertname"], one.labels["severity"].partition("-")[2])
            for one in table
            if not unheard(one.labels)
        ),
        "/facts": of_document(agent.fetch("/facts")),
        "the page": of_page(agent.fetch("/")),
        "check -o json": of_document(said["json"][1]),
        "check": of_text(said["table"][1]),
    }


def test_every_place_counts_the_same(demo: Demo) -> None:
    """One judgement: by alert and severity, on the page, in /facts, in `check`, in the dashboard and in Prometheus."""
    until = time.monotonic() + PATIENCE
    while True:
        found = seen(demo)
        facts = found["/facts"]
        differences = {
            place: sorted(f"{key[0]} {key[1]}: {counts[key]}, and {facts[key]} in /facts" for key in counts | facts
                          if counts[key] != facts[key])
            for place, counts in found.items()
        }  # fmt: skip
        if not any(differences.values()) or time.monotonic() > until:
            break
        threading.Event().wait(5)
    assert not any(differences.values()), "\n".join(f"{place}: {those}" for place, those in differences.items())


def test_there_is_much_to_count(demo: Demo) -> None:
    """An agreement on nothing would be none: each kind of subject, and every severity."""
    facts = of_document(demo.control.agent.fetch("/facts"))
    assert len(facts) > 20
    assert {severity for _, severity in facts} == set(SEVERITIES)
    assert {alert for alert, _ in facts} >= {
        "AksCertApiServerUntrusted",
        "AksCertClusterCaMismatch",
        "AksCertEndpointUntrusted",
        "AksCertExpired",
        "AksCertFileUnreadable",
        "AksCertNodeNotObserved",
        "AksCertNodePoolMissedRotation",
        "AksCertRetiredPathInUse",
        "AksCertServingOptOutTag",
    }


def test_no_node_is_ok_that_nobody_observes(demo: Demo) -> None:
    """A8: what nobody looked at is never green."""
    nobody = {one["node"] for one in demo.stack.query('akscert_node_observed{by="nobody"}')}
    assert nobody
    document = json.loads(demo.control.agent.fetch("/facts"))
    assert {one["node"] for one in document["nodes"] if one["observed_by"] == "nobody"} == nobody
    unseen = {one["node"] for one in document["findings"] if one["alert"] == "AksCertNodeNotObserved"}
    assert nobody <= unseen, "and a kubelet that says nothing of its client certificate is told with them"
    for name in unseen:
        page = demo.control.agent.fetch(f"/nodes/{name}")
        assert "All is ok" not in page
        assert 'class="verdict ok"' not in page


SILENT = {
    "akscert_preflight_allowed == 0": "the demo's API server is not asked whether the next requests would be approved",
    "akscert:policy_max_age:seconds": "the demo has no policy, which the chart writes as a rule",
    'akscert_ca_bundle_status{status!="ok"}': "every caBundle of the demo can be read",
}
"""Queries of runbooks that give nothing in the demo, and why."""


def test_every_query_of_a_runbook_gives_data(demo: Demo) -> None:
    """D: whoever follows a runbook at night sees something; where only what is bad is asked for, without that."""
    every = {query for page in PAGES for query in queries(page)}
    silent = set()
    for query in every - set(SILENT):
        asked = re.sub(r'="(NODE|ROLE|SOURCE)"', '=~".+"', query)
        left = re.sub(r" (==|>|<) [^()]*(\(\)[^()]*)?$", "", asked)
        if not demo.stack.query(asked) and not demo.stack.query(left):
            silent.add(query)
    assert not silent
    assert len(every) > 30
    assert {query for query in SILENT if demo.stack.query(query)} == set(), "it gives something"
