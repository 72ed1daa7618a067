"""What an answer rests on: which states are marked for it, whether they still hold; and a watch that never waits."""

import ctypes
import os
import select
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.facts.host.read import Look, Read, Version, Way
from exporter.file_state import State, file_state
from exporter.reason import FileStatus
from exporter.sources.files import openat2
from exporter.sources.files.prompt import _LOCAL, Prompt, _changed
from exporter.sources.files.watch import SETTLED_NS, _above, as_marked, directory, holding, marks
from tests.sources.forked import forked

pytestmark = pytest.mark.skipif(not openat2.supported(), reason="this system has no openat2")


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host whose states have settled."""
    place = tmp_path_factory.mktemp("old")
    (place / "a/b").mkdir(parents=True)
    (place / "a/file").write_text("x")
    while time.time_ns() - (place / "a").lstat().st_ctime_ns < SETTLED_NS + 50_000_000:
        time.sleep(0.05)
    return place


@pytest.fixture
def root(old: Path) -> Iterator[int]:
    descriptor = os.open(old, os.O_PATH)
    yield descriptor
    os.close(descriptor)


def state(path: Path) -> State:
    return file_state(path.stat())


def test_only_the_very_state_is_a_mark(tmp_path: Path) -> None:
    """Of something that is there."""
    place = os.open(tmp_path, os.O_PATH)
    here = state(tmp_path)
    other = (*here[:4], here[4] + 1)
    assert [
        as_marked(place, marked)
        for marked in ([(b"/", here)], [(b"/", other)], [(b"/", here), (b"/", other)], [(b"/never", here)])
    ] == [True, False, False, False]
    os.close(place)


def test_a_mark_holds_while_its_state_does(old: Path, root: int) -> None:
    """All of them; and none that cannot be opened."""
    before = set(os.listdir("/proc/self/fd"))
    here, file = (b"/a", state(old / "a")), (b"/a/file", state(old / "a/file"))
    other, gone = (b"/a", state(old / "a/file")), (b"/never", state(old / "a"))
    assert as_marked(root, [])
    assert as_marked(root, [here, file])
    assert [as_marked(root, [here, one, file]) for one in (other, gone)] == [False, False]
    assert holding(root, [gone, here, here, other, file]) == {here, file}
    assert holding(root, []) == frozenset()
    opened: list[tuple[int, bytes, int]] = []

    def own(place: int, path: bytes, flags: int) -> int:
        opened.append((place, path, flags))
        return os.dup(place)

    assert as_marked(root, [(b"x", state(old))], own)
    assert opened == [(root, b"x", os.O_PATH)]
    assert set(os.listdir("/proc/self/fd")) <= before


@pytest.mark.parametrize(
    ("look", "status", "place"),
    [
        (Look("/a", Way.NAMES), FileStatus.OK, "/a"),
        (Look("/a/", Way.NAMES), FileStatus.OK, "/a/"),
        (Look("C:\\a", Way.NAMES), FileStatus.OK, "/a"),
        (Look("/a/file", Way.PRESENCE), FileStatus.OK, None),
        (Look("/a/file", bytes.decode), FileStatus.OK, None),
        (Look("/a", Way.NAMES), FileStatus.ERROR, None),
        (Look("/a/never", Way.PRESENCE), FileStatus.NOT_FOUND, "/a"),
        (Look("/a/never", Way.NAMES), FileStatus.NOT_FOUND, "/a"),
        (Look("/a/b/c/d/e", bytes.decode), FileStatus.NOT_FOUND, "/a/b"),
        (Look("/a/file/x", bytes.decode), FileStatus.NOT_FOUND, "/a/file"),
        (Look("/x/y", bytes.decode), FileStatus.NOT_FOUND, "/"),
        (Look("/a/never/", bytes.decode), FileStatus.NOT_FOUND, "/a"),
        (Look("/", bytes.decode), FileStatus.NOT_FOUND, None),
        (Look("", bytes.decode), FileStatus.NOT_FOUND, None),
    ],
)
def test_an_answer_rests_on_the_nearest_directory_that_is_there(
    look: Look, status: FileStatus, place: str | None, old: Path, root: int
) -> None:
    """The names in it are of its own state; what is not there, of the state of the last one above it that is."""
    found = directory(root, look, Read(look.path, status))
    assert found == (None if place is None else (place.encode(), state(old / place.strip("/"))))


def test_a_directory_that_has_just_changed_says_nothing(tmp_path: Path) -> None:
    """Nor does one of the future."""
    place = os.open(tmp_path, os.O_PATH)
    try:
        look = Look("/", Way.NAMES)
        assert directory(place, look, Read("/", FileStatus.OK)) is None
    finally:
        os.close(place)
    (tmp_path / "a").mkdir()
    os.utime(tmp_path / "a", (1, 1))
    place = os.open(tmp_path / "a", os.O_PATH)
    try:
        assert directory(place, look, Read("/", FileStatus.OK)) is None, "its ctime counts too"
    finally:
        os.close(place)


@pytest.mark.parametrize(
    ("path", "above"),
    [
        ("/a/b/c", ["/a/b", "/a", "/"]),
        ("/a//b/", ["/a", "/"]),
        ("//a", ["/"]),
        ("//", []),
        ("/a/XX/b", ["/a/XX", "/a", "/"]),
        ("/a", ["/"]),
        ("/X", ["/"]),
        ("/X/b", ["/X", "/"]),
        ("a/b", ["a", "/"]),
        ("/", []),
        ("", []),
    ],
)
def test_the_directories_above_a_path_come_nearest_first(path: str, above: list[str]) -> None:
    assert list(_above(path)) == above


VERSION = Version(1, 2, 3, 4, 5)


def test_only_what_can_be_told_to_hold_has_a_mark() -> None:
    """A directory where the answer rests on one, a file that is there, or bytes that are known."""
    absent, present, parsed, unknown, failed = (Look(f"/{one}", Way.PRESENCE) for one in "abcde")
    unversioned, windows = Look("/f", Way.PRESENCE), Look("C:\\é", bytes.decode)
    read = Look("/g", bytes.decode)
    answers: dict[Look, Read[object]] = {
        absent: Read("/a", FileStatus.NOT_FOUND),
        present: Read("/b", FileStatus.OK, version=VERSION),
        parsed._replace(way=bytes.decode): Read("/c", FileStatus.OK, "x", VERSION),
        unknown._replace(way=Way.NAMES): Read("/d", FileStatus.OK, version=VERSION),
        failed: Read("/e", FileStatus.NOT_A_FILE, version=VERSION),
        unversioned: Read("/f", FileStatus.OK),
        windows: Read("C:\\é", FileStatus.OK, "x"),
        read: Read("/g", FileStatus.OK, "x"),
    }
    settled = {windows: (6, 7, 8, 9, 10), read: (9, 9, 9, 9, 9)}
    assert marks(answers, {absent: (b"/", (0, 0, 0, 0, 0)), read: (b"/x", (1, 1, 1, 1, 1))}, settled) == {
        absent: (b"/", (0, 0, 0, 0, 0)),
        present: (b"/b", (1, 2, 3, 4, 5)),
        windows: ("/é".encode(), (6, 7, 8, 9, 10)),
        read: (b"/x", (1, 1, 1, 1, 1)),
    }


def test_a_prompt_look_is_allowed_first_and_compares_then(old: Path, root: int) -> None:
    """It has opened the table of mounts by then, once; a path that is not there is an error."""
    wanted = [(b"/a", state(old / "a")), (b"/a/file", state(old / "a/file"))]
    asked = Prompt(str(old))
    assert asked.as_marked(wanted) is False, "nobody has looked where it is mounted"
    before = set(os.listdir("/proc/self/fd"))
    if openat2.file_system(root) not in _LOCAL:
        assert asked.allows(root, wanted) is False
        return
    assert [asked.allows(root, wanted), asked.allows(root, [])] == [True, True]
    assert len(set(os.listdir("/proc/self/fd")) - before) == 1
    settles = [asked.as_marked(wanted) for _ in range(20)]
    assert any(settles), "the kernel may lose a race with a rename anywhere"
    assert asked.as_marked([*wanted, (b"/a", state(old / "a/file"))]) is False
    assert asked.as_marked([*wanted, (b"/never", state(old / "a"))]) is False
    with pytest.raises(FileNotFoundError):
        asked.allows(root, [(b"/never", state(old))])
    assert len(set(os.listdir("/proc/self/fd")) - before) == 1
    os.close(asked._table or -1)


def test_a_prompt_look_is_taken_while_another_thread_asks_for_leave(old: Path, root: int) -> None:
    """Two scrapes have just read the files, and the next is answered at once: one poll object would refuse that."""
    wanted = [(b"/a", state(old / "a"))]
    asked, looked = Prompt(str(old)), threading.Event()
    allowed = []

    def leave() -> None:
        while not looked.is_set():
            allowed.append(asked.allows(root, wanted))

    asked.allows(root, wanted)
    asking = threading.Thread(target=leave)
    asking.start()
    try:
        settles = {asked.as_marked(wanted) for _ in range(3000)}
    finally:
        looked.set()
        asking.join()
    assert settles <= {True, False}
    assert set(allowed) == {openat2.file_system(root) in _LOCAL}
    os.close(asked._table or -1)


_NEWUSER, _NEWNS = 0x10000000, 0x20000  # <linux/sched.h>


def test_what_is_mounted_later_is_noticed_once(tmp_path: Path) -> None:
    """In a process with mounts of its own, where a machine lets it have them."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    wanted = [(b"/", state(tmp_path))]
    asked, root = Prompt(str(tmp_path)), os.open(tmp_path, os.O_PATH)
    allowed = asked.allows(root, wanted)  # here too, so that it is known which lines this test runs
    os.close(asked._table or -1)

    def work() -> object:
        library = ctypes.CDLL(None)

        def mounted(name: str) -> bool:
            return not library.mount(b"none", os.fsencode(tmp_path / name), b"tmpfs", 0, None)

        asked = Prompt(str(tmp_path))
        if library.unshare(_NEWUSER | _NEWNS) or not (asked.allows(root, wanted) and mounted("one")):
            return None
        said = [asked.as_marked(wanted), any(asked.as_marked(wanted) for _ in range(20)), mounted("other")]
        return [*said, asked.allows(root, wanted), _changed(asked._table or -1)]

    found = forked(work)
    os.close(root)
    assert found in ([False, True, True, True, False], None)
    assert allowed or found is None


