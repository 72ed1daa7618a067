"""Requests, leases and the nodes' certificates in; whether anybody signs, and what is lost when if nobody does, out."""

from collections.abc import Iterator
from shlex import quote

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.signing import APPROVERS, Signing
from exporter.facts.outlook import Outlook
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.azure import place_of
from exporter.findings.commands import step
from exporter.findings.formatting import ends, lasting, span, when
from exporter.findings.limits import nobody_signs, signer_quiet, signer_silence
from exporter.findings.wording import CERTIFICATE_WORDS, LEASE_WORDS
from exporter.reason import Held, Lease, Role, Rotation

__all__ = ["signing_findings"]

_LOST = {
    Role.KUBELET_CLIENT: "drops out of the cluster",
    Role.KUBELET_SERVING: "loses kubectl logs and exec",
}
_NEW = {
    Role.KUBELET_CLIENT: ("cannot join the cluster", "cannot join the cluster"),
    Role.KUBELET_SERVING: ("has no kubectl logs and exec", "have no kubectl logs and exec"),
}


def signing_findings(cluster: ClusterFacts, now: float) -> Iterator[Finding]:
    """The findings, in no order. `now` in Unix seconds."""
    found = cluster.outlooks
    yield from _silent_leases(cluster, found, now)
    for one in found:
        if (finding := _nobody_signs(one, now)) is not None:
            yield finding


def _silent_leases(cluster: ClusterFacts, found: tuple[Outlook, ...], now: float) -> Iterator[Finding]:
    place = place_of(cluster.azure)
    for lease, renewed in cluster.leases.items():
        if severity := signer_silence(renewed, now):
            yield Finding(
                severity,
                Subject(Kind.SIGNER, lease),
                f"It {LEASE_WORDS[lease]}, and has given no sign of life {lasting(renewed, now)}.",
                (
                    step("See whether an operation runs.", place.state),
                    Step(
                        "If none runs and it stays silent, open a support request that names this lease.",
                        f"kubectl get lease -n kube-system {quote(lease)} -o yaml",
                    ),
                ),
                "AksCertSignerSilent",
                _first_of(lease, found, now),
                since=renewed,
            )
    rotating = any(one.serving_rotation is Rotation.ENABLED for one in cluster.nodes or ())
    missing = [lease for lease in Lease if lease not in cluster.leases]
    if cluster.leases and Lease.KUBELET_SERVING_CSR_APPROVER in missing and rotating:
        yield Finding(
            Severity.INFO,
            Subject(Kind.SIGNER, Lease.KUBELET_SERVING_CSR_APPROVER),
            "Nodes rotate their serving certificate, but its approver has no lease here: whether it is there cannot be "
            "told before the next request.",
            (
                Step(
                    "Watch the next request.",
                    "kubectl get csr --watch --field-selector spec.signerName=kubernetes.io/kubelet-serving",
                ),
            ),
        )


def _first_of(lease: Lease, found: tuple[Outlook, ...], now: float) -> str:
    """Of what the silent one answers, the first to end."""
    those = [
        (one.first, one.role)
        for one in found
        if one.first is not None and lease in {Lease.KUBE_CONTROLLER_MANAGER, APPROVERS[one.signing.signer_name]}
    ]
    if not those:
        return ""
    first, role = min(those, key=lambda pair: pair[0].not_after)
    return (
        f"If it stays so, the first kubelet {CERTIFICATE_WORDS[role]} {ends(first.not_after, now)}: that of "
        f"{first.node}."
    )


def _nobody_signs(one: Outlook, now: float) -> Finding | None:
    """Requests wait and nobody has signed any: each node's wait is told by itself, but only later."""
    signing, first, joining = one.signing, one.first, one.count(Held.NONE)
    since = signing.silent_since
    if since is None:
        return None
    severity = nobody_signs(
        since,
        now,
        first_end=first.not_after if first else None,
        certain=len(one.waiting) > 1 or _quiet(signing, now),
        joining=joining > 0,
    )
    if severity is None:
        return None
    waits = "request waits" if signing.total == 1 else "requests wait"
    return Finding(
        severity,
        Subject(Kind.SIGNER, signing.signer_name),
        f"Nobody has signed a kubelet's {CERTIFICATE_WORDS[one.role]} {lasting(since, now)}, and {signing.total} "
        f"{waits}.",
        (
            Step("See the requests.", f"kubectl get csr --field-selector spec.signerName={signing.signer_name}"),
            Step(
                "See whether anybody approves and signs.",
                "kubectl get lease -n kube-system kube-controller-manager kubelet-serving-csr-approver",
            ),
        ),
        "AksCertNobodySigns",
        " ".join(_why(one, joining, now)),
        role=one.role,
        since=since,
        until=first.not_after if first else None,
    )


def _quiet(signing: Signing, now: float) -> bool:
    """Whether the approver or the signer gives no sign of life."""
    renewed = (signing.approver_renewed, signing.signer_renewed)
    return any(moment is not None and signer_quiet(moment, now) for moment in renewed)


def _why(one: Outlook, joining: int, now: float) -> Iterator[str]:
    signing, first = one.signing, one.first
    approver = APPROVERS[signing.signer_name]
    if signing.approved and not signing.waiting:
        yield "Approved requests wait for the signer, kube-controller-manager."
        approver = Lease.KUBE_CONTROLLER_MANAGER
    else:
        yield f"Nobody approves them: that is the task of {approver}."
    renewed = signing.signer_renewed if approver is Lease.KUBE_CONTROLLER_MANAGER else signing.approver_renewed
    if renewed is not None and signer_quiet(renewed, now):
        yield f"It has given no sign of life {lasting(renewed, now)}."
    elif renewed is not None and len(one.waiting) == 1:
        yield "It is alive, so it may be only this node's requests that it does not answer."
    elif renewed is not None:
        yield f"It is alive: it renewed its lease {span(now - renewed)} ago."
    if joining:
        yield f"{joining} new node{'' if joining == 1 else 's'} {_NEW[one.role][joining != 1]}."
    if first is None:
        yield "When the first certificate ends is not known here."
        return
    lost = [each for each in one.certificates if each.not_after <= now]
    if lost:
        verb = "has" if len(lost) == 1 else "have"
        yield f"{len(lost)} of {len(one.certificates)} certificates {verb} ended meanwhile."
    later = min(
        (each for each in one.certificates if each.not_after > now), key=lambda each: each.not_after, default=None
    )
    if later is not None:
        yield f"The {'next' if lost else 'first'} node {_LOST[one.role]} {when(later.not_after, now)}: {later.node}."
    due = sum(each.due <= now < each.not_after for each in one.certificates)
    if due:
        yield f"{due} node{' is' if due == 1 else 's are'} due for renewal."
