"""Every threshold, once: dates, counts and words in; out how bad that is, or None where it is ok. Pure.

Findings, the pages' bars and badges, `check` and the dashboards ask here; the rules hold the same numbers in PromQL
(tests/rules/test_limits.py). What a rule must see for a while before it fires (`for`) is the rule's own affair.
"""

from exporter.findings import Severity
from exporter.reason import FailurePolicy, FileStatus, Role, Rotation, RotationState

__all__ = [
    "APISERVER_DAYS",
    "APISERVER_SHARES",
    "CA_DAYS",
    "CLOCK",
    "ENDPOINT_DAYS",
    "ENDPOINT_SHARES",
    "EXCUSES",
    "GONE",
    "GONE_WHERE_UNKNOWN",
    "KUBECONFIG_DAYS",
    "KUBECONFIG_SHARE",
    "LONGEST_ROTATION",
    "NOT_YET_VALID",
    "PENDING",
    "REJECTED",
    "REQUESTHEADER_CA_DAYS",
    "SETTLING",
    "SILENT",
    "STALE",
    "UNKNOWN_LIFETIME_DAYS",
    "UNSIGNED",
    "UNSIGNED_SHARES",
    "apiserver_end",
    "ca_end",
    "clock_skew",
    "csr_pending",
    "endpoint_end",
    "endpoint_untrusted",
    "file_status",
    "kubeconfig_client_end",
    "kubelet_end",
    "lifetime_gone",
    "nobody_signs",
    "not_yet_valid",
    "requestheader_ca_end",
    "rotation_disabled",
    "rotation_overdue",
    "rotation_running",
    "rotation_state",
    "signer_quiet",
    "signer_silence",
    "unknown_lifetime",
    "without_rotation",
    "worst",
]

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

GONE = (0.8, 0.95)
"""Parts of the lifetime after which a certificate that nothing renews is a warning, and critical. AKS promises to have
rotated by 80 % (AKS page on certificate rotation)."""
GONE_WHERE_UNKNOWN = (0.9, 0.95)
"""The same where nobody can tell whether it is renewed: it may be a kubelet's that rotates until 90 %."""
UNKNOWN_LIFETIME_DAYS = (30.0, 7.0)
"""Days before the end of a client certificate of which only the end is known. Where the node's other certificate tells
how long the signer's certificates live, the share of that must be reached as well, for a day's are not late in 30."""
APISERVER_DAYS, APISERVER_SHARES = (30.0, 7.0), (0.15, 0.05)
"""Days before the end, and parts of the lifetime: both must be reached, so that one of a few weeks is not late."""
CA_DAYS = (180.0, 30.0)
"""A cluster CA is renewed only by hand, in a maintenance window that takes months to agree on."""
REQUESTHEADER_CA_DAYS = 90.0
ENDPOINT_DAYS, ENDPOINT_SHARES = (21.0, 3.0), (0.2, 0.05)
"""What a webhook or an aggregated API serves: the lesser of the two, for cert-manager's live 90 days."""
KUBECONFIG_DAYS, KUBECONFIG_SHARE = 30.0, 0.2
"""A client certificate in a kubeconfig, which nothing renews: both must be reached."""
NOT_YET_VALID = 5 * MINUTE
"""Signers date certificates back by 5 minutes, so one that is not valid for longer than that is a wrong date."""
PENDING = (20 * MINUTE, 6 * HOUR)
"""How long a request may wait. A stuck kubelet sends a new one about every 15 minutes."""
REJECTED = HOUR
"""For how long a refusal is news: as long as its object exists."""
UNSIGNED, UNSIGNED_SHARES = (5 * MINUTE, 10 * MINUTE), (0.02, 0.1)
"""For how long requests wait and none at all is signed, before that is told and before it is trouble: a healthy cluster
answers each within a minute, and a controller manager that starts anew is away for some. What is left counts from
there: parts of the time from the first of them to the end of the first certificate."""
SILENT = 15 * MINUTE
"""Without a renewal of its lease, which its holder renews every few seconds."""
SETTLING = 10 * MINUTE
"""A node that young need not have been asked yet."""
STALE = 15 * MINUTE
"""Without an answer from a source, which is asked every minute or more often, Azure apart."""
LONGEST_ROTATION = HOUR
"""The AKS page on certificate rotation says up to 30 minutes."""
EXCUSES = 2 * HOUR
"""For how long a running rotation holds back the alerts about what it causes."""
CLOCK = (60.0, 240.0)
"""Seconds between two clocks: certificates are dated back by 5 minutes."""

