"""Verdicts on simulated nodes and Azure courses and claims about a control plane in, tables for a person out."""

import datetime as dt
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from exporter.reason import Origin, Role, RotationState
from simulation.demo.azure_courses import AzureVerdict
from simulation.demo.cluster_checks import ClusterCheck
from simulation.demo.node_agents import Verdict
from simulation.node.scenarios import State

__all__ = ["azure_table", "cluster_check_table", "summary"]

WIDE = 130
"""Columns that the nodes' table takes."""

STYLES = {
    RotationState.ENABLED: "green",
    RotationState.WAITING: "yellow",
    RotationState.DISABLED: "yellow",
    RotationState.UNKNOWN: "red",
}


def summary(verdicts: Iterable[Verdict], width: int) -> RenderableType:
    """Each node: how it was built, what its agent says, and whether that is right. A table where there is room."""
    if width < WIDE:
        return Group(*(_entry(verdict) for verdict in verdicts))
    table = Table(title="Simulated nodes, and what their agents say of them", show_lines=True, expand=True)
    table.add_column("node and its agent", min_width=33)
    table.add_column("as it was built", ratio=5)
    table.add_column("client certificate", ratio=3)
    table.add_column("serving certificate", ratio=3)
    table.add_column("findings", ratio=5)
    table.add_column("", width=1, no_wrap=True)
    for verdict in verdicts:
        node = verdict.member.node
        name = Text.assemble(node.name, "\n", (f"{verdict.member.agent.url}/", "dim"))
        client, serving = _certificates(verdict, "\n")
        mark = _mark(right=not verdict.mismatches)
        table.add_row(name, Text(node.scenario.sentence), client, serving, _findings(verdict, "\n"), mark)
    return table


def _entry(verdict: Verdict) -> RenderableType:
    node = verdict.member.node
    client, serving = _certificates(verdict, ", ")
    heading = Text.assemble(_mark(right=not verdict.mismatches), " ", (node.name, "bold"))
    lines = (
        Text(f"{verdict.member.agent.url}/", "dim"),
        Text(f"built: {node.scenario.sentence}"),
        Text("client: ") + client,
        Text("serving: ") + serving,
        Text("findings: ") + _findings(verdict, ", "),
    )
    return Group(heading, Padding(Text("\n").join(lines), (0, 0, 1, 2)))


def _certificates(verdict: Verdict, joint: str) -> tuple[Text, Text]:
    said = verdict.said
    return (
        _certificate(said.client, said.not_after.get((Role.KUBELET_CLIENT, Origin.FILE)), joint),
        _certificate(said.serving, said.not_after.get((Role.KUBELET_SERVING, Origin.FILE)), joint),
    )


def _findings(verdict: Verdict, joint: str) -> Text:
    alerts = [*sorted(verdict.said.alerts), *(f"{alert} (beside the other nodes)" for alert in verdict.fleet_alerts)]
    lines = (joint.join(alerts) or "none", *(f"WRONG {line}" for line in verdict.mismatches))
    findings = Text("\n".join(lines))
    findings.highlight_regex(r"(?m)^WRONG.*$", "bold red")
    return findings


def _mark(*, right: bool) -> Text:
    return Text("✓", "green") if right else Text("✗", "bold red")


def cluster_check_table(claims: Iterable[ClusterCheck]) -> Table:
    """One row for each claim about the control plane."""
    table = Table(title="Simulated control plane, and what the cluster agent says of it", expand=True)
    table.add_column("what", ratio=4)
    table.add_column("as it is", ratio=5)
    table.add_column("the agent's word, where it differs", ratio=4)
    table.add_column("", width=1, no_wrap=True)
    for claim in claims:
        said = Text("" if claim.right else claim.said, "bold red")
        table.add_row(Text(claim.subject), Text(claim.truth), said, _mark(right=claim.right))
    return table


def azure_table(verdicts: Iterable[AzureVerdict]) -> Table:
    """One row for each course that a cluster may take in Azure."""
    table = Table(title="Courses of a cluster in Azure, and what is concluded from each (the clock is simulated too)")
    table.add_column("as it is")
    table.add_column("findings")
    table.add_column("", width=1, no_wrap=True)
    for verdict in verdicts:
        words = Text(", ".join(sorted(verdict.alerts)) or "none", "" if verdict.right else "bold red")
        table.add_row(Text(verdict.course.sentence), words, _mark(right=verdict.right))
    return table


def _certificate(state: State | None, not_after: float | None, joint: str) -> Text:
    text = Text()
    if state is None:
        text.append("(no word)", "red")
    else:
        text.append(state[0], STYLES[state[0]])
        text.append(f", {state[1].replace('_', ' ')}")
    if not_after is not None:
        text.append(f"{joint}until {dt.datetime.fromtimestamp(not_after, dt.UTC):%Y-%m-%d}", "dim")
    return text
