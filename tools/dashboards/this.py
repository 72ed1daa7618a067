"""The chosen node's series: PromQL pieces for the node's dashboard."""

from tools.dashboards.promql import by, of

__all__ = ["by_node", "of_node"]


def of_node(metric: str, **matchers: str) -> str:
    """Its series of a metric."""
    return of(metric, node="=~$node", **matchers)


def by_node(labels: str, metric: str, how: str = "max", **matchers: str) -> str:
    """The same, of each of these labels the greatest."""
    return by(f"node{', ' if labels else ''}{labels}", metric, how, node="=~$node", **matchers)
