"""Facts in, what comes within a year out: rotations that are due, ends of what nothing renews, and AKS's own dates."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from exporter.facts.host.host_facts import KUBELET_ROLES, HostFacts
from exporter.findings.certificate_status import certificate_window
from exporter.findings.wording import ROLE_WORDS
from exporter.reason import Origin, Role, Rotation, RotationState

__all__ = ["RETIREMENT", "YEAR", "Event", "coming", "host_events", "node_rotations", "retirement"]

YEAR = 366 * 86400.0
"""How far ahead is looked, in seconds."""

RETIREMENT = datetime(2027, 4, 1, tzinfo=UTC).timestamp()
"""From then on AKS rotates every serving certificate, and the tag that opts out counts no more (AKS page on certificate
rotation)."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that comes."""

    at: float
    """Unix seconds."""
    what: str
    """A sentence without its full stop."""
    about: str
    """Whom or what it concerns."""
    breaks: bool
    """Whether something stops working then, unless somebody does something before."""
    until: float | None = None
    """Unix seconds; of what happens at some time between the two."""


def coming(events: Iterable[Event], now: float) -> tuple[Event, ...]:
    """Those that end in the future and begin within a year, in the order in which they begin."""
    found = [one for one in events if (one.until or one.at) >= now and one.at <= now + YEAR]
    return tuple(sorted(found, key=lambda one: (one.at, one.what, one.about)))


def host_events(host: HostFacts, now: float) -> Iterator[Event]:
    """What comes for one node."""
    for seen in host.certificates:
        end, name = seen.certificate.not_after, ROLE_WORDS[seen.role]
        if seen.role is Role.CLUSTER_CA:
            yield Event(end, "The cluster CA ends; only a rotation of all certificates renews it", host.node, True)
        elif seen.role in KUBELET_ROLES and seen.origin is Origin.FILE:
            window = certificate_window(host, seen)
            if window is None:
                known = (
                    "nothing renews it" if seen.rotation is Rotation.DISABLED else "whether it is renewed is unknown"
                )
                yield Event(end, f"The {name} ends; {known}", host.node, True)
            elif now > window[1]:
                yield Event(end, f"The {name} ends; it is overdue for rotation", host.node, True)
            else:
                yield Event(window[0], f"The kubelet renews its {_short(seen.role)}", host.node, False, window[1])
    if host.rotation_of(Role.KUBELET_SERVING).state is RotationState.DISABLED:
        yield retirement(host.node)


def retirement(about: str) -> Event:
    """The end of the opt-out."""
    return Event(RETIREMENT, "AKS rotates every serving certificate from now on; opting out ends", about, False)


def _short(role: Role) -> str:
    return ROLE_WORDS[role].removeprefix("kubelet ")


def node_rotations(windows: Iterable[tuple[str, Role, float, float]]) -> Iterator[Event]:
    """(node, role, due, deadline) of many nodes, as one event for each role and month."""
    months: dict[tuple[Role, int, int], list[tuple[str, float, float]]] = defaultdict(list)
    for node, role, due, deadline in windows:
        day = datetime.fromtimestamp(due, UTC)
        months[role, day.year, day.month].append((node, due, deadline))
    for (role, _, _), found in months.items():
        first, last = min(due for _, due, _ in found), max(deadline for _, _, deadline in found)
        about = found[0][0] if len(found) == 1 else f"{len(found):,} nodes"
        kubelets = "The kubelet renews its" if len(found) == 1 else "Kubelets renew their"
        yield Event(first, f"{kubelets} {_short(role)}{'' if len(found) == 1 else 's'}", about, False, last)
