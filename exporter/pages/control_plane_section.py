"""A cluster's facts in, the part of the page about its API server, CAs, signers and bundles out."""

from collections.abc import Iterable, Iterator

from markupsafe import Markup

from exporter.facts.certificate import Certificate, ends_last
from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.ca_bundle import CaBundle, Holds
from exporter.facts.kube.preflight import Preflight
from exporter.facts.outlook import Outlook
from exporter.findings import Severity
from exporter.findings.bundles import HOLDS_ORDER, HOLDS_WORDS
from exporter.findings.formatting import span, utc_time
from exporter.findings.limits import apiserver_end, ca_end, not_yet_valid, requestheader_ca_end, worst
from exporter.findings.wording import ROLE_WORDS
from exporter.pages.lifetime import Lifetime, lifetime_bar
from exporter.pages.page import (
    NOTHING,
    SEVERITY_TONE,
    Cell,
    Column,
    Tone,
    badge,
    code,
    folded_table,
    join,
    key_values,
    section,
    table,
)
from exporter.reason import Ca, PreflightStep, Rotation

__all__ = ["control_plane_section"]

CA_WORDS = {
    Ca.CLUSTER: ("Cluster CA", "kube-root-ca.crt: what clients in the cluster trust the API server by"),
    Ca.CLIENT: ("Client CA", "what the API server trusts clients by"),
    Ca.REQUESTHEADER: ("Request-header CA", "what aggregated API servers trust the API server by"),
}
CLUSTER_AND_CLIENT = (
    "Cluster CA",
    "kube-root-ca.crt: what clients in the cluster trust the API server by, and it them",
)
RENEWED = {Rotation.ENABLED: (Tone.OK, "AKS renews it"), Rotation.DISABLED: (Tone.WARNING, "nothing renews it")}

ALLOWED = {True: (Tone.OK, "yes"), False: (Tone.WARNING, "no")}


_HOLDS_TONE: dict[Holds | None, Tone] = {
    None: Tone.BLIND,
    **dict.fromkeys((Holds.FORMER_CA, Holds.ENDED, Holds.EARLY), Tone.WARNING),
}


def control_plane_section(cluster: ClusterFacts, now: float) -> Markup:
    """The section. `now` in Unix seconds."""
    return section("control-plane", "Control plane", *_parts(cluster, now))


def _parts(cluster: ClusterFacts, now: float) -> Iterator[Markup]:
    cards = [
        _certificate(
            "API server",
            code(one.address),
            one.certificate,
            now,
            apiserver_end(one.certificate.not_before, one.certificate.not_after, cluster.apiserver_rotation, now),
            badge(*RENEWED.get(cluster.apiserver_rotation, (Tone.BLIND, "rotation unknown"))),
            (
                ("Trusted by clients in the cluster", _trust(one.trusted)),
                ("Last look", "" if one.failure is None else f"no answer: {one.failure.words}"),
            ),
        )
        for one in cluster.endpoints
        if one.certificate is not None
    ]
    same = cluster.cas.get(Ca.CLIENT) == cluster.cas.get(Ca.CLUSTER)
    for ca, bundle in cluster.cas.items():
        use = cluster.ca_use(ca)
        if use is not None and not (ca is Ca.CLIENT and same):
            title, where = CLUSTER_AND_CLIENT if ca is Ca.CLUSTER and same else CA_WORDS[ca]
            more = (("Together with it", f"{len(bundle) - 1} more of the same bundle" if bundle[1:] else ""),)
            held = use.counts
            ending = (requestheader_ca_end if ca is Ca.REQUESTHEADER else ca_end)(held.not_after, now)
            severity = worst(ending, not_yet_valid(held.not_before, now))
            cards.append(_certificate(title, where, held, now, severity, badge(Tone.QUIET, "only by hand"), more))
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
    if found := cluster.outlooks:
        yield table(
            "What ends if nobody signs",
            (
                Column("Certificate"),
                Column("Requests that wait", "Wait"),
                Column("None signed", "None signed"),
                Column("Last certificate", "Last"),
                Column("The first to end if nobody signs", "First end"),
            ),
            (_signer(one, now) for one in found),
            titled=True,
        )
    if cluster.preflight is not None:
        yield table(
            "Whether the next certificate requests would be approved",
            (Column("Of"), Column("May be sent", "May be sent"), Column("Would be approved", "Would be approved")),
            _preflight(cluster.preflight),
            titled=True,
        )
    if cluster.bundles:
        judged = [(cluster.holds(one, now), one) for one in cluster.bundles]
        judged.sort(key=lambda pair: (HOLDS_ORDER.index(pair[0]), bool(pair[1].certificates), pair[1].name))
        yield folded_table(
            "CA bundles of APIServices and admission webhooks",
            (Column("Object"), Column("Holds"), Column("Ends", "Ends")),
            [_bundle(held, one) for held, one in judged],
            "CA bundles, none worse",
            titled=True,
        )


def _preflight(answers: Iterable[Preflight]) -> Iterator[tuple[Cell, ...]]:
    steps: dict[str, dict[PreflightStep, bool]] = {}
    for one in answers:
        of = f"node pool {one.question.agentpool}" if one.question.agentpool else "new nodes"
        steps.setdefault(of, {})[one.question.step] = one.allowed
    for of, found in steps.items():
        said = (found.get(step) for step in PreflightStep)
        yield of, *(NOTHING if one is None else badge(*ALLOWED[one]) for one in said)


def _signer(one: Outlook, now: float) -> tuple[Cell, ...]:
    signing, first = one.signing, one.first
    since, last = signing.silent_since, signing.last_issued
    return (
        ROLE_WORDS[one.role],
        str(signing.total),
        NOTHING if since is None else f"for {span(now - since)}",
        NOTHING if last is None else f"{span(now - last)} ago",
        "not known" if first is None else f"{first.node}, {utc_time(first.not_after)}",
    )


def _bundle(held: Holds | None, one: CaBundle) -> tuple[Cell, ...]:
    tone = _HOLDS_TONE.get(held, Tone.OK)
    return (
        code(f"{one.kind} {one.name}"),
        badge(tone, HOLDS_WORDS[held]) if one.certificates else badge(Tone.BLIND, "unreadable"),
        utc_time(ends_last(one.certificates).not_after) if one.certificates else NOTHING,
    )


def _trust(trusted: bool | None) -> Markup:
    words = {True: (Tone.OK, "yes"), False: (Tone.CRITICAL, "no"), None: (Tone.BLIND, "unknown")}
    return badge(*words[trusted])


def _certificate(
    title: str,
    where: str | Markup,
    certificate: Certificate,
    now: float,
    severity: Severity | None,
    rotation: Markup,
    more: Iterable[tuple[str, str | Markup]],
) -> Markup:
    judged = SEVERITY_TONE[severity] if severity else Tone.OK
    life = Lifetime(certificate.not_before, certificate.not_after, None, judged=judged)
    identity = key_values(
        (
            ("Subject", code(certificate.subject)),
            ("Issuer", code(certificate.issuer)),
            ("Serial number", code(certificate.serial_number)),
            ("SHA-256", code(certificate.fingerprint_sha256)),
            ("Key", certificate.key_algorithm),
            ("Not before", utc_time(certificate.not_before)),
            ("Not after", utc_time(certificate.not_after)),
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
