"""Both sides of every limit, to the second: what is a warning one second later is nothing now."""

from collections.abc import Callable

import pytest

from exporter.findings import Severity, limits
from exporter.reason import FailurePolicy, FileStatus, Role, Rotation, RotationState

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
YEAR = 365 * DAY
CRITICAL, WARNING, INFO, UNKNOWN = Severity.CRITICAL, Severity.WARNING, Severity.INFO, Severity.UNKNOWN
ON, OFF, UNSAID = Rotation.ENABLED, Rotation.DISABLED, Rotation.UNKNOWN
BEGIN = 1_700_000_000.0
END = BEGIN + 100 * DAY

Judge = Callable[[float], Severity | None]


def kubelet(rotation: Rotation, window: tuple[float, float] | None = None) -> Judge:
    return lambda at: limits.kubelet_end(BEGIN, END, rotation, window, BEGIN + at)


def apiserver(rotation: Rotation, lifetime: float) -> Judge:
    """By what is left."""
    return lambda left: limits.apiserver_end(END - lifetime, END, rotation, END - left)


def endpoint(lifetime: float) -> Judge:
    return lambda left: limits.endpoint_end(END - lifetime, END, END - left)


def client(lifetime: float) -> Judge:
    return lambda left: limits.kubeconfig_client_end(END - lifetime, END, END - left)


def undated(rotation: Rotation, alike: float | None = None) -> Judge:
    return lambda left: limits.unknown_lifetime(END, alike, rotation, END - left)


def unsigned(first_end: float | None, *, certain: bool = True, joining: bool = False) -> Judge:
    return lambda waited: limits.nobody_signs(
        BEGIN, BEGIN + waited, first_end=first_end, certain=certain, joining=joining
    )


@pytest.mark.parametrize(
    ("judge", "steps"),
    [
        (kubelet(OFF), {80 * DAY: (None, WARNING), 95 * DAY: (WARNING, CRITICAL), 100 * DAY: (CRITICAL, CRITICAL)}),
        (kubelet(UNSAID), {80 * DAY: (None, None), 90 * DAY: (None, WARNING), 95 * DAY: (WARNING, CRITICAL)}),
        (kubelet(ON), {95 * DAY: (None, None), 100 * DAY: (None, CRITICAL), 0: (WARNING, None)}),
        (kubelet(ON), {-5 * MINUTE: (CRITICAL, WARNING)}),
        (
            kubelet(ON, (BEGIN + 70 * DAY, BEGIN + 88 * DAY)),
            {70 * DAY: (None, None), 88 * DAY + 1: (None, WARNING), 94 * DAY + 1: (WARNING, CRITICAL)},
        ),
        (kubelet(ON, (BEGIN + 70 * DAY, BEGIN + 88 * DAY)), {0: (WARNING, None), -5 * MINUTE: (CRITICAL, WARNING)}),
    ],
    ids=["renewed by nothing", "not known", "on", "early", "window", "early with a window"],
)
def test_a_kubelets_certificate_by_its_age(
    judge: Judge, steps: dict[float, tuple[Severity | None, Severity | None]]
) -> None:
    """A second before each moment, and at it."""
    assert {at: (judge(at - 1), judge(at)) for at in steps} == steps


