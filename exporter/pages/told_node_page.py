"""What the cluster agent knows of one node in, the page about that node out; None where there is no such node.

A node agent's own page shows more. This one needs no way to the node, and is there where no agent runs.
"""

from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_view import ToldCertificate
from exporter.facts.node_observation import NodeObservation
from exporter.facts.told_node import SaidCertificate, SaidNode, SaidRotation, said_node
from exporter.findings import Finding, Severity
from exporter.findings.formatting import dated
from exporter.findings.limits import rotation_state, worst
from exporter.findings.node_status import NodeStatus, node_statuses
from exporter.findings.wording import EVIDENCE_WORDS, NOT_LOOKED_AT, ORIGIN_WORDS, REASON_WORDS, ROLE_WORDS
from exporter.pages.findings_list import findings_list, verdict
from exporter.pages.frame import Frame, document
from exporter.pages.grafana import grafana_link
from exporter.pages.lifetime import Lifetime, lifetime_bar
from exporter.pages.node_section import OBSERVER_WORDS
from exporter.pages.page import SEVERITY_TONE, Cell, Column, Tone, badge, card, code, join, key_values, section, table
from exporter.pages.time_element import time_element
from exporter.reason import Evidence, Origin, Role, RotationReason

__all__ = ["told_node_page"]

OWN_RUNBOOKS = "../runbooks/"


def told_node_page(
    cluster: ClusterFacts,
    findings: Sequence[Finding],
    name: str,
    now: float,
    *,
    query: Mapping[str, str],
    runbooks: str = "",
    grafana: str = "",
) -> str | None:
    """The whole document. `now` in Unix seconds; `runbooks`: the base of the links to them, empty: the agent's own.

    `grafana`: where it is, empty: there is none.
    """
    node = next((one for one in cluster.nodes or () if one.name == name), None)
    if node is None:
        return None
    own = [one for one in findings if one.node == name]
    status = next(one for one in node_statuses(cluster, now, own) if one.name == name)
    observed = (cluster.observations or {}).get(name)
    said = said_node(observed.document.content) if observed is not None and observed.document is not None else None
    seen = "Its agent looked at every place" if said is not None else "Its kubelet was asked, its files were not read"
    judged = verdict(own, (), int(status.word == NOT_LOOKED_AT), seen)
    listed = findings_list(own, subject=name, runbooks=runbooks or OWN_RUNBOOKS)
    body = [
        judged.banner,
        section("findings", "Findings", listed) if own else Markup(),
        section("node", "Node", _about(node, status, observed, said, now)),
        _requests(status),
        *(_said(said, now) if said is not None else _seen(observed, own, now)),
    ]
    frame = Frame(
        name,
        "AKS certificates · node, as the cluster agent knows it",
        now,
        Markup(" · ").join(filter(None, (Markup('<a href="../#nodes">All nodes</a>'), grafana_link(grafana, name)))),
        verdict=(judged.tone, judged.word),
        root="../",
        query=query,
    )
    return document(frame, filter(None, body))


def _about(
    node: Node, status: NodeStatus, observed: NodeObservation | None, said: SaidNode | None, now: float
) -> Markup:
    silent = observed.silent.words if observed is not None and observed.silent is not None else ""
    report = observed.view.report if observed is not None and observed.view is not None else None
    return card(
        key_values(
            (
                ("Who tells about its certificates", OBSERVER_WORDS[status.observed_by]),
                ("Its agent last looked", time_element(min(said.looked_at, now), now) if said else ""),
                ("Its agent does not answer", silent),
                (
                    "Its kubelet, when asked",
                    f"{report.status}{f': {report.detail}' if report.detail else ''}" if report else "",
                ),
                ("Node pool", node.agentpool),
                ("Ready", {True: "yes", False: "no", None: "not said yet"}[node.ready]),
                ("Made", time_element(node.created, now)),
                ("Kubelet", node.kubelet_version),
                ("Node image", code(node.node_image_version) if node.node_image_version else ""),
                ("System", node.os_sku or node.os),
                ("Provider ID", code(node.provider_id) if node.provider_id else ""),
            )
        )
    )


def _requests(status: NodeStatus) -> Markup:
    """What its certificate requests and its Node object say, where that is something."""
    told = [one for one in status.troubles if one.state.value != "certificate"]
    if not told:
        return Markup()
    rows = (
        Markup("<p>{} {}</p>").format(badge(SEVERITY_TONE[one.severity], one.state.value.replace("-", " ")), one.what)
        for one in told
    )
    return section("cluster", "What the cluster says of it", card(*rows))


def _said(said: SaidNode, now: float) -> Iterator[Markup]:
    """In its agent's words."""
    cards = [_said_card(one, now) for one in said.certificates]
    if cards:
        yield section("certificates", "Certificates", Markup('<div class="cards">\n{}\n</div>').format(join(cards)))
    yield _rotation(
        (
            _role(one.role),
            # "on" is not green beside a certificate that has ended or cannot be used.
            badge(_worst_tone(one, said.certificates), _state(one.shown or one.state, one.deadline)),
            _reason(one.reason),
            _evidence(one.evidence),
        )
        for one in said.rotation
    )
    if said.files:
        yield section(
            "files",
            "Files",
            table(
                "Every file its agent looks at",
                (Column("Path"), Column("Status"), Column("About", "About the"), Column("Detail")),
                (
                    (
                        code(one.path),
                        badge(
                            Tone.QUIET if one.status == "not_expected" else _tone(one.severity),
                            one.status.replace("_", " "),
                        ),
                        _role(one.role),
                        one.detail or "",
                    )
                    for one in said.files
                ),
            ),
        )


