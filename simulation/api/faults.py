"""What the simulated API server can do wrong, for how many requests, and to which resource."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Fault", "FaultKind", "Faults"]


class FaultKind(StrEnum):
    """Ways to go wrong. In a watch all but STATUS, SLOW and EXPIRE strike at the next event."""

    STATUS = "status"
    """An HTTP status instead of an answer."""
    SLOW = "slow"
    """The answer comes after so many seconds."""
    EXPIRE = "expire"
    """The server forgets all versions before it answers."""
    ERROR_EVENT = "error_event"
    """A watch event of type ERROR with that status."""
    RESET = "reset"
    """Half of the list or event, then a TCP reset."""
    TRUNCATED = "truncated"
    """Half of the list or event, then a regular end."""
    JUNK = "junk"
    """Something that is not JSON in the place of the list or event."""
    HUGE = "huge"
    """The list or event with so many bytes of padding."""
    HALF_OPEN = "half_open"
    """Silence from here on, over an open connection."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    kind: FaultKind
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    size: int = 0


class Faults:
    """The faults that are switched on. May be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[tuple[str, str, Fault, int | None]] = []
        self.struck = 0
        """How often a fault was let loose."""

    def add(self, fault: Fault, *, resource: str = "", verb: str = "", times: int | None = 1) -> None:
        """Arm a fault for a plural (any if empty) and `list`, `get` or `watch` (any if empty); times None: lasting."""
        with self._lock:
            self._armed.append((resource, verb, fault, times))

    def clear(self) -> None:
        """Everything works again (what is half-open stays so)."""
        with self._lock:
            self._armed.clear()

    @property
    def armed(self) -> int:
        """How many faults wait."""
        return len(self._armed)

    def take(self, resource: str, verb: str, kinds: frozenset[FaultKind]) -> Fault | None:
        """The first armed fault of these kinds that concerns this request, used up once."""
        with self._lock:
            for index, (on_resource, on_verb, fault, times) in enumerate(self._armed):
                if fault.kind in kinds and on_resource in {"", resource} and on_verb in {"", verb}:
                    if times is not None and times <= 1:
                        del self._armed[index]
                    elif times is not None:
                        self._armed[index] = (on_resource, on_verb, fault, times - 1)
                    self.struck += 1
                    return fault
        return None
