"""A scrape of shared, settled and fresh parts: one document, whatever format and coding."""

import gzip
import threading
import zlib
from collections.abc import Iterable, Iterator
from functools import partial

import pytest

from exporter.metric import Family, Metric, Part, part
from exporter.web import cache, exposition
from exporter.web.cache import CachedExposition
from exporter.web.negotiation import Format

STEADY, SETTLED, FRESH = (Metric(f"akscert_{name}", "Help.", ("label",)) for name in ("steady", "settled", "fresh"))
OPENMETRICS = Format.OPENMETRICS.value


class Source:
    """Values that a test sets, and how often each was asked for."""

    def __init__(self) -> None:
        self.steady = self.settled = self.fresh = 1.0
        self.asked = {"steady": 0, "settled": 0, "fresh": 0}
        self.now = 1000.0
        self.cache = CachedExposition(self._steady, self._settled, self._fresh, lambda: self.now)

    def _steady(self) -> Iterator[Part]:
        yield Part(self.steady, self._steady_families)

    def _steady_families(self) -> Iterator[Family]:
        self.asked["steady"] += 1
        yield STEADY.family([(("a",), self.steady)])

    def _settled(self) -> Part:
        return Part(self.settled, self._settled_families)

    def _settled_families(self) -> Iterator[Family]:
        self.asked["settled"] += 1
        yield SETTLED.family([(("a",), self.settled)])

    def _fresh(self) -> Iterator[Family]:
        self.asked["fresh"] += 1
        yield FRESH.family([(("a",), self.fresh)])

    def text(self, accept: str = "") -> list[str]:
        body = self.cache.payload(accept, gzipped=False).body.decode()
        return [line for line in body.splitlines() if not line.startswith(("# HELP", "# TYPE"))]


def test_the_parts_are_one_document_in_each_format() -> None:
    """In their order, with one end."""
    source = Source()
    samples = [f'akscert_{name}{{label="a"}} 1.0' for name in ("steady", "settled", "fresh")]
    assert source.text() == samples
    assert source.text(OPENMETRICS) == [*samples, "# EOF"]


def test_only_what_changed_is_rendered_again() -> None:
    """Steady families after refresh(), settled ones with a new key, fresh ones with each of these and each second."""
    source = Source()
    source.text()
    source.fresh = 2.0
    assert [line[-3:] for line in source.text()] == ["1.0", "1.0", "1.0"]
    source.now += 1.0
    assert [line[-3:] for line in source.text()] == ["1.0", "1.0", "2.0"]
    source.steady = source.settled = source.fresh = 3.0
    assert [line[-3:] for line in source.text()] == ["1.0", "3.0", "3.0"]
    assert source.asked == {"steady": 1, "settled": 2, "fresh": 3}
    source.steady = source.settled = source.fresh = 2.0
    source.cache.refresh()
    assert [line[-3:] for line in source.text()] == ["2.0", "2.0", "2.0"]
    assert source.asked["steady"] == 2


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_gzip_is_one_member_that_any_client_reads(accept: str) -> None:
    """curl does not read on after the first one."""
    source = Source()
    payload = source.cache.payload(accept, gzipped=True)
    plain = source.cache.payload(accept, gzipped=False)
    assert (payload.encoding, payload.content_type) == ("gzip", plain.content_type)
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert inflater.decompress(payload.body) == plain.body
    assert (inflater.eof, inflater.unused_data) == (True, b"")
    assert gzip.decompress(payload.body) == plain.body


class Parts:
    """Three parts of one exposition, and which of them were made."""

    def __init__(self) -> None:
        self.values = {"first": 1.0, "second": 1.0, "third": 1.0}
        self.made: list[str] = []
        self.cache = CachedExposition(self._parts, lambda: Part(0, tuple), tuple)

    def _parts(self) -> Iterator[Part]:
        for name, value in self.values.items():
            metric = Metric(f"akscert_{name}", "Help.", ("label",))
            one = part((metric, [(("a",), value)]))
            yield Part(one.key, partial(self._families, one, name))

    def _families(self, one: Part, name: str) -> Iterable[Family]:
        self.made.append(name)
        return one.families()


@pytest.mark.parametrize("changed", ["first", "second", "third"])
def test_of_several_parts_only_the_changed_one_is_rendered(changed: str) -> None:
    """Whichever it is, the answer is one gzip member with the right checksum, as if all had been rendered."""
    source = Parts()
    source.cache.payload(OPENMETRICS, gzipped=True)
    assert source.made == ["first", "second", "third"]
    source.made.clear()
    source.values[changed] = 2.5
    source.cache.refresh()
    body = source.cache.payload(OPENMETRICS, gzipped=True).body
    assert source.made == [changed]
    fresh = Parts()
    fresh.values = dict(source.values)
    plain = fresh.cache.payload(OPENMETRICS, gzipped=False).body
    assert gzip.decompress(body) == plain == source.cache.payload(OPENMETRICS, gzipped=False).body
    assert f'akscert_{changed}{{label="a"}} 2.5' in plain.decode()


