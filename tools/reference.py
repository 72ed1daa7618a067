"""The reference parts of docs/: the metric catalogue, the settings and the path tables, from their declarations."""

from exporter import presets
from exporter.families import catalogue
from exporter.settings import SETTINGS, Command
from tools.generated import Generated

__all__ = ["GENERATED", "settings_table"]


def settings_table() -> str:
    """One row for each setting."""
    lines = ["| flag | environment | commands | default | meaning |", "|---|---|---|---|---|"]
    for setting in SETTINGS:
        variables = [f"`{setting.variable}`"]
        if setting.fallback_variable:
            variables.append(f"`{setting.fallback_variable}`")
        value = f" {setting.placeholder}".rstrip().replace("|", "\\|")
        commands = ", ".join(command for command in Command if command in setting.commands)
        default = f"`{setting.default}`" if setting.default else ""
        meaning = f"{setting.help}{' Repeatable.' if setting.repeatable else ''}"
        cells = (f"`--{setting.flag}{value}`", ", ".join(variables), commands, default, meaning)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def path_tables() -> str:
    """The shipped path tables as they are."""
    parts = []
    for name in presets.PRESETS:
        parts += [f"### `{name}`", "", "```yaml", presets.text(name).rstrip(), "```", ""]
    return "\n".join(parts)


GENERATED = (
    Generated("docs/metrics.md", catalogue.markdown, "metrics"),
    Generated("docs/configuration.md", settings_table, "settings"),
    Generated("docs/configuration.md", path_tables, "paths"),
)
