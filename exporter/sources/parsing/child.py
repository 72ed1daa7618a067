"""The child's side: gives up every right it has, then answers requests on its standard input until that ends.

A request is a letter, the length of its body in four bytes and the body; an answer is its length and JSON. Started by
`sealed`, with a socket as descriptor 0 and nothing else that it could use.
"""

import contextlib
import ctypes
import gc
import json
import os
import resource
import signal
import struct
import time
from collections.abc import Callable, Mapping
from functools import lru_cache

from exporter.facts import der, purpose, x509  # noqa: F401 - loaded before the seal, as is all that they load
from exporter.facts.certificate import Certificate, CertificateError, CertificateFile
from exporter.facts.signature import named_issuer
from exporter.facts.verification import verifies
from exporter.sources.parsing.record import ANSWER, BUG, REQUEST, data, failure
from exporter.sources.seal import keep_memory, seal

__all__ = ["main"]

MEMORY = 64 << 20
"""Bytes of address space beyond what the libraries take."""
SECONDS = 3
"""Of processor time for one request; the kernel counts whole ones."""
LIFETIME = 120
"""Of processor time for all of them: then another child goes on."""

_SET_NO_NEW_PRIVS, _CAPBSET_DROP = 38, 24  # <linux/prctl.h>
_CAPABILITY_VERSION_3 = 0x20080522  # <linux/capability.h>
_CODECS = ("utf-16-be", "utf-32-be", "idna", "unicode_escape")
"""Those that the interpreter does not have within itself."""


def main() -> None:
    """Answer until the agent closes its end."""
    _load()
    _limit()
    sealed = seal([])
    _at_most((resource.RLIMIT_NOFILE, 1))  # no file, no socket, no pipe: descriptor 0 is there already
    _drop_capabilities()
    _write(ANSWER, {"landlock": sealed.landlock_abi, "filesystem": sealed.filesystem, "network": sealed.network})
    while header := _read(REQUEST.size):
        kind, length = REQUEST.unpack(header)
        body = _read(length)
        _more_time()
        _write(ANSWER, _answer(kind, body))


def _answer(kind: bytes, body: bytes) -> Mapping[str, object]:
    try:
        return KINDS[kind](body)
    except CertificateError as error:
        return failure(error)
    except (ValueError, RecursionError) as error:
        return {"error": "malformed", "words": " ".join(str(error).split())[:200]}
    except MemoryError:
        os._exit(1)  # as whoever goes beyond a limit
    except Exception as error:  # noqa: BLE001 - a bug costs this file, and is told without its words, which may quote it
        return {"error": BUG, "words": type(error).__name__}


def _leaf(body: bytes) -> Mapping[str, object]:
    """A file's content and CAs that may have signed its first certificate: what an agent would ask of it next."""
    content, *authorities = _parts(body)
    found = x509.certificate_file(content)
    leaf = found.certificates[0]
    above = map(_authority, authorities)
    return {**_file(found), "signed": [verifies(leaf, one) if named_issuer(leaf, one) else None for one in above]}


def _bundle(body: bytes) -> Mapping[str, object]:
    return _file(x509.authority_file(body))


def _file(found: CertificateFile) -> Mapping[str, object]:
    return {
        "certificates": [data(one) for one in found.certificates],
        "private_key": found.private_key,
        "fault": found.fault,
    }


def _chain(body: bytes) -> Mapping[str, object]:
    return {"certificates": [data(one) for one in x509.served_chain(_parts(body))]}


def _signature(body: bytes) -> Mapping[str, object]:
    child, authority = (x509.certificate(one) for one in _parts(body))
    return {"signed": verifies(child, authority)}


def _parts(body: bytes) -> list[bytes]:
    """Byte strings in a row, each after its length."""
    found, position = [], 0
    while position < len(body):
        (length,) = ANSWER.unpack_from(body, position)
        position += ANSWER.size
        found.append(body[position : position + length])
        position += length
    return found


@lru_cache(maxsize=16)
def _authority(der: bytes) -> Certificate:
    return x509.certificate(der)


KINDS: Mapping[bytes, Callable[[bytes], Mapping[str, object]]] = {
    b"L": _leaf,
    b"A": _bundle,
    b"C": _chain,
    b"S": _signature,
}


def _load() -> None:
    """Whatever the library and the interpreter load when they first need it, they load now."""
    for codec in _CODECS:
        "a".encode(codec).decode(codec)
    own = bytes.fromhex(SAMPLE)
    found = x509.certificate(own)
    verifies(found, found)
    der.repaired(own)
    gc.freeze()  # the library's thousands of objects stay: no collection need look at them


def _limit() -> None:
    """Before the seal, which closes /proc. Where a limit cannot be set the others are."""
    with open("/proc/self/statm", "rb") as pages:
        space = int(pages.read().split()[0]) * resource.getpagesize() + MEMORY
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb") as score:
        score.write(b"1000")  # where the container runs out of memory this goes first, and not the agent
    os.closerange(1, 1024)
    keep_memory()
    zeros = [ctypes.c_ulong(0)] * 3
    ctypes.CDLL(None).prctl(_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), *zeros)
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    _at_most(
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_CPU, LIFETIME),
    )


def _at_most(*limits: tuple[int, int]) -> None:
    for kind, most in limits:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, most))


def _more_time() -> None:
    soft = int(time.process_time()) + SECONDS
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _drop_capabilities() -> None:
    """From every set: effective, permitted, inheritable and, where that is still allowed, bounding.

    The ambient set holds only what is in both the permitted and the inheritable one (capabilities(7)).
    """
    library = ctypes.CDLL(None)
    for capability in range(64):
        library.prctl(_CAPBSET_DROP, ctypes.c_ulong(capability))
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    library.capset(header, bytes(24))


def _read(length: int) -> bytes:
    """As many bytes; none where the agent has closed its end."""
    found = bytearray()
    while len(found) < length:
        piece = os.read(0, length - len(found))
        if not piece:
            os._exit(0)  # its standard output is closed: there is nothing to flush
        found += piece
    return bytes(found)


def _write(head: struct.Struct, answer: Mapping[str, object]) -> None:
    body = json.dumps(answer).encode()
    left = memoryview(head.pack(len(body)) + body)
    while left:
        left = left[os.write(0, left) :]


SAMPLE = (
    "308201053081aba003020102020101300a06082a8648ce3d040302300c310a300806035504030c0161301e170d3230303130"
    "313030303030305a170d3230303130323030303030305a300c310a300806035504030c01613059301306072a8648ce3d0201"
    "06082a8648ce3d0301070342000443425a91814c525b5480a561ca4fd33d6042b63da534b60ea0a0965eb452ebd833088da9"
    "cb5835cdc228b6b26bc61c4c3e36f6845dcba709444b3af5c4d27996300a06082a8648ce3d0403020349003046022100eb89"
    "35d7bd0530d8bf9004dc569b6f809c45b6deab9346eea73d50dca86b2297022100b736f018e3c7fb9db05e594f73d524b238"
    "eb6cfe2ae1a4d05cc1918f37652e91"
)
"""A certificate of an elliptic curve, which signed itself: DER, hexadecimal. Parsed once before the seal."""
