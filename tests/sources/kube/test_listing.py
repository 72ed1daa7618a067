"""A list page by page, without a server: what is asked for, what is kept of it, and where it ends."""

import json
import time
from collections.abc import Callable, Mapping

import msgspec
import pytest

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.listing import (
    EMPTY_PAGES,
    LARGEST_LIST,
    LARGEST_OBJECT,
    LARGEST_PAGE,
    MOST_OBJECTS,
    PAGE,
    PAUSE,
    Listing,
    decoded,
    listing,
)

PATH = "/api/v1/nodes"
TOO_LARGE = ApiError(Failure(Reason.TOO_LARGE, "an answer of over 16 MiB"))


def page(*items: object, token: str = "", version: str = "7") -> bytes:
    return json.dumps({"metadata": {"continue": token, "resourceVersion": version}, "items": items}).encode()


class Server:
    """Gives these pages, and remembers what it was asked; the last one again and again."""

    def __init__(self, *pages: bytes | bytearray | Exception) -> None:
        self._pages = list(pages)
        self.asked: list[tuple[str, int]] = []
        self.waits: list[float] = []

    def body(self, path: str, query: Mapping[str, str], largest: int) -> bytearray:
        assert path == PATH
        self.asked.append(("&".join(f"{key}={value}" for key, value in query.items()), largest))
        assert len(self.asked) < 100, "it is asked for ever"
        found = self._pages.pop(0) if len(self._pages) > 1 else self._pages[0]
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, bytearray) else bytearray(found)

    def listing(
        self, decode: Callable[[bytes], object] = int, *, page: int = 500, whole: float = 60.0
    ) -> Listing[object]:
        return listing(self.body, PATH, decode, page=page, whole=whole, pause=self.waits.append)

    def failure(self, decode: Callable[[bytes], object] = int, *, whole: float = 60.0) -> Failure:
        with pytest.raises(ApiError) as raised:
            self.listing(decode, whole=whole)
        return raised.value.failure


def test_after_a_page_that_brings_nothing_the_next_is_waited_for() -> None:
    """As of a server that filters what it has: at full speed it would be asked for nothing again and again."""
    server = Server(page(token="a"), page(1))
    began = time.monotonic()
    found = listing(server.body, PATH, int, page=500, whole=60)
    assert time.monotonic() - began >= PAUSE
    assert (found, found.version) == ([1], "7")


def test_pages_are_asked_for_one_after_the_other() -> None:
    """Each by the token of the one before; the version is that of the last."""
    server = Server(page(1, 2, token="a"), page(3, token="b", version="8"), page(4, version="9"))
    found = server.listing(page=2)
    assert (found, found.version, found.unreadable) == ([1, 2, 3, 4], "9", {})
    assert server.asked == [
        ("limit=2", LARGEST_PAGE),
        ("limit=2&continue=a", LARGEST_PAGE),
        ("limit=2&continue=b", LARGEST_PAGE),
    ]
    assert server.waits == []


def test_bounds_are_those_of_a_busy_cluster() -> None:
    assert (PAGE, LARGEST_PAGE, LARGEST_OBJECT) == (500, 16 << 20, 4 << 20)
    assert (LARGEST_LIST, MOST_OBJECTS, EMPTY_PAGES, PAUSE) == (1 << 30, 200_000, 5, 0.1)
    assert (Listing[int](), Listing[int]().version, Listing[int]().unreadable) == ([], "", {})


@pytest.mark.parametrize("raw", [b'{"metadata":{}}', b'{"metadata":{},"items":null}', b'{"metadata":{},"items":[]}'])
def test_a_list_may_be_empty(raw: bytes) -> None:
    found = Server(raw).listing()
    assert (found, found.version, found.unreadable) == ([], "", {})


def test_a_page_that_is_too_large_is_asked_for_in_parts() -> None:
    """An eighth each time, down to one object; and so are those after it."""
    server = Server(page(1, token="a"), TOO_LARGE, TOO_LARGE, page(2, token="b"), TOO_LARGE, page(3))
    assert server.listing() == [1, 2, 3]
    assert [query for query, _ in server.asked] == [
        "limit=500",
        "limit=500&continue=a",
        "limit=62&continue=a",
        "limit=7&continue=a",
        "limit=7&continue=b",
        "limit=1&continue=b",
    ]
    endless = Server(TOO_LARGE)
    assert endless.failure() == TOO_LARGE.failure
    assert [query for query, _ in endless.asked] == ["limit=500", "limit=62", "limit=7", "limit=1"]


def test_another_error_is_raised_as_it_is() -> None:
    server = Server(page(1, token="a"), ApiError(Failure(Reason.EXPIRED, "HTTP 410")), page(2))
    assert server.failure() == Failure(Reason.EXPIRED, "HTTP 410")
    assert len(server.asked) == 2


def test_the_time_is_over_all_pages() -> None:
    server = Server(page(1))
    assert server.failure(whole=-0.5) == Failure(Reason.TIMEOUT, "the list did not end within -0.5 s")
    assert server.asked == []


@pytest.mark.parametrize("tokens", ["aa", "aba", "abca"])
def test_a_list_that_comes_back_to_a_token_is_none(tokens: str) -> None:
    server = Server(*(page(1, token=token) for token in tokens))
    assert server.failure() == Failure(Reason.DECODE, "a list that does not move on: the same continue token again")
    assert len(server.asked) == len(tokens)


