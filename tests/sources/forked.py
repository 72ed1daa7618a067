"""Work that changes the process it is done in, for good: done in a fork, what came of it out."""

import ctypes
import json
import os
import struct
from collections.abc import Callable, Mapping

__all__ = ["forked", "refusing", "status"]

_OUT = 1100
"""Where a fork writes its answer: `closerange(1, 1024)` leaves it open."""
_SET_NO_NEW_PRIVS, _SET_SECCOMP = 38, 22  # <linux/prctl.h>
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # <linux/bpf_common.h>
_ERRNO, _ALLOW = 0x50000, 0x7FFF0000  # <linux/seccomp.h>


def forked(work: Callable[[], object]) -> object:
    """What the work says, as JSON has it, in a process that ends with it; or how that process ended."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reads)
            os.dup2(writes, _OUT)
            os.write(_OUT, json.dumps(work()).encode())
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            os.write(_OUT, json.dumps(repr(error)).encode())
        os._exit(99)
    os.close(writes)
    with os.fdopen(reads, "rb") as answer:
        said = answer.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return json.loads(said) if said else f"ended with {code}"


def refusing(calls: Mapping[int, int]) -> None:
    """Have the kernel refuse system calls by number, each with an errno: seccomp(2). It cannot be taken off."""
    code = [(_LOAD, 0, 0, 0)]
    for number, error in calls.items():
        code += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | error)]
    lines = ctypes.create_string_buffer(
        b"".join(struct.pack("=HBBI", *one) for one in [*code, (_RETURN, 0, 0, _ALLOW)])
    )
    program = ctypes.c_char_p(struct.pack("@HP", len(code) + 1, ctypes.addressof(lines)))
    library, zero = ctypes.CDLL(None, use_errno=True), ctypes.c_ulong(0)
    assert not library.prctl(_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero)
    assert not library.prctl(_SET_SECCOMP, ctypes.c_ulong(2), program, zero, zero)


def status(process: int | str = "self") -> dict[str, str]:
    """What the kernel says of a process (proc(5), /proc/PID/status)."""
    with open(f"/proc/{process}/status", encoding="ascii") as lines:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
