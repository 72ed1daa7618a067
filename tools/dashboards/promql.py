"""Pieces of PromQL that the panels share: names of series in, expressions out.

Everything is asked with `cluster=~"$cluster"`, which also matches series without that label, and is aggregated before
it is joined, because a scrape adds labels of its own (instance, pod, job) and both agents speak of the same node. A
node of which no pool is known is shown whatever pool is chosen: it must not be hidden where no cluster agent runs.

Matchers are keywords: role="kubelet-client"; any other operator comes before the value, state="!~ok|not_expected".
"""

import re

from tools.dashboards.words import NUMBERS

__all__ = [
    "KUBELET",
    "OBSERVED",
    "POOL",
    "ROTATING",
    "SCRAPED",
    "breaking",
    "by",
    "counted",
    "either",
    "labelled",
    "linked",
    "listed",
    "of",
    "of_nodes",
    "pooled",
    "ranked",
    "share",
    "states",
    "unrenewed",
]

KUBELET = "=~kubelet-client|kubelet-serving"
STATE, DEADLINE = "akscert_rotation_state", "akscert_rotation_deadline_timestamp_seconds"
ENDS = "akscert_certificate_not_after_timestamp_seconds"
ROTATING = "(?i).*(rotat|reconcil).*certificat.*|.*certificat.*rotat.*"
"""Azure's words for a rotation of certificates, as the rules know them."""


def of(metric: str, **matchers: str) -> str:
    """The chosen clusters' series of a metric."""
    every = {"cluster": "=~$cluster", **matchers}
    return f"{metric}{{{', '.join(_matcher(*one) for one in every.items())}}}"


def _matcher(label: str, value: str) -> str:
    operator = re.match(r"=~|!~|!=|", value)
    assert operator is not None
    return f'{label}{operator[0] or "="}"{value[operator.end() :]}"'


def by(labels: str, metric: str, how: str = "max", **matchers: str) -> str:
    """The same, of each cluster and each of these labels the greatest."""
    return f"{how} by (cluster{', ' if labels else ''}{labels}) ({of(metric, **matchers)})"


def in_pools(expression: str) -> str:
    """Without the nodes that are known to be in a pool that is not chosen."""
    return f"({expression} unless on (cluster, node) {of('akscert_node_info', agentpool='!~$pool')})"


def of_nodes(labels: str, metric: str, how: str = "max", **matchers: str) -> str:
    """As `by`, of each node of the chosen pools."""
    return in_pools(by(f"node{', ' if labels else ''}{labels}", metric, how, **matchers))


SCRAPED = of("akscert_bootstrap_info")
"""One series for each node of which a node agent is scraped."""
OBSERVED = f"(max by (cluster, node) ({SCRAPED}) or {by('node', 'akscert_node_observed', by='kubelet')})"
"""One series for each node whose certificates somebody reports: its node agent, or the cluster agent by its kubelet."""

POOL = (
    f"({by('node, agentpool', 'akscert_node_info', agentpool='=~$pool')}"
    f" or label_replace(max by (cluster, node) ({SCRAPED} unless on (cluster, node) {of('akscert_node_info')}),"
    ' "agentpool", "(not known)", "", ""))'
)
"""1 for each node of the chosen pools, with its pool. A cluster agent reports no node without its pool."""


def pooled(expression: str) -> str:
    """An expression of nodes, with each node's pool as the label agentpool."""
    return f"({expression}) * on (cluster, node) group_left (agentpool) {POOL}"


def labelled(expression: str, **labels: str) -> str:
    """The expression with more labels. A value `label:NAME` is the value of that label, where it has one."""
    for name, value in labels.items():
        source = value.removeprefix("label:") if value.startswith("label:") else ""
        pattern, text = ("(.+)", "$1") if source else ("", value)
        expression = f'label_replace({expression}, "{name}", "{text}", "{source}", "{pattern}")'
    return expression


def either(*expressions: str) -> str:
    """The series of all of them, a line each."""
    return "\nor ".join(expressions)


def share(before: str, after: str) -> str:
    """How much of the time between two points is over, in percent; each of them is asked for once."""
    return f"100 / (1 + ({after} - time()) / (time() - {before}))"


def linked(expression: str) -> str:
    """The expression with a label `of`: what the variable `cluster` must be for a link to lead to the same series.

    Series of a scrape without a `cluster` label are those of all clusters: Grafana's word for all is $__all.
    """
    return labelled(f'label_replace({expression}, "of", "$$__all", "", "")', of="label:cluster")


