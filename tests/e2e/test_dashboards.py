"""Every query of the dashboards, asked as Grafana asks, of real Prometheuses that scrape the demo's broken cluster.

One of them has the shipped rules and adds a cluster label to everything, the other has neither.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from simulation.demo.cluster_agent import start_demo_cluster
from simulation.demo.node_agents import Fleet
from simulation.demo.prometheus import prometheus_process
from simulation.node.agentless import AGENTLESS
from simulation.node.scenarios import SCENARIOS, scenario
from simulation.pki import YEAR, Authority
from tests.e2e.stack import Stack, Target
from tools.dashboards import DASHBOARDS
from tools.dashboards.answers import Answer, Prometheus, Series, choices, filled, targets
from tools.dashboards.words import NUMBERS
from tools.generated import ROOT
from tools.grafana.fleets import hide_kubelet

Json = dict[str, Any]
Question = tuple[str, str, str]
"""Dashboard, title of the panel, letter of the query."""

ALL = {"cluster": ".*", "pool": ".*", "node": ".*"}
PATIENCE = 150.0
"""The cluster agent looks at some things every minute, and a node renews its certificates every half."""
STEP = 5.0
TOLD = tuple(one for one in AGENTLESS if one.client_renew_errors)
"""Of the nodes without a node agent the one that its kubelet tells most about."""
UNSEEN = "serving-off-flags"
"""The scenario whose agent is gone and whose kubelet is not to be found: nobody observes that node."""

pytestmark = pytest.mark.timeout(400)


@dataclass(frozen=True, slots=True)
class Observed:
    """The two Prometheuses, and the node that renews its certificates meanwhile."""

    labelled: Prometheus
    bare: Prometheus
    lively: str


def content(name: str) -> Json:
    found: Json = json.loads((ROOT / "dashboards" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def questions() -> dict[Question, Json]:
    return {
        (name, panel["title"], target["refId"]): target | {"least": panel.get("interval", "0m")}
        for name in DASHBOARDS
        for panel, target in targets(content(name))
    }


def of_rules() -> set[Question]:
    """Those that give nothing without rules."""
    return {question for question, target in questions().items() if "ALERTS" in target["expr"]}


def of_what_is_wrong() -> set[Question]:
    """Those of which it is good to give nothing: each is about some of the rules, or about what nobody does."""
    good = ("What is wrong now", "What is wrong with it", "Workloads that read the retired serving path")
    return {question for question in questions() if question[1] in good}


def wrong(prometheus: Prometheus, **selected: str) -> tuple[Series, ...]:
    """All lines of the table."""
    letters = [letter for name, title, letter in questions() if (name, title) == ("fleet", "What is wrong now")]
    every = (one for letter in letters for one in of(prometheus, "fleet", "What is wrong now", letter, **selected))
    return tuple(one for one in every if one.labels["column"] == "date")


def ask(prometheus: Prometheus, question: Question, chosen: Mapping[str, str] = ALL) -> tuple[Series, ...]:
    """What Grafana would get for it now, of the last two minutes where the panel shows time."""
    target, now = questions()[question], time.time()
    step = max(STEP, 60 * float(target.get("least", "0m").removesuffix("m")))
    expression = filled(target["expr"], chosen, step=step)
    answer: Answer
    if target["instant"]:
        answer = prometheus.instant(expression, now)
    else:
        answer = prometheus.over(expression, now - 120, now, STEP)
    return answer.series


def of(prometheus: Prometheus, name: str, title: str, letter: str = "A", **chosen: str) -> tuple[Series, ...]:
    return ask(prometheus, (name, title, letter), {**ALL, **chosen})


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    now, stop = time.time(), threading.Event()
    folder = tmp_path_factory.mktemp("fleet").resolve()
    with Fleet(folder, now, Authority.cluster(now - 3 * YEAR)) as fleet:
        fleet.start(SCENARIOS, stop)
        fleet.add_agentless(TOLD)
        control = start_demo_cluster(fleet, stop)
        nodes = [member.agent.url.removeprefix("http://") for member in fleet.members]
        cluster = control.agent.url.removeprefix("http://")
        seen = [Target(address, "node", f"node-{number}") for number, address in enumerate(nodes)]
        bare = prometheus_process(folder / "bare", {"node": nodes, "cluster": [cluster]}, ())
        assert bare is not None
        fleet.own(bare)
        with Stack(folder / "stack", (*seen, Target(cluster, "cluster", "cluster-0"))) as stack:
            bare.wait_ready(60, stop)
            lively = control.go_on()
            unseen = next(one for one in fleet.members if one.node.scenario.name == UNSEEN)
            unseen.agent.ask_to_stop()
            hide_kubelet(control.cluster, unseen.node.name)
            yield Observed(Prometheus(stack.prometheus.url), Prometheus(bare.url), lively)


def silent(prometheus: Prometheus, wanted: set[Question]) -> set[Question]:
    """Those that give nothing, however long one waits."""
    until = time.monotonic() + PATIENCE
    while wanted and time.monotonic() < until:
        wanted = {question for question in wanted if not ask(prometheus, question)}
        threading.Event().wait(1.0 if wanted else 0)
    return wanted


def test_every_query_gives_data_with_a_cluster_label(observed: Observed) -> None:
    assert silent(observed.labelled, set(questions()) - of_what_is_wrong()) == set()


def test_every_query_gives_data_without_a_cluster_label_and_without_rules(observed: Observed) -> None:
    assert silent(observed.bare, set(questions()) - of_what_is_wrong() - of_rules()) == set()
    for question in of_rules():
        assert ask(observed.bare, question) == (), "without rules nothing may look like all clear"


def test_every_variable_offers_what_there_is(observed: Observed) -> None:
    pools = {one.pool for one in (*SCENARIOS, *TOLD)}
    every = {one.node_name for one in (*SCENARIOS, *TOLD)}
    for prometheus, clusters in ((observed.labelled, ("contoso",)), (observed.bare, ())):
        offered = choices(content("node"), prometheus, time.time())
        assert offered["cluster"] == clusters
        assert set(offered["pool"]) == pools
        assert set(offered["node"]) == every, "also one that never joined, and one without an agent"


def test_the_counts_are_those_of_the_list_below_them(observed: Observed) -> None:
    for prometheus in (observed.labelled, observed.bare):
        listed = wrong(prometheus)
        for title, severity in (("Critical now", "1-critical"), ("Warnings now", "2-warning")):
            letters = [letter for _, panel, letter in questions() if panel == title]
            count = sum(one.last for letter in letters for one in of(prometheus, "fleet", title, letter))
            assert count == sum(one.labels["severity"] == severity for one in listed) > 0


def test_the_list_of_what_is_wrong_names_what_was_broken(observed: Observed) -> None:
    listed = wrong(observed.labelled)
    found = {(one.labels["alertname"], one.labels["severity"], one.labels.get("node", "")) for one in listed}
    for name, alert, severity in (
        ("expired", "AksCertExpired", "1-critical"),
        ("expiring", "AksCertRotationOverdue", "1-critical"),
        ("overdue", "AksCertRotationOverdue", "2-warning"),
        ("static-client", "AksCertExpiringWithoutRotation", "2-warning"),
        ("static-client", "AksCertRotationDisabled", "2-warning"),
        ("former-ca", "AksCertClusterCaMismatch", "1-critical"),
        ("waiting-serving", "AksCertCsrPending", "1-critical"),
        ("stuck-bootstrap", "AksCertRotationWaiting", "2-warning"),
        ("serves-old", "AksCertKubeletServesOldCertificate", "2-warning"),
        ("malformed", "AksCertFileUnreadable", "2-warning"),
        ("tagged-not-reimaged", "AksCertRotationEvidenceConflict", "2-warning"),
        (UNSEEN, "AksCertNodeNotObserved", "2-warning"),
    ):
        assert (alert, severity, scenario(name).node_name) in found
    well = {scenario(name).node_name for name in ("healthy", "healthy-secure-tls", "windows-healthy")}
    assert not well & {node for _, _, node in found}


def test_a_chosen_pool_hides_the_nodes_of_others_and_none_of_which_no_pool_is_known(observed: Observed) -> None:
    ending = of(observed.labelled, "fleet", "What ends next, of what nothing is going to renew", pool="win")
    for lines in (wrong(observed.labelled, pool="win"), ending):
        nodes = {one.labels["node"] for one in lines if "node" in one.labels}
        pools = {one.pool for one in SCENARIOS if one.joined and one.node_name in nodes}
        assert pools == {"win"}
    unjoined = scenario("stuck-bootstrap").node_name
    listed = wrong(observed.labelled, pool="win")
    assert unjoined in {one.labels.get("node") for one in listed}


def test_failed_renewals_are_those_that_the_kubelet_counts(observed: Observed) -> None:
    """Of a node without a node agent, since a node agent does not ask for the kubelet's counters."""
    (told,) = TOLD
    for prometheus in (observed.labelled, observed.bare):
        (line,) = of(prometheus, "fleet", "Renewals that kubelets count as failed")
        assert (line.labels["node"], line.labels["role"]) == (told.node_name, "kubelet-client")
        assert line.last == told.client_renew_errors


