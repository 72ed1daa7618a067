"""Every metric there is, read off the declarations: what `aks-cert-exporter metrics` and docs/metrics.md print."""

import importlib
import json
import pkgutil

from exporter import families
from exporter.facts.cluster import ClusterFacts
from exporter.facts.host.host_facts import HostFacts
from exporter.families import cluster_agent, node_agent
from exporter.metric import Family, Metric
from exporter.reason import BootstrapMethod, Mode

__all__ = ["as_json", "catalogue", "emitters", "markdown"]


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


def emitters() -> dict[str, tuple[Mode, ...]]:
    """Which agents emit each metric, by its name: every family is there also while nothing is known."""
    nothing = HostFacts("", False, (), (), (), BootstrapMethod.UNKNOWN, None, None, {})
    emitted = {
        Mode.NODE: {_name(family) for family in node_agent.families(nothing, (), "")},
        Mode.CLUSTER: {_name(family) for family in cluster_agent.families(ClusterFacts(), (), "")},
    }
    names = [metric.name for metrics in catalogue().values() for metric in metrics]
    return {name: tuple(mode for mode, found in emitted.items() if name in found) for name in names}


def _name(family: Family) -> str:
    """As it is declared: the client library takes `_total` off a counter's."""
    return f"{family.name}_total" if family.type == "counter" else str(family.name)


def markdown() -> str:
    """The catalogue as a Markdown table for each subject."""
    lines, agents = [], emitters()
    for subject, metrics in catalogue().items():
        lines += [f"### {subject}", "", "| metric | agent | type | labels | meaning |", "|---|---|---|---|---|"]
        lines += [f"| `{m.name}` | {', '.join(agents[m.name])} | {m.kind} | {_labels(m)} | {m.help} |" for m in metrics]
        lines.append("")
    return "\n".join(lines).rstrip()


def _labels(metric: Metric) -> str:
    return ", ".join(
        f"{label} = {', '.join(f'`{word}`' for word in metric.words[label])}" if label in metric.words else label
        for label in metric.labels
    )


def as_json() -> str:
    """The catalogue as a JSON array of objects."""
    agents = emitters()
    return json.dumps(
        [
            {
                "subject": subject,
                "name": metric.name,
                "agents": [mode.value for mode in agents[metric.name]],
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
