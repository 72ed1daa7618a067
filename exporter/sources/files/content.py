"""An open file in, its bytes and the state of the file they belong to out."""

import os
import time

from exporter.file_state import State, file_state

__all__ = ["read_content"]

_RACY_NS = 2_000_000_000
_ATTEMPTS = 3


def read_content(descriptor: int, before: State, cap: int) -> tuple[bytes, State, bool]:
    """The bytes, or one more than the cap of them; the version they belong to, and whether it may be trusted.

    A file that is written while it is read is read again: half of one state and half of the other is neither.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(0.001)
            os.lseek(descriptor, 0, os.SEEK_SET)
        begin = time.time_ns()
        content = _bytes(descriptor, before[2], cap)
        after = file_state(os.fstat(descriptor))
        if after == before:
            return content, after, not _racy(after, begin)
        before = after
    return content, after, False


def _bytes(descriptor: int, size: int, cap: int) -> bytes:
    # By size + 1, so that the end shows at once; a file that says 0 (in /proc) or grows is read to its end or the cap.
    pieces = [os.read(descriptor, min(size, cap) + 1)]
    total = len(pieces[0])
    while piece := os.read(descriptor, min(65536, cap + 1 - total)):
        pieces.append(piece)
        total += len(piece)
    return b"".join(pieces)


def _racy(version: State, now: int) -> bool:
    # ctime is the system's and cannot be set; a file may well claim an mtime in the future. On Windows st_ctime is the
    # creation, which leaves mtime.
    _, _, _, mtime, ctime = version
    return now - ctime < _RACY_NS or 0 <= now - mtime < _RACY_NS