@pytest.mark.parametrize(
    ("judge", "steps"),
    [
        (apiserver(UNSAID, 2 * YEAR), {30 * DAY: (None, WARNING), 7 * DAY: (WARNING, CRITICAL)}),
        (apiserver(ON, 100 * DAY), {15 * DAY + 1: (None, WARNING), 5 * DAY + 1: (WARNING, CRITICAL)}),
        (apiserver(OFF, 100 * DAY), {20 * DAY + 1: (None, WARNING), 5 * DAY + 1: (WARNING, CRITICAL)}),
        (apiserver(ON, DAY), {0: (CRITICAL, CRITICAL)}),
        (apiserver(OFF, 0), {0: (CRITICAL, CRITICAL)}),
        (apiserver(ON, 8), {0.5: (WARNING, CRITICAL)}),
        (endpoint(YEAR), {21 * DAY: (None, WARNING), 3 * DAY: (WARNING, CRITICAL)}),
        (endpoint(90 * DAY), {18 * DAY: (None, WARNING), 3 * DAY: (WARNING, CRITICAL)}),
        (endpoint(40 * DAY), {8 * DAY: (None, WARNING), 2 * DAY: (WARNING, CRITICAL)}),
        (client(2 * YEAR), {30 * DAY: (None, WARNING), 1: (WARNING, CRITICAL)}),
        (client(100 * DAY), {20 * DAY: (None, WARNING), 1: (WARNING, CRITICAL)}),
        (lambda left: limits.ca_end(END, END - left), {180 * DAY: (None, WARNING), 30 * DAY: (WARNING, CRITICAL)}),
        (lambda left: limits.requestheader_ca_end(END, END - left), {90 * DAY: (None, WARNING), 0: (WARNING, WARNING)}),
        (undated(ON), {30 * DAY: (None, WARNING), 7 * DAY: (WARNING, CRITICAL)}),
        (undated(OFF), {30 * DAY: (None, WARNING), 7 * DAY: (WARNING, CRITICAL)}),
        (undated(ON, 50 * DAY), {5 * DAY: (None, WARNING), 2.5 * DAY + 1: (WARNING, CRITICAL)}),
        (undated(UNSAID, 50 * DAY), {5 * DAY: (None, WARNING), 2.5 * DAY + 1: (WARNING, CRITICAL)}),
        (undated(OFF, 50 * DAY), {10 * DAY: (None, WARNING), 2.5 * DAY + 1: (WARNING, CRITICAL)}),
        (undated(OFF, 5 * YEAR), {30 * DAY: (None, WARNING), 7 * DAY: (WARNING, CRITICAL)}),
    ],
)
def test_by_what_is_left(judge: Judge, steps: dict[float, tuple[Severity | None, Severity | None]]) -> None:
    """With so much left, and with a second less. What is left of a share is rounded: the second is given to it."""
    assert {left: (judge(left), judge(left - 1)) for left in steps} == steps


@pytest.mark.parametrize(
    ("judge", "steps"),
    [
        (lambda waited: limits.csr_pending(BEGIN, BEGIN + waited), {20 * MINUTE: WARNING, 6 * HOUR: CRITICAL}),
        (lambda waited: limits.signer_silence(BEGIN, BEGIN + waited), {15 * MINUTE: WARNING}),
        (lambda waited: limits.rotation_running(BEGIN, BEGIN + waited), {HOUR: CRITICAL}),
        (limits.clock_skew, {60: WARNING, 240: CRITICAL}),
        (lambda offset: limits.clock_skew(-offset), {60: WARNING, 240: CRITICAL}),
        (unsigned(None), {5 * MINUTE: INFO, 10 * MINUTE: WARNING}),
        (unsigned(None, certain=False), {5 * MINUTE: INFO}),
        (unsigned(BEGIN + 100 * HOUR), {5 * MINUTE: INFO}),
        (unsigned(BEGIN + 100 * HOUR, joining=True), {10 * MINUTE: WARNING}),
        (unsigned(BEGIN + MINUTE), {5 * MINUTE: INFO, 10 * MINUTE: CRITICAL}),
        (unsigned(BEGIN + MINUTE, certain=False), {5 * MINUTE: INFO}),
    ],
)
def test_by_how_long_or_how_far(judge: Judge, steps: dict[float, Severity]) -> None:
    """At each limit it is as it was before, and a second later it is that bad."""
    assert {at: judge(at + 1) for at in steps} == steps
    assert all(judge(at) == judge(at - 1) != judge(at + 1) for at in steps)