def test_where_a_system_tells_of_no_mounts_nothing_is_asked_at_once(root: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "poll")
    asked = Prompt("/")
    assert (asked.allows(root, []), asked.as_marked([]), asked._table) == (False, False, None)


def test_what_lies_in_another_file_system_is_not_asked_at_once(tmp_path: Path) -> None:
    """Below a root that may be: each path is asked where it lies."""
    place = os.open("/", os.O_PATH)
    try:
        if openat2.file_system(place) in _LOCAL:
            asked = Prompt("/")
            assert asked.allows(place, [])
            assert asked.allows(place, [(b"/proc/self", (0, 0, 0, 0, 0))]) is False
            os.close(asked._table or -1)
    finally:
        os.close(place)
    with pytest.raises(FileNotFoundError):
        Prompt("/", str(tmp_path / "never")).allows(0, [])


def test_a_root_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    place = os.open("/proc", os.O_PATH)
    asked = Prompt(str(tmp_path / "gone"))
    try:
        assert asked.allows(place, []) is False, "it is no local file system"
        assert asked.as_marked([]) is False
    finally:
        os.close(place)
        os.close(asked._table or -1)


def test_the_file_systems_that_answer_from_memory() -> None:
    """<linux/magic.h>."""
    assert {hex(one) for one in _LOCAL} == {
        *{"0xef53", "0x58465342", "0x9123683e", "0x1021994", "0x858458f6", "0x794c7630"},
        *{"0xf2f52010", "0x73717368", "0xe0f5e1e2"},
    }
