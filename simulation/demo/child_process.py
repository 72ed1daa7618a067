"""`python -m simulation.demo.child_process PARENT [WORD] …`: another command, in a process that ends with its parent.

Without a word it is this project's command line. With `obey-modes` also root may not read what a file's mode forbids
there, as a container without DAC_READ_SEARCH may not. With `other` it is any program.
"""

import ctypes
import os
import runpy
import signal
import sys

__all__ = ["end_with", "obey_modes"]

# include/uapi/linux/prctl.h, include/uapi/linux/capability.h
PR_SET_PDEATHSIG = 1
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
LINUX_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def end_with(parent: int) -> None:
    """Have this process told to end when the thread that started it does; at once where it has already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(1)


def obey_modes() -> None:
    """Give up root's right to read any file (capset(2)). Raises OSError where the kernel does not let it."""
    if os.geteuid() != 0:
        return
    if sys.platform != "linux":
        raise OSError("root reads every file here: run the demo as another user")
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(LINUX_CAPABILITY_VERSION_3, 0), (_Sets * 2)()
    for call in (libc.capget, libc.capset):
        if call(ctypes.byref(header), ctypes.byref(sets)) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"cannot give up the right to read every file: {os.strerror(number)}")
        dropped = ~(1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH) & 0xFFFFFFFF
        sets[0].effective &= dropped
        sets[0].permitted &= dropped
        sets[0].inheritable &= dropped


if __name__ == "__main__":
    _, parent_id, *arguments = sys.argv
    end_with(int(parent_id))
    if arguments[:1] == ["other"]:
        os.execvp(arguments[1], arguments[1:])  # noqa: S606 - what the parent asks for; no shell is meant
    if arguments[:1] == ["obey-modes"]:
        arguments.pop(0)
        obey_modes()
    sys.argv[1:] = arguments
    runpy.run_module("exporter", run_name="__main__", alter_sys=True)