_ORDER = tuple(Severity)
_COULD_NOT_LOOK = {
    FileStatus.PERMISSION_DENIED,
    FileStatus.OUTSIDE_ROOT,
    FileStatus.TOO_LARGE,
    FileStatus.TIMEOUT,
    FileStatus.ERROR,
}
"""After these nothing is known about the file, as against known to be wrong."""


def worst(*severities: Severity | None) -> Severity | None:
    """The worst of some; None where all are ok."""
    found = [one for one in severities if one is not None]
    return min(found, key=_ORDER.index) if found else None


def lifetime_gone(not_before: float, not_after: float, now: float) -> float:
    """The part of the lifetime that is over: 0 at notBefore, 1 at notAfter, and beyond."""
    lifetime = not_after - not_before
    return (now - not_before) / lifetime if lifetime > 0 else float(now >= not_after)


def _reached(gone: float, shares: tuple[float, float]) -> Severity | None:
    return Severity.CRITICAL if gone >= shares[1] else Severity.WARNING if gone >= shares[0] else None


def without_rotation(not_before: float, not_after: float, rotation: Rotation, now: float) -> Severity | None:
    """A certificate that nothing renews (DISABLED), or of which nobody knows whether anything does (UNKNOWN)."""
    shares = {Rotation.DISABLED: GONE, Rotation.UNKNOWN: GONE_WHERE_UNKNOWN}.get(rotation)
    return None if shares is None else _reached(lifetime_gone(not_before, not_after, now), shares)


def unknown_lifetime(not_after: float, alike: float | None, rotation: Rotation, now: float) -> Severity | None:
    """A certificate of which only the end is known. `alike`: seconds that such certificates live; None: not known."""
    gone = GONE if rotation is Rotation.DISABLED else GONE_WHERE_UNKNOWN
    left = not_after - now
    late = [
        left < days * DAY and (alike is None or left < (1 - share) * alike)
        for days, share in zip(UNKNOWN_LIFETIME_DAYS, gone, strict=True)
    ]
    return Severity.CRITICAL if late[1] else Severity.WARNING if late[0] else None


def rotation_overdue(deadline: float, not_after: float, now: float) -> Severity | None:
    """Rotation is on and its deadline is past: critical once half of what was left then is gone too."""
    if now <= deadline:
        return None
    return Severity.CRITICAL if now > (deadline + not_after) / 2 else Severity.WARNING


def kubelet_end(
    not_before: float,
    not_after: float,
    rotation: Rotation,
    window: tuple[float, float] | None,
    now: float,
) -> Severity | None:
    """A kubelet's certificate by its dates. `window`: from when it may be rotated and by when it has been."""
    if now >= not_after:
        return Severity.CRITICAL
    if window is not None:
        return worst(rotation_overdue(window[1], not_after, now), not_yet_valid(not_before, now))
    return worst(without_rotation(not_before, not_after, rotation, now), not_yet_valid(not_before, now))


def not_yet_valid(not_before: float, now: float) -> Severity | None:
    """A certificate whose validity begins in the future: the kubelet cannot use it until then."""
    if now >= not_before:
        return None
    return Severity.CRITICAL if not_before - now > NOT_YET_VALID else Severity.WARNING


def apiserver_end(not_before: float, not_after: float, rotation: Rotation, now: float) -> Severity | None:
    """The API server's certificate, which AKS renews where Kubernetes RBAC is on."""
    left, lifetime = not_after - now, not_after - not_before
    if left < 0:
        return Severity.CRITICAL
    if rotation is Rotation.DISABLED:
        return without_rotation(not_before, not_after, rotation, now)
    late = [
        left < days * DAY and left <= part * lifetime
        for days, part in zip(APISERVER_DAYS, APISERVER_SHARES, strict=True)
    ]
    return Severity.CRITICAL if late[1] else Severity.WARNING if late[0] else None


