"""The page's stylesheet, and the headers that allow it and nothing else."""

import base64
import hashlib
from importlib.resources import files

from exporter.web.document import Document

__all__ = ["POLICY", "STYLE", "html_document"]

STYLE = files(__package__).joinpath("page.css").read_text(encoding="utf-8")

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""CSP level 3: no script, no request to anywhere, this one stylesheet."""

_HEADERS = (
    ("content-security-policy", POLICY),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
)


def html_document(html: str) -> Document:
    """A page as the web side sends it."""
    return Document(html.encode(errors="replace"), "text/html; charset=utf-8", headers=_HEADERS)
