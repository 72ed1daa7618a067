"""Every metric there is, read off the declarations: what `aks-cert-exporter metrics` and docs/metrics.md print."""

import importlib
import json
import pkgutil

from exporter import families
from exporter.metric import Metric

__all__ = ["as_json", "catalogue", "markdown"]


def catalogue() -> dict[str, tuple[Metric, ...]]:
    """The metrics by subject, in the order of their declaration."""
    found = {}
    for module in sorted(pkgutil.iter_modules(families.__path__), key=lambda module: module.name):
        if module.name == "catalogue":
            continue
        members = vars(importlib.import_module(f"{families.__name__}.{module.name}")).values()
        if metrics := tuple(member for member in members if isinstance(member, Metric)):
            found[module.name] = metrics
    return found


def markdown() -> str:
    """The catalogue as a Markdown table for each subject."""
    lines = []
    for subject, metrics in catalogue().items():
        lines += [f"### {subject}", "", "| metric | type | labels | meaning |", "|---|---|---|---|"]
        lines += [f"| `{m.name}` | {m.kind} | {_labels(m)} | {m.help} |" for m in metrics]
        lines.append("")
    return "\n".join(lines).rstrip()


def _labels(metric: Metric) -> str:
    return ", ".join(
        f"{label} = {', '.join(f'`{word}`' for word in metric.words[label])}" if label in metric.words else label
        for label in metric.labels
    )


def as_json() -> str:
    """The catalogue as a JSON array of objects."""
    return json.dumps(
        [
            {
                "subject": subject,
                "name": metric.name,
                "type": str(metric.kind),
                "unit": metric.unit,
                "help": metric.help,
                "labels": list(metric.labels),
                "words": {label: list(words) for label, words in metric.words.items()},
            }
            for subject, metrics in catalogue().items()
            for metric in metrics
        ],
        indent=2,
        ensure_ascii=False,
    )
