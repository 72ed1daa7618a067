"""What a line of a watch says."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.kube.metadata import Metadata, ObjectError
from exporter.facts.kube.reader import Bookmark, Change, Changed, ObjectReader, Refused


class _Thing(msgspec.Struct):
    metadata: Metadata
    size: int = 0


read = ObjectReader(_Thing, lambda thing: thing.size)


@pytest.mark.parametrize("change", list(Change))
def test_a_change_brings_the_fact_and_the_position(change: Change) -> None:
    """In whatever order the event's keys come."""
    thing = {"metadata": {"name": "x", "resourceVersion": "7"}, "size": 3, "spec": {"much": ["else"]}}
    expected = Changed(change, "x", 3, "7")
    assert read.event(msgspec.json.encode({"type": change.upper(), "object": thing})) == expected
    assert read.event(msgspec.json.encode({"object": thing, "type": change.upper()})) == expected
    assert read(msgspec.json.encode(thing)) == 3


def test_a_bookmark_has_a_position_and_nothing_else() -> None:
    """As a real API server writes it: the object has no name."""
    line = b'{"type":"BOOKMARK","object":{"kind":"Node","metadata":{"resourceVersion":"9","creationTimestamp":null}}}'
    assert read.event(line) == Bookmark("9")


def test_an_error_is_the_servers_status() -> None:
    """Its code and its words."""
    line = b'{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old resource version"}}'
    assert read.event(line) == Refused(410, "too old resource version")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[" * 5000,
        b'{"type":"ADDED"}',
        b'{"type":"RENAMED","object":{"metadata":{"name":"x","resourceVersion":"7"}}}',
        b'{"type":"ADDED","object":{"metadata":{"name":"x"}}}',
        b'{"type":"ADDED","object":{"metadata":{"resourceVersion":"7"}}}',
        b'{"type":"BOOKMARK","object":{"metadata":{}}}',
        b'{"type":"ADDED","object":{"metadata":{"name":"x","resourceVersion":"7"},"size":"three"}}',
    ],
)
def test_what_is_no_event_is_said_to_be_none(line: bytes) -> None:
    """With one line that quotes nothing of it."""
    with pytest.raises(ObjectError, match=r"^(not the expected object|an event without resourceVersion)"):
        read.event(line)


def test_each_kind_of_event_is_known_to_a_reader_that_is_made_anew() -> None:
    """What a watch may say is put together where a reader is made; its words are the API's."""
    anew = ObjectReader(_Thing, lambda thing: thing.size)
    thing = b'{"metadata":{"name":"x","resourceVersion":"7"},"size":3}'
    lines = [b'{"type":"%s","object":%s}' % (word, thing) for word in (b"ADDED", b"MODIFIED", b"DELETED")]
    assert [anew.event(line) for line in lines] == [Changed(change, "x", 3, "7") for change in Change]
    assert anew.event(b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}') == Bookmark("9")
    assert anew.event(b'{"type":"ERROR","object":{}}') == Refused(0, "")
    assert [str(change) for change in Change] == ["added", "modified", "deleted"]


@given(st.binary(max_size=200))
def test_no_bytes_bring_another_error(line: bytes) -> None:
    """An ObjectError or an event."""
    try:
        read.event(line)
    except ObjectError as error:
        assert "\n" not in str(error)