def test_a_part_that_is_no_longer_there_leaves_nothing_behind() -> None:
    """Nor does one that is new take the place of another."""
    source = Parts()
    source.cache.payload(OPENMETRICS, gzipped=True)
    del source.values["first"]
    source.values["fourth"] = 4.0
    source.cache.refresh()
    found = gzip.decompress(source.cache.payload(OPENMETRICS, gzipped=True).body).decode()
    samples = [line for line in found.splitlines() if not line.startswith("#")]
    assert samples == [
        'akscert_second{label="a"} 1.0',
        'akscert_third{label="a"} 1.0',
        'akscert_fourth{label="a"} 4.0',
    ]


def test_a_part_that_is_new_is_rendered_behind_the_others() -> None:
    source = Parts()
    source.cache.payload(OPENMETRICS, gzipped=True)
    source.made.clear()
    source.values["fourth"] = 4.0
    source.cache.refresh()
    found = gzip.decompress(source.cache.payload(OPENMETRICS, gzipped=True).body).decode()
    assert source.made == ["fourth"]
    assert [line[-3:] for line in found.splitlines() if not line.startswith("#")] == ["1.0", "1.0", "1.0", "4.0"]


def test_without_any_steady_part_the_rest_is_there() -> None:
    empty = CachedExposition(tuple, lambda: Part(0, tuple), lambda: [FRESH.family([(("a",), 1.0)])])
    plain = empty.payload("", gzipped=False).body
    assert plain.endswith(b'akscert_fresh{label="a"} 1.0\n')
    assert gzip.decompress(empty.payload("", gzipped=True).body) == plain


def test_a_format_nobody_asks_for_any_more_is_rendered_no_more() -> None:
    """Until somebody does."""
    source = Source()
    source.text()
    source.text(OPENMETRICS)
    source.now += 901.0
    source.text()
    source.asked["steady"] = 0
    source.steady = 3.0
    source.cache.refresh()
    assert source.asked["steady"] == 1
    assert source.cache._shared == {}  # whole answers, of megabytes
    assert source.text(OPENMETRICS)[0].endswith("3.0")


def test_scrapes_at_once_share_one_rendering() -> None:
    """Ten of them before anything is there."""
    source = Source()
    start = threading.Barrier(10)
    found: list[list[str]] = []

    def scrape() -> None:
        start.wait()
        found.append(source.text())

    threads = [threading.Thread(target=scrape) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 10
    assert all(text == found[0] for text in found)
    assert source.asked["steady"] == 1


def test_who_takes_turns_in_two_formats_has_each_rendered_once() -> None:
    """Two Prometheus servers, one older: neither makes the other's scrape dearer, and old keys are not kept."""
    source = Source()
    for _ in range(3):
        for accept in ("", OPENMETRICS):
            assert [line[-3:] for line in source.text(accept)[:3]] == ["1.0", "1.0", "1.0"]
            source.now += 1.0
    assert source.asked == {"steady": 2, "settled": 2, "fresh": 6}
    for value in range(2, 9):
        source.settled = float(value)
        assert source.text()[1].endswith(f" {value}.0")
    assert source.asked["settled"] == 9
    assert len(source.cache._kept) == 2


def test_a_format_counts_as_used_for_a_quarter_of_an_hour_to_the_second() -> None:
    source = Source()
    source.text(OPENMETRICS)
    source.now, source.steady = 1900.0, 2.0
    source.asked["steady"] = 0
    source.cache.refresh()
    assert source.asked["steady"] == 1
    assert source.cache.ready(OPENMETRICS)
    assert not source.cache.ready("")
    source.now, source.steady = 1900.1, 3.0
    source.cache.refresh()
    assert source.asked["steady"] == 1
    assert not source.cache.ready(OPENMETRICS)


def test_an_answer_is_shared_by_those_who_want_it_alike_only() -> None:
    """For a second; who takes it plain does not get another's gzip."""
    source = Source()
    gzipped = source.cache.payload("", gzipped=True)
    assert source.cache.payload("", gzipped=True) is gzipped
    assert source.cache.payload("", gzipped=False).encoding == ""
    assert source.cache.payload(OPENMETRICS, gzipped=True).content_type == OPENMETRICS
    source.now += 0.99
    assert source.cache.payload("", gzipped=True) is gzipped
    source.now = 1001.0
    assert source.cache.payload("", gzipped=True) is not gzipped


def test_to_compress_takes_a_window_of_8_kib_and_as_much_memory() -> None:
    """Wider ones cost a node's scrape more than they save."""
    assert (cache._WINDOW, cache._MEMORY, exposition.GZIP_LEVEL) == (-13, 6, 1)


@pytest.mark.parametrize(("size", "told"), [(0, 0), (2**31, 2**31), (2**32 - 1, 2**32 - 1), (2**32, 0), (2**32 + 7, 7)])
def test_the_trailer_has_the_size_of_what_is_inside_to_32_bits(size: int, told: int) -> None:
    """RFC 1952 §2.3.1: modulo 2^32."""
    body = cache._gzip((cache._Block(0, b"", size, 0, 0),), cache._Fresh(0.0, 0, b"", b""))
    assert int.from_bytes(body[-4:], "little") == told
