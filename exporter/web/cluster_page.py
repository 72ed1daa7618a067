"""A cluster's facts and findings in, the page that a person reads out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from markupsafe import Markup

from exporter.facts.cluster import ClusterFacts
from exporter.facts.node import Node
from exporter.facts.source import SourceFacts
from exporter.facts.x509 import Certificate, ends_first
from exporter.findings import Finding
from exporter.findings.moment import moment, span
from exporter.reason import Ca, CsrCondition, Rotation
from exporter.web.azure_section import azure_section
from exporter.web.lifetime import Lifetime, lifetime_bar
from exporter.web.page import (
    NOTHING,
    Column,
    Tone,
    badge,
    code,
    document,
    findings_list,
    join,
    key_values,
    section,
    table,
    verdict,
)
from exporter.web.source_table import source_table

__all__ = ["cluster_page"]

LONGEST = 50
"""Rows of a table of nodes. A cluster may have 5,000: the findings count them, the page shows the first."""

CA_WORDS = {
    Ca.CLUSTER: ("Cluster CA", "kube-root-ca.crt: what clients in the cluster trust the API server by"),
    Ca.CLIENT: ("Client CA", "what the API server trusts clients by"),
    Ca.REQUESTHEADER: ("Request-header CA", "what aggregated API servers trust the API server by"),
}
RENEWED = {Rotation.ENABLED: (Tone.OK, "AKS renews it"), Rotation.DISABLED: (Tone.WARNING, "nothing renews it")}


def cluster_page(
    cluster: ClusterFacts, findings: Sequence[Finding], sources: Iterable[SourceFacts], now: float, *, server: str = ""
) -> str:
    """The whole document. `server` names the API server that is asked; `now` in Unix seconds."""
    sources = tuple(sources)
    unanswered = [source.source.value for source in sources if source.up is None]
    known = cluster.azure.cluster.name if cluster.azure else ""
    body = [
        verdict(findings, unanswered),
        section("findings", "Findings", findings_list(findings)) if findings else Markup(),
        section("control-plane", "Control plane", *_control_plane(cluster, now)),
        section("nodes", "Nodes", *_nodes(cluster)),
        azure_section(cluster.azure) if cluster.azure else Markup(),
        section("requests", "Certificate requests", *_requests(cluster, now)),
        section("sources", "Sources", source_table(sources, now)),
    ]
    lead = "Who trusts whom in this cluster, which certificates rotate, and what breaks when."
    return document(known or server or "Cluster", "AKS certificates · cluster", lead, filter(None, body), now=now)


def _control_plane(cluster: ClusterFacts, now: float) -> Iterator[Markup]:
    cards = [
        _certificate(
            "API server",
            code(one.address),
            one.certificate,
            now,
            badge(*RENEWED.get(cluster.apiserver_rotation, (Tone.BLIND, "rotation unknown"))),
            (
                ("Trusted by clients in the cluster", _trust(one.trusted)),
                ("Last look", "" if one.failure is None else f"no answer: {one.failure.words}"),
            ),
        )
        for one in cluster.endpoints
        if one.certificate is not None
    ]
    for ca, bundle in cluster.cas.items():
        if bundle:
            title, where = CA_WORDS[ca]
            more = (("Together with it", f"{len(bundle) - 1} more of the same bundle" if bundle[1:] else ""),)
            cards.append(_certificate(title, where, ends_first(bundle), now, badge(Tone.QUIET, "by hand alone"), more))
    if cards:
        yield Markup('<div class="cards">\n{}\n</div>').format(join(cards))
    else:
        yield Markup('<p class="none">None of its certificates has been seen yet: the sources below say why.</p>')
    if cluster.leases:
        yield table(
            "Who approves and signs certificate requests",
            (Column("Lease"), Column("Sign of life")),
            ((code(lease), f"{span(now - renewed)} ago") for lease, renewed in cluster.leases.items()),
            titled=True,
        )
    outdated = [(one, cluster.outdated(one)) for one in cluster.bundles]
    if outdated:
        words = {True: (Tone.WARNING, "a former CA"), False: (Tone.OK, "current"), None: (Tone.BLIND, "unknown")}
        yield table(
            "CA bundles of APIServices and admission webhooks",
            (Column("Object"), Column("Holds"), Column("Ends", "Ends")),
            (
                (
                    code(f"{one.kind} {one.name}"),
                    badge(*words[old]) if one.certificates else badge(Tone.BLIND, "unreadable"),
                    moment(ends_first(one.certificates).not_after) if one.certificates else NOTHING,
                )
                for one, old in outdated
            ),
            titled=True,
        )


def _trust(trusted: bool | None) -> Markup:
    words = {True: (Tone.OK, "yes"), False: (Tone.CRITICAL, "no"), None: (Tone.BLIND, "unknown")}
    return badge(*words[trusted])


def _certificate(
    title: str,
    where: str | Markup,
    certificate: Certificate,
    now: float,
    rotation: Markup,
    more: Iterable[tuple[str, str | Markup]],
) -> Markup:
    life = Lifetime(certificate.not_before, certificate.not_after, None)
    identity = key_values(
        (
            ("Subject", code(certificate.subject)),
            ("Issuer", code(certificate.issuer)),
            ("Serial number", code(certificate.serial_number)),
            ("SHA-256", code(certificate.fingerprint_sha256)),
            ("Key", certificate.key_algorithm),
            ("Not before", moment(certificate.not_before)),
            ("Not after", moment(certificate.not_after)),
        )
    )
    return Markup(
        '<article class="card certificate" aria-label="{title}">\n<div class="title"><h3>{title}</h3>{rotation}</div>\n'
        '<p class="where">{where}</p>\n{life}\n{more}\n<details><summary>Identity</summary>{identity}</details>\n'
        "</article>"
    ).format(
        title=title,
        rotation=rotation,
        where=where,
        life=lifetime_bar(life, now),
        more=key_values((("Lifetime", span(certificate.lifetime)), *more)),
        identity=identity,
    )


def _nodes(cluster: ClusterFacts) -> Iterator[Markup]:
    if cluster.nodes is None:
        yield Markup('<p class="none">They have not been listed yet.</p>')
        return
    pools: dict[str, list[Node]] = defaultdict(list)
    for one in cluster.nodes:
        pools[one.agentpool].append(one)
    yield table(
        "Node pools",
        (
            Column("Pool"),
            Column("Nodes", "Nodes"),
            Column("Ready", "Ready"),
            Column("Serving rotation", "Serving rotation"),
            Column("Kubelet", "Kubelet"),
        ),
        ((pool or "no pool", *_pool(members)) for pool, members in sorted(pools.items())),
    )


def _pool(members: list[Node]) -> tuple[str | Markup, ...]:
    ready = sum(one.ready is True for one in members)
    rotation = Counter(one.serving_rotation for one in members)
    tones = {Rotation.ENABLED: Tone.OK, Rotation.DISABLED: Tone.WARNING, Rotation.UNKNOWN: Tone.BLIND}
    words = {Rotation.ENABLED: "on", Rotation.DISABLED: "off", Rotation.UNKNOWN: "unknown"}
    badges = [badge(tones[which], f"{words[which]}: {count}") for which, count in sorted(rotation.items())]
    return (
        str(len(members)),
        badge(Tone.OK if ready == len(members) else Tone.WARNING, f"{ready} of {len(members)}"),
        join(badges),
        ", ".join(sorted({one.kubelet_version for one in members if one.kubelet_version})),
    )


def _requests(cluster: ClusterFacts, now: float) -> Iterator[Markup]:
    if cluster.csrs is None:
        yield Markup('<p class="none">They have not been listed yet.</p>')
        return
    waiting = sorted(
        ((one.pending_since, one) for one in cluster.csrs.nodes if one.pending_since is not None),
        key=lambda pair: (pair[0], pair[1].node),
    )
    if waiting:
        yield table(
            f"Nodes that wait for a certificate: {len(waiting)}",
            (Column("Node"), Column("Signer", "Signer"), Column("Waits for", "Waits for"), Column("Oldest request")),
            (
                (
                    one.node,
                    code(one.signer_name),
                    span(now - since),
                    Markup("{} {}").format(
                        code(one.pending_name), "approved, not issued" if one.approved else "pending"
                    ),
                )
                for since, one in waiting[:LONGEST]
            ),
            titled=True,
        )
    conditions = tuple(CsrCondition)
    groups: dict[tuple[str, str], dict[CsrCondition, int]] = defaultdict(dict)
    for (signer, requestor, condition), count in cluster.csrs.objects.items():
        groups[signer, requestor][condition] = count
    yield table(
        "Certificate signing requests that exist now",
        (Column("Signer"), Column("Requestor"), *(Column(one.value, one.value) for one in conditions)),
        (
            (code(signer), requestor.replace("_", " "), *(str(counts[one]) for one in conditions))
            for (signer, requestor), counts in groups.items()
            if any(counts.values())
        ),
        titled=True,
    )