def test_another_cluster_has_nothing_of_this_one(observed: Observed) -> None:
    strange = {question: ask(observed.labelled, question, {**ALL, "cluster": "other"}) for question in questions()}
    told = {
        question: [one for one in series if not says_that_nobody_looks(one)] for question, series in strange.items()
    }
    assert {question for question, series in told.items() if series} == set()


def says_that_nobody_looks(series: Series) -> bool:
    """A line that stands for the missing agent or node itself."""
    words = set(series.labels.values())
    return any(word.startswith("? no ") for word in words) or bool(words & {"AksCertExporterDown", "0-unknown"})


def test_one_node_s_dashboard_is_about_that_node(observed: Observed) -> None:
    for question in questions():
        if question[0] == "node":
            for series in ask(observed.labelled, question, {**ALL, "node": observed.lively}):
                assert series.labels.get("node", observed.lively) == observed.lively
    (state,) = of(observed.labelled, "node", "Client certificate", node=observed.lively)
    assert (state.labels["reason"], state.last) == ("rotating", NUMBERS["enabled"])


def test_lines_of_a_table_have_a_value_of_its_first_query(observed: Observed) -> None:
    """Where only one query of several gives anything, Grafana calls its value as if it were the first one's."""
    for prometheus in (observed.labelled, observed.bare):
        for question in questions():
            name, title, letter = question
            (panel,) = (one for one in content(name)["panels"] if one["title"] == title)
            gathered = any(one["id"] == "labelsToFields" for one in panel.get("transformations", ()))
            if panel["type"] == "table" and letter != "A" and not gathered:
                first = [one.labels for one in ask(prometheus, (name, title, "A"))]
                for one in ask(prometheus, question):
                    shared = (
                        line for line in first if all(line.get(key, text) == text for key, text in one.labels.items())
                    )
                    assert next(shared, None) is not None, (question, one.labels)


