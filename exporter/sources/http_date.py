"""An HTTP date or a Retry-After header in, seconds out; None for what is none, however absurd."""

import datetime as dt
import email.utils

__all__ = ["http_date", "retry_after"]


def http_date(value: str) -> float | None:
    """Unix seconds of a date (RFC 9110 §5.6.7)."""
    try:
        date = email.utils.parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, IndexError, OverflowError):
        return None


def retry_after(value: str, now: float | None, longest: float) -> float | None:
    """Seconds to wait by Retry-After, a number or a date (RFC 9110 §10.2.3), at most `longest`.

    `now` is Unix seconds by the clock that the date is of; None: it is not known.
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), longest)
    date = http_date(value)
    return None if date is None or now is None else min(max(date - now, 0.0), longest)
