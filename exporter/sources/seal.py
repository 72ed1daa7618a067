"""Paths and ports that a process still needs in; it can reach nothing else any more, as far as the kernel can do that.

Landlock (landlock(7), Documentation/userspace-api/landlock.rst) by ctypes: three system calls, which have the same
numbers on every architecture. The seal holds for the calling thread and for every thread and process it starts
afterwards, so it is set before there are any. It cannot be taken off.
"""

import contextlib
import ctypes
import os
import stat
import sys
from collections.abc import Iterable

from exporter.facts.sandbox import FilesystemSeal, NetworkSeal, Sandbox, Seccomp

__all__ = ["keep_memory", "landlock_abi", "seal"]

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GET_VERSION = 1
_PATH_BENEATH, _NET_PORT = 1, 2
_SET_DUMPABLE, _SET_NO_NEW_PRIVS = 4, 38  # <linux/prctl.h>

# <linux/landlock.h>, LANDLOCK_ACCESS_FS_*: the rights of ABI 1 are bits 0 to 12, later ones add a bit each.
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_FS_BITS = {1: 13, 2: 14, 3: 15, 4: 15}
"""Number of rights by ABI: 2 adds linking elsewhere, 3 truncating, 5 ioctl on devices."""
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPES = 3
"""Since ABI 6: no connection to abstract UNIX sockets and no signal to processes outside the seal."""


class _Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr."""

    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("parent", ctypes.c_int32))


class _NetPort(ctypes.Structure):
    """struct landlock_net_port_attr."""

    _fields_ = (("access", ctypes.c_uint64), ("port", ctypes.c_uint64))


def landlock_abi() -> int:
    """The kernel's version of Landlock; 0: none, or switched off, or filtered."""
    if sys.platform != "linux":
        return 0
    found = _call(_CREATE_RULESET, None, 0, _GET_VERSION)
    return max(found, 0)


def seal(
    readable: Iterable[str],
    *,
    executable: Iterable[str] = (),
    bind: Iterable[int] = (),
    connect: Iterable[int] = (),
) -> Sandbox:
    """Let this process, from now on, only read below `readable`, execute the files `executable`, listen on the ports
    `bind` and connect to `connect`.

    A path that does not exist is passed over. What the kernel cannot do is left open and said; nothing raises.
    """
    abi, seccomp = landlock_abi(), _seccomp()  # asked before the seal, which may close /proc
    if not abi:
        return Sandbox(0, FilesystemSeal.OPEN, NetworkSeal.OPEN, seccomp, "the kernel offers no Landlock")
    handled, size = _handled(abi)
    try:
        ruleset = _checked(_CREATE_RULESET, ctypes.byref(handled), size, 0)
        try:
            for path in dict.fromkeys(readable):
                _allow(ruleset, path, _READ_FILE, _READ_DIR)
            for path in dict.fromkeys(executable):
                _allow(ruleset, path, _READ_FILE | _EXECUTE)
            if handled.net:
                for access, ports in ((_BIND_TCP, bind), (_CONNECT_TCP, connect)):
                    for port in ports:
                        _checked(_ADD_RULE, ruleset, _NET_PORT, ctypes.byref(_NetPort(access, port)), 0)
            _no_new_privileges()
            _checked(_RESTRICT_SELF, ruleset, 0)
        finally:
            os.close(ruleset)
    except OSError as error:
        return Sandbox(abi, FilesystemSeal.OPEN, NetworkSeal.OPEN, seccomp, f"Landlock: {error.strerror}")
    network, detail = _network(handled.net)
    return Sandbox(abi, FilesystemSeal.SEALED, network, seccomp, detail)


def _handled(abi: int) -> tuple[_Ruleset, int]:
    """All that this version can refuse, and the bytes of the structure that it knows."""
    handled = _Ruleset((1 << _FS_BITS.get(abi, 16)) - 1)
    if abi < 4:
        return handled, 8
    handled.net = _BIND_TCP | _CONNECT_TCP
    if abi < 6:
        return handled, 16
    handled.scoped = _SCOPES
    return handled, 24


def _network(handled: int) -> tuple[NetworkSeal, str]:
    """What is closed of the network, and what is left to say of it."""
    if handled:
        return NetworkSeal.TCP, ""
    return NetworkSeal.OPEN, "this kernel's Landlock does not cover the network"


def keep_memory() -> None:
    """Let nothing of this process's memory be written down when it dies, nor be read by others of its user meanwhile.

    The PEM files that pass through it hold private keys. A limit of core files by itself does not hold for a
    core_pattern that is a pipe (core(5)).
    """
    if sys.platform != "linux":
        return
    import resource

    _library.prctl(_SET_DUMPABLE, ctypes.c_ulong(0))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _allow(ruleset: int, path: str, access: int, directory: int = 0) -> None:
    """Allow this at a path; `directory` beside it where that is one, which is passed over where there is none."""
    try:
        place = os.open(path, os.O_PATH)
    except OSError:
        return
    try:
        if stat.S_ISDIR(os.fstat(place).st_mode):
            if not directory:
                return
            access |= directory
        _checked(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(_PathBeneath(access, place)), 0)
    finally:
        os.close(place)


def _no_new_privileges() -> None:
    """Landlock asks for it, and nothing here ever gains a right by executing."""
    zeros = [ctypes.c_ulong(0)] * 3
    if _library.prctl(_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), *zeros):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _seccomp() -> Seccomp:
    words = {b"0": Seccomp.NONE, b"1": Seccomp.STRICT, b"2": Seccomp.FILTER}
    try:
        with open("/proc/self/status", "rb") as lines:
            found = next((line.split()[1] for line in lines if line.startswith(b"Seccomp:")), b"")
    except OSError:
        found = b""
    return words.get(found, Seccomp.UNKNOWN)


def _checked(number: int, *arguments: object) -> int:
    found = _call(number, *arguments)
    if found < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return found


def _call(number: int, *arguments: object) -> int:
    words = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    found: int = _library.syscall(ctypes.c_long(number), *words)
    return found


if sys.platform == "linux":
    _library = ctypes.CDLL(None, use_errno=True)
    _library.syscall.restype = ctypes.c_long
