"""Base64 as Go's StdEncoding reads it."""

import pytest

from exporter.facts.base64 import go_base64


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (b"", b""),
        (b"\r\n", b""),
        (b"QUJD", b"ABC"),
        (b"QUI=", b"AB"),
        (b"QQ==", b"A"),
        (b"QR==", b"A"),
        (b"Q\nU\r\nJ\rD", b"ABC"),
        (b"QQ\n=\r=\n", b"A"),
        (b"QUJDQUI=", b"ABCAB"),
        (b"+/+/", b"\xfb\xff\xbf"),
    ],
)
def test_line_breaks_are_passed_over_and_padding_is_the_end(text: bytes, read: bytes) -> None:
    assert go_base64(text) == read


@pytest.mark.parametrize(
    "text",
    [b"Q", b"QQ", b"QQ=", b"QUI", b"QUJD=", b"====", b"QQ==QQ==", b"QU JD", b"QUJD ", b"-_-_", b"QQ==\x00", b"QUJ\xff"],
)
def test_what_is_no_base64_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"\Anot base64\Z"):
        go_base64(text)
