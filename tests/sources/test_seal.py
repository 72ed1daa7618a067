"""What a seal leaves open and what it closes, and one that the kernel refuses: in a process of its own each time, since
a seal cannot be taken off.
"""

import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import astuple
from pathlib import Path

import pytest

from exporter.sources import seal as seals
from exporter.sources.seal import keep_memory, landlock_abi, seal
from tests.sources.forked import forked, refusing

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")


def test_the_version_is_the_one_that_the_kernel_says() -> None:
    """On it depends which of these tests are passed over."""
    said = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)
    assert landlock_abi() == max(said, 0)


TOO_OFTEN = """
from exporter.sources.seal import seal
said = [seal(()) for _ in range(20)]
print(said[0].filesystem, said[0].detail)
print(said[-1].filesystem, said[-1].detail)
"""


@pytest.mark.skipif(landlock_abi() < 4, reason="this kernel's Landlock does not cover the network")
def test_what_the_kernel_refuses_is_left_open_and_said_in_its_words() -> None:
    """It takes sixteen seals, one upon the other (landlock(7), E2BIG)."""
    ran = subprocess.run([sys.executable, "-c", TOO_OFTEN], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("sealed \nopen Landlock: Argument list too long\n", "")


WITHOUT_PROC = ("unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh")
LISTED = "import os, sys; from exporter.sources.seal import seal; seal(sys.argv[1:]); print(os.listdir(sys.argv[1]))"


@pytest.mark.skipif(not landlock_abi(), reason="this kernel has no Landlock")
def test_a_directory_is_left_open_where_there_is_no_proc(tmp_path: Path) -> None:
    """A seal that took it for no directory would close all there is, the program's own modules first."""
    if subprocess.run([*WITHOUT_PROC, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no namespaces for whoever runs this")
    (tmp_path / "there").touch()
    ran = subprocess.run(
        [*WITHOUT_PROC, sys.executable, "-c", LISTED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("['there']\n", "")


def outcome(attempt: Callable[[], object]) -> str:
    """What comes of it: nothing, or the name of the error."""
    try:
        found = attempt()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    if isinstance(found, socket.socket):
        found.close()
    return ""


def bound(port: int) -> socket.socket:
    found = socket.socket()
    try:
        found.bind(("127.0.0.1", port))
    except OSError:
        found.close()
        raise
    return found


def descriptors() -> list[int]:
    """Those that are open, without a look at /proc."""

    def is_open(number: int) -> bool:
        try:
            os.fstat(number)
        except OSError:
            return False
        return True

    return [number for number in range(200) if is_open(number)]


def free_port() -> int:
    with bound(0) as held:
        port: int = held.getsockname()[1]
        return port


@pytest.mark.skipif(landlock_abi() < 6, reason="this kernel's Landlock keeps no signals in")
def test_only_what_was_asked_for_is_left_open(tmp_path: Path) -> None:
    """To read below some paths, execute some files, listen and connect; no write, no other port, no signal."""
    for name in ("readable", "other", "tools"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("text")
        (tmp_path / name / "file").chmod(0o755)
    for name in ("run", "alone"):
        (tmp_path / name).write_text("no program")
        (tmp_path / name).chmod(0o755)
    os.mkfifo(tmp_path / "fifo")  # which nobody writes to: it would be waited for
    at = str(tmp_path)
    with ExitStack() as held:
        allowed, forbidden = (held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2))
        to, not_to = allowed.getsockname()[1], forbidden.getsockname()[1]
        on, not_on = free_port(), free_port()
        parent = os.getpid()

        def work() -> object:
            before = descriptors()
            said = seal(
                [f"{at}/readable", f"{at}/never", f"{at}/alone", f"{at}/fifo"],
                executable=[f"{at}/run", f"{at}/tools", f"{at}/never"],
                bind=[on],
                connect=[to],
            )
            attempts: dict[str, Callable[[], object]] = {
                "read": lambda: os.close(os.open(f"{at}/readable/file", os.O_RDONLY)),
                "list": lambda: os.listdir(f"{at}/readable"),
                "read one": lambda: os.close(os.open(f"{at}/alone", os.O_RDONLY)),
                "read what may run": lambda: os.close(os.open(f"{at}/run", os.O_RDONLY)),
                "run": lambda: os.execv(f"{at}/run", ["run"]),
                "bind": lambda: bound(on),
                "connect": lambda: socket.create_connection(("127.0.0.1", to)),
                "read another": lambda: os.open(f"{at}/other/file", os.O_RDONLY),
                "list another": lambda: os.listdir(f"{at}/other"),
                "read below what is no file to run": lambda: os.open(f"{at}/tools/file", os.O_RDONLY),
                "run what may be read": lambda: os.execv(f"{at}/readable/file", ["file"]),
                "run another": lambda: os.execv(f"{at}/alone", ["alone"]),
                "write": lambda: os.open(f"{at}/readable/file", os.O_WRONLY),
                "make": lambda: os.mkdir(f"{at}/readable/new"),
                "bind elsewhere": lambda: bound(not_on),
                "bind where to connect": lambda: bound(to),
                "connect elsewhere": lambda: socket.create_connection(("127.0.0.1", not_to)),
                "connect where to bind": lambda: socket.create_connection(("127.0.0.1", on)),
                "signal": lambda: os.kill(parent, 0),
            }
            came = {name: outcome(attempt) for name, attempt in attempts.items()}
            return [
                astuple(said),
                came,
                descriptors() == before,
                ctypes.CDLL(None).prctl(39, 0, 0, 0, 0),  # PR_GET_NO_NEW_PRIVS
                seals._seccomp(),
            ]

        found = forked(work)
    assert isinstance(found, list)
    sandbox, came, *rest = found
    open_ones = ("read", "list", "read one", "read what may run", "bind", "connect")
    assert came == {
        **dict.fromkeys(came, "EACCES"),
        **dict.fromkeys(open_ones, ""),
        "run": "ENOEXEC",
        "signal": "EPERM",
    }
    assert sandbox == [landlock_abi(), "sealed", "tcp", "none", ""]
    assert rest == [True, 1, "unknown"], "nothing is left open, and /proc cannot be read any more"


CREATE, ADD, RESTRICT = 444, 445, 446
SET = (157, 167)
"""prctl of x86-64 and of arm64."""


@pytest.mark.skipif(landlock_abi() < 4, reason="this kernel's Landlock does not cover the network")
@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ({CREATE: errno.EOPNOTSUPP}, [0, "open", "open", "filter", "the kernel offers no Landlock"]),
        ({ADD: errno.ENOMEM}, [landlock_abi(), "open", "open", "filter", "Landlock: Cannot allocate memory"]),
        ({RESTRICT: errno.EPERM}, [landlock_abi(), "open", "open", "filter", "Landlock: Operation not permitted"]),
        (
            dict.fromkeys(SET, errno.EACCES),
            [landlock_abi(), "open", "open", "filter", "Landlock: Permission denied"],
        ),
    ],
)
def test_what_a_filter_refuses_is_left_open_and_said(refused: dict[int, int], said: list[object]) -> None:
    """At each of its steps, with nothing left behind."""

    def work() -> object:
        refusing(refused)
        before = descriptors()
        found = seal(["/"], connect=[1])
        kinds = [type(found.filesystem).__name__, type(found.network).__name__]
        return [astuple(found), kinds, descriptors() == before]

    assert forked(work) == [said, ["FilesystemSeal", "NetworkSeal"], True]


@pytest.mark.parametrize(
    ("abi", "handled"),
    [
        (1, (0x1FFF, 0, 0, 8)),
        (2, (0x3FFF, 0, 0, 8)),
        (3, (0x7FFF, 0, 0, 8)),
        (4, (0x7FFF, 3, 0, 16)),
        (5, (0xFFFF, 3, 0, 16)),
        (6, (0xFFFF, 3, 3, 24)),
        (7, (0xFFFF, 3, 3, 24)),
    ],
)
def test_each_version_of_landlock_refuses_all_that_it_can(abi: int, handled: tuple[int, int, int, int]) -> None:
    """<linux/landlock.h>: the rights, and the size of the structure that holds them."""
    rules, size = seals._handled(abi)
    assert (rules.fs, rules.net, rules.scoped, size) == handled


def test_a_kernel_that_covers_no_network_leaves_it_open_and_that_is_said() -> None:
    assert [seals._network(handled)[0] for handled in (3, 0)] == ["tcp", "open"]
    assert [bool(seals._network(handled)[1]) for handled in (3, 0)] == [False, True]


def test_no_memory_is_written_down_when_it_dies() -> None:
    def work() -> object:
        keep_memory()
        return [ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)]

    assert forked(work) == [0, [0, 0]]


def test_another_system_has_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    def work() -> object:
        library = ctypes.CDLL(None)
        before = library.prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)
        keep_memory()
        return [landlock_abi(), before == (library.prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))]

    assert forked(work) == [0, True]


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS])
def test_a_limit_that_cannot_be_set_is_let_be(error: int) -> None:
    """Which Python tells as a ValueError and as an OSError."""

    def work() -> object:
        refusing(dict.fromkeys((302, 160, 261, 164), error))  # prlimit64 and setrlimit of x86-64 and arm64
        keep_memory()
        return "goes on"

    assert forked(work) == "goes on"
