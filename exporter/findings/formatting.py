"""Unix seconds and counts in, words for people out: dates in UTC, spans in their largest fitting unit, lists."""

from collections.abc import Iterable
from datetime import UTC, datetime

__all__ = ["date", "dated", "ends", "lasting", "names_listed", "some_of", "span", "utc_time", "when"]


def date(timestamp: float) -> str:
    """Such as `2026-12-01`."""
    return _utc(timestamp).strftime("%Y-%m-%d")


def dated(timestamp: float, lifetime: float) -> str:
    """A date, of something that lives so many seconds; with the time where dates do not tell two ends apart."""
    return date(timestamp) if lifetime >= 3 * 86400 else utc_time(timestamp)


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


def when(timestamp: float, now: float) -> str:
    """How far away a moment is, and which: `in 7 days (2026-12-01 08:30 UTC)` or `3 hours ago (…)`."""
    distance = span(timestamp - now)
    told = f"in {distance}" if timestamp > now else f"{distance} ago"
    return f"{told} ({utc_time(timestamp)})"


def ends(timestamp: float, now: float) -> str:
    """The same of an end, in the right tense: `ends in 7 days (…)` or `ended 3 hours ago (…)`."""
    return f"{'ends' if timestamp > now else 'ended'} {when(timestamp, now)}"


def lasting(since: float, now: float) -> str:
    """How long something has been so: `for 3 hours (since 2026-12-01 08:30 UTC)`."""
    return f"for {span(now - since)} (since {utc_time(since)})"


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
