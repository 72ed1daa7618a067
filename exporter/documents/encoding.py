"""A document's content in, its JSON bytes and entity tag out. The tag covers everything but when it was looked at."""

import hashlib
import json
from collections.abc import Mapping

from exporter.web.document import Document

__all__ = ["SCHEMA", "Content", "encoded"]

Content = Mapping[str, object]

SCHEMA = 1
"""Version of the documents. It changes when a field goes or changes its meaning, not when one comes."""


def encoded(content: Content) -> Document:
    """The document as the web side sends it. `content` has a `looked_at`, in Unix seconds."""
    rest = {name: value for name, value in content.items() if name != "looked_at"}
    text = json.dumps(rest, ensure_ascii=False, separators=(",", ":"))
    tag = hashlib.sha256(text.encode()).hexdigest()[:32]
    body = f'{{"looked_at":{json.dumps(content["looked_at"])},{text[1:]}\n'
    return Document(body.encode(), "application/json", etag=tag)
