"""PEM as Go reads it: blocks begin and end whole lines, and all else is passed over."""

import base64
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.pem import Block, blocks, claims, has_private_key, why_unread
from tests.facts.forge import CA, DER, LEAF, pem

CERTIFICATE, KEY = LEAF.certificate_pem, LEAF.key_pem
WANTED = "CERTIFICATE"


def found(content: bytes) -> list[bytes]:
    """The certificates' DER."""
    return [block.body for block in blocks(content) if block.body is not None]


def model(content: bytes) -> list[bytes]:
    """What Go does with blocks of one kind and without headers, as one pattern over whole lines.

    It takes the last BEGIN line before an END line; each has a line to itself; the body is padded base64.
    """
    read = []
    text = content.replace(b"\r\n", b"\n")
    lines = re.compile(
        rb"(?m)^-----BEGIN CERTIFICATE-----[ \t]*\n(?P<body>[A-Za-z0-9+/=\s]*?)(?:^|\n)-----END CERTIFICATE-----[ \t]*$"
    )
    for block in lines.finditer(text):
        plain = b"".join(block["body"].split())
        if len(plain) % 4 == 0 and re.fullmatch(rb"[A-Za-z0-9+/]*={0,2}", plain):
            read.append(base64.b64decode(plain))
    return read


