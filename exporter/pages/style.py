"""The page's stylesheet, and the Content-Security-Policy that allows it and nothing else."""

import base64
import hashlib
from importlib.resources import files

__all__ = ["POLICY", "STYLE"]

STYLE = files(__package__).joinpath("page.css").read_text(encoding="utf-8")

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""CSP level 3: no script, no request to anywhere, this one stylesheet."""
