"""The time as HTTP writes it (RFC 9110 §5.6.7), made once a second."""

import time
from email.utils import formatdate
from functools import lru_cache

__all__ = ["http_date"]


def http_date() -> str:
    """Now."""
    return _written(int(time.time()))


@lru_cache(maxsize=1)
def _written(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
