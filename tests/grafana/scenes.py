"""What is looked at: a dashboard over one of the Prometheuses, with the variables at some values."""

import json
from dataclasses import dataclass
from functools import cache

from tools.generated import ROOT
from tools.grafana.fleets import Fleets
from tools.grafana.questions import Json, Span, question

__all__ = ["NODES", "SCENES", "Scene"]

SECONDS = 900
NODES = {"faulty": "node", "well": "healthy_node", "unseen": "unseen"}
"""Which node of the fleets, by a word for it; any other word is a node that nobody knows."""


@dataclass(frozen=True, slots=True)
class Scene:
    """`fleet` names the Prometheus, `cluster` is the variable's value."""

    dashboard: str
    fleet: str
    node: str = "faulty"
    cluster: str = ".*"

    def __str__(self) -> str:
        return " ".join((self.dashboard, self.fleet, self.node, *(() if self.cluster == ".*" else (self.cluster,))))

    def question(self, observed: Fleets) -> Json:
        """What Grafana's packages get."""
        node = getattr(observed, NODES[self.node]) if self.node in NODES else self.node
        chosen = {"cluster": self.cluster, "pool": ".*", "node": node, "datasource": "prometheus"}
        prometheus = getattr(observed, self.fleet)
        return question(content(self.dashboard), prometheus, chosen, Span.last(SECONDS))


@cache
def content(name: str) -> Json:
    found: Json = json.loads((ROOT / "dashboards" / f"{name}.json").read_text(encoding="utf-8"))
    return found


SCENES = (
    Scene("fleet", "empty"),
    Scene("fleet", "healthy"),
    Scene("fleet", "broken"),
    Scene("fleet", "both"),
    Scene("fleet", "both", cluster="fabrikam"),
    Scene("node", "empty"),
    Scene("node", "healthy", "well"),
    Scene("node", "broken", "faulty"),
    Scene("node", "broken", "unseen"),
    Scene("node", "broken", "nobody-knows-it"),
    Scene("node", "both", "faulty", "contoso"),
)
