"""A node's facts in, what is wrong with it out: each finding says what, until when, why and what to do next."""

from collections.abc import Iterable, Iterator
from shlex import quote

from exporter.facts.ca_use import CaUse
from exporter.facts.host.host_facts import FileFacts, HostFacts, SeenCertificate
from exporter.facts.source import SourceFacts
from exporter.facts.usability import Usability
from exporter.findings import Finding, Kind, Severity, Step, Subject, worst_first
from exporter.findings.commands import Machine, machine, step
from exporter.findings.formatting import ends, span
from exporter.findings.former_ca import former_members
from exporter.findings.kubelet_certificate import (
    DatedCertificate,
    about,
    date_findings,
    disagreement,
    early_findings,
    rotation_conflict,
    rotation_off,
    rotation_waiting,
    unanswered,
)
from exporter.findings.limits import ca_end, file_status, worst
from exporter.findings.unseen import source_findings, trust_findings, unread_findings
from exporter.findings.wording import REASON_WORDS, ROLE_WORDS, STATUS_WORDS, USABILITY_WORDS
from exporter.reason import BootstrapMethod, FileStatus, Origin, Role, Rotation, RotationState

__all__ = ["host_findings"]

KUBELET_ROLES = (Role.KUBELET_CLIENT, Role.KUBELET_SERVING)


def host_findings(
    host: HostFacts, sources: Iterable[SourceFacts], now: float, *, max_age: float | None = None
) -> tuple[Finding, ...]:
    """The findings about one node, worst first. Times in Unix seconds; `max_age`: the policy's, in seconds."""
    this = machine(host.node, windows=host.windows)
    found = [
        *_each_once(_dates(host, this, now, max_age)),
        *_rotation(host, this),
        *_files(host, this),
        *_trust(host, this, now),
        *_former_cas(host, now),
        *trust_findings(host, this),
        *unread_findings(host, this),
        *source_findings(host, this, sources, unanswered(this, Role.KUBELET_SERVING)),
    ]
    return worst_first(tuple(found))


def _each_once(found: Iterable[Finding]) -> Iterator[Finding]:
    """File and port may say the same of a role: the worse of both is told, and of equals the file's."""
    kept: dict[tuple[str, Role | None], Finding] = {}
    for one in found:
        known = kept.get((one.alert, one.role))
        if known is None or worst(known.severity, one.severity) is not known.severity:
            kept[one.alert, one.role] = one
    yield from kept.values()


def _dates(host: HostFacts, this: Machine, now: float, max_age: float | None) -> Iterator[Finding]:
    for seen in host.certificates:
        if seen.role not in KUBELET_ROLES:
            continue
        certificate, role, from_file = seen.certificate, seen.role, seen.origin is Origin.FILE
        window = host.window(role) if from_file else None
        dated = DatedCertificate(
            role,
            _name(seen),
            certificate.not_before,
            certificate.not_after,
            seen.rotation,
            window[1] if window else None,
        )
        bootstraps = host.bootstrap_method is not BootstrapMethod.NONE
        yield from date_findings(this, dated, now, bootstraps=bootstraps)
        if max_age is not None and from_file and now - certificate.not_before > max_age:
            yield about(
                this,
                Severity.WARNING,
                "AksCertOlderThanPolicy",
                f"The {_name(seen)} is {span(now - certificate.not_before)} old; your policy allows {span(max_age)}.",
                this.replace,
                role=role,
                since=certificate.not_before + max_age,
            )


def _rotation(host: HostFacts, this: Machine) -> Iterator[Finding]:
    for facts in host.rotation:
        name, reason, role = ROLE_WORDS[facts.role], REASON_WORDS[facts.reason], facts.role
        match facts.state:
            case RotationState.DISABLED:
                yield rotation_off(this, facts)
            case RotationState.WAITING:
                yield rotation_waiting(this, facts)
            case RotationState.UNKNOWN if not disagreement(facts.evidence):
                yield about(
                    this,
                    Severity.UNKNOWN,
                    "",  # what could not be read has an alert of its own
                    f"Whether the {name} is rotated cannot be told: {reason}.",
                    (Step("Look at the list of files: each status says what could not be read."),),
                    role=role,
                )
        if conflict := rotation_conflict(this, role, facts.evidence, facts.state):
            yield conflict
    enabled = any(one.role is Role.KUBELET_CLIENT and one.state is RotationState.ENABLED for one in host.rotation)
    if enabled and host.bootstrap_method is BootstrapMethod.NONE:
        yield about(
            this,
            Severity.WARNING,
            "AksCertBootstrapMissing",
            "Rotation is on, but the node has no way to obtain a certificate once the present one has ended.",
            this.replace,
        )