def test_pages_that_bring_nothing_are_waited_for_longer_each_time() -> None:
    """Until that is no list; a page that brings something begins anew."""
    pages = [page(token=f"{number}") for number in range(EMPTY_PAGES)]
    server = Server(*pages, page(1, token="x"), page(token="y"), page(token="z"), page(2))
    assert server.listing() == [1, 2]
    assert server.waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 0.1, 0.2])
    endless = Server(*pages, page(token="x"), page(1))
    assert endless.failure() == Failure(Reason.DECODE, "a list of empty pages that does not end")
    assert len(endless.asked) == EMPTY_PAGES + 1


class Long(bytearray):
    """A page that says it is so long."""

    length = 0

    def __len__(self) -> int:
        return self.length


def long(raw: bytes, length: int) -> Long:
    found = Long(raw)
    found.length = length
    return found


BOUND = Failure(Reason.TOO_LARGE, "a list of more than 200000 objects or 1024 MiB")


def test_a_list_has_so_many_bytes_at_most() -> None:
    half = LARGEST_LIST // 2
    assert Server(long(page(1, token="a"), half), long(page(2), half)).listing() == [1, 2]
    assert Server(long(page(1, token="a"), half), long(page(2), half + 1)).failure() == BOUND


def test_a_list_has_so_many_objects_at_most() -> None:
    most = page(*[1] * (MOST_OBJECTS // 4))
    pages = [most.replace(b'"continue": ""', b'"continue": "%d"' % number) for number in range(3)]
    assert len(Server(*pages, most).listing()) == MOST_OBJECTS
    assert Server(*pages, most.replace(b"[1", b"[1, 1")).failure() == BOUND


def dense(length: int, commas: int) -> bytes:
    """A page of so many bytes with so many commas."""
    raw = b'{"metadata":{},"items":[' + b"1," * (commas - 1) + b"1]}"
    return raw.ljust(length)


TINY = Failure(Reason.DECODE, "not what the API promises: a list of too many small things")


@pytest.mark.parametrize(
    ("length", "commas", "failure"),
    [
        (1 << 20, 110_000, None),
        ((1 << 20) + 1, 110_000, TINY),
        (1_048_580, 104_858, None),
        (1_048_580, 104_859, TINY),
        (2_000_000, 150_000, None),
    ],
)
def test_a_page_of_very_many_small_things_is_not_unpacked(length: int, commas: int, failure: Failure | None) -> None:
    """Each costs some fifty bytes of memory, and two on the wire."""
    if failure is None:
        assert len(Server(dense(length, commas)).listing()) == commas
    else:
        assert Server(dense(length, commas)).failure() == failure


def even(raw: bytes) -> int:
    """Reads {"metadata": …, "value": an even number}."""
    value = json.loads(raw)["value"]
    if value is None:
        raise RecursionError
    if value == "api":
        raise ApiError(Failure(Reason.TOO_LARGE, "an object of over 4 MiB"))
    if value % 2:
        raise ValueError(f"{value} is\n odd")
    return int(value)


def thing(name: object, value: object) -> dict[str, object]:
    return {"metadata": {"name": name}, "value": value}


def test_what_cannot_be_read_is_told_by_name_and_hides_no_other() -> None:
    items = [thing("a", 1), thing("b", 2), thing("x" * 254, 3), thing(7, 5), {"value": 7}, thing("c", None)]
    server = Server(page(*items, token="a"), page(thing("d", "api"), thing("e", 4)))
    found = server.listing(even)
    assert found == [2, 4]
    assert found.unreadable == {
        "a": Failure(Reason.DECODE, "nodes a: ValueError: 1 is odd"),
        "x" * 253: Failure(Reason.DECODE, f"nodes {'x' * 253}: ValueError: 3 is odd"),
        "": Failure(Reason.DECODE, "nodes : ValueError: 7 is odd"),
        "c": Failure(Reason.DECODE, "nodes c: RecursionError:"),
        "d": Failure(Reason.DECODE, "nodes d: an object of over 4 MiB"),
    }


def test_of_a_list_that_cannot_be_read_the_first_is_told() -> None:
    server = Server(page(thing("a", 1), token="a"), page(thing("b", 3)))
    assert server.failure(even) == Failure(Reason.DECODE, "nodes a: ValueError: 1 is odd")


def test_no_more_than_a_page_of_them_is_remembered() -> None:
    found = Server(page(*(thing(f"{number}", 1) for number in range(PAGE + 1)), thing("good", 2))).listing(even)
    assert found == [2]
    assert list(found.unreadable) == [f"{number}" for number in range(PAGE)]


@pytest.mark.parametrize(("more", "read"), [(0, [LARGEST_OBJECT, 3]), (1, [3])])
def test_an_object_has_so_many_bytes_at_most(more: int, read: list[int]) -> None:
    found = Server(page("x" * (LARGEST_OBJECT - 2 + more), 100)).listing(len)
    assert found == read
    words = {"": Failure(Reason.DECODE, "nodes : an object of over 4 MiB")}
    assert found.unreadable == (words if more else {})


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"items":[]}', b'{"metadata":{},"items":7}', b'{"metadata":{"continue":1}}', b"\xff"]
)
def test_what_is_no_list_is_told(raw: bytes) -> None:
    failure = Server(raw).failure()
    assert failure.reason is Reason.DECODE
    assert failure.words.startswith("not what the API promises: ")


def test_a_body_is_decoded_or_told() -> None:
    def refuses(error: Exception) -> Callable[[bytes], object]:
        def decode(body: bytes) -> object:
            raise error

        return decode

    assert decoded(len, bytearray(b"abc")) == 3
    for error, words in (
        (ValueError("no"), "ValueError: no"),
        (RecursionError("deep"), "RecursionError: deep"),
        (msgspec.ValidationError("odd"), "not what the API promises: odd"),
    ):
        with pytest.raises(ApiError) as raised:
            decoded(refuses(error), bytearray())
        assert raised.value.failure == Failure(Reason.DECODE, words)
