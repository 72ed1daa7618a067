"""What an agent has to say at one of its paths, and the request headers that decide whether it must be sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Document", "Reader", "reader_of", "unchanged"]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document. `etag` is opaque and without quotes; empty: it is sent whole each time."""

    body: bytes
    content_type: str
    etag: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def entity_tag(self) -> str:
        """The ETag header. Weak (RFC 9110 §8.8.1): under one tag bytes may differ in when they were made."""
        return f'W/"{self.etag}"' if self.etag else ""


Reader = Callable[[str, Mapping[str, str]], Document | None]
"""Makes a document of the rest of a path and the query's fields; None: there is none of that name. It may block."""


def reader_of(path: str, readers: Mapping[str, Reader]) -> tuple[str, str] | None:
    """The key of `readers` that a path falls under, and the rest of the path; None where there is none.

    A key is its own path. One that ends with a slash, except the root, is every path below it too.
    """
    if path in readers:
        return path, ""
    directory, slash, name = path.rpartition("/")
    key = directory + slash
    return (key, name) if key != "/" and key in readers else None


def unchanged(if_none_match: str, document: Document) -> bool:
    """Whether the client holds this document already, by its If-None-Match header (RFC 9110 §13.1.2)."""
    if not document.etag:
        return False
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or f'"{document.etag}"' in tags
