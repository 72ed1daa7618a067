"""A cluster's facts and findings in, the page that a person reads out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from markupsafe import Markup

from exporter.facts.cluster import ClusterFacts
from exporter.facts.source import SourceFacts
from exporter.findings import Finding
from exporter.findings.cluster_timeline import cluster_events
from exporter.findings.node_status import node_statuses
from exporter.findings.wording import NOT_LOOKED_AT
from exporter.pages.azure_section import azure_section
from exporter.pages.control_plane_section import control_plane_section
from exporter.pages.endpoint_section import TITLE, endpoint_section, unreached
from exporter.pages.findings_list import OWN_RUNBOOKS, findings_list, verdict
from exporter.pages.frame import Frame, document
from exporter.pages.node_section import node_section, pool_counts
from exporter.pages.page import NOTHING, Column, code, section, table
from exporter.pages.source_table import old_facts, source_table
from exporter.pages.timeline_section import timeline_section
from exporter.reason import CsrCondition

__all__ = ["cluster_page"]


def cluster_page(
    cluster: ClusterFacts,
    findings: Sequence[Finding],
    sources: Iterable[SourceFacts],
    now: float,
    *,
    server: str = "",
    query: Mapping[str, str] | None = None,
    runbooks: str = OWN_RUNBOOKS,
    grafana: str = "",
) -> str:
    """The whole document. `server` names the API server that is asked; `now` in Unix seconds; `query` filters nodes.

    `runbooks`: the base of the links to them; `grafana`: where it is, empty: there is none.
    """
    sources, query = tuple(sources), query or {}
    unanswered = [source.source.value for source in sources if source.up is None and not source.skipped]
    statuses = node_statuses(cluster, now, findings)
    unseen = sum(one.word == NOT_LOOKED_AT for one in statuses)
    judged = verdict(findings, unanswered, unseen, unreached=unreached(cluster))
    name = (cluster.azure.cluster.name if cluster.azure else "") or server or "Cluster"
    nodes = section("nodes", "Nodes", Markup('<p class="none">They have not been listed yet.</p>'))
    if cluster.nodes is not None:
        nodes = node_section(statuses, query, now, grafana)
    parts = (
        ("timeline", "What breaks when", timeline_section(cluster_events(cluster, now), now)),
        ("nodes", "Nodes", nodes),
        ("control-plane", "Control plane", control_plane_section(cluster, now)),
        ("endpoints", TITLE, endpoint_section(cluster, now)),
        (
            "requests",
            "Certificate requests",
            section("requests", "Certificate requests", *_requests(cluster), *_newer(cluster)),
        ),
        ("azure", "Azure", azure_section(cluster.azure) if cluster.azure else Markup()),
        ("sources", "Sources", section("sources", "Sources", source_table(sources, now))),
    )
    shown = tuple((fragment, heading) for fragment, heading, part in parts if part)
    frame = Frame(
        name,
        "AKS certificates · cluster",
        now,
        verdict=(judged.tone, judged.word),
        contents=(("findings", "Findings"), *shown) if findings else shown,
        query=query,
    )
    listed = findings_list(findings, runbooks=runbooks, nodes="nodes/", unfolded=False)
    wrong = section("findings", "Findings", listed) if findings else Markup()
    pools = pool_counts(statuses) if statuses else Markup()
    head = Markup('<div class="head">{}{}</div>').format(wrong, pools)
    return document(frame, (judged.banner, *old_facts(sources, now), head, *(part for _, _, part in parts if part)))


def _newer(cluster: ClusterFacts) -> Iterator[Markup]:
    """Kinds that newer API servers have, where there are any."""
    counted = cluster.counted
    kinds = (("PodCertificateRequest", counted.requests), ("ClusterTrustBundle", counted.bundles)) if counted else ()
    rows = [
        (kind, code(signer) if signer else NOTHING, state.value, f"{count:,}")
        for kind, objects in kinds
        for (signer, state), count in objects.items()
    ]
    if rows:
        columns = (Column("Kind"), Column("Signer", "Signer"), Column("State", "State"), Column("Count", "Count"))
        yield table("Newer kinds of the certificates API", columns, rows, titled=True)


def _requests(cluster: ClusterFacts) -> Iterator[Markup]:
    if cluster.csrs is None:
        yield Markup('<p class="none">They have not been listed yet.</p>')
        return
    conditions = tuple(CsrCondition)
    groups: dict[tuple[str, str], dict[CsrCondition, int]] = defaultdict(dict)
    for (signer, requestor, condition), count in cluster.csrs.objects.items():
        groups[signer, requestor][condition] = count
    rows = [
        (code(signer), requestor.replace("_", " "), *(str(counts[one]) for one in conditions))
        for (signer, requestor), counts in groups.items()
        if any(counts.values())
    ]
    if not rows:
        yield Markup('<p class="none">There are none now: they are deleted an hour after the answer.</p>')
        return
    yield table(
        "Certificate signing requests that exist now",
        (Column("Signer"), Column("Requestor"), *(Column(one.value, one.value) for one in conditions)),
        rows,
    )
