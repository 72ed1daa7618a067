"""docs/alerts.md: how long before the impact each failure of the simulated year was told, from the last run kept."""

import json

from tools.generated import ROOT, Generated

__all__ = ["GENERATED", "lead_time_table"]


def lead_time_table() -> str:
    """One row for each alert of each failure."""
    rows = json.loads((ROOT / "tests/year/lead_times.json").read_text(encoding="utf-8"))
    lines = ["| what breaks | what it hurts | told by | after it broke | before it hurts |", "|---|---|---|---|---|"]
    for row in rows.values():
        what, hurts = row["what"], row["hurts"]
        for one in row["told"]:
            before = "unknown" if one["before"] is None else _before(one["before"])
            alert = f"[{one['alert']}](runbooks/{one['alert']}.md), {one['severity']}"
            lines.append(f"| {what} | {hurts} | {alert} | {_duration(one['after'])} | {before} |")
            what = hurts = ""
    return "\n".join(lines)


def _before(seconds: float) -> str:
    if seconds >= 300:
        return f"**{_duration(seconds)}**"
    return "as it happens" if seconds > -300 else f"{_duration(-seconds)} after"


def _duration(seconds: float) -> str:
    """In the largest unit of which there are two."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{round(seconds / length)} {unit}"
    return "at once" if seconds < 60 else "1 minute"


GENERATED = (Generated("docs/alerts.md", lead_time_table, "lead times"),)