def _said_card(one: SaidCertificate, now: float) -> Markup:
    window = (one.due, one.deadline) if one.due is not None and one.deadline is not None else None
    judged = Tone.QUIET if one.role == Role.APISERVER_COPY else _tone(one.severity)
    return _card(
        one.role,
        code(one.path) if one.path else _origin(one.origin),
        lifetime_bar(Lifetime(one.not_before, one.not_after, window, judged=judged), now),
        (
            ("Subject", code(one.subject) if one.subject else ""),
            ("Serial number", code(one.serial_number) if one.serial_number else ""),
            ("The kubelet can use it", {None: "", "ok": "yes"}.get(one.usable, f"no: {one.usable}")),
        ),
    )


def _worst_tone(one: SaidRotation, certificates: Sequence[SaidCertificate]) -> Tone:
    words = {one.severity, *(other.severity for other in certificates if other.role == one.role)} - {None}
    known = worst(*(Severity(word) for word in words if word in set(Severity)))
    return _tone(known if known is not None else next(iter(words), None))


def _seen(observed: NodeObservation | None, own: Sequence[Finding], now: float) -> Iterator[Markup]:
    """As its kubelet tells. `own`: the findings about this node."""
    if observed is None or observed.view is None or not observed.view.report.told:
        yield section(
            "certificates", "Certificates", Markup('<p class="none">Not looked at: nobody tells about them.</p>')
        )
        return
    worst_of = {role: worst(*(one.severity for one in own if one.role is role)) for role in Role}
    cards = [_told(one, worst_of[one.role], now) for one in observed.view.certificates]
    if cards:
        yield section("certificates", "Certificates", Markup('<div class="cards">\n{}\n</div>').format(join(cards)))
    yield _rotation(
        (
            ROLE_WORDS[facts.role],
            badge(
                _tone(worst(worst_of[facts.role], rotation_state(facts.role, facts.state))),
                _state(facts.state.value, None),
            ),
            REASON_WORDS[facts.reason],
            _evidence({place.value: word for place, word in facts.evidence.items()}),
        )
        for facts in observed.view.rotation
    )


def _told(one: ToldCertificate, severity: Severity | None, now: float) -> Markup:
    """A certificate that the kubelet serves, or of which it only says until when."""
    if one.not_before is None:
        end = Markup("{} ({})").format(time_element(one.not_after, now), dated(one.not_after, 30 * 86400))
        life = Markup('<p class="told">{} {}</p>').format(badge(_tone(severity), "ends"), end)
    else:
        life = lifetime_bar(Lifetime(one.not_before, one.not_after, one.window, judged=_tone(severity)), now)
    return _card(one.role, _origin(one.origin), life, ())


def _rotation(rows: Iterator[tuple[Cell, ...]]) -> Markup:
    columns = (Column("Certificate"), Column("State"), Column("Why"), Column("What each place says"))
    return section("rotation", "Rotation", table("Rotation of the kubelet's certificates", columns, rows))


def _card(role: str, where: str | Markup, life: Markup, more: Sequence[tuple[str, Cell]]) -> Markup:
    title = _role(role)
    return Markup(
        '<article class="card certificate" aria-label="{title}">\n<div class="title"><h3>{title}</h3></div>'
        '<p class="where">{where}</p>\n{life}\n{more}</article>'
    ).format(title=title[:1].upper() + title[1:], where=where, life=life, more=key_values(more) if more else "")


def _tone(severity: str | None) -> Tone:
    if severity is None:
        return Tone.OK
    return SEVERITY_TONE[Severity(severity)] if severity in set(Severity) else Tone.BLIND


def _state(shown: str, deadline: float | None) -> str:
    if shown == "overdue" and deadline is not None:
        return f"on, overdue since {dated(deadline, 30 * 86400)}"
    return {"enabled": "on", "disabled": "off"}.get(shown, shown)


def _role(word: str) -> str:
    return ROLE_WORDS[Role(word)] if word in set(Role) and Role(word) in ROLE_WORDS else word


def _origin(word: str) -> str:
    return ORIGIN_WORDS[Origin(word)] if word in set(Origin) else word


def _reason(word: str) -> str:
    return REASON_WORDS[RotationReason(word)] if word in set(RotationReason) else word.replace("_", " ")


def _evidence(said: Mapping[str, bool]) -> Markup:
    words = (
        Markup("<b>{}</b> {}").format(
            "on" if word else "off", EVIDENCE_WORDS[Evidence(place)] if place in set(Evidence) else place
        )
        for place, word in said.items()
    )
    return Markup("<br>").join(words)
