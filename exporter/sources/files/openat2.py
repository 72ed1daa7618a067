"""A directory's descriptor and a path in, an open descriptor out: openat2(2), with that directory as the root."""

import ctypes
import errno
import functools
import os
import sys
import time

__all__ = ["file_system", "open_beneath", "open_cached", "open_encoded", "supported"]

_SYS_OPENAT2 = 437  # the same number on every architecture Kubernetes runs on
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_IN_ROOT = 0x10
_RESOLVE_CACHED = 0x20  # since Linux 5.12; before that EINVAL
_AT_FDCWD = -100
_ATTEMPTS, _ATTEMPTS_AT_ONCE = 20, 3


class _OpenHow(ctypes.Structure):
    """struct open_how of linux/openat2.h."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_HOW_BYTES = ctypes.sizeof(_OpenHow)
_STATFS_BYTES = 256  # more than struct statfs has anywhere


@functools.cache
def _how(flags: int) -> _OpenHow:
    return _OpenHow(flags | os.O_CLOEXEC, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)


def open_beneath(root: int, path: str, flags: int) -> int:
    """Open a path as if `root` were `/`: absolute links start there and `..` stops there. Raises OSError.

    EAGAIN is the kernel's word for a `..` that raced with a rename anywhere on the machine (openat2(2)): it is asked
    again. EINTR is too, because ctypes does not do so (PEP 475 covers only the os module).
    """
    return open_encoded(root, os.fsencode(path), flags)


def open_encoded(root: int, path: bytes, flags: int) -> int:
    """The same for a path as the system has it."""
    return _opened(root, path, _how(flags), _ATTEMPTS, 0.0001)


def _opened(root: int, path: bytes, how: _OpenHow, attempts: int, pause: float) -> int:
    for attempt in range(attempts):
        found: int = _syscall(_SYS_OPENAT2, root, path, ctypes.byref(how), _HOW_BYTES)
        if found >= 0:
            return found
        error = ctypes.get_errno()
        if error not in {errno.EAGAIN, errno.EINTR}:
            break
        time.sleep(pause * attempt)
    raise OSError(error, os.strerror(error), path)


def open_cached(root: int | None, path: bytes, flags: int) -> int:
    """The same where the kernel need not wait for any disk or server to find the path; OSError (EAGAIN) where it would.

    Without a root the path is this process's own. EAGAIN is also said of what is cached and raced with a rename.
    """
    within = 0 if root is None else _RESOLVE_IN_ROOT
    return _opened(_AT_FDCWD if root is None else root, path, _cached(flags, within), _ATTEMPTS_AT_ONCE, 0.0)


@functools.cache
def _cached(flags: int, within: int) -> _OpenHow:
    return _OpenHow(flags | os.O_CLOEXEC, 0, within | _RESOLVE_NO_MAGICLINKS | _RESOLVE_CACHED)


def file_system(descriptor: int) -> int:
    """The type of the file system that a file is in (statfs(2), f_type; <linux/magic.h>). Raises OSError."""
    found = ctypes.create_string_buffer(_STATFS_BYTES)
    if _library.fstatfs(descriptor, found):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return int(ctypes.c_long.from_buffer(found).value)


def supported() -> bool:
    """Whether this kernel (5.6 or later) has openat2 and no seccomp filter forbids it."""
    if sys.platform != "linux":
        return False
    try:
        root = os.open("/", os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        os.close(open_beneath(root, "/", os.O_PATH))
    except OSError:  # ENOSYS; EPERM is an older container runtime's filter
        return False
    finally:
        os.close(root)
    return True


if sys.platform == "linux":
    _library = ctypes.CDLL(None, use_errno=True)
    _syscall = _library.syscall
    _syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)
    _syscall.restype = ctypes.c_long
