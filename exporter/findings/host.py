"""A node's facts in, what is wrong with it out: each finding says what, until when, why and what to do next."""

from collections.abc import Iterable, Iterator

from exporter.facts.host.host_facts import FileFacts, HostFacts, SeenCertificate
from exporter.facts.rotation import RotationFacts
from exporter.facts.source import SourceFacts
from exporter.findings import Finding, Severity, worst_first
from exporter.findings.formatting import span, until, utc_time
from exporter.reason import (
    BootstrapMethod,
    Evidence,
    FileStatus,
    Origin,
    Role,
    Rotation,
    RotationReason,
    RotationState,
)

__all__ = ["EVIDENCE_WORDS", "REASON_WORDS", "ROLE_WORDS", "STATUS_WORDS", "host_findings"]

DAY = 86400.0
KUBELET_ROLES = (Role.KUBELET_CLIENT, Role.KUBELET_SERVING)

ROLE_WORDS = {
    Role.KUBELET_CLIENT: "kubelet client certificate",
    Role.KUBELET_SERVING: "kubelet serving certificate",
    Role.CLUSTER_CA: "cluster CA",
    Role.APISERVER_COPY: "copy of the API server's certificate",
}
REASON_WORDS = {
    RotationReason.ROTATING: "configured, and the kubelet keeps a current certificate",
    RotationReason.CERTIFICATE_MISSING: "configured, but there is no certificate yet",
    RotationReason.BOOTSTRAP_PENDING: "the kubelet's first certificate request has not been answered",
    RotationReason.NOT_CONFIGURED: "rotateCertificates is off in the kubelet's configuration",
    RotationReason.STATIC: "the kubelet uses a fixed certificate written when the node was made",
    RotationReason.INLINE: "the certificate stands inside the kubeconfig, where nothing renews it",
    RotationReason.OPTED_OUT: "the node pool's tag switched it off when the node was made",
    RotationReason.SELF_SIGNED: "the kubelet signs its serving certificate itself",
    RotationReason.UNDETERMINED: "too little could be read",
}
EVIDENCE_WORDS = {
    Evidence.KUBELET_CONFIG: "the kubelet's configuration",
    Evidence.KUBECONFIG: "the kubelet's kubeconfig",
    Evidence.FILE: "the current certificate file",
    Evidence.WIRE: "the kubelet's port",
    Evidence.PROVISIONING_TAG: "the node pool tag as the node saw it",
    Evidence.NODE_LABEL: "the node's label",
    Evidence.AGENTPOOL_TAG: "the node pool's tag",
}
STATUS_WORDS = {
    FileStatus.OK: "fine",
    FileStatus.NOT_FOUND: "is not there",
    FileStatus.NOT_EXPECTED: "is not there, and rightly so",
    FileStatus.PERMISSION_DENIED: "may not be read by this process",
    FileStatus.BROKEN_SYMLINK: "is a link that leads nowhere",
    FileStatus.OUTSIDE_ROOT: "is a link that leads out of what this process can see of the host",
    FileStatus.TOO_LARGE: "is too large to be what it should be",
    FileStatus.EMPTY: "is empty",
    FileStatus.NO_CERTIFICATE: "holds no certificate",
    FileStatus.MALFORMED: "cannot be parsed",
    FileStatus.NOT_A_FILE: "is not a regular file",
    FileStatus.TIMEOUT: "could not be read in time",
    FileStatus.ERROR: "could not be read",
}
BLIND = {
    FileStatus.PERMISSION_DENIED,
    FileStatus.OUTSIDE_ROOT,
    FileStatus.TOO_LARGE,
    FileStatus.TIMEOUT,
    FileStatus.ERROR,
}
"""Statuses after which nothing is known about the file, as against known to be wrong."""

REIMAGE = "Upgrade the node pool's image (az aks nodepool upgrade --node-image-only), which makes the node anew."


def host_findings(
    host: HostFacts, sources: Iterable[SourceFacts], now: float, *, max_age: float | None = None
) -> tuple[Finding, ...]:
    """The findings about one node, worst first. Times in Unix seconds; `max_age`: the policy's, in seconds."""
    found = [
        *_dates(host, now, max_age),
        *_rotation(host),
        *_files(host),
        *_trust(host, now),
        *_sources(host, sources),
    ]
    return worst_first(tuple(found))


