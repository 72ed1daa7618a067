"""Places that say whether a certificate is rotated: exporter/findings/kubelet_certificate.py."""

import pytest

from exporter.findings import Finding, Kind, Severity, Subject
from exporter.findings.commands import machine
from exporter.findings.kubelet_certificate import disagreement, rotation_conflict
from exporter.reason import Evidence, Role, RotationState

TORN = {Evidence.KUBELET_CONFIG: True, Evidence.FILE: False, Evidence.NODE_LABEL: True}
WORDS = "on by the kubelet's configuration and the node's label, off by the current certificate file"
CLIENT, SERVING = Role.KUBELET_CLIENT, Role.KUBELET_SERVING


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ({}, ""),
        ({Evidence.FILE: True, Evidence.WIRE: True}, ""),
        ({Evidence.FILE: False}, ""),
        (TORN, WORDS),
        ({Evidence.FILE: True, Evidence.WIRE: False}, "on by the current certificate file, off by the kubelet's port"),
    ],
)
def test_places_disagree_where_some_say_on_and_some_off(evidence: dict[Evidence, bool], words: str) -> None:
    assert disagreement(evidence) == words


@pytest.mark.parametrize(
    ("role", "state", "severity"),
    [
        (CLIENT, RotationState.ENABLED, Severity.WARNING),
        (CLIENT, RotationState.UNKNOWN, Severity.UNKNOWN),
        (CLIENT, RotationState.DISABLED, None),
        (CLIENT, RotationState.WAITING, None),
        (SERVING, RotationState.ENABLED, Severity.WARNING),
        (SERVING, RotationState.UNKNOWN, Severity.UNKNOWN),
        (SERVING, RotationState.DISABLED, Severity.WARNING),
        (SERVING, RotationState.WAITING, None),
    ],
)
def test_a_conflict_is_told_where_its_state_does_not_say_the_same(
    role: Role, state: RotationState, severity: Severity | None
) -> None:
    """That a client certificate is static is why its rotation is off, and waiting has a name of its own."""
    this, name = machine("n1"), f"kubelet {'client' if role is CLIENT else 'serving'} certificate"
    expected = Finding(
        severity or Severity.INFO,
        Subject(Kind.NODE, "n1"),
        f"Whether the {name} is rotated cannot be told: {WORDS}."
        if severity is Severity.UNKNOWN
        else f"Places disagree on the rotation of the {name}: {WORDS}.",
        this.replace,
        "AksCertRotationEvidenceConflict",
        "Settings reach a node when it is made, and a kubelet when it starts; until then the former ones hold.",
        "n1",
        role,
    )
    assert rotation_conflict(this, role, TORN, state) == (None if severity is None else expected)
    assert rotation_conflict(this, role, {Evidence.FILE: True}, state) is None