def test_how_much_of_the_time_until_the_first_end_is_gone() -> None:
    """Of a hundred hours: two, and ten."""
    judge = unsigned(BEGIN + 100 * HOUR)
    assert [judge(hours * HOUR) for hours in (1.9, 2, 9.9, 10, 99)] == [INFO, WARNING, WARNING, CRITICAL, CRITICAL]
    assert unsigned(BEGIN + 100 * HOUR, joining=True)(1.9 * HOUR) is WARNING
    assert unsigned(BEGIN + 100 * HOUR, certain=False, joining=True)(99 * HOUR) is INFO


def test_a_silent_lease_explains_requests_that_wait_after_five_minutes() -> None:
    assert [limits.signer_quiet(BEGIN, BEGIN + 5 * MINUTE + more) for more in (0, 1)] == [False, True]


def test_of_a_lifetime_that_is_none_all_is_gone_at_its_end() -> None:
    """Dates the wrong way round, and a certificate of a moment."""
    gone = [limits.lifetime_gone(BEGIN, BEGIN, BEGIN + at) for at in (-1, 0, 1)]
    assert gone == [0.0, 1.0, 1.0]
    assert limits.lifetime_gone(BEGIN + 9, BEGIN, BEGIN) == 1.0
    assert limits.lifetime_gone(BEGIN, BEGIN + 4, BEGIN + 3) == 0.75


def test_overdue_is_critical_when_half_of_what_was_left_is_gone() -> None:
    found = [limits.rotation_overdue(BEGIN, BEGIN + 100, BEGIN + at) for at in (0, 1, 50, 51, 101)]
    assert found == [None, WARNING, WARNING, CRITICAL, CRITICAL]


def test_the_worst_of_some() -> None:
    assert limits.worst() is None
    assert limits.worst(None, None) is None
    assert limits.worst(INFO, None, WARNING) is WARNING
    assert limits.worst(WARNING, UNKNOWN, INFO) is UNKNOWN
    assert limits.worst(UNKNOWN, CRITICAL) is CRITICAL


@pytest.mark.parametrize(
    ("kind", "policy", "severity"),
    [
        ("APIService", FailurePolicy.NONE, CRITICAL),
        ("ValidatingWebhookConfiguration", FailurePolicy.FAIL, CRITICAL),
        ("ValidatingWebhookConfiguration", FailurePolicy.IGNORE, WARNING),
        ("CustomResourceDefinition", FailurePolicy.NONE, WARNING),
    ],
)
def test_what_the_api_server_does_not_accept(kind: str, policy: FailurePolicy, severity: Severity) -> None:
    assert limits.endpoint_untrusted(kind, policy) is severity


@pytest.mark.parametrize("role", [Role.KUBELET_CLIENT, Role.KUBELET_SERVING])
def test_a_state_of_rotation(role: Role) -> None:
    found = {state: limits.rotation_state(role, state) for state in RotationState}
    assert found == {
        RotationState.ENABLED: None,
        RotationState.WAITING: WARNING,
        RotationState.DISABLED: INFO if role is Role.KUBELET_SERVING else WARNING,
        RotationState.UNKNOWN: UNKNOWN,
    }


def test_a_files_status() -> None:
    """What could not be looked at is unknown; what is known to be wrong is a warning."""
    found = {status: limits.file_status(status) for status in FileStatus}
    assert [status for status, how in found.items() if how is None] == [FileStatus.OK, FileStatus.NOT_EXPECTED]
    assert {status for status, how in found.items() if how is UNKNOWN} == {
        FileStatus.PERMISSION_DENIED,
        FileStatus.OUTSIDE_ROOT,
        FileStatus.TOO_LARGE,
        FileStatus.TIMEOUT,
        FileStatus.ERROR,
    }
    assert set(found.values()) == {None, UNKNOWN, WARNING}


def test_times_that_are_compared_elsewhere() -> None:
    """Minutes until a refusal, a young node, a silent source, and a rotation count."""
    assert (limits.REJECTED, limits.SETTLING, limits.STALE) == (HOUR, 10 * MINUTE, 15 * MINUTE)
    assert (limits.LONGEST_ROTATION, limits.EXCUSES) == (HOUR, 2 * HOUR)
