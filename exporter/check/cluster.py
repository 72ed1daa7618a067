"""A cluster's facts in, the tables of its report out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from exporter.check.report import Section
from exporter.facts.certificate import Certificate, ends_last
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.csr import Csr
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.node import Node
from exporter.facts.source import SourceFacts
from exporter.findings.bundles import HOLDS_ORDER, HOLDS_WORDS
from exporter.findings.cluster import serving_off_reason
from exporter.findings.control_plane import lifetime_class
from exporter.findings.formatting import dated, span, utc_time
from exporter.findings.wording import ENDPOINT_STATUS_WORDS
from exporter.reason import Ca, CsrCondition, PreflightStep, Rotation

__all__ = ["LONGEST", "certificate_row", "cluster_sections", "csr_rows"]

LONGEST, ISSUED = 40, 5
"""Rows of the CSR table, and those of issued ones among them. A storm has 100,000 requests; the worst are shown."""

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
        dated(certificate.not_before, certificate.lifetime),
        dated(certificate.not_after, certificate.lifetime),
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
        "" if cluster.created is None else f"The cluster was made {utc_time(cluster.created)}.",
        wrapping=("WHAT", "SUBJECT", "NOTE"),
    )
    yield Section(
        "Signers",
        ("LEASE", "SIGN OF LIFE"),
        tuple((lease, f"{span(now - renewed)} ago") for lease, renewed in cluster.leases.items()),
        "" if cluster.leases else "No lease could be read: whether anybody approves and signs is not known.",
    )
    yield from _signing(cluster, now)
    yield from _preflight(cluster)
    judged = [(cluster.holds(one, now), one) for one in cluster.bundles]
    judged.sort(key=lambda pair: (HOLDS_ORDER.index(pair[0]), pair[1].kind, pair[1].name))
    yield Section(
        "CA bundles",
        ("KIND", "NAME", "UNTIL", "HOLDS"),
        tuple(
            (
                one.kind,
                one.name,
                dated((last := ends_last(one.certificates)).not_after, last.lifetime) if one.certificates else "-",
                HOLDS_WORDS[held] if one.certificates else f"unreadable: {one.unreadable}",
            )
            for held, one in judged
        ),
        wrapping=("KIND", "NAME", "HOLDS"),
    )
    yield from _served(cluster)
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


def _signing(cluster: ClusterFacts, now: float) -> Iterator[Section]:
    found = cluster.outlooks
    if not found:
        return
    yield Section(
        "Who waits for the signers",
        ("SIGNERNAME", "WAITING", "NOBODY SIGNS FOR", "LAST CERTIFICATE", "FIRST END IF NOBODY SIGNS"),
        tuple(
            (
                one.signing.signer_name,
                str(one.signing.total),
                "-" if (since := one.signing.silent_since) is None else span(now - since),
                "-" if (last := one.signing.last_issued) is None else f"{span(now - last)} ago",
                "not known" if (first := one.first) is None else f"{utc_time(first.not_after)}, {first.node}",
            )
            for one in found
        ),
        wrapping=("SIGNERNAME", "FIRST END IF NOBODY SIGNS"),
    )


def _preflight(cluster: ClusterFacts) -> Iterator[Section]:
    if cluster.preflight is None:
        return
    answers: dict[tuple[str, str], dict[PreflightStep, bool]] = defaultdict(dict)
    for one in cluster.preflight:
        answers[one.question.agentpool, one.question.requestor][one.question.step] = one.allowed
    words = {True: "yes", False: "no", None: "-"}
    yield Section(
        "Rotation preflight",
        ("AGENTPOOL", "REQUESTOR", "MAY ASK", "CLIENT CERTIFICATE WOULD BE APPROVED"),
        tuple(
            (pool or "-", requestor, *(words[steps.get(step)] for step in PreflightStep))
            for (pool, requestor), steps in answers.items()
        ),
        "Who approves serving certificates is AKS's own, and cannot be asked.",
    )


def _served(cluster: ClusterFacts) -> Iterator[Section]:
    if cluster.served is None:
        return
    yield Section(
        "What the API server calls",
        ("KIND", "NAME", "ADDRESS", "UNTIL", "ACCEPTED"),
        tuple(
            (
                one.target.kind,
                one.target.name,
                one.target.address,
                utc_time(one.certificate.not_after) if one.certificate else "-",
                _accepted(one),
            )
            for one in cluster.served
        ),
        "" if cluster.served else "None was looked at: there are none, or they are not known.",
        wrapping=("KIND", "NAME", "ADDRESS"),
    )


def _accepted(one: ServedEndpoint) -> str:
    if one.certificate is None:
        return f"not seen: it {ENDPOINT_STATUS_WORDS[one.status]}"
    if not one.target.verified:
        return "not verified"
    return {True: "yes", False: f"no: {one.untrusted}", None: "unknown"}[one.trusted]


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
    rows, shown = csr_rows(csrs, now)
    notes = []
    if any(row[-1] != "0" for row in rows):
        notes.append("Retries are one row: the oldest, and how many MORE are like it.")
    left = Counter(one.condition for one in csrs)
    left.subtract(shown)
    if more := [f"{left[one]} {one}" for one in _CONDITIONS if left[one]]:
        notes.append(f"Not shown: {', '.join(more)}, none worse than these.")
    return Section(
        "Certificate signing requests",
        ("NAME", "AGE", "SIGNERNAME", "REQUESTOR", "REQUESTEDDURATION", "CONDITION", "MORE"),
        rows,
        " ".join(notes) if csrs else "There are none.",
        wrapping=("SIGNERNAME", "REQUESTOR", "CONDITION"),
    )


def csr_rows(csrs: Iterable[Csr], now: float) -> tuple[tuple[tuple[str, ...], ...], Counter[CsrCondition]]:
    """The columns of `kubectl get csr` and how many are alike; and how many requests of each condition are in them.

    Bad rows first: refused, then unanswered from the oldest; the newest of the issued last.
    """
    # By node: those that bootstrap share one user name.
    alike: dict[tuple[str, tuple[str, str], CsrCondition], list[Csr]] = defaultdict(list)
    for one in csrs:
        alike[one.signer_name, (one.username, one.node), one.condition].append(one)
    order = list(_CONDITIONS)

    def place(those: list[Csr]) -> tuple[int, float, str]:
        first = those[0]
        issued = first.condition is CsrCondition.ISSUED
        return order.index(first.condition), -first.created if issued else first.created, first.name

    groups = [sorted(those, key=lambda one: (one.created, one.name)) for those in alike.values()]
    ordered = sorted(groups, key=place)
    issued = sum(those[0].condition is CsrCondition.ISSUED for those in ordered)
    taken = ordered[: min(len(ordered) - max(0, issued - ISSUED), LONGEST)]
    shown = Counter(dict.fromkeys(_CONDITIONS, 0))
    for those in taken:
        shown[those[0].condition] += len(those)
    return tuple(_request(those[0], len(those) - 1, now) for those in taken), shown


def _request(one: Csr, more: int, now: float) -> tuple[str, ...]:
    return (
        one.name,
        _short(now - one.created),
        one.signer_name,
        one.username if one.username.endswith(one.node) else f"{one.username} for {one.node}",
        "<none>" if one.expiration_seconds is None else _short(one.expiration_seconds),
        _CONDITIONS[one.condition],
        str(more),
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
