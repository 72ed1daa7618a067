"""Times and bytes of any object."""

import os
import time
from collections.abc import Iterator

import msgspec
import pytest

from exporter.facts.kube.metadata import (
    Metadata,
    ObjectError,
    base64_bytes,
    bounded_text,
    created,
    decoded,
    required_timestamp,
    timestamp,
)

T0 = 1_700_000_000.0


@pytest.fixture
def far_from_utc() -> Iterator[None]:
    """A machine whose own time is another."""
    former = os.environ.get("TZ")
    os.environ["TZ"] = "XYZ-5"
    time.tzset()
    yield
    del os.environ["TZ"]
    if former is not None:
        os.environ["TZ"] = former
    time.tzset()


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2023-11-14T22:13:20Z", T0),
        ("2023-11-14T22:13:20.500000Z", T0 + 0.5),
        ("2023-11-14T23:13:20+01:00", T0),
        ("2023-11-14T22:13:20", T0),
        ("", None),
        (None, None),
        ("yesterday", None),
        ("2023-13-14T22:13:20Z", None),
    ],
)
def test_a_time_is_what_the_api_server_means(text: str | None, seconds: float | None) -> None:
    """Of no zone: in UTC, wherever the agent runs."""
    assert timestamp(text) == seconds


def test_an_object_without_its_creation_is_none() -> None:
    assert required_timestamp("2023-11-14T22:13:20Z") == T0
    assert created(b'{"metadata":{"name":"a","creationTimestamp":"2023-11-14T22:13:20Z"}}') == T0
    for text in (None, "", "yesterday"):
        with pytest.raises(ObjectError, match="no creation time"):
            required_timestamp(text)


def test_what_is_not_base64_is_empty() -> None:
    found = [base64_bytes(text) for text in ("aGVsbG8=", "", None, "%%%", "aGVsbG8", "aGVs bG8=", "é")]
    assert found == [b"hello", b"", b"", b"", b"", b"", b""]


def test_a_name_that_no_api_server_would_take_is_cut() -> None:
    """A list may bring a hundred thousand."""
    assert [len(bounded_text("x" * length)) for length in (0, 511, 512, 513, 100_000)] == [0, 511, 512, 512, 512]
    assert bounded_text("aks-nodepool1-12345678-vmss000000") == "aks-nodepool1-12345678-vmss000000"


DECODER = msgspec.json.Decoder(Metadata)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"{}", b'{"name":5}', b'{"name":"\xff"}', b'{"name":"\\ud800"}', b'{"a":' * 100_000],
)
def test_what_is_no_object_is_refused_in_one_line(raw: bytes) -> None:
    """Whatever the library raises for it, and never for ever."""
    with pytest.raises(ObjectError, match=r"^not the expected object: [^\n]+$") as raised:
        decoded(DECODER, raw)
    assert len(str(raised.value)) <= 25 + 200


def test_an_object_has_a_name_and_may_have_the_rest() -> None:
    assert decoded(DECODER, b'{"name":"a","more":1}') == Metadata("a")
    whole = b'{"name":"a","uid":"u","resourceVersion":"7","creationTimestamp":"t","labels":{"k":"v"}}'
    assert decoded(DECODER, whole) == Metadata("a", "u", "7", "t", {"k": "v"})