def states(**matchers: str) -> dict[str, str]:
    """What a rotation is, as people see it, and the nodes and roles of which that is so: state to expression.

    Beside the states of `akscert_rotation_state`: `expired`, `overdue` (enabled and past the deadline) and `unoffered`
    (a serving certificate that nothing rotates, which is for your information only).
    """
    ends, deadline = (
        by("node, role", f"akscert_{name}_timestamp_seconds", how, **matchers)
        for name, how in (("certificate_not_after", "min"), ("rotation_deadline", "max"))
    )
    living = f"unless on (cluster, node, role) ({ends} < time())"

    def found(**more: str) -> str:
        return by("node, role, state, reason", "akscert_rotation_state", **{**matchers, **more})

    parts = {
        "expired": f"({found()} and on (cluster, node, role) ({ends} < time()))",
        "overdue": f"({found(state='enabled')} and on (cluster, node, role) ({deadline} < time()) {living})",
        "enabled": f"({found(state='enabled')} unless on (cluster, node, role) ({deadline} < time()) {living})",
        "waiting": f"({found(state='waiting')} {living})",
        "disabled": f"({found(state='disabled', role='kubelet-client')} {living})",
        "unoffered": f"({found(state='disabled', role='kubelet-serving')} {living})",
        "unknown": f"({found(state='unknown')} {living})",
    }
    elsewhere = {"kubelet-client": "unoffered", "kubelet-serving": "disabled"}.get(matchers.get("role", ""), "")
    return {state: part for state, part in parts.items() if state != elsewhere}


def counted() -> str:
    """How many nodes there are with the labels agentpool, role, state and reason; states as `states` has them.

    In one pass over a fleet: a number marks what is expired (2) or overdue (3), the marked are counted, and only then
    are labels written, of a few lines instead of thousands.
    """
    key, ended, late = "cluster, node, role", *_late()
    expired = f"2 * max by ({key}, state, reason) ({of(STATE)} and on ({key}) {ended})"
    overdue = f"3 * max by ({key}, state, reason) ({of(STATE, state='enabled')} and on ({key}) {late})"
    marked = either(expired, overdue, by("node, role, state, reason", STATE))
    group = "cluster, agentpool, role, state, reason"
    number = f'count_values by ({group}) ("mark",\n{pooled(marked)}\n)'
    found = ranked(number)
    for mark, state in (("2", "expired"), ("3", "overdue")):
        found = f'label_replace({found}, "state", "{_ranked(state)}", "mark", "{mark}")'
    return f"sum by ({group}) ({found})"


def breaking() -> str:
    """1 for each node and role whose certificate nothing is going to renew in time, with the state as a label.

    Each part is small: what nothing renews, and what has passed its deadline or its end.
    """
    key, ended, late = "cluster, node, role", *_late()
    others = ranked(f"topk by ({key}) (1, {by('node, role, state', STATE, state='!=enabled')})")
    parts = (
        labelled(f"group by ({key}) ({ended})", state=_ranked("expired")),
        others,
        labelled(f"group by ({key}) ({late})", state=_ranked("overdue")),
    )
    return f"({f' or on ({key}) '.join(parts)})"


def unrenewed(metric: str, **matchers: str) -> str:
    """A date of each node's and role's certificate, of those that have no rotation before them."""
    key = "cluster, node, role"
    awaited = f"({of(DEADLINE)} > time())"
    return f"min by ({key}) ({of(metric, role=KUBELET, **matchers)} unless on ({key}) {awaited})"


def _late() -> tuple[str, str]:
    """The series of certificates that have ended, and of deadlines that have passed."""
    return f"({of(ENDS, role=KUBELET)} < time())", f"({of(DEADLINE)} < time())"


def ranked(expression: str) -> str:
    """States as the metric writes them as those that people see, with the numbers that make an order."""
    both = f'label_join({expression}, "both", "/", "role", "state")'
    for state in ("waiting", "disabled", "unknown", "enabled"):
        both = f'label_replace({both}, "state", "{_ranked(state)}", "state", "{state}")'
    return f'label_replace({both}, "state", "{_ranked("unoffered")}", "both", "kubelet-serving/disabled")'


def _ranked(state: str) -> str:
    return f"{NUMBERS[state]}-{state}"


def listed(expression: str, column: str, agent: str) -> str:
    """The expression, or where no agent of this kind reports, one line that says so in the label `column`.

    An empty list is good news only from somebody who looked.
    """
    nobody = labelled(
        f"NaN * absent({of('akscert_build_info', mode=agent)})", **{column: f"? no {agent} agent reports"}
    )
    return either(expression, nobody)
