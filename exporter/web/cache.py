"""Families that change seldom and families that always do in, scrapes out: the first are rendered once and shared.

A cluster of 5,000 nodes makes 40,000 samples, which cost a third of a second to render and to compress, while its facts
change every few minutes. A scrape is what was rendered at the last change, followed by a hundred and more settled
samples, which are rendered again by the first scrape that finds their key changed, and by the few fresh ones, which are
at most a second old.

What is kept is compressed, as nearly every scrape wants it: the text of 5,000 nodes is 14 MB, nearly twenty times as
much. It is made family by family, so that it is never there as a whole; who wants no gzip gets it unpacked.
"""

import struct
import threading
import time
import zlib
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from exporter.metric import Family
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


@dataclass(frozen=True, slots=True)
class _Body:
    deflated: bytes
    """Deflate blocks up to a byte boundary, on which more can follow."""
    crc: int
    """CRC-32 of what is in them."""
    size: int
    """Bytes of it."""

    @property
    def plain(self) -> bytes:
        """What is in them."""
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(self.deflated)


@dataclass(frozen=True, slots=True)
class _Shared:
    made: float
    body: _Body
    key: Hashable
    payload: Payload


class CachedExposition:
    """Any thread may take a scrape; one thread announces changes."""

    def __init__(
        self,
        steady: Families,
        settled: Callable[[], tuple[Hashable, Families]],
        fresh: Families,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`steady` is asked only after refresh(), `fresh` once in SHARED_FOR seconds; `settled` is asked at every
        scrape for its key, and for its families where that has changed. No family may be in two of them.
        """
        self._steady, self._settled, self._fresh, self._clock = steady, settled, fresh, clock
        self._kept: dict[Format, tuple[Hashable, bytes]] = {}
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
                    self._bodies[form] = self._rendered(form)
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
        key, families = self._settled()
        shared = self._shared.get((form, gzipped))
        if shared is not None and shared.body is body and shared.key == key and now - shared.made < SHARED_FOR:
            return shared.payload
        fresh = self._settled_part(form, key, families) + render(self._fresh(), form)
        content = _gzip(body, fresh) if gzipped else body.plain + fresh
        payload = Payload(content, form.value, "gzip" if gzipped else "")
        self._shared[form, gzipped] = _Shared(now, body, key, payload)
        return payload

    def _settled_part(self, form: Format, key: Hashable, families: Families) -> bytes:
        kept = self._kept.get(form)
        if kept is None or kept[0] != key:
            kept = self._kept[form] = (key, render(families(), form).removesuffix(_END))
        return kept[1]

    def _rendered(self, form: Format) -> _Body:
        compressor, deflated, crc, size = _compressor(), [], 0, 0
        for family in self._steady():
            part = render((family,), form).removesuffix(_END)
            deflated.append(compressor.compress(part))
            crc, size = zlib.crc32(part, crc), size + len(part)
        deflated.append(compressor.flush(zlib.Z_FULL_FLUSH))
        return _Body(b"".join(deflated), crc, size)


def _gzip(body: _Body, fresh: bytes) -> bytes:
    """One gzip member of both: a second member would be legal too, but curl does not read on after the first."""
    compressor = _compressor()
    tail = compressor.compress(fresh) + compressor.flush()
    trailer = struct.pack("<LL", zlib.crc32(fresh, body.crc), (body.size + len(fresh)) & 0xFFFFFFFF)
    return b"".join((_GZIP_HEAD, body.deflated, tail, trailer))


def _compressor() -> "zlib._Compress":
    return zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
