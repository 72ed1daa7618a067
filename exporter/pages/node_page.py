"""One node's facts and findings in, the page that a person reads out."""

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from exporter.facts.host.host_facts import FileFacts, HostFacts, SeenCertificate
from exporter.facts.rotation import RotationFacts
from exporter.facts.source import SourceFacts
from exporter.facts.usability import Usability
from exporter.findings import Finding, Severity
from exporter.findings.certificate_status import certificate_severity, certificate_window
from exporter.findings.formatting import dated, span, utc_time
from exporter.findings.limits import file_status, worst
from exporter.findings.rotation_status import OVERDUE, RotationStatus, rotation_status
from exporter.findings.timeline import host_events
from exporter.findings.wording import BOOTSTRAP_WORDS, EVIDENCE_WORDS, ORIGIN_WORDS, ROLE_WORDS
from exporter.pages.findings_list import OWN_RUNBOOKS, findings_list, verdict
from exporter.pages.frame import Frame, document
from exporter.pages.grafana import grafana_link
from exporter.pages.lifetime import Lifetime, lifetime_bar
from exporter.pages.page import (
    SEVERITY_TONE,
    Column,
    Tone,
    badge,
    card,
    code,
    join,
    key_values,
    section,
    table,
)
from exporter.pages.source_table import old_facts, source_table
from exporter.pages.timeline_section import timeline_section
from exporter.reason import Evidence, FileStatus, Origin, Role

__all__ = ["node_page"]


def node_page(
    host: HostFacts,
    findings: Sequence[Finding],
    sources: Iterable[SourceFacts],
    now: float,
    *,
    runbooks: str = OWN_RUNBOOKS,
    grafana: str = "",
    query: Mapping[str, str] | None = None,
) -> str:
    """The whole document. `now` in Unix seconds; `runbooks`: the base of the links to them; `query` is the page's.

    `grafana`: where it is, empty: there is none.
    """
    sources = tuple(sources)
    unanswered = [source.source.value for source in sources if source.up is None and not source.skipped]
    left_out = " but the kubelet's port" if any(source.skipped for source in sources) else ""
    judged = verdict(findings, unanswered, seen=f"Every place was looked at{left_out}")
    system = "Windows" if host.windows else "Linux"
    listed = findings_list(findings, subject=host.node, runbooks=runbooks)
    body = [
        judged.banner,
        *old_facts(sources, now),
        section("findings", "Findings", listed) if findings else Markup(),
        timeline_section(host_events(host, now), now),
        section("certificates", "Certificates", _certificates(host, now)),
        section("rotation", "Rotation", _rotation(host, now)),
        section("bootstrapping", "Bootstrapping", _bootstrapping(host)),
        section("files", "Files", _files(host.files)),
        section("sources", "Sources", source_table(sources, now)) if sources else Markup(),
    ]
    frame = Frame(
        host.node,
        f"AKS certificates · {system} node",
        now,
        grafana_link(grafana, host.node),
        verdict=(judged.tone, judged.word),
        query=query or {},
    )
    return document(frame, filter(None, body))


def _certificates(host: HostFacts, now: float) -> Markup:
    if not host.certificates:
        return Markup('<p class="none">None could be read: the files below say why.</p>')
    order = (*_ROTATING, Role.CLUSTER_CA, Role.APISERVER_COPY)
    ordered = sorted(host.certificates, key=lambda seen: (order.index(seen.role), seen.origin))
    cards = (_certificate(host, seen, now) for seen in ordered)
    return Markup('<div class="cards">\n{}\n</div>').format(join(cards))


def _certificate(host: HostFacts, seen: SeenCertificate, now: float) -> Markup:
    certificate = seen.certificate
    window = certificate_window(host, seen)
    copy = seen.role is Role.APISERVER_COPY
    life = Lifetime(certificate.not_before, certificate.not_after, window, judged=_judged(host, seen, now))
    signed = {True: "yes", False: "no", None: ""}[seen.issued_by_cluster_ca]
    identity = key_values(
        (
            ("Subject", code(certificate.subject) if certificate.subject else ""),
            ("Issuer", code(certificate.issuer) if certificate.issuer else ""),
            ("Serial number", code(certificate.serial_number)),
            ("SHA-256", code(certificate.fingerprint_sha256)),
            ("Key", certificate.key_algorithm),
            ("Signature", certificate.signature_algorithm),
            ("Not before", utc_time(certificate.not_before)),
            ("Not after", utc_time(certificate.not_after)),
            ("Together with it", f"{len(seen.bundle) - 1} more of the same bundle" if len(seen.bundle) > 1 else ""),
        )
    )
    title = ROLE_WORDS[seen.role]
    return Markup(
        '<article class="card certificate" aria-label="{label}">\n<div class="title"><h3>{title}</h3>'
        '{rotation}</div>\n<p class="where">{where}</p>\n{life}\n{more}\n'
        "<details><summary>Identity</summary>{identity}</details>\n</article>"
    ).format(
        label=f"{title}, {ORIGIN_WORDS[seen.origin]}",
        title=title[0].upper() + title[1:],
        rotation=_rotation_badge(host, seen, now),
        where=Markup("on disk: {}").format(code(seen.path)) if seen.path else "as served on the kubelet's port",
        life=lifetime_bar(life, now),
        more=key_values(
            (
                ("Lifetime", span(certificate.lifetime)),
                ("Signed by the cluster CA", signed),
                ("The kubelet can use it", _usable(host, seen)),
                ("Same as on disk", _matches(host) if seen.origin is Origin.WIRE else ""),
                ("Purpose", "left from when the node was made; nothing uses it" if copy else ""),
            )
        ),
        identity=identity,
    )