def _files(host: HostFacts, this: Machine) -> Iterator[Finding]:
    waiting = {facts.role for facts in host.rotation if facts.state is RotationState.WAITING}
    for file in host.files:
        severity = file_status(file.status)
        if severity is None or file.about is Role.APISERVER_COPY:
            continue
        awaited = Role.KUBELET_CLIENT if file.evidence else file.about
        if file.status is FileStatus.NOT_FOUND and awaited in waiting:
            continue  # the other finding says that nothing is there yet
        yield about(
            this,
            severity,
            "AksCertFileUnreadable",
            f"{file.path} {STATUS_WORDS[file.status]}{f' ({file.detail})' if file.detail else ''}.",
            _how_to_read(file, this),
            role=None if file.evidence else file.about,
        )


def _how_to_read(file: FileFacts, this: Machine) -> tuple[Step, ...]:
    path = quote(file.path)
    listing = this.run(f"Get-Item {path}" if this.windows else f"ls -lL {path}")
    match file.status:
        case FileStatus.PERMISSION_DENIED:
            return (Step("Run it as root, or in the chart with the capability DAC_READ_SEARCH."),)
        case FileStatus.OUTSIDE_ROOT:
            return (Step("Mount the directory that the link leads to below the host root."),)
        case FileStatus.TIMEOUT:
            return (step("The node's disk may hang: read the kernel's log.", this.run("dmesg | tail -n 50")),)
        case FileStatus.NOT_FOUND:
            return (step("Look at the node. A path that moved can be set in the settings file.", listing),)
        case _:
            return (step("Look at it. A damaged certificate is made anew with the node.", listing), *this.replace)


def _trust(host: HostFacts, this: Machine, now: float) -> Iterator[Finding]:
    if host.served_matches_file is False:
        served, installed = (
            host.certificate(Role.KUBELET_SERVING, Origin.WIRE),
            host.certificate(Role.KUBELET_SERVING),
        )
        dates = (
            f": the served one {ends(served.certificate.not_after, now)}, "
            f"the file {ends(installed.certificate.not_after, now)}"
            if served and installed
            else ""
        )
        yield about(
            this,
            Severity.WARNING,
            "AksCertKubeletServesOldCertificate",
            f"The kubelet still serves another certificate than the one on disk{dates}.",
            (step("Restart the kubelet; running containers are not affected.", this.restart_kubelet),),
            role=Role.KUBELET_SERVING,
            until=served.certificate.not_after if served else None,
        )
    yield from _unusable(host, this)
    authority = host.certificate(Role.CLUSTER_CA)
    if authority is None:
        return
    yield from early_findings(this, Role.CLUSTER_CA, "cluster CA", authority.certificate.not_before, now)
    if severity := ca_end(authority.certificate.not_after, now):
        yield about(
            this,
            severity,
            "AksCertClusterCaExpiring",
            f"The cluster CA {ends(authority.certificate.not_after, now)}.",
            (step("Rotate all certificates in a maintenance window.", this.place.rotate_certs),),
            why="The rotation makes every node anew, with up to 30 minutes of downtime.",
            role=Role.CLUSTER_CA,
            until=authority.certificate.not_after,
        )


def _former_cas(host: HostFacts, now: float) -> Iterator[Finding]:
    """Members of the CA bundle that have ended and signed nothing that this node uses."""
    seen = host.certificate(Role.CLUSTER_CA)
    if seen is not None:
        use, subject = CaUse(seen.bundle, seen.signers), Subject(Kind.NODE, host.node)
        yield from former_members(use, subject, now, where=seen.path, node=host.node, role=Role.CLUSTER_CA)


def _unusable(host: HostFacts, this: Machine) -> Iterator[Finding]:
    """Each role once, dates apart: by the file where that is bad, else by what is served."""
    told: set[Role] = set()
    seen_at = {(one.role, one.origin) for one in host.certificates}
    for role, origin in sorted({*host.usability, *seen_at}):
        usability, seen = host.usability.get((role, origin), Usability.OK), host.certificate(role, origin)
        if role in told or role not in KUBELET_ROLES:
            continue
        if usability is not Usability.OK:
            what = USABILITY_WORDS[usability]
        elif seen is not None and _strange(seen):
            what = "was not signed by a CA that this kubelet trusts"
        else:
            continue
        told.add(role)
        yield about(
            this,
            Severity.CRITICAL,
            "AksCertUnusable",
            f"The {ROLE_WORDS[role]}{' that is served' if origin is Origin.WIRE else ''} {what}.",
            this.replace,
            why="The API server refuses the kubelet, now or when the kubelet restarts."
            if role is Role.KUBELET_CLIENT
            else "kubectl logs, exec and metrics fail for this node.",
            role=role,
        )


def _strange(seen: SeenCertificate) -> bool:
    """Issued by another CA. A serving certificate that the kubelet signs itself is issued by nobody, and no fault."""
    return seen.issued_by_cluster_ca is False and (
        seen.role is Role.KUBELET_CLIENT or seen.rotation is Rotation.ENABLED
    )


def _name(seen: SeenCertificate) -> str:
    return f"{ROLE_WORDS[seen.role]}{' that is served' if seen.origin is Origin.WIRE else ''}"
