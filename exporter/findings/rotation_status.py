"""A node's rotation facts in, how the rotation of one certificate is going out: in words, with how bad that is."""

from dataclasses import dataclass

from exporter.facts.host.host_facts import HostFacts
from exporter.facts.rotation import RotationFacts
from exporter.findings import Severity
from exporter.findings.formatting import dated, ends, lasting
from exporter.findings.limits import rotation_overdue, rotation_state, worst
from exporter.findings.wording import REASON_WORDS, STATE_WORDS
from exporter.reason import Role, RotationReason

__all__ = ["OVERDUE", "RotationStatus", "rotation_status"]

OVERDUE = "overdue"
"""The state that people see beside the four of the metric: on, and past its deadline."""


@dataclass(frozen=True, slots=True)
class RotationStatus:
    """One role of one node."""

    role: Role
    word: str
    """As in `akscert_rotation_state`, or `overdue`."""
    severity: Severity | None
    """None: ok."""
    why: str
    """A few words."""
    window: tuple[float, float] | None
    """From when to when the next rotation is due, in Unix seconds; None where none is, or it is past."""

    @property
    def next_rotation(self) -> str:
        """When the next one is due, in words; `-` where that is not known."""
        if self.window is None:
            return "-"
        length = self.window[1] - self.window[0]
        return " to ".join(dated(end, length) for end in self.window)


def rotation_status(host: HostFacts, facts: RotationFacts, now: float) -> RotationStatus:
    """How it is going. `now` in Unix seconds."""
    window, seen = host.window(facts.role), host.certificate(facts.role)
    severity = rotation_state(facts.role, facts.state)
    if window is not None and seen is not None:
        late = rotation_overdue(window[1], seen.certificate.not_after, now)
        if late is not None:
            end = ends(seen.certificate.not_after, now)
            why = f"configured, but the kubelet has not renewed it {lasting(window[1], now)}; it {end}"
            return RotationStatus(facts.role, OVERDUE, worst(severity, late), why, None)
    return RotationStatus(facts.role, STATE_WORDS[facts.state], severity, _why(facts), window)


def _why(facts: RotationFacts) -> str:
    if facts.reason is RotationReason.NOT_CONFIGURED and facts.role is Role.KUBELET_SERVING:
        return "serverTLSBootstrap is off in the kubelet's configuration"
    return REASON_WORDS[facts.reason]
