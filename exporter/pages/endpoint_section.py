"""What answers to the API server's calls in, the part of the page about it out: the worst first."""

from collections.abc import Iterator

from markupsafe import Markup

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.aks_component import aks_component
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.findings import Severity
from exporter.findings.formatting import utc_time
from exporter.findings.limits import endpoint_end, endpoint_untrusted, worst
from exporter.findings.wording import ENDPOINT_STATUS_WORDS, NOT_ACCEPTED_WORDS
from exporter.pages.page import (
    NOTHING,
    SEVERITY_TONE,
    Cell,
    Column,
    Tone,
    badge,
    code,
    folded_table,
    section,
)
from exporter.reason import Reason

__all__ = ["TITLE", "endpoint_section", "unreached"]

TITLE = "Webhooks and aggregated APIs"
_ORDER = tuple(Severity)


def unreached(cluster: ClusterFacts) -> int:
    """How many of the addresses that the API server calls have shown no certificate here."""
    return sum(one.certificate is None for one in cluster.served or ())


def endpoint_section(cluster: ClusterFacts, now: float) -> Markup:
    """The section; nothing where they are not looked at. `now` in Unix seconds."""
    if cluster.served is None:
        return Markup()
    return section("endpoints", TITLE, *_parts(cluster.served, now))


def _parts(served: tuple[ServedEndpoint, ...], now: float) -> Iterator[Markup]:
    if not served:
        yield Markup('<p class="none">None has been looked at: there are none, or they are not known yet.</p>')
        return
    judged = [(_severity(one, now), one) for one in served]
    judged.sort(key=lambda pair: (_place(*pair), pair[1].target.kind, pair[1].target.name))
    yield folded_table(
        "What the API server calls, and the certificate that is served there",
        (
            Column("Object"),
            Column("Address"),
            Column("Ends", "Ends"),
            Column("The API server accepts it", "The API server accepts it"),
            Column("If it fails", "If it fails"),
            Column("Belongs to", "Belongs to"),
        ),
        [_row(severity, one) for severity, one in judged],
        "endpoints, none worse",
        titled=True,
    )


def _severity(one: ServedEndpoint, now: float) -> Severity | None:
    """The worst of the two that alerts tell."""
    if one.certificate is None or not one.target.verified:
        return None
    ending = endpoint_end(one.certificate.not_before, one.certificate.not_after, now)
    refused = endpoint_untrusted(one.target.kind, one.target.failure_policy) if one.trusted is False else None
    return worst(ending, refused)


def _place(severity: Severity | None, one: ServedEndpoint) -> int:
    """Behind what is wrong comes what could not be seen, then what is ok."""
    if severity is not None:
        return _ORDER.index(severity)
    return len(_ORDER) + (one.failure is None)


def _row(severity: Severity | None, one: ServedEndpoint) -> tuple[Cell, ...]:
    target, certificate = one.target, one.certificate
    service = aks_component(*target.service) if target.service else ""
    return (
        code(f"{target.kind} {target.name}"),
        code(target.address),
        utc_time(certificate.not_after) if certificate else NOTHING,
        _accepted(severity, one),
        {"fail": "writes are refused", "ignore": "writes go on"}.get(target.failure_policy, "it does not answer"),
        service or "whoever installed it",
    )


def _accepted(severity: Severity | None, one: ServedEndpoint) -> Cell:
    if one.certificate is None:
        return badge(Tone.BLIND, ENDPOINT_STATUS_WORDS[one.status])
    if not one.target.verified:
        return badge(Tone.QUIET, "not verified: insecureSkipTLSVerify")
    tone = SEVERITY_TONE[severity] if severity else Tone.OK
    if one.trusted is False:
        return badge(tone, f"no: it {NOT_ACCEPTED_WORDS.get(one.untrusted or Reason.ERROR, 'does not verify')}")
    if one.trusted is None:
        return badge(Tone.BLIND, "unknown")
    words = "yes" if one.failure is None else f"yes, when last seen: it {ENDPOINT_STATUS_WORDS[one.status]} now"
    return badge(tone if one.failure is None or severity else Tone.BLIND, words)
