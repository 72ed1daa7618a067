"""Bytes in, the PEM blocks that Go's encoding/pem finds in them out, and why there are none.

The kubelet, kubectl and the API server are Go programs: what `pem.Decode` passes over is nothing that they use, however
plainly it is there. A block has to begin at the start of a line and to end at the end of one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from exporter.facts.base64 import go_base64

__all__ = ["Block", "blocks", "claims", "has_private_key", "why_unread"]

_BEGIN, _END, _DASHES = b"-----BEGIN ", b"\n-----END ", b"-----"


@dataclass(frozen=True, slots=True)
class Block:
    """One block. The body of a private key is never decoded."""

    label: str
    headers: Mapping[str, str]
    """The lines `Key: value` before the body (RFC 1421 §4.6)."""
    body: bytes | None
    """Decoded; None for anything but a certificate."""
    empty: bool
    """Whether there is no body at all."""


def blocks(content: bytes) -> Iterator[Block]:
    """The blocks in their order, as repeated calls of Go's `pem.Decode` return them.

    A line-by-line equal of Go 1.26, encoding/pem/pem.go. One thing differs: a block that is no certificate counts
    without a look at its body.
    """
    position = 0
    while (found := _decode(content, position)) is not None:
        block, position = found
        yield block


def _decode(data: bytes, base: int) -> tuple[Block, int] | None:
    trailer = base
    while True:
        if trailer < base:
            return None
        base = trailer
        end = data.find(_END, base)
        if end < 0:
            return None
        trailer = end + len(_END)
        begin = data.rfind(_BEGIN, base, end)
        if begin < 0 or (begin > base and data[begin - 1 : begin] != b"\n"):
            continue
        label, base = _line(data, begin + len(_BEGIN))
        if not label.endswith(_DASHES):
            continue
        label = label.removesuffix(_DASHES)
        headers: dict[str, str] = {}
        while True:
            if base >= len(data):
                return None
            line, following = _line(data, base)
            key, colon, value = line.partition(b":")
            if not colon:
                break
            headers[_text(key)] = _text(value)
            base = following
        if headers and end < base:
            continue
        tail = data[trailer : trailer + len(label) + len(_DASHES)]
        if tail != label + _DASHES or _line(data, trailer + len(tail))[0]:
            continue
        body = None
        if label == b"CERTIFICATE":
            try:
                body = go_base64(data[base:end].translate(None, b" \t")) if end > base else b""
            except ValueError:
                continue
        block = Block(label.decode(errors="replace"), headers, body, not data[base:end].strip())
        return block, _line(data, trailer)[1]


def _line(data: bytes, start: int) -> tuple[bytes, int]:
    """The line that begins at `start` without white space at its end, and where the next one begins."""
    end = data.find(b"\n", start)
    if end < 0:
        return data[start:].rstrip(b" \t"), len(data)
    last = end - 1 if data.endswith(b"\r", start, end) else end
    return data[start:last].rstrip(b" \t"), end + 1


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace").strip()


def has_private_key(found: Iterator[Block] | tuple[Block, ...]) -> bool:
    """Whether Go's tls.X509KeyPair would take a private key from these blocks, going only by labels.

    It takes the first block whose label ends in PRIVATE KEY, and knows no password: an encrypted key ends the matter.
    """
    for block in found:
        if block.label == "PRIVATE KEY" or block.label.endswith(" PRIVATE KEY"):
            secret = block.label == "ENCRYPTED PRIVATE KEY" or "ENCRYPTED" in block.headers.get("Proc-Type", "")
            return not (block.empty or secret or block.label == "OPENSSH PRIVATE KEY")
    return False


def claims(content: bytes) -> int:
    """How many certificates the text seems to hold, for a person who does not know Go's rules."""
    return content.count(b"BEGIN CERTIFICATE-----")


def why_unread(content: bytes) -> str:
    """What keeps Go from the certificates that seem to be in the text: for a person, the likeliest cause first."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "the file is UTF-16"
    if content.startswith(b"\xef\xbb\xbf-"):
        return "a byte order mark comes before the first line"
    if b"\n" not in content:
        return "its lines end in CR only" if b"\r" in content.strip() else "its line breaks are lost"
    if re.search(rb"\n[ \t]+-----", b"\n" + content):
        return "its lines are indented"
    if re.search(rb"-----END [A-Z ]*----------BEGIN ", content):
        return "one block ends and the next begins on one line"
    if claims(content) > content.count(b"\n-----END CERTIFICATE-----"):
        return "a certificate is cut off"
    return "a certificate is not base64, or something else is on a line with its first or last"
