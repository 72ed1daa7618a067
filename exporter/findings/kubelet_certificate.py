"""What is known of one kubelet certificate and its rotation in; what is wrong with it out, in one voice.

A node agent knows it from the node's files, a kubelet asked from afar tells it of itself: the words are the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.facts.rotation import RotationFacts
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.commands import Machine, step
from exporter.findings.formatting import ends, lasting, when
from exporter.findings.limits import (
    not_yet_valid,
    rotation_disabled,
    rotation_overdue,
    unknown_lifetime,
    without_rotation,
)
from exporter.findings.wording import EVIDENCE_WORDS, REASON_WORDS, ROLE_WORDS
from exporter.reason import Evidence, Role, Rotation, RotationReason, RotationState

__all__ = [
    "SIGNERS",
    "DatedCertificate",
    "about",
    "date_findings",
    "disagreement",
    "requests",
    "rotation_conflict",
    "rotation_off",
    "rotation_waiting",
    "unanswered",
]

SIGNERS = {
    Role.KUBELET_CLIENT: "kubernetes.io/kube-apiserver-client-kubelet",
    Role.KUBELET_SERVING: "kubernetes.io/kubelet-serving",
}
Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class DatedCertificate:
    """One kubelet certificate by its dates, in Unix seconds."""

    role: Role
    name: str
    """What people read for it."""
    not_before: float | None
    """None: not known."""
    not_after: float
    rotation: Rotation
    deadline: float | None
    """By when it is rotated; None where rotation is not enabled, or where that says nothing about this copy of it."""
    alike: float | None = None
    """Seconds that others of the same signer live, of one whose beginning is not known; None: not known either."""


def about(
    this: Machine,
    severity: Severity,
    alert: str,
    what: str,
    steps: Steps,
    *,
    why: str = "",
    role: Role | None = None,
    since: float | None = None,
    until: float | None = None,
) -> Finding:
    """A finding about this node."""
    return Finding(severity, Subject(Kind.NODE, this.node), what, steps, alert, why, this.node, role, since, until)


def requests(role: Role) -> Step:
    """Looks for the node's certificate signing request."""
    return Step(
        "Look for the node's request; approve it if its requestor is this node and nobody approves such requests.",
        f"kubectl get csr --field-selector spec.signerName={SIGNERS[role]} --sort-by=.metadata.creationTimestamp",
    )


def unanswered(this: Machine, role: Role) -> Steps:
    """What to do about a request that has no answer."""
    return (requests(role), step("Read what the kubelet says about it.", this.kubelet_log))


def date_findings(this: Machine, one: DatedCertificate, now: float, *, bootstraps: bool) -> Iterator[Finding]:
    """By its dates. `now` in Unix seconds; `bootstraps`: whether the node may obtain a new client certificate."""
    if now >= one.not_after:
        yield about(
            this,
            Severity.CRITICAL,
            "AksCertExpired",
            f"The {one.name} {ends(one.not_after, now)}.",
            _without_certificate(this, one, bootstraps=bootstraps),
            why=_consequence(one),
            role=one.role,
            until=one.not_after,
        )
        return
    if one.deadline is not None and (late := rotation_overdue(one.deadline, one.not_after, now)):
        yield about(
            this,
            late,
            "AksCertRotationOverdue",
            f"The {one.name} has been overdue for rotation {lasting(one.deadline, now)}; "
            f"it {ends(one.not_after, now)}.",
            unanswered(this, one.role),
            role=one.role,
            since=one.deadline,
            until=one.not_after,
        )
    if one.not_before is None:
        yield from _soon(this, one, now)
        return
    if severity := without_rotation(one.not_before, one.not_after, one.rotation, now):
        yield about(
            this,
            severity,
            "AksCertExpiringWithoutRotation",
            f"The {one.name} {ends(one.not_after, now)}, and "
            + ("nothing renews it." if one.rotation is Rotation.DISABLED else "nothing is known to renew it."),
            this.replace,
            role=one.role,
            until=one.not_after,
        )
    yield from early_findings(this, one.role, one.name, one.not_before, now)


def early_findings(this: Machine, role: Role, name: str, not_before: float, now: float) -> Iterator[Finding]:
    """Of a certificate that is not valid yet."""
    if early := not_yet_valid(not_before, now):
        clock = "w32tm /query /status" if this.windows else "chronyc tracking"
        yield about(
            this,
            early,
            "AksCertUnusable" if early is Severity.CRITICAL else "",
            f"The {name} becomes valid {when(not_before, now)}.",
            (step("Compare the node's clock with the API server's.", this.run(clock)),),
            role=role,
            until=not_before,
        )


