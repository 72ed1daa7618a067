"""The page's stylesheet and script, and the headers that allow them and nothing else."""

import base64
import hashlib
from importlib.resources import files

from exporter.web.document import Document

__all__ = ["POLICY", "SCRIPT", "STYLE", "html_document"]

STYLE, SCRIPT = (files(__package__).joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))


def _source(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; style-src {_source(STYLE)}; script-src {_source(SCRIPT)}; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""CSP level 3: this one stylesheet, this one script, the icon inside the page, no request to anywhere."""

_HEADERS = (
    ("content-security-policy", POLICY),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
)


def html_document(html: str) -> Document:
    """A page as the web side sends it."""
    return Document(html.encode(errors="replace"), "text/html; charset=utf-8", headers=_HEADERS)
