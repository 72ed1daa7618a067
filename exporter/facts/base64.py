"""Base64 in, bytes out, as Go reads it."""

import base64
import re

__all__ = ["go_base64"]

_STANDARD = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def go_base64(text: bytes) -> bytes:
    """encoding/base64, StdEncoding: line breaks are passed over, spaces are not, and padding is wanted and the end.

    Raises ValueError for what is none.
    """
    plain = text.translate(None, b"\r\n")
    if not _STANDARD.fullmatch(plain):
        raise ValueError("not base64")
    return base64.b64decode(plain)