def test_shares_of_rotation_are_those_of_the_nodes_as_built(observed: Observed) -> None:
    client, serving = (
        {one.labels["agentpool"]: one.last for one in of(observed.labelled, "fleet", f"{role} rotation on, by pool")}
        for role in ("Client", "Serving")
    )
    assert (client["win"], serving["win"]) == (100, 50)
    assert client["legacy"] == 0
    assert serving["optout"] == 50
    assert client["(not known)"] == 0


def test_no_query_is_refused_while_two_agents_speak_of_the_same(observed: Observed, tmp_path: Path) -> None:
    """A rollout: the old and the new Pod of an agent are both scraped for a while, under different labels."""
    addresses = [one.labels["instance"] for one in observed.bare.instant("up == 1", time.time()).series]
    twice = prometheus_process(tmp_path / "twice", {"old": addresses, "new": addresses}, ())
    assert twice is not None
    try:
        twice.wait_ready(60, threading.Event())
        prometheus = Prometheus(twice.url)
        until = time.monotonic() + PATIENCE
        while [one.last for one in prometheus.instant("count(up == 1)", time.time()).series] != [2 * len(addresses)]:
            assert time.monotonic() < until
            threading.Event().wait(0.5)
        for question in set(questions()) - of_rules():
            ask(prometheus, question)
    finally:
        twice.ask_to_stop()
        twice.join(10)
