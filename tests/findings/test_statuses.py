"""How one certificate and its rotation are: certificate_status.py and rotation_status.py of exporter/findings."""

from dataclasses import replace

import pytest

from exporter.facts.host.host_facts import HostFacts, SeenCertificate
from exporter.facts.rotation import RotationFacts
from exporter.facts.usability import Usability
from exporter.facts.x509 import certificates
from exporter.findings import Severity
from exporter.findings.certificate_status import certificate_severity, certificate_window
from exporter.findings.rotation_status import OVERDUE, RotationStatus, rotation_status
from exporter.reason import BootstrapMethod, Origin, Role, Rotation, RotationReason, RotationState
from simulation.pki import DAY, YEAR, Authority

NOW = 1_800_000_000.0
CA = Authority.cluster(NOW - YEAR)
CLIENT, SERVING = Role.KUBELET_CLIENT, Role.KUBELET_SERVING
CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
(LEAF,) = certificates(CA.issue("n1", NOW, NOW + 100 * DAY).certificate_pem)
WINDOW = (NOW + 0.7 * 100 * DAY, NOW + 0.9 * 100 * DAY)


def seen(role: Role = CLIENT, origin: Origin = Origin.FILE, rotation: Rotation = Rotation.ENABLED) -> SeenCertificate:
    return SeenCertificate(role, origin, "/x", rotation, (LEAF,), True)


def host(
    *found: SeenCertificate, state: RotationState = RotationState.ENABLED, matches: bool | None = None
) -> HostFacts:
    reason = RotationReason.ROTATING if state is RotationState.ENABLED else RotationReason.NOT_CONFIGURED
    rotation = tuple(RotationFacts(role, state, reason, {}) for role in (CLIENT, SERVING))
    return HostFacts("n1", False, found, (), rotation, BootstrapMethod.NONE, None, matches, {})


FILE, WIRE = seen(SERVING), seen(SERVING, Origin.WIRE)


@pytest.mark.parametrize(
    ("one", "matches", "window"),
    [
        (FILE, None, WINDOW),
        (FILE, False, WINDOW),
        (WIRE, True, WINDOW),
        (WIRE, False, None),
        (WIRE, None, None),
        (replace(FILE, rotation=Rotation.DISABLED), None, None),
        (replace(FILE, rotation=Rotation.UNKNOWN), None, None),
    ],
)
def test_the_served_certificate_has_the_window_of_the_file_it_was_loaded_from(
    one: SeenCertificate, matches: bool | None, window: tuple[float, float] | None
) -> None:
    assert certificate_window(host(FILE, WIRE, matches=matches), one) == window


COPY, AUTHORITY = seen(Role.APISERVER_COPY, rotation=Rotation.NONE), seen(Role.CLUSTER_CA, rotation=Rotation.NONE)


@pytest.mark.parametrize(
    ("one", "day", "severity"),
    [
        (COPY, 200, None),
        (COPY, -9, None),
        (AUTHORITY, 69, WARNING),
        (AUTHORITY, 71, CRITICAL),
        (AUTHORITY, -1, CRITICAL),
        (seen(), 89, None),
        (seen(), 91, WARNING),
        (seen(), 96, CRITICAL),
        (seen(), -1, CRITICAL),
        (seen(rotation=Rotation.DISABLED), 79, None),
        (seen(rotation=Rotation.DISABLED), 81, WARNING),
        (seen(rotation=Rotation.DISABLED), 96, CRITICAL),
        (seen(rotation=Rotation.UNKNOWN), 89, None),
        (seen(rotation=Rotation.UNKNOWN), 91, WARNING),
    ],
)
def test_a_certificate_is_as_bad_as_its_dates(one: SeenCertificate, day: float, severity: Severity | None) -> None:
    """Nobody uses the copy of the API server's: it is never judged."""
    assert certificate_severity(host(one), one, NOW + day * DAY) is severity


