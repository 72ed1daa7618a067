"""One request as a handler needs it: method, path, query, headers and who sent it. Its body is never looked at."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

__all__ = ["Request", "split_target"]

QUERY_FIELDS = 64
"""Most fields of a query string that are looked at."""

_ABSOLUTE = re.compile(r"https?://[^/?]*", re.IGNORECASE)
"""What precedes the path in a request target of absolute form (RFC 9112 §3.2.2), which every server must accept."""


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is decoded; header names are in lower case; `client` is the other end's IP address."""

    method: str
    path: str
    query_string: str
    headers: tuple[tuple[bytes, bytes], ...]
    client: str = ""

    def header(self, name: bytes) -> str:
        """A header's values joined by commas (RFC 9110 §5.3); empty without it. `name` in lower case."""
        return ", ".join(value.decode("latin-1") for key, value in self.headers if key == name)

    @property
    def query(self) -> dict[str, str]:
        """The query's fields, the first of each name; empty where it cannot be read."""
        try:
            pairs = parse_qsl(self.query_string, keep_blank_values=True, max_num_fields=QUERY_FIELDS)
        except ValueError:
            return {}
        return dict(reversed(pairs))


def split_target(target: bytes) -> tuple[str, str]:
    """The decoded path and the query string of a request target in origin or absolute form."""
    text = target.decode("ascii", errors="replace")
    if authority := _ABSOLUTE.match(text):
        text = text[authority.end() :]
        if not text.startswith("/"):
            text = f"/{text}"
    path, _, query = text.partition("?")
    return unquote(path), query