def _dates(host: HostFacts, now: float, max_age: float | None) -> Iterator[Finding]:
    for seen in host.certificates:
        if seen.role not in KUBELET_ROLES:
            continue
        certificate, name = seen.certificate, _name(seen)
        if now >= certificate.not_after:
            yield Finding(
                Severity.CRITICAL,
                host.node,
                f"The {name} expired at {until(certificate.not_after, now)}.",
                "The kubelet can no longer work with it: reimage the node, or restart the kubelet if it can bootstrap.",
                "AksCertExpired",
            )
        elif seen.rotation in {Rotation.DISABLED, Rotation.UNKNOWN}:
            yield from _expiring_without_rotation(host, seen, now)
        elif seen.origin is Origin.FILE and (window := host.window(seen.role)) and now > window[1]:
            left = certificate.not_after - window[1]
            yield Finding(
                Severity.CRITICAL if now > window[1] + left / 2 else Severity.WARNING,
                host.node,
                f"The {name} should have been rotated by {utc_time(window[1])} and ends at "
                f"{until(certificate.not_after, now)}.",
                "Look for an unanswered request: kubectl get csr; and in the kubelet's log: "
                "journalctl -u kubelet | grep certificate_manager.",
                "AksCertRotationOverdue",
            )
        if now < certificate.not_before:
            yield Finding(
                Severity.WARNING,
                host.node,
                f"The {name} is not valid before {until(certificate.not_before, now)}.",
                "Compare the node's clock with the API server's: chronyc tracking.",
                "AksCertClockSkew",
            )
        if max_age is not None and seen.origin is Origin.FILE and now - certificate.not_before > max_age:
            yield Finding(
                Severity.WARNING,
                host.node,
                f"The {name} is {span(now - certificate.not_before)} old; your policy allows {span(max_age)}.",
                REIMAGE,
                "AksCertOlderThanPolicy",
            )


def _expiring_without_rotation(host: HostFacts, seen: SeenCertificate, now: float) -> Iterator[Finding]:
    certificate = seen.certificate
    gone = (now - certificate.not_before) / certificate.lifetime if certificate.lifetime > 0 else 1.0
    nobody = "nothing" if seen.rotation is Rotation.DISABLED else "it cannot be seen that anything"
    if gone >= 0.8:
        yield Finding(
            Severity.CRITICAL if gone >= 0.95 else Severity.WARNING,
            host.node,
            f"The {_name(seen)} ends at {until(certificate.not_after, now)}, and {nobody} renews it.",
            REIMAGE,
            "AksCertExpiringWithoutRotation",
        )


def _rotation(host: HostFacts) -> Iterator[Finding]:
    for facts in host.rotation:
        name, reason = ROLE_WORDS[facts.role], REASON_WORDS[facts.reason]
        match facts.state:
            case RotationState.DISABLED:
                serving = facts.role is Role.KUBELET_SERVING
                yield Finding(
                    Severity.INFO if serving else Severity.WARNING,
                    host.node,
                    f"Rotation of the {name} is off: {reason}.",
                    _how_to_enable(facts),
                    "AksCertRotationDisabled",
                )
            case RotationState.WAITING:
                why = "" if facts.reason is RotationReason.CERTIFICATE_MISSING else f": {reason}"
                yield Finding(
                    Severity.WARNING,
                    host.node,
                    f"Rotation of the {name} is on, but there is no certificate yet{why}.",
                    "Look for the node's request: kubectl get csr; if there is none, restart the kubelet.",
                    "AksCertRotationWaiting",
                )
            case RotationState.UNKNOWN:
                yield Finding(
                    Severity.BLIND,
                    host.node,
                    f"Whether the {name} is rotated cannot be told: {_disagreement(facts) or reason}.",
                    "The file statuses below say what could not be read.",
                    "AksCertFileUnreadable",
                )
            case RotationState.ENABLED if conflict := _disagreement(facts):
                yield Finding(
                    Severity.WARNING,
                    host.node,
                    f"Places disagree on the rotation of the {name}: {conflict}.",
                    REIMAGE,
                    "AksCertRotationEvidenceConflict",
                )
    enabled = any(facts.state in {RotationState.ENABLED, RotationState.WAITING} for facts in host.rotation)
    if enabled and host.bootstrap_method is BootstrapMethod.NONE:
        yield Finding(
            Severity.WARNING,
            host.node,
            "Rotation is on, but the node has nothing to obtain a new certificate with once the present one has ended.",
            REIMAGE,
            "AksCertBootstrapMissing",
        )


