"""A cluster's facts in, the tables of its report out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from exporter.check.report import Section
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.csr import Csr
from exporter.facts.node import Node
from exporter.facts.source import SourceFacts
from exporter.facts.x509 import Certificate
from exporter.findings.cluster import serving_off_reason
from exporter.findings.control_plane import lifetime_class
from exporter.findings.moment import date, moment, span
from exporter.reason import Ca, CsrCondition, Rotation

__all__ = ["LONGEST", "certificate_row", "cluster_sections", "csr_rows"]

LONGEST = 100
"""Rows of the CSR table. A storm has 100,000; the worst are shown."""

_CONDITIONS = {
    CsrCondition.FAILED: "Approved,Failed",
    CsrCondition.DENIED: "Denied",
    CsrCondition.PENDING: "Pending",
    CsrCondition.APPROVED: "Approved",
    CsrCondition.ISSUED: "Approved,Issued",
}
"""As kubectl prints them, the bad ones first."""

_CA_NAMES = {Ca.CLUSTER: "cluster CA", Ca.CLIENT: "client CA", Ca.REQUESTHEADER: "request-header CA"}


def certificate_row(what: str, certificate: Certificate, now: float, note: str = "") -> tuple[str, ...]:
    """WHAT, SUBJECT, FROM, UNTIL, LEFT, NOTE."""
    left = certificate.not_after - now
    return (
        what,
        certificate.subject or "-",
        date(certificate.not_before),
        date(certificate.not_after),
        span(left) if left > 0 else f"ended {span(left)} ago",
        note or "-",
    )


def cluster_sections(
    cluster: ClusterFacts, csrs: Iterable[Csr] | None, sources: Iterable[SourceFacts], now: float
) -> Iterator[Section]:
    """The tables: control plane, signers, bundles, nodes, CSRs, and who was asked."""
    yield Section(
        "Control plane",
        ("WHAT", "SUBJECT", "FROM", "UNTIL", "LEFT", "NOTE"),
        (
            *(
                certificate_row(f"API server {one.address}", one.certificate, now, _trust(one))
                for one in cluster.endpoints
                if one.certificate
            ),
            *(
                certificate_row(_CA_NAMES[ca], one, now, lifetime_class(one))
                for ca, bundle in cluster.cas.items()
                for one in bundle
            ),
        ),
        "" if cluster.created is None else f"The cluster was made {moment(cluster.created)}.",
        wrapping=("SUBJECT", "NOTE"),
    )
    yield Section(
        "Signers",
        ("LEASE", "SIGN OF LIFE"),
        tuple((lease, f"{span(now - renewed)} ago") for lease, renewed in cluster.leases.items()),
        "" if cluster.leases else "No lease could be read: whether anybody approves and signs is not known.",
    )
    judged = [(cluster.outdated(one), one) for one in cluster.bundles]
    words = {True: "a former cluster CA", False: "current", None: "unknown"}
    yield Section(
        "CA bundles",
        ("KIND", "NAME", "UNTIL", "HOLDS"),
        tuple(
            (
                one.kind,
                one.name,
                date(min(held.not_after for held in one.certificates)) if one.certificates else "-",
                words[old] if one.certificates else f"unreadable: {one.unreadable}",
            )
            for old, one in sorted(judged, key=lambda pair: (not pair[0], pair[1].kind, pair[1].name))
        ),
        wrapping=("NAME", "HOLDS"),
    )
    yield from _nodes(cluster.nodes)
    if csrs is None:
        yield Section("Certificate signing requests", (), (), "They could not be listed: the sources below say why.")
    else:
        yield _requests(tuple(csrs), now)
    yield Section(
        "Sources",
        ("SOURCE", "ANSWERS", "LAST ERROR"),
        tuple(
            (one.source, {True: "yes", False: "no", None: "not asked"}[one.up], one.last_error or "-")
            for one in sources
        ),
        wrapping=("LAST ERROR",),
    )


def _trust(endpoint: Endpoint) -> str:
    if endpoint.trusted is None:
        return "trust unknown"
    return "trusted" if endpoint.trusted else f"not trusted: {endpoint.untrusted}"


def _nodes(nodes: tuple[Node, ...] | None) -> Iterator[Section]:
    if nodes is None:
        yield Section("Node pools and serving rotation", (), (), "Nodes could not be listed: the sources say why.")
        return
    pools: dict[str, list[Node]] = defaultdict(list)
    for one in nodes:
        pools[one.agentpool].append(one)
    yield Section(
        "Node pools and serving rotation",
        ("AGENTPOOL", "NODES", "READY", "ON", "OFF", "UNKNOWN", "KUBELET", "PROBABLY BECAUSE"),
        tuple(_pool(pool, members) for pool, members in sorted(pools.items())),
        "" if nodes else "There are no nodes.",
        wrapping=("KUBELET", "PROBABLY BECAUSE"),
    )


def _pool(pool: str, members: list[Node]) -> tuple[str, ...]:
    count = Counter(one.serving_rotation for one in members)
    off = [one for one in members if one.serving_rotation is Rotation.DISABLED]
    return (
        pool or "-",
        str(len(members)),
        str(sum(one.ready is True for one in members)),
        *(str(count[which]) for which in (Rotation.ENABLED, Rotation.DISABLED, Rotation.UNKNOWN)),
        ", ".join(sorted({one.kubelet_version for one in members if one.kubelet_version})) or "-",
        "; ".join(sorted({serving_off_reason(one) for one in off})) or "-",
    )


def _requests(csrs: tuple[Csr, ...], now: float) -> Section:
    more = len(csrs) - LONGEST
    return Section(
        "Certificate signing requests",
        ("NAME", "AGE", "SIGNERNAME", "REQUESTOR", "REQUESTEDDURATION", "CONDITION"),
        csr_rows(csrs, now)[:LONGEST],
        f"And {more} more, none worse than these." if more > 0 else "" if csrs else "There are none.",
        wrapping=("SIGNERNAME", "REQUESTOR"),
    )


def csr_rows(csrs: Iterable[Csr], now: float) -> tuple[tuple[str, ...], ...]:
    """The columns of `kubectl get csr`, bad rows first: refused, then unanswered from the oldest, then issued."""
    order = list(_CONDITIONS)
    ordered = sorted(csrs, key=lambda one: (order.index(one.condition), one.created, one.name))
    return tuple(
        (
            one.name,
            _short(now - one.created),
            one.signer_name,
            one.username,
            "<none>" if one.expiration_seconds is None else _short(one.expiration_seconds),
            _CONDITIONS[one.condition],
        )
        for one in ordered
    )


def _short(seconds: float) -> str:
    """As kubectl prints an age: one unit, or two while the first is small (apimachinery, duration.HumanDuration)."""
    seconds = max(0, int(seconds))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    years = days // 365
    return f"{years}y{days % 365}d" if years < 8 and days % 365 else f"{years}y"
