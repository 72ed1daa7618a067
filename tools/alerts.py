"""docs/alerts.md: the table of alerts, from the rule files and the runbooks, and the table of what inhibits what."""

import re

from tools.generated import ROOT, Generated
from tools.rules import groups, inhibitions

__all__ = ["GENERATED", "alert_table", "inhibition_table", "meaning"]


def meaning(alert: str) -> str:
    """The first sentence of the runbook's Meaning. Raises ValueError where the page has none."""
    page = (ROOT / "docs/runbooks" / f"{alert}.md").read_text(encoding="utf-8")
    found = re.search(r"^## Meaning\n\n(.+?\.)(?=\s)", page, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"docs/runbooks/{alert}.md has no Meaning")
    return " ".join(found[1].split())


def alert_table() -> str:
    """One row for each alert: name, severities with how long the condition must hold, meaning, file."""
    rows: dict[str, list[str]] = {}
    files = {}
    for group in groups():
        for rule in group.rules:
            rows.setdefault(rule.alert, []).append(f"{rule.severity} after {rule.hold}" if rule.hold else rule.severity)
            files[rule.alert] = group.file
    lines = ["| alert | severity | meaning | rules |", "|---|---|---|---|"]
    lines += [
        f"| [{alert}](runbooks/{alert}.md) | {', '.join(severities)} | {meaning(alert)} | {files[alert]} |"
        for alert, severities in rows.items()
    ]
    return "\n".join(lines)


def inhibition_table() -> str:
    """One row for each inhibition rule, in words."""
    lines = ["| while this fires | these are held back | where equal | why |", "|---|---|---|---|"]
    lines += [
        f"| {_words(rule.source)} | {_words(rule.target)} | {', '.join(rule.equal)} | {rule.why} |"
        for rule in inhibitions()
    ]
    return "\n".join(lines)


def _words(matchers: tuple[str, ...]) -> str:
    names, rest = [], []
    for matcher in matchers:
        if found := re.fullmatch(r'alertname=~?"(.+)"', matcher):
            names = ["any alert" if name == "AksCert.+" else name for name in found[1].split("|")]
        else:
            rest.append(f"`{matcher}`")
    return ", ".join(names) + (f" with {' and '.join(rest)}" if rest else "")


GENERATED = (
    Generated("docs/alerts.md", alert_table, "alerts"),
    Generated("docs/alerts.md", inhibition_table, "inhibitions"),
)