def _soon(this: Machine, one: DatedCertificate, now: float) -> Iterator[Finding]:
    """One that ends soon, and of which nobody knows when it began."""
    if not (severity := unknown_lifetime(one.not_after, one.alike, one.rotation, now)):
        return
    end, rotates = ends(one.not_after, now), one.rotation is Rotation.ENABLED
    yield about(
        this,
        severity,
        "AksCertRotationOverdue" if rotates else "AksCertExpiringWithoutRotation",
        f"The {one.name} {end}, and "
        + ("the kubelet has not renewed it." if rotates else "nothing is known to renew it."),
        unanswered(this, one.role) if rotates else this.replace,
        why="Its beginning is not known: only the time that is left can be judged.",
        role=one.role,
        until=one.not_after,
    )


def _consequence(one: DatedCertificate) -> str:
    if one.role is not Role.KUBELET_SERVING:
        return "The kubelet can no longer authenticate to the API server, and the node becomes NotReady."
    if one.rotation is Rotation.DISABLED:
        return "The kubelet goes on serving it, and whoever verifies it refuses the connection."
    return (
        "The kubelet serves no certificate without a valid one, so kubectl logs and exec fail on this node. "
        "The kubelet has asked for a new one and takes it as soon as it is issued."
    )


def _without_certificate(this: Machine, one: DatedCertificate, *, bootstraps: bool) -> Steps:
    """A serving certificate needs its request answered and nothing else; a client one needs a new bootstrap."""
    if one.role is Role.KUBELET_SERVING:
        return this.replace if one.rotation is Rotation.DISABLED else unanswered(this, one.role)
    if not bootstraps:
        return this.replace
    restart = "Restart the kubelet: it then obtains a new certificate with its bootstrap credentials."
    return (step(restart, this.restart_kubelet), *this.replace)


def rotation_off(this: Machine, facts: RotationFacts) -> Finding:
    """Its rotation is off."""
    return about(
        this,
        rotation_disabled(facts.role),
        "AksCertRotationDisabled",
        f"Rotation of the {ROLE_WORDS[facts.role]} is off: {REASON_WORDS[facts.reason]}.",
        _how_to_enable(facts, this),
        role=facts.role,
    )


def _how_to_enable(facts: RotationFacts, this: Machine) -> Steps:
    upgrade = this.place.nodepool("upgrade", this.pool, "--kubernetes-version VERSION")
    if facts.reason is RotationReason.OPTED_OUT:
        return (
            step(
                "Remove the tag aks-disable-kubelet-serving-certificate-rotation from the node pool: this replaces its "
                "tags, so list those to keep.",
                this.place.nodepool("update", this.pool, "--tags ''"),
            ),
            *this.replace,
        )
    if facts.role is Role.KUBELET_SERVING:
        return (step("Upgrade the control plane and then the node pool to Kubernetes 1.27 or newer.", upgrade),)
    return (step("Upgrade the control plane and then the node pool: that brings TLS bootstrapping.", upgrade),)


def rotation_waiting(this: Machine, facts: RotationFacts) -> Finding:
    """Its rotation is on, and the first one is not there yet."""
    why = "" if facts.reason is RotationReason.CERTIFICATE_MISSING else f": {REASON_WORDS[facts.reason]}"
    return about(
        this,
        Severity.WARNING,
        "AksCertRotationWaiting",
        f"Rotation of the {ROLE_WORDS[facts.role]} is on, but there is no certificate yet{why}.",
        (requests(facts.role), step("Without a request, read what the kubelet says about it.", this.kubelet_log)),
        role=facts.role,
    )


def disagreement(evidence: Mapping[Evidence, bool]) -> str:
    """Which places say that it is on, and which that it is off; empty where they agree."""
    words = {word: [EVIDENCE_WORDS[e] for e, said in evidence.items() if said is word] for word in (True, False)}
    if not words[True] or not words[False]:
        return ""
    return f"on by {' and '.join(words[True])}, off by {' and '.join(words[False])}"


def rotation_conflict(this: Machine, role: Role, evidence: Mapping[Evidence, bool], state: str) -> Finding | None:
    """Places disagree on it; None where they agree, or where its state says the same.

    Waiting is a conflict of its own name, and that a client certificate is static is why its rotation is off.
    """
    words = disagreement(evidence)
    told = state == RotationState.WAITING or (role is Role.KUBELET_CLIENT and state == RotationState.DISABLED)
    if told or not words:
        return None
    name, unknown = ROLE_WORDS[role], state == RotationState.UNKNOWN
    return about(
        this,
        Severity.UNKNOWN if unknown else Severity.WARNING,
        "AksCertRotationEvidenceConflict",
        f"Whether the {name} is rotated cannot be told: {words}."
        if unknown
        else f"Places disagree on the rotation of the {name}: {words}.",
        this.replace,
        why="Settings reach a node when it is made, and a kubelet when it starts; until then the former ones hold.",
        role=role,
    )