def ca_end(not_after: float, now: float) -> Severity | None:
    """A cluster CA."""
    left = not_after - now
    return Severity.CRITICAL if left < CA_DAYS[1] * DAY else Severity.WARNING if left < CA_DAYS[0] * DAY else None


def requestheader_ca_end(not_after: float, now: float) -> Severity | None:
    """The API aggregator's CA."""
    return Severity.WARNING if not_after - now < REQUESTHEADER_CA_DAYS * DAY else None


def endpoint_end(not_before: float, not_after: float, now: float) -> Severity | None:
    """What a webhook, a CRD conversion or an aggregated API serves."""
    left, lifetime = not_after - now, not_after - not_before
    warning, critical = (
        left < min(days * DAY, part * lifetime) for days, part in zip(ENDPOINT_DAYS, ENDPOINT_SHARES, strict=True)
    )
    return Severity.CRITICAL if critical else Severity.WARNING if warning else None


def endpoint_untrusted(kind: str, policy: FailurePolicy) -> Severity:
    """What the API server does not accept: of an APIService, or of a webhook without which writes are refused."""
    blocks = kind == "APIService" or policy is FailurePolicy.FAIL
    return Severity.CRITICAL if blocks else Severity.WARNING


def kubeconfig_client_end(not_before: float, not_after: float, now: float) -> Severity | None:
    """A client certificate in a kubeconfig."""
    left = not_after - now
    if left <= 0:
        return Severity.CRITICAL
    late = left < KUBECONFIG_DAYS * DAY and left < KUBECONFIG_SHARE * (not_after - not_before)
    return Severity.WARNING if late else None


def rotation_disabled(role: Role) -> Severity:
    """That nothing rotates a kubelet's certificate. A serving one that the kubelet signs itself lives for 20 years."""
    return Severity.INFO if role is Role.KUBELET_SERVING else Severity.WARNING


def rotation_state(role: Role, state: RotationState) -> Severity | None:
    """A state of rotation by itself, dates apart."""
    match state:
        case RotationState.DISABLED:
            return rotation_disabled(role)
        case RotationState.WAITING:
            return Severity.WARNING
        case RotationState.UNKNOWN:
            return Severity.UNKNOWN
        case _:
            return None


def file_status(status: FileStatus) -> Severity | None:
    """What a file's status amounts to."""
    if status in {FileStatus.OK, FileStatus.NOT_EXPECTED}:
        return None
    return Severity.UNKNOWN if status in _COULD_NOT_LOOK else Severity.WARNING


def csr_pending(since: float, now: float) -> Severity | None:
    """A node's request without an answer."""
    waited = now - since
    return Severity.CRITICAL if waited > PENDING[1] else Severity.WARNING if waited > PENDING[0] else None


def signer_silence(renewed: float, now: float) -> Severity | None:
    """Who approves or signs, by the last renewal of its lease."""
    return Severity.WARNING if now - renewed > SILENT else None


def signer_quiet(renewed: float, now: float) -> bool:
    """Whether the lease is so old that requests which wait are no wonder."""
    return now - renewed > UNSIGNED[0]


def nobody_signs(since: float, now: float, *, first_end: float | None, certain: bool, joining: bool) -> Severity | None:
    """Requests that have waited since then, while none was signed.

    `first_end`: when the first certificate ends meanwhile; None: not known. `certain`: more than one node waits, or
    whoever is to answer gives no sign of life; else it may be that one request. `joining`: nodes wait that have no
    certificate yet.
    """
    if now - since <= UNSIGNED[0]:
        return None
    if now - since <= UNSIGNED[1] or not certain:
        return Severity.INFO
    if first_end is None:
        return Severity.WARNING
    return _reached(lifetime_gone(since, first_end, now), UNSIGNED_SHARES) or (
        Severity.WARNING if joining else Severity.INFO
    )


def clock_skew(offset: float) -> Severity | None:
    """Seconds between the API server's clock and ours."""
    apart = abs(offset)
    return Severity.CRITICAL if apart > CLOCK[1] else Severity.WARNING if apart > CLOCK[0] else None


def rotation_running(since: float, now: float) -> Severity:
    """A rotation of the cluster's certificates that Azure says is running."""
    return Severity.CRITICAL if now - since > LONGEST_ROTATION else Severity.INFO
