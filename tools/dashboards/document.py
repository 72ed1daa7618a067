"""docs/dashboards.md: what each panel answers and what to do, from the panels themselves."""

from functools import partial

from tools.dashboards.panel import Dashboard, Panel
from tools.generated import Generated

__all__ = ["documented"]


def panel_tables(dashboard: Dashboard) -> str:
    """A table for each heading of the dashboard."""
    lines = []
    for row in dashboard.rows:
        lines += [f"#### {row.title}", "", "| panel | what it answers, and what to do | runbooks |", "|---|---|---|"]
        lines += [f"| {_cell(panel.title)} | {_cell(panel.description)} | {_runbooks(panel)} |" for panel in row.panels]
        lines.append("")
    return "\n".join(lines).rstrip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _runbooks(panel: Panel) -> str:
    return ", ".join(f"[{alert}](runbooks/{alert}.md)" for alert in panel.runbooks)


def documented(dashboards: dict[str, Dashboard]) -> tuple[Generated, ...]:
    """The generated blocks of the page, one for each dashboard."""
    return tuple(
        Generated("docs/dashboards.md", partial(panel_tables, dashboard), f"dashboard {name}")
        for name, dashboard in dashboards.items()
    )