def _how_to_enable(facts: RotationFacts) -> str:
    if facts.reason is RotationReason.OPTED_OUT:
        return f"Remove the tag aks-disable-kubelet-serving-certificate-rotation from the node pool. {REIMAGE}"
    if facts.role is Role.KUBELET_SERVING:
        return "It comes with an upgrade of control plane and node pool to Kubernetes 1.27 or newer."
    return "Upgrade the control plane and then the node pool, which brings TLS bootstrapping."


def _disagreement(facts: RotationFacts) -> str:
    words = {word: [EVIDENCE_WORDS[e] for e, said in facts.evidence.items() if said is word] for word in (True, False)}
    if not words[True] or not words[False]:
        return ""
    return f"on by {' and '.join(words[True])}, off by {' and '.join(words[False])}"


def _files(host: HostFacts) -> Iterator[Finding]:
    waiting = {facts.role for facts in host.rotation if facts.state is RotationState.WAITING}
    for file in host.files:
        if file.status in {FileStatus.OK, FileStatus.NOT_EXPECTED} or file.role is Role.APISERVER_COPY:
            continue
        if file.status is FileStatus.NOT_FOUND and file.role in waiting:
            continue  # that nothing is there yet is the other finding's news
        yield Finding(
            Severity.BLIND if file.status in BLIND else Severity.WARNING,
            host.node,
            f"{file.path} {STATUS_WORDS[file.status]}{f' ({file.detail})' if file.detail else ''}.",
            _how_to_read(file),
            "AksCertFileUnreadable",
        )


def _how_to_read(file: FileFacts) -> str:
    match file.status:
        case FileStatus.PERMISSION_DENIED:
            return "Run as root, or in the chart with the capability DAC_READ_SEARCH."
        case FileStatus.OUTSIDE_ROOT:
            return "Mount the directory it leads to below the host root."
        case FileStatus.TIMEOUT:
            return "The node's disk may hang: look at dmesg."
        case FileStatus.NOT_FOUND:
            return f"Look at the directory: ls -l {file.path}; a path that moved can be set in the settings file."
        case _:
            return f"Look at it: ls -lL {file.path}; a damaged certificate is replaced when the node is reimaged."


def _trust(host: HostFacts, now: float) -> Iterator[Finding]:
    if host.served_matches_file is False:
        served, installed = (
            host.certificate(Role.KUBELET_SERVING, Origin.WIRE),
            host.certificate(Role.KUBELET_SERVING),
        )
        dates = (
            f": the served one ends at {until(served.certificate.not_after, now)}, "
            f"the file at {utc_time(installed.certificate.not_after)}"
            if served and installed
            else ""
        )
        yield Finding(
            Severity.WARNING,
            host.node,
            f"The kubelet still serves another certificate than the one on disk{dates}.",
            "Drain the node and restart its kubelet: systemctl restart kubelet.",
            "AksCertKubeletServesOldCertificate",
        )
    for seen in host.certificates:
        if (
            seen.issued_by_cluster_ca is False
            and seen.rotation is Rotation.ENABLED
            and seen.role in KUBELET_ROLES
            and seen.origin is Origin.FILE
        ):
            yield Finding(
                Severity.CRITICAL,
                host.node,
                f"The {_name(seen)} was not signed by the cluster CA that this node trusts.",
                "A rotation of the cluster's certificates did not reach this node: reimage it, or run "
                "az aks rotate-certs again if many nodes show this.",
                "AksCertClusterCaMismatch",
            )
    authority = host.certificate(Role.CLUSTER_CA)
    if authority is not None and (left := authority.certificate.not_after - now) < 180 * DAY:
        yield Finding(
            Severity.CRITICAL if left < 30 * DAY else Severity.WARNING,
            host.node,
            f"The cluster CA ends at {until(authority.certificate.not_after, now)}.",
            "Plan az aks rotate-certs: it recreates every node, with up to 30 minutes of downtime.",
            "AksCertClusterCaExpiring",
        )


def _sources(host: HostFacts, sources: Iterable[SourceFacts]) -> Iterator[Finding]:
    for source in sources:
        if source.up is False:
            yield Finding(
                Severity.BLIND,
                host.node,
                f"What the {source.source} serves could not be seen: {source.last_error}.",
                "Is the kubelet running, and does it listen on its port? systemctl status kubelet.",
                "AksCertSourceDown",
            )


def _name(seen: SeenCertificate) -> str:
    return f"{ROLE_WORDS[seen.role]}{' that is served' if seen.origin is Origin.WIRE else ''}"