def _judged(host: HostFacts, seen: SeenCertificate, now: float) -> Tone:
    """As bad as the findings say; blue where a rotation is due by now."""
    if seen.role is Role.APISERVER_COPY:
        return Tone.QUIET
    severity, window = certificate_severity(host, seen, now), certificate_window(host, seen)
    if severity is not None:
        return SEVERITY_TONE[severity]
    return Tone.INFO if window is not None and now >= window[0] else Tone.OK


_ROTATING = (Role.KUBELET_CLIENT, Role.KUBELET_SERVING)


def _rotation_badge(host: HostFacts, seen: SeenCertificate, now: float) -> Markup | str:
    """Whether it is renewed; never better than the certificate itself."""
    if seen.role not in _ROTATING:
        return ""
    status = rotation_status(host, host.rotation_of(seen.role), now)
    return badge(_tone(status, certificate_severity(host, seen, now)), _rotation_words(host, status))


def _rotation_words(host: HostFacts, status: RotationStatus) -> str:
    window, seen = host.window(status.role), host.certificate(status.role)
    if status.word == OVERDUE and window and seen:
        return f"on, overdue since {dated(window[1], seen.certificate.lifetime)}"
    return {"enabled": "on", "disabled": "off", "waiting": "on, waiting for a certificate"}.get(
        status.word, status.word
    )


def _usable(host: HostFacts, seen: SeenCertificate) -> str:
    usable = host.usability.get((seen.role, seen.origin))
    if usable is None:
        return ""
    return "yes" if usable is Usability.OK else f"no: {usable.value.replace('_', ' ')}"


def _matches(host: HostFacts) -> str:
    return {True: "yes", False: "no: the kubelet still serves another one", None: ""}[host.served_matches_file]


def _rotation(host: HostFacts, now: float) -> Markup:
    return table(
        "Rotation of the kubelet's certificates, and what each place says of it",
        (Column("Certificate"), Column("State"), Column("Why"), Column("What each place says")),
        (
            (
                ROLE_WORDS[facts.role],
                badge(_tone(status, _worst_seen(host, facts.role, now)), _rotation_words(host, status)),
                status.why,
                _evidence(facts),
            )
            for facts in host.rotation
            for status in [rotation_status(host, facts, now)]
        ),
    )


def _worst_seen(host: HostFacts, role: Role, now: float) -> Severity | None:
    return worst(*(certificate_severity(host, seen, now) for seen in host.certificates if seen.role is role))


def _tone(status: RotationStatus, certificate: Severity | None) -> Tone:
    """Of a rotation: "on" is not green beside a certificate that has ended or that the kubelet cannot use."""
    severity = worst(status.severity, certificate)
    return SEVERITY_TONE[severity] if severity else Tone.OK


def _evidence(facts: RotationFacts) -> Markup | str:
    said = [
        Markup("<b>{}</b> {}").format("on" if facts.evidence[place] else "off", EVIDENCE_WORDS[place])
        for place in Evidence
        if place in facts.evidence
    ]
    return Markup("<br>").join(said)


def _bootstrapping(host: HostFacts) -> Markup:
    present = {True: "there", False: "not there", None: "could not be looked for"}[host.bootstrap_kubeconfig_present]
    return card(
        key_values(
            (
                ("A new client certificate would be obtained with", BOOTSTRAP_WORDS[host.bootstrap_method]),
                ("Bootstrap kubeconfig", present),
                (
                    "Replaced certificates left on disk",
                    ", ".join(f"{count} of the {ROLE_WORDS[role]}" for role, count in host.leftovers.items() if count),
                ),
            )
        )
    )


def _file_tone(file: FileFacts) -> Tone:
    if file.status is FileStatus.NOT_EXPECTED:
        return Tone.QUIET
    severity = file_status(file.status)
    return SEVERITY_TONE[severity] if severity else Tone.OK


def _files(files: Iterable[FileFacts]) -> Markup:
    return table(
        "Every file this agent looks at",
        (Column("Path"), Column("Status"), Column("About", "About the"), Column("Detail")),
        (
            (
                code(file.path),
                badge(_file_tone(file), file.status.value.replace("_", " ")),
                ROLE_WORDS[file.about],
                file.detail if file.status is not FileStatus.NOT_EXPECTED else "",
            )
            for file in files
        ),
    )
