"""Verdicts on simulated nodes and Azure courses and claims about a control plane in, tables for a person out."""

import datetime as dt
from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from exporter.demo.azure import AzureVerdict
from exporter.demo.claims import Claim
from exporter.demo.fleet import Verdict
from exporter.demo.scenarios import State
from exporter.reason import Origin, Role, RotationState

__all__ = ["azure_table", "claim_table", "summary"]

STYLES = {
    RotationState.ENABLED: "green",
    RotationState.WAITING: "yellow",
    RotationState.DISABLED: "yellow",
    RotationState.UNKNOWN: "red",
}


def summary(verdicts: Iterable[Verdict]) -> Table:
    """One row for each node: how it was built, what its agent says, and whether that is right."""
    table = Table(title="Simulated nodes, and what their agents say of them", show_lines=True, expand=True)
    table.add_column("node and its agent", min_width=33, overflow="fold")
    table.add_column("as it was built", ratio=5)
    table.add_column("client certificate", ratio=3)
    table.add_column("serving certificate", ratio=3)
    table.add_column("findings", ratio=5)
    table.add_column("", width=1, no_wrap=True)
    for verdict in verdicts:
        node, said = verdict.member.node, verdict.said
        alerts = [*sorted(said.alerts), *(f"{alert} (beside the other nodes)" for alert in verdict.fleet_alerts)]
        words = "\n".join(alerts) or "none"
        findings = Text("\n".join((words, *(f"WRONG {line}" for line in verdict.mismatches))))
        findings.highlight_regex(r"(?m)^WRONG.*$", "bold red")
        table.add_row(
            Text.assemble(node.name, "\n", (f"{verdict.member.agent.url}/", "dim")),
            node.scenario.sentence,
            _certificate(said.client, said.not_after.get((Role.KUBELET_CLIENT, Origin.FILE))),
            _certificate(said.serving, said.not_after.get((Role.KUBELET_SERVING, Origin.FILE))),
            findings,
            Text("✗", "bold red") if verdict.mismatches else Text("✓", "green"),
        )
    return table


def claim_table(claims: Iterable[Claim]) -> Table:
    """One row for each claim about the control plane."""
    table = Table(title="Simulated control plane, and what the cluster agent says of it", expand=True)
    table.add_column("what", ratio=4)
    table.add_column("as it is", ratio=5)
    table.add_column("the agent's word, where it differs", ratio=4)
    table.add_column("", width=1, no_wrap=True)
    for claim in claims:
        mark = Text("✓", "green") if claim.right else Text("✗", "bold red")
        table.add_row(claim.subject, claim.truth, "" if claim.right else Text(claim.said, "bold red"), mark)
    return table


def azure_table(verdicts: Iterable[AzureVerdict]) -> Table:
    """One row for each course that a cluster may take in Azure."""
    table = Table(title="Courses of a cluster in Azure, and what is concluded from each (the clock is simulated too)")
    table.add_column("as it is")
    table.add_column("findings")
    table.add_column("", width=1, no_wrap=True)
    for verdict in verdicts:
        words = Text(", ".join(sorted(verdict.alerts)) or "none", "" if verdict.right else "bold red")
        mark = Text("✓", "green") if verdict.right else Text("✗", "bold red")
        table.add_row(verdict.course.sentence, words, mark)
    return table


def _certificate(state: State | None, not_after: float | None) -> Text:
    text = Text()
    if state is None:
        text.append("(no word)", "red")
    else:
        text.append(state[0], STYLES[state[0]])
        text.append(f", {state[1].replace('_', ' ')}")
    if not_after is not None:
        text.append(f"\nuntil {dt.datetime.fromtimestamp(not_after, dt.UTC):%Y-%m-%d}", "dim")
    return text
