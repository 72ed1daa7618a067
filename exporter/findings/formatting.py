"""Unix seconds and counts in, words for people out: dates in UTC, spans in their largest fitting unit, lists."""

from collections.abc import Iterable
from datetime import UTC, datetime

__all__ = ["date", "names_listed", "some_of", "span", "until", "utc_time"]


def date(timestamp: float) -> str:
    """Such as `2026-12-01`."""
    return _utc(timestamp).strftime("%Y-%m-%d")


def utc_time(timestamp: float) -> str:
    """Such as `2026-12-01 08:30 UTC`."""
    return _utc(timestamp).strftime("%Y-%m-%d %H:%M UTC")


def span(seconds: float) -> str:
    """Such as `13 days`, `5 hours`, `2 years`; the sign is dropped."""
    seconds = abs(seconds)
    for name, size, least in (
        ("year", 365 * 86400, 2 * 365 * 86400),
        ("day", 86400, 2 * 86400),
        ("hour", 3600, 2 * 3600),
        ("minute", 60, 120),
    ):
        if seconds >= least:
            return f"{round(seconds / size)} {name}s"
    return "less than 2 minutes"


def until(timestamp: float, now: float) -> str:
    """A moment and how far away it is: `2026-12-01 08:30 UTC, in 7 days` or `…, 3 hours ago`."""
    distance = span(timestamp - now)
    return f"{utc_time(timestamp)}, in {distance}" if timestamp >= now else f"{utc_time(timestamp)}, {distance} ago"


def names_listed(names: Iterable[str]) -> str:
    """Such as `a, b and c`. At least one."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def some_of(some: int, nodes: int) -> str:
    """Such as `2 of 5 nodes`, `all 5 nodes`, `both nodes`, `its one node`."""
    if some < nodes:
        return f"{some} of {nodes} nodes"
    return {1: "its one node", 2: "both nodes"}.get(nodes, f"all {nodes} nodes")


def _utc(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