SPOILED = {
    "a byte order mark": (b"\xef\xbb\xbf" + CERTIFICATE, "byte order mark"),
    "indented": (b"  " + CERTIFICATE.replace(b"\n", b"\n  "), "indented"),
    "indented by a tab": (CERTIFICATE.replace(b"-----END", b"\t-----END"), "indented"),
    "CR only": (CERTIFICATE.replace(b"\n", b"\r"), "CR only"),
    "line breaks lost": (CERTIFICATE.replace(b"\n", b" "), "line breaks are lost"),
    "line breaks written as text": (CERTIFICATE.replace(b"\n", b"\\n"), "line breaks are lost"),
    "UTF-16": (CERTIFICATE.decode().encode("utf-16"), "UTF-16"),
    "text on the first line": (b"cert: " + CERTIFICATE, "on a line"),
    "text behind the first line": (CERTIFICATE.replace(b"-----\n", b"----- x\n", 1), "on a line"),
    "text behind the last line": (CERTIFICATE.rstrip() + b" x\n", "on a line"),
    "two dashes too few": (CERTIFICATE.replace(b"-----END", b"---END"), "cut off"),
    "another label at the end": (CERTIFICATE.replace(b"END CERTIFICATE", b"END CERTIFICATE REQUEST"), "cut off"),
    "cut off": (CERTIFICATE[:-30], "cut off"),
    "a letter that is no base64": (CERTIFICATE.replace(b"M", b"!", 1), "base64"),
    "padding in the middle": (pem(DER).replace(b"\n-----END", b"=\n-----END"), "base64"),
    "padding lost": (pem(DER + b"\0" * (1 - len(DER) % 3 + 3)).replace(b"=", b""), "base64"),
    "a form feed in the body": (CERTIFICATE.replace(b"M", b"M\x0c", 1), "base64"),
    "URL-safe base64": (CERTIFICATE.replace(b"+", b"-").replace(b"/", b"_"), "base64"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_what_go_passes_over_is_no_certificate_and_the_words_say_why(case: str) -> None:
    """A4: each of these was called enabled and in date."""
    content, words = SPOILED[case]
    assert found(content) == []
    assert claims(content) or case == "UTF-16"
    assert words in why_unread(content)


def test_the_end_of_one_block_and_the_beginning_of_the_next_on_one_line_lose_both() -> None:
    """A4: `cat` of two files of which the first lacks its last line break."""
    joined = CERTIFICATE.rstrip() + CA.pem
    assert found(joined) == []
    assert "on one line" in why_unread(joined)
    assert found(joined + CA.pem) == [base64.b64decode(b"".join(CA.pem.splitlines()[1:-1]))]


SOUND = {
    "as it is": CERTIFICATE,
    "CRLF": CERTIFICATE.replace(b"\n", b"\r\n"),
    "text before and after": b"subject=CN = node\n" + CERTIFICATE + b"-----\nrest",
    "Latin-1 before": "Größe\n".encode("latin-1") + CERTIFICATE,
    "a byte order mark on a line of its own": b"\xef\xbb\xbf\n" + CERTIFICATE,
    "no line break at the end": CERTIFICATE.rstrip(),
    "white space behind the lines": CERTIFICATE.replace(b"\n", b" \t\n"),
    "one line of base64": pem(DER)
    .replace(b"\n", b"")
    .replace(b"E-----M", b"E-----\nM")
    .replace(b"-----END", b"\n-----END"),
    "empty lines": CERTIFICATE.replace(b"\n", b"\n\n"),
    "headers": CERTIFICATE.replace(b"-----\n", b"-----\nfriendlyName: node\nlocalKeyID: 01\n\n", 1),
    "headers without the empty line": CERTIFICATE.replace(b"-----\n", b"-----\nfriendlyName: node\n", 1),
    "a first try cut off": CERTIFICATE[:200] + b"\n" + CERTIFICATE,
    "a broken one before": pem(b"").replace(b"\n-----END", b"\n!\n-----END") + CERTIFICATE,
    "a key before": KEY + CERTIFICATE,
    "a key behind": CERTIFICATE + KEY,
}


@pytest.mark.parametrize("case", SOUND)
def test_what_go_reads_is_read(case: str) -> None:
    """A4: strict is not narrow."""
    assert found(SOUND[case]) == [DER]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (KEY, True),
        (KEY.replace(b"EC PRIVATE", b"PRIVATE"), True),
        (KEY.replace(b"EC PRIVATE", b"RSA PRIVATE"), True),
        (b"", False),
        (CERTIFICATE, False),
        (KEY.replace(b"PRIVATE", b"PUBLIC"), False),
        (KEY.replace(b"EC PRIVATE", b"ENCRYPTED PRIVATE"), False),
        (KEY.replace(b"EC PRIVATE", b"OPENSSH PRIVATE"), False),
        (KEY.replace(b"-----\n", b"-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", 1), False),
        (b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", False),
        (KEY.replace(b"\n", b" "), False),
        (KEY[:60], False),
        (b"  " + KEY.replace(b"\n", b"\n  "), False),
        (b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + KEY, True),
    ],
    ids=itertools.count(),
)
def test_a_private_key_is_seen_by_its_label(content: bytes, expected: bool) -> None:
    """A4: Go takes the first block whose label ends in PRIVATE KEY, and cannot ask for a password."""
    assert has_private_key(blocks(CERTIFICATE + content)) is expected


def test_the_body_of_a_private_key_is_never_decoded() -> None:
    """It is passed over, whatever it holds; that is why one with a damaged body counts as there."""
    (only,) = blocks(KEY)
    assert only.body is None
    assert not only.empty
    assert has_private_key(blocks(b"-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n"))


PIECES = [
    CERTIFICATE,
    CA.pem,
    b"-----BEGIN CERTIFICATE-----",
    b"-----END CERTIFICATE-----",
    b"-----BEGIN CERTIFICATE-----\n",
    b"-----END CERTIFICATE-----\n",
    b"\n",
    b"\r\n",
    b" ",
    b"\xef\xbb\xbf",
    b"text\n",
    b"AAAA\n",
    b"AA==\n",
    b"AA=\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=7).map(b"".join))
def test_any_order_of_pieces_is_read_as_the_model_reads_it(content: bytes) -> None:
    """A4. The reader itself was held against Go 1.26 on tens of thousands of such texts."""
    assert found(content) == model(content)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_error(content: bytes) -> None:
    for text in (content, CERTIFICATE[:100] + content, content + CERTIFICATE[100:]):
        list(blocks(text))
        assert "\n" not in why_unread(text)


@given(st.integers(0, 200), st.sampled_from([b"-----BEGIN ", b"\n-----END ", b"a:b\n", b"-----BEGIN X-----\n"]))
def test_repetition_costs_no_more_than_its_length(times: int, piece: bytes) -> None:
    """Go had to be mended for this in 2025 (CVE-2025-61723)."""
    assert found(piece * times) == []
    assert found(piece * times + b"\n" + CERTIFICATE) in ([DER], [])


BODY = b"QUJD\n"
"""Three octets."""


def block(label: bytes = b"X", body: bytes = BODY, *, before: bytes = b"") -> bytes:
    return b"-----BEGIN " + label + b"-----\n" + before + body + b"-----END " + label + b"-----\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (block(), [Block("X", {}, None, False)]),
        (block(b""), [Block("", {}, None, False)]),
        (block(b"\xff"), [Block("\ufffd", {}, None, False)]),
        (block(body=b""), [Block("X", {}, None, True)]),
        (block(body=b" \n\t\n"), [Block("X", {}, None, True)]),
        (block(b"CERTIFICATE"), [Block("CERTIFICATE", {}, b"ABC", False)]),
        (block(b"CERTIFICATE", b""), [Block("CERTIFICATE", {}, b"", True)]),
        (block(b"CERTIFICATE", b"QU\tJ D\n"), [Block("CERTIFICATE", {}, b"ABC", False)]),
        (block(b"CERTIFICATE", b"QUJ\n"), []),
        (block(before=b"a: b\n c : d : e \n\n"), [Block("X", {"a": "b", "c": "d : e"}, None, False)]),
        (block(before=b"a:\n"), [Block("X", {"a": ""}, None, False)]),
        (block(before=b"\xff: \xfe\n"), [Block("X", {"\ufffd": "\ufffd"}, None, False)]),
        (block(before=b"a: b\n", body=b""), []),
        (block(before=b"a: b\n", body=b"\n"), [Block("X", {"a": "b"}, None, True)]),
        (block() + block(b"Y"), [Block("X", {}, None, False), Block("Y", {}, None, False)]),
        (block() + b"text\n" + block(b"Y"), [Block("X", {}, None, False), Block("Y", {}, None, False)]),
        (block(b"CERTIFICATE", b"?\n") + block(), [Block("X", {}, None, False)]),
        (block()[:-1], [Block("X", {}, None, False)]),
        (block()[:-2], []),
        (block().replace(b"\n", b"\r\n"), [Block("X", {}, None, False)]),
        (block().replace(b"-----\n", b"----- \t\n"), [Block("X", {}, None, False)]),
        (block().replace(b"X-----\n-", b"X---- -\n-"), [Block("X", {}, None, False)]),
        (b"x" + block(), []),
        (b"x\n" + block(), [Block("X", {}, None, False)]),
        (b"\n" + block(), [Block("X", {}, None, False)]),
        (b"x" + block() + block(b"Y"), [Block("Y", {}, None, False)]),
        (block().replace(b"END X", b"END Y"), []),
        (block().replace(b"END X", b"END Y") + block(b"Z"), [Block("Z", {}, None, False)]),
        (block().rstrip() + b"x\n", []),
        (block().rstrip() + b"x\n" + block(b"Y"), [Block("Y", {}, None, False)]),
        (block().replace(b"BEGIN X-----", b"BEGIN X----"), []),
        (block().replace(b"BEGIN X-----", b"BEGIN X----") + block(b"Y"), [Block("Y", {}, None, False)]),
        (b"-----BEGIN X-----\n" + block(b"Y"), [Block("Y", {}, None, False)]),
        (b"-----BEGIN X-----\n-----END X-----", [Block("X", {}, None, True)]),
        (b"-----BEGIN X-----\na: b\n", []),
        (b"\n-----END X-----\n" + block(), [Block("X", {}, None, False)]),
        (b"", []),
    ],
    ids=itertools.count(),
)
def test_a_text_has_its_blocks(content: bytes, expected: list[Block]) -> None:
    """A4: label, headers, body, and whether there is any, as `pem.Decode` finds them one after another."""
    assert list(blocks(content)) == expected