@pytest.mark.parametrize(
    ("issued", "rotation", "usability", "severity"),
    [
        (True, Rotation.ENABLED, Usability.OK, None),
        (None, Rotation.ENABLED, Usability.OK, None),
        (False, Rotation.ENABLED, Usability.OK, CRITICAL),
        (False, Rotation.DISABLED, Usability.OK, None),
        (True, Rotation.ENABLED, Usability.WRONG_USAGE, CRITICAL),
        (False, Rotation.DISABLED, Usability.ANOTHER_NODE, CRITICAL),
    ],
)
def test_one_that_does_not_fit_or_that_another_ca_signed_is_critical(
    issued: bool | None, rotation: Rotation, usability: Usability, severity: Severity | None
) -> None:
    """Where the cluster rotates it. What is said of the same role elsewhere says nothing of this one."""
    one = replace(seen(rotation=rotation), issued_by_cluster_ca=issued)
    judged = replace(host(one), usability={(CLIENT, Origin.FILE): usability})
    assert certificate_severity(judged, one, NOW + DAY) is severity
    elsewhere = dict.fromkeys([(CLIENT, Origin.WIRE), (SERVING, Origin.FILE)], Usability.WRONG_USAGE)
    fits = replace(host(one), usability=elsewhere)
    assert certificate_severity(fits, replace(one, issued_by_cluster_ca=True), NOW + DAY) is None


def judged(role: Role, state: RotationState, reason: RotationReason, day: float) -> RotationStatus:
    facts = RotationFacts(role, state, reason, {})
    return rotation_status(replace(host(seen(role)), rotation=(facts,)), facts, NOW + day * DAY)


def test_a_rotation_that_is_on_says_when_the_next_one_is_due() -> None:
    """Also between its two moments."""
    why = "configured, and the kubelet keeps a current certificate"
    for day in (1, 80, 90):
        one = judged(CLIENT, RotationState.ENABLED, RotationReason.ROTATING, day)
        assert one == RotationStatus(CLIENT, "enabled", None, why, WINDOW)
        assert one.next_rotation == "2027-03-26 to 2027-04-15"
    assert replace(one, window=(NOW, NOW + DAY)).next_rotation == "2027-01-15 08:00 UTC to 2027-01-16 08:00 UTC"
    assert replace(one, window=None).next_rotation == "-"


@pytest.mark.parametrize(("day", "severity"), [(91, WARNING), (96, CRITICAL)])
def test_a_rotation_past_its_deadline_is_overdue(day: float, severity: Severity) -> None:
    one = judged(SERVING, RotationState.ENABLED, RotationReason.ROTATING, day)
    assert (one.role, one.word, one.severity, one.window, one.next_rotation) == (SERVING, OVERDUE, severity, None, "-")
    assert one.why == (
        f"configured, but the kubelet has not renewed it for {'24 hours' if day == 91 else '6 days'} (since 2027-04-15 "
        f"08:00 UTC); it ends in {'9' if day == 91 else '4'} days (2027-04-25 08:00 UTC)"
    )
    assert OVERDUE == "overdue"


@pytest.mark.parametrize(
    ("role", "state", "reason", "severity", "why"),
    [
        (CLIENT, RotationState.DISABLED, RotationReason.NOT_CONFIGURED, WARNING, "rotateCertificates is off"),
        (SERVING, RotationState.DISABLED, RotationReason.NOT_CONFIGURED, Severity.INFO, "serverTLSBootstrap is off"),
        (SERVING, RotationState.DISABLED, RotationReason.SELF_SIGNED, Severity.INFO, "the kubelet signs its serving"),
        (CLIENT, RotationState.WAITING, RotationReason.CERTIFICATE_MISSING, WARNING, "configured, but there is no"),
        (CLIENT, RotationState.UNKNOWN, RotationReason.UNDETERMINED, Severity.UNKNOWN, "too little could be read"),
    ],
)
def test_a_rotation_that_is_not_on_says_why(
    role: Role, state: RotationState, reason: RotationReason, severity: Severity, why: str
) -> None:
    """In words of its own for either setting of the kubelet."""
    one = judged(role, state, reason, 99)
    assert (one.role, one.word, one.severity, one.window) == (role, state.value, severity, None)
    assert one.why.startswith(why)


def test_a_rotation_without_a_certificate_has_no_next_one() -> None:
    facts = RotationFacts(CLIENT, RotationState.ENABLED, RotationReason.ROTATING, {})
    assert rotation_status(host(), facts, NOW).window is None
