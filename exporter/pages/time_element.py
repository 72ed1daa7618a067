"""A point in time in, an element that says how far away it is out, with the UTC time on hover and for programs."""

from markupsafe import Markup

from exporter.findings.formatting import span, utc_time

__all__ = ["iso_time", "time_element"]


def iso_time(timestamp: float) -> str:
    """Such as `2026-12-01T08:30Z`."""
    return utc_time(timestamp).removesuffix(" UTC").replace(" ", "T") + "Z"


def time_element(timestamp: float, now: float, words: str = "") -> Markup:
    """Such as `in 7 days` or `3 hours ago`, or `words` instead. Both in Unix seconds."""
    told = words or (f"in {span(timestamp - now)}" if timestamp > now else f"{span(now - timestamp)} ago")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(iso_time(timestamp), utc_time(timestamp), told)