@pytest.mark.parametrize(
    ("label", "headers", "empty", "expected"),
    [
        ("PRIVATE KEY", {}, False, True),
        ("EC PRIVATE KEY", {}, False, True),
        ("PRIVATE KEY", {}, True, False),
        ("XPRIVATE KEY", {}, False, None),
        ("PRIVATE KEYS", {}, False, None),
        ("ENCRYPTED PRIVATE KEY", {}, False, False),
        ("OPENSSH PRIVATE KEY", {}, False, False),
        ("RSA PRIVATE KEY", {"Proc-Type": "4,ENCRYPTED"}, False, False),
        ("RSA PRIVATE KEY", {"Proc-Type": "4,CLEAR"}, False, True),
        ("RSA PRIVATE KEY", {"DEK-Info": "ENCRYPTED"}, False, True),
    ],
)
def test_the_first_private_key_counts(label: str, headers: dict[str, str], empty: bool, expected: bool | None) -> None:
    """None: it is none, and the next block counts."""
    found = Block(label, headers, None, empty)
    plain, secret = Block("PRIVATE KEY", {}, None, False), Block("ENCRYPTED PRIVATE KEY", {}, None, False)
    assert has_private_key((found, secret)) is (expected or False)
    assert has_private_key((found, plain)) is (expected is None or expected)
    assert has_private_key(iter((found,))) is (expected or False)


LAST = "a certificate is not base64, or something else is on a line with its first or last"
CUT = "a certificate is cut off"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe\n", "the file is UTF-16"),
        (b"\xfe\xff\n", "the file is UTF-16"),
        (b"\n\xff\xfe", LAST),
        (b"\xef\xbb\xbf-\n", "a byte order mark comes before the first line"),
        (b"\xef\xbb\xbf\n", LAST),
        (b"a\rb", "its lines end in CR only"),
        (b"a\r", "its line breaks are lost"),
        (b"a", "its line breaks are lost"),
        (b"a\r\n -----", "its lines are indented"),
        (b"\t-----\n", "its lines are indented"),
        (b"a -----\n", LAST),
        (b"-----END A Z----------BEGIN \n", "one block ends and the next begins on one line"),
        (b"-----END a----------BEGIN \n", LAST),
        (b"BEGIN CERTIFICATE-----\n", CUT),
        (b"BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", LAST),
        (b"BEGIN CERTIFICATE-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", CUT),
    ],
)
def test_the_likeliest_cause_is_named(content: bytes, words: str) -> None:
    """A4: for a person, one of them."""
    assert why_unread(content) == words
    assert claims(content) == content.count(b"BEGIN CERTIFICATE")
