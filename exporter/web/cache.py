"""Families that change seldom and families that always do in, scrapes out: the first are rendered once and shared.

A cluster of 5,000 nodes makes 40,000 samples, which cost a third of a second to render and to compress, while its facts
change every few minutes. A scrape is what was rendered at the last change, followed by a hundred and more settled
samples, which are rendered again by the first scrape that finds their key changed, and by the few fresh ones, which are
at most a second old. The steady ones come in parts, and a change renders only those with rows that changed.

What is kept is compressed, as nearly every scrape wants it: the text of 5,000 nodes is 14 MB, nearly twenty times as
much. It is made family by family, so that it is never there as a whole; who wants no gzip gets it unpacked.
"""

import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from exporter.metric import Family, Part
from exporter.web.exposition import GZIP_LEVEL, Format, Payload, exposition_format, render

__all__ = ["CachedExposition"]

Families = Callable[[], Iterable[Family]]

IN_USE = 900.0
"""Seconds after the last scrape in a format for which it is rendered ahead."""

SHARED_FOR = 1.0
"""Seconds for which scrapes share a whole answer, as long as nothing but time has changed."""

_END = b"# EOF\n"
"""The last line of OpenMetrics; after it nothing may follow."""

_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""RFC 1952 §2.3: deflate, no name, no time, unknown system."""


_WINDOW, _MEMORY = -13, 6
"""A window of 8 KiB (RFC 1951 §2: raw), and as much memory: what repeats in an exposition does so from line to line, so
the result is as small as with 32 KiB, whose 256 KiB of tables take longer to clear than a node's scrape to compress."""


@dataclass(frozen=True, slots=True)
class _Block:
    """One part: deflate blocks up to a byte boundary, on which more can follow."""

    key: object
    deflated: bytes
    size: int
    """Bytes of what is in them."""
    before: int
    """CRC-32 of what comes before it."""
    after: int
    """The same with what is in it."""

    @property
    def plain(self) -> bytes:
        """What is in them."""
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(self.deflated)

    def behind(self, before: int) -> "_Block":
        """The same block after other bytes, of this CRC-32."""
        return self if self.before == before else replace(self, before=before, after=zlib.crc32(self.plain, before))


_Body = tuple[_Block, ...]


@dataclass(frozen=True, slots=True)
class _Fresh:
    """What follows the steady parts."""

    made: float
    key: object
    plain: bytes
    deflated: bytes


@dataclass(frozen=True, slots=True)
class _Shared:
    """A whole answer, and what it is made of."""

    body: _Body
    fresh: _Fresh
    payload: Payload


class CachedExposition:
    """Any thread may take a scrape; one thread announces changes."""

    def __init__(
        self,
        steady: Callable[[], Iterable[Part]],
        settled: Callable[[], Part],
        fresh: Families,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`steady` is asked only after refresh(), and the families of a part only where its key has changed; `fresh`
        once in SHARED_FOR seconds; `settled` is asked at every scrape. No family may be in two of them.
        """
        self._steady, self._settled, self._fresh, self._clock = steady, settled, fresh, clock
        self._kept: dict[Format, tuple[object, bytes]] = {}
        self._followed: dict[Format, _Fresh] = {}
        self._shared: dict[tuple[Format, bool], _Shared] = {}
        self._lock = threading.Lock()
        self._bodies: dict[Format, _Body] = {}
        self._used: dict[Format, float] = {}

    def refresh(self) -> None:
        """The steady families have changed. What nobody asks for is not rendered until somebody does."""
        with self._lock:
            soon = self._clock() - IN_USE
            self._shared.clear()
            for form in tuple(self._bodies):
                if self._used[form] >= soon:
                    self._bodies[form] = self._rendered(form, self._bodies[form])
                else:
                    del self._bodies[form]

    def ready(self, accept: str) -> bool:
        """Whether a scrape with this Accept header takes no rendering beyond the few fresh samples."""
        return exposition_format(accept) in self._bodies

    def payload(self, accept: str, *, gzipped: bool) -> Payload:
        """The scrape for a client with this Accept header."""
        form = exposition_format(accept)
        now = self._used[form] = self._clock()
        body = self._bodies.get(form)
        if body is None:
            with self._lock:
                body = self._bodies.get(form)
                if body is None:
                    body = self._bodies[form] = self._rendered(form)
        fresh = self._following(form, now)
        shared = self._shared.get((form, gzipped))
        if shared is not None and shared.body is body and shared.fresh is fresh:
            return shared.payload
        content = _gzip(body, fresh) if gzipped else b"".join((*(block.plain for block in body), fresh.plain))
        payload = Payload(content, form.value, "gzip" if gzipped else "")
        self._shared[form, gzipped] = _Shared(body, fresh, payload)
        return payload

    def _following(self, form: Format, now: float) -> _Fresh:
        settled = self._settled()
        found = self._followed.get(form)
        if found is None or found.key != settled.key or now - found.made >= SHARED_FOR:
            plain = self._settled_text(form, settled) + render(self._fresh(), form)
            compressor = _compressor()
            deflated = compressor.compress(plain) + compressor.flush()
            found = self._followed[form] = _Fresh(now, settled.key, plain, deflated)
        return found

    def _settled_text(self, form: Format, settled: Part) -> bytes:
        kept = self._kept.get(form)
        if kept is None or kept[0] != settled.key:
            kept = self._kept[form] = (settled.key, render(settled.families(), form).removesuffix(_END))
        return kept[1]

    def _rendered(self, form: Format, former: _Body = ()) -> _Body:
        """The steady parts; of those whose keys are in the former body, its blocks."""
        blocks: list[_Block] = []
        crc = 0
        for number, part in enumerate(self._steady()):
            kept = former[number] if number < len(former) else None
            block = _block(part, form, crc) if kept is None or kept.key != part.key else kept.behind(crc)
            crc = block.after
            blocks.append(block)
        return tuple(blocks)


def _block(part: Part, form: Format, before: int) -> _Block:
    compressor, deflated, crc, size = _compressor(), [], before, 0
    for family in part.families():
        text = render((family,), form).removesuffix(_END)
        deflated.append(compressor.compress(text))
        crc, size = zlib.crc32(text, crc), size + len(text)
    deflated.append(compressor.flush(zlib.Z_FULL_FLUSH))
    return _Block(part.key, b"".join(deflated), size, before, crc)


def _gzip(body: _Body, fresh: _Fresh) -> bytes:
    """One gzip member of both: a second member would be legal too, but curl does not read on after the first."""
    crc = zlib.crc32(fresh.plain, body[-1].after if body else 0)
    size = sum(block.size for block in body) + len(fresh.plain)
    trailer = struct.pack("<LL", crc, size & 0xFFFFFFFF)
    return b"".join((_GZIP_HEAD, *(block.deflated for block in body), fresh.deflated, trailer))


def _compressor() -> "zlib._Compress":
    return zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY)
