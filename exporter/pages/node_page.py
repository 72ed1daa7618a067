"""One node's facts and findings in, the page that a person reads out."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from exporter.facts.host.host_facts import FileFacts, HostFacts, SeenCertificate
from exporter.facts.rotation import RotationFacts
from exporter.facts.source import SourceFacts
from exporter.findings import Finding
from exporter.findings.formatting import span, utc_time
from exporter.findings.limits import ca_end, file_status
from exporter.findings.rotation_status import RotationStatus, rotation_status
from exporter.findings.wording import BOOTSTRAP_WORDS, EVIDENCE_WORDS, ORIGIN_WORDS, ROLE_WORDS
from exporter.pages.findings_list import OWN_RUNBOOKS, findings_list, verdict
from exporter.pages.lifetime import Lifetime, lifetime_bar
from exporter.pages.page import (
    SEVERITY_TONE,
    Column,
    Tone,
    badge,
    card,
    code,
    document,
    join,
    key_values,
    section,
    table,
)
from exporter.pages.source_table import source_table
from exporter.reason import Evidence, FileStatus, Origin, Role

__all__ = ["node_page"]


def node_page(
    host: HostFacts,
    findings: Sequence[Finding],
    sources: Iterable[SourceFacts],
    now: float,
    *,
    runbooks: str = OWN_RUNBOOKS,
) -> str:
    """The whole document. `now` in Unix seconds; `runbooks`: the base of the links to them."""
    sources = tuple(sources)
    unanswered = [source.source.value for source in sources if source.up is None and not source.skipped]
    system = "Windows" if host.windows else "Linux"
    listed = findings_list(findings, subject=host.node, runbooks=runbooks)
    body = [
        verdict(findings, unanswered),
        section("findings", "Findings", listed) if findings else Markup(),
        section("certificates", "Certificates", _certificates(host, now)),
        section("rotation", "Rotation", _rotation(host, now)),
        section("bootstrapping", "Bootstrapping", _bootstrapping(host)),
        section("files", "Files", _files(host.files)),
        section("sources", "Sources", source_table(sources, now)) if sources else Markup(),
    ]
    lead = f"What the certificates of this {system} node are, whether they rotate, and what breaks when."
    return document(host.node, "AKS certificates · node", lead, filter(None, body), now=now)


def _certificates(host: HostFacts, now: float) -> Markup:
    if not host.certificates:
        return Markup('<p class="none">None could be read: the files below say why.</p>')
    order = (*_ROTATING, Role.CLUSTER_CA, Role.APISERVER_COPY)
    ordered = sorted(host.certificates, key=lambda seen: (order.index(seen.role), seen.origin))
    cards = (_certificate(host, seen, now) for seen in ordered)
    return Markup('<div class="cards">\n{}\n</div>').format(join(cards))


def _certificate(host: HostFacts, seen: SeenCertificate, now: float) -> Markup:
    certificate = seen.certificate
    same = seen.origin is Origin.FILE or host.served_matches_file
    window = host.window(seen.role) if same and seen.role in _ROTATING else None
    copy = seen.role is Role.APISERVER_COPY
    judged = Tone.QUIET if copy else _authority_tone(seen, now)
    life = Lifetime(certificate.not_before, certificate.not_after, window, rotation=seen.rotation, judged=judged)
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
                ("Same as on disk", _matches(host) if seen.origin is Origin.WIRE else ""),
                ("Purpose", "left from when the node was made; nothing uses it" if copy else ""),
            )
        ),
        identity=identity,
    )


def _authority_tone(seen: SeenCertificate, now: float) -> Tone | None:
    """A CA has limits of its own; None for what has not."""
    if seen.role is not Role.CLUSTER_CA:
        return None
    severity = ca_end(seen.certificate.not_after, now)
    return SEVERITY_TONE[severity] if severity else Tone.OK


_ROTATING = (Role.KUBELET_CLIENT, Role.KUBELET_SERVING)


def _rotation_badge(host: HostFacts, seen: SeenCertificate, now: float) -> Markup | str:
    if seen.role not in _ROTATING:
        return ""
    status = rotation_status(host, host.rotation_of(seen.role), now)
    words = {"enabled": "rotates", "disabled": "does not rotate", "unknown": "rotation unknown"}
    return badge(_tone(status), words.get(status.word, status.word))


def _matches(host: HostFacts) -> str:
    return {True: "yes", False: "no: the kubelet still serves another one", None: ""}[host.served_matches_file]


def _rotation(host: HostFacts, now: float) -> Markup:
    return table(
        "Rotation of the kubelet's certificates, and what each place says of it",
        (Column("Certificate"), Column("State"), Column("Why"), Column("What each place says")),
        (
            (ROLE_WORDS[facts.role], badge(_tone(status), status.word), status.why, _evidence(facts))
            for facts in host.rotation
            for status in [rotation_status(host, facts, now)]
        ),
    )


def _tone(status: RotationStatus) -> Tone:
    return SEVERITY_TONE[status.severity] if status.severity else Tone.OK


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
                ROLE_WORDS[file.role],
                file.detail if file.status is not FileStatus.NOT_EXPECTED else "",
            )
            for file in files
        ),
    )
