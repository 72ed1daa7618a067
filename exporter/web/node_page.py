"""A node's facts and findings in, the page a person reads out."""

from collections.abc import Iterable

from markupsafe import Markup

from exporter.facts.host import HostFacts
from exporter.facts.source import SourceFacts
from exporter.findings import Finding
from exporter.findings.moment import moment

__all__ = ["node_page"]


def node_page(host: HostFacts, findings: Iterable[Finding], sources: Iterable[SourceFacts], now: float) -> str:
    """A whole HTML document."""
    found = Markup("").join(
        Markup("<li>{}: {} {}</li>").format(finding.severity, finding.what, finding.next_step) for finding in findings
    )
    rows = Markup("").join(
        Markup("<tr><td>{}<td>{}<td>{}").format(seen.role, seen.origin, moment(seen.certificate.not_after))
        for seen in host.certificates
    )
    asked = Markup("").join(Markup("<li>{}: {}</li>").format(s.source, s.last_error or s.up) for s in sources)
    return Markup(
        "<!doctype html><html lang=en><title>{0}</title><h1>{0}</h1><p>{1}</p><ul>{2}</ul><table>{3}</table>"
        "<ul>{4}</ul></html>"
    ).format(host.node, moment(now), found, rows, asked)
