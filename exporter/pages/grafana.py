"""Where Grafana is and a node's name in, the way to that node's dashboard out; nothing where no Grafana is set."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from markupsafe import Markup

__all__ = ["grafana_link", "node_dashboard"]

_DASHBOARD = "/d/akscert-node"
"""By the uid that the shipped dashboard has in every Grafana."""


def node_dashboard(base: str, node: str) -> str:
    """The address. What `base` asks for stays in it: `?var-cluster=weu` chooses one of several clusters."""
    parts = urlsplit(base)
    asked = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "var-node"]
    query = urlencode([*asked, ("var-node", node)], quote_via=quote)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + _DASHBOARD, query=query))


def grafana_link(base: str, node: str) -> Markup:
    """Empty without a base."""
    if not base:
        return Markup()
    words = Markup('<a href="{}" rel="noopener">Grafana<span class="unseen">: {}</span></a>')
    return words.format(node_dashboard(base, node), node)
