"""A kind of object, declared once, in; a reader of its JSON and its watch events out, which decodes each only once."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

import msgspec

from exporter.facts.kube.metadata import Metadata, ObjectError, decoded

__all__ = ["Bookmark", "Change", "Changed", "Event", "ObjectReader", "Reader", "Refused"]

F = TypeVar("F")
O = TypeVar("O", bound="HasMetadata")  # noqa: E741 - an object


class Change(StrEnum):
    """What became of an object."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Changed(Generic[F]):
    """An object changed; with DELETED it is its last state."""

    change: Change
    name: str
    fact: F
    version: str
    """resourceVersion from which a watch goes on."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Nothing happened up to this resourceVersion."""

    version: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The server ends the watch: a Status in the place of an object (metav1.Status)."""

    code: int
    message: str


Event = Changed[F] | Bookmark | Refused


class Reader(Protocol[F]):
    """Reads one kind of object. Both raise ObjectError."""

    def __call__(self, raw: bytes | msgspec.Raw) -> F:
        """The fact of one object's JSON."""

    def event(self, line: bytes) -> Event[F]:
        """What one line of a watch says (metav1.WatchEvent)."""


class HasMetadata(Protocol):
    """A Struct of an object."""

    @property
    def metadata(self) -> Metadata:
        """Its name and version."""


class _Position(msgspec.Struct):
    resourceVersion: str = ""


class _BookmarkObject(msgspec.Struct):
    metadata: _Position


class _Status(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Added(msgspec.Struct, Generic[O], tag_field="type", tag="ADDED"):
    object: O


class _Modified(msgspec.Struct, Generic[O], tag_field="type", tag="MODIFIED"):
    object: O


class _Deleted(msgspec.Struct, Generic[O], tag_field="type", tag="DELETED"):
    object: O


class _Bookmark(msgspec.Struct, tag_field="type", tag="BOOKMARK"):
    object: _BookmarkObject


class _Error(msgspec.Struct, tag_field="type", tag="ERROR"):
    object: _Status


class ObjectReader(Generic[O, F]):
    """Reads objects of a msgspec Struct, which names the fields that are needed."""

    def __init__(self, struct: type[O], fact: Callable[[O], F]) -> None:
        """`fact` makes the fact of the decoded object, and raises ObjectError if it cannot."""
        self._fact = fact
        self._object = msgspec.json.Decoder(struct)
        events = _Added[struct] | _Modified[struct] | _Deleted[struct] | _Bookmark | _Error  # type: ignore[valid-type]
        self._event: msgspec.json.Decoder[_Added[O] | _Modified[O] | _Deleted[O] | _Bookmark | _Error]
        self._event = msgspec.json.Decoder(events)

    def __call__(self, raw: bytes | msgspec.Raw) -> F:
        """The fact of one object. Raises ObjectError."""
        return self._fact(decoded(self._object, raw))

    def event(self, line: bytes) -> Event[F]:
        """What one line of a watch says. Raises ObjectError."""
        found = decoded(self._event, line)
        match found:
            case _Error():
                return Refused(found.object.code, found.object.message)
            case _Bookmark():
                return Bookmark(_version(found.object.metadata.resourceVersion))
        change = Change.DELETED if isinstance(found, _Deleted) else Change.ADDED
        if isinstance(found, _Modified):
            change = Change.MODIFIED
        metadata = found.object.metadata
        return Changed(change, metadata.name, self._fact(found.object), _version(metadata.resourceVersion))


def _version(version: str) -> str:
    if not version:
        raise ObjectError("an event without resourceVersion")
    return version
