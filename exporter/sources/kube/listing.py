"""The pages of a collection in, the facts of all its objects out: bounded in time, bytes and number, whatever is sent.

Page by page, so that never more than a page is held as JSON. Where the list's position runs out on the way (EXPIRED)
it is begun anew: client-go then asks for everything in one answer, which a storm of CSRs makes hundreds of MB.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.failure import ApiError, explained

__all__ = ["PAGE", "Listing", "decoded", "listing"]

T = TypeVar("T")

PAGE = 500
"""Objects asked for at once, as client-go does."""
LARGEST_PAGE, LARGEST_OBJECT = 16 * 1024 * 1024, 4 * 1024 * 1024
"""Bytes of one answer, and of one object in it. Five hundred nodes of a busy cluster make 15 MiB; etcd takes no object
over 1.5 MiB. A page that is larger is asked for in parts.
"""
DENSEST = 10
"""Bytes of a page for each comma in it, at least. Kubernetes objects have twenty and more; `1,1,1,…` has two, and each
element costs 56 bytes of memory.
"""
LARGEST_LIST, MOST_OBJECTS = 1 << 30, 200_000
"""Bytes and objects of a whole list."""
EMPTY_PAGES = 5
"""Pages in a row that bring nothing and promise more, before that is no list."""
PAUSE = 0.1
"""Seconds after the first of them; twice that after each further one."""

Body = Callable[[str, Mapping[str, str], int], bytearray]
"""Path, query and the most bytes in; the body out, or ApiError."""

_one_page = threading.Lock()
"""Whoever holds a page's objects: a page costs several times its size, and half a dozen lists may run at once."""


class _ListMeta(msgspec.Struct):
    resourceVersion: str = ""
    token: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


class _Name(msgspec.Struct):
    name: str = ""


class _Named(msgspec.Struct):
    metadata: _Name


_list = msgspec.json.Decoder(_List)
_named = msgspec.json.Decoder(_Named)


class Listing(list[T], Generic[T]):
    """The facts of all objects that can be read."""

    def __init__(self) -> None:
        self.version = ""
        """resourceVersion from which a watch goes on."""
        self.unreadable: dict[str, Failure] = {}
        """By name, why each of the others cannot be."""


def listing(
    body: Body,
    path: str,
    decode: Callable[[bytes], T],
    *,
    page: int,
    whole: float,
    pause: Callable[[float], object] = time.sleep,
) -> Listing[T]:
    """All objects of a collection, within `whole` seconds. `decode` raises ValueError where it cannot read one.

    One object that cannot be read hides no other; where none can be read, that is no list. `pause` waits for seconds
    after a page that brought nothing. Raises ApiError.
    """
    found: Listing[T] = Listing()
    deadline = time.monotonic() + whole
    limit, token, empty, size, seen = page, "", 0, 0, 0
    tokens = set[int]()  # their hashes: the tokens themselves may be long
    while True:
        if time.monotonic() > deadline:
            raise ApiError(Failure(Reason.TIMEOUT, f"the list did not end within {whole:g} s"))
        query = {"limit": str(limit), **({"continue": token} if token else {})}
        try:
            raw = body(path, query, LARGEST_PAGE)
        except ApiError as error:
            if error.reason is not Reason.TOO_LARGE or limit == 1:
                raise
            limit = max(1, limit // 8)
            continue
        size += len(raw)
        with _one_page:
            metadata, count = _take(raw, decode, found, path)
        seen += count
        if size > LARGEST_LIST or seen > MOST_OBJECTS:
            bound = f"{MOST_OBJECTS} objects or {LARGEST_LIST >> 20} MiB"
            raise ApiError(Failure(Reason.TOO_LARGE, f"a list of more than {bound}"))
        if not metadata.token:
            break
        if hash(metadata.token) in tokens:
            raise ApiError(Failure(Reason.DECODE, "a list that does not move on: the same continue token again"))
        tokens.add(hash(metadata.token))
        token, empty = metadata.token, 0 if count else empty + 1
        if empty > EMPTY_PAGES:
            raise ApiError(Failure(Reason.DECODE, "a list of empty pages that does not end"))
        if empty:
            pause(PAUSE * 2.0 ** (empty - 1))
    if found.unreadable and not found:
        raise ApiError(next(iter(found.unreadable.values())))
    found.version = metadata.resourceVersion
    return found


def _take(raw: bytearray, decode: Callable[[bytes], T], found: Listing[T], path: str) -> tuple[_ListMeta, int]:
    """Add the facts of one page's objects; how many those were."""
    if len(raw) > 1 << 20 and raw.count(b",") * DENSEST > len(raw):
        raise ApiError(Failure(Reason.DECODE, "not what the API promises: a list of too many small things"))
    page = decoded(_list.decode, raw)
    items = page.items or []
    for item in items:
        try:
            found.append(_fact(item, decode))
        except (ValueError, RecursionError, ApiError) as error:
            name = _name(item)
            words = f"{path.rpartition('/')[2]} {name}: {explained(error).words}"
            if len(found.unreadable) < PAGE:
                found.unreadable[name] = Failure(Reason.DECODE, words)
    return page.metadata, len(items)


def _fact(item: msgspec.Raw, decode: Callable[[bytes], T]) -> T:
    if len(memoryview(item)) > LARGEST_OBJECT:
        raise ApiError(Failure(Reason.TOO_LARGE, f"an object of over {LARGEST_OBJECT >> 20} MiB"))
    return decode(bytes(item))


def _name(item: msgspec.Raw) -> str:
    try:
        return _named.decode(item).metadata.name[:253]
    except ValueError:
        return ""


def decoded(decode: Callable[[bytes], T], body: bytearray) -> T:
    """The fact of a body. Raises ApiError."""
    try:
        return decode(body)  # type: ignore[arg-type]  # every decoder takes any buffer
    except (ValueError, RecursionError) as error:
        raise ApiError(Failure(Reason.DECODE, explained(error).words)) from error
