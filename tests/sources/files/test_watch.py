"""Where nothing has changed a look only compares states; whatever changes is in the very next one."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from exporter.facts.host.paths import path_table
from exporter.facts.host.read import Look, Read
from exporter.presets import preset
from exporter.sources.files import openat2
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.host_reader import HostReader
from exporter.sources.files.prompt import Prompt
from exporter.sources.files.watch import Mark
from tests.agents.nodes import CA, NOW, simulated

pytestmark = pytest.mark.skipif(not openat2.supported(), reason="this system has no openat2")

TABLE = path_table(preset("aks-linux"))
PKI, CERTS = "var/lib/kubelet/pki", "etc/kubernetes/certs"
CURRENT = f"{PKI}/kubelet-client-current.pem"


class Counted(HostFiles):
    """Counts the looks that ask for every path."""

    looks = 0
    again: tuple[Look, ...] = ()

    def look_all(self, wanted: Sequence[Look]) -> list[Read[object]]:
        self.looks += 1
        return super().look_all(wanted)

    def look_again(
        self, wanted: Sequence[Look], known: Mapping[Look, Read[object]]
    ) -> tuple[dict[Look, Read[object]], dict[Look, Mark]]:
        self.looks += 1
        self.again = tuple(wanted)
        return super().look_again(wanted, known)


def content(root: Path) -> None:
    """In place, of the same size."""
    path = root / CERTS / "ca.crt"
    path.write_bytes(path.read_bytes().replace(b"A", b"B"))


def swap(root: Path) -> None:
    """As the kubelet does it."""
    (root / PKI / "renewed.pem").write_bytes(CA.kubelet_client("aks-1", NOW).pem)
    (root / PKI / "next.pem").symlink_to(f"/{PKI}/renewed.pem")
    (root / PKI / "next.pem").rename(root / CURRENT)


def mode(root: Path) -> None:
    (root / CERTS / "ca.crt").chmod(0o600)


def gone(root: Path) -> None:
    (root / CERTS / "apiserver.crt").unlink()


def appeared(root: Path) -> None:
    """A file of the table that was not there."""
    (root / CERTS / "client.crt").write_bytes(CA.pem)


def dangling(root: Path) -> None:
    """A link to nowhere where nothing was."""
    (root / CERTS / "client.crt").symlink_to("/nowhere")


def directory(root: Path) -> None:
    """The directory around an absent file is another one, in which it is there."""
    other = root / "etc/systemd/other"
    other.mkdir()
    (other / "kubelet.service").write_text("[Service]\nExecStart=/usr/local/bin/kubelet\n")
    (root / "etc/systemd/system").rename(root / "etc/systemd/former")
    other.rename(root / "etc/systemd/system")


def name(root: Path) -> None:
    """One name more in a directory that is listed."""
    (root / PKI / "kubelet-client-2020-01-01-00-00-00.pem").write_bytes(b"")


def drop_in(root: Path) -> None:
    (root / "etc/systemd/system/kubelet.service.d/99.conf").write_text("[Service]\n")


def evidence(root: Path) -> None:
    """A file whose presence is all that counts."""
    (root / "etc/default/secure-tls-bootstrap").write_text("")


CHANGES: tuple[Callable[[Path], None], ...] = (
    content,
    swap,
    mode,
    gone,
    appeared,
    dangling,
    directory,
    name,
    drop_in,
    evidence,
)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A node for each test, all of whose files and directories are old enough to be told apart by their states."""
    return aged(
        tmp_path_factory, "nothing", "mounts", "young", "one", "born", "far", *(change.__name__ for change in CHANGES)
    )


@pytest.fixture(scope="module")
def prompt(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same for the tests of looks that do not wait."""
    return aged(tmp_path_factory, *(change.__name__ for change in CHANGES))


def aged(tmp_path_factory: pytest.TempPathFactory, *names: str) -> dict[str, Path]:
    roots = {one: simulated(tmp_path_factory.mktemp(one)).root for one in names}
    born = max(path.lstat().st_ctime_ns for root in roots.values() for path in root.rglob("*"))
    while time.time_ns() - born < 2_100_000_000:
        time.sleep(0.05)
    return roots


def test_while_nothing_changes_nothing_is_asked(settled: dict[str, Path]) -> None:
    """The second look of settled files prepares for the third."""
    files = Counted(settled["nothing"])
    reader = HostReader(files, TABLE)
    first, second = reader.read(), reader.read()
    looks = files.looks
    assert [reader.read() is first, second is first] == [True, True]
    assert files.looks == looks


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_in_the_very_next_look(change: Callable[[Path], None], settled: dict[str, Path]) -> None:
    """A look that only compares states misses none of them."""
    root = settled[change.__name__]
    files = Counted(root)
    reader = HostReader(files, TABLE)
    first = reader.read()
    assert reader.read() is reader.read() is first
    looks = files.looks
    change(root)
    found = reader.read()
    assert files.looks > looks
    assert found == HostReader(HostFiles(root), TABLE).read()


def test_after_a_change_only_what_it_touched_is_asked_again(settled: dict[str, Path]) -> None:
    """Of two dozen paths: the changed file, and what its directory tells, until that has settled."""
    root = settled["one"]
    files = Counted(root)
    reader = HostReader(files, TABLE)
    first = reader.read()
    assert reader.read() is first
    (root / CERTS / "ca.crt").write_bytes(CA.pem * 2)
    changed = reader.read()
    assert [look.path for look in files.again] == ["/etc/kubernetes/certs/ca.crt"]
    assert changed.evidence is first.evidence
    swap(root)
    rotated = reader.read()
    around = {f"/{CERTS}/ca.crt", f"/{CURRENT}", f"/{PKI}", f"/{PKI}/kubelet-client.key.tmp", f"/{PKI}/kubelet.crt"}
    assert {look.path for look in files.again} == around
    assert rotated.evidence is first.evidence
    assert rotated == HostReader(HostFiles(root), TABLE).read()
    evidence(root)
    assert reader.read().evidence != first.evidence


def test_a_directory_that_was_not_there_is_not_taken_for_its_parent(settled: dict[str, Path]) -> None:
    """It was absent as long as its parent was as it was; now its own state tells which names it holds."""
    root = settled["born"]
    drop_ins = root / "etc/systemd/system/kubelet.service.d"
    drop_ins.rename(root / "aside")
    reader = HostReader(HostFiles(root), TABLE)
    while time.time_ns() - max(drop_ins.parent.stat().st_ctime_ns, root.stat().st_ctime_ns) < 2_100_000_000:
        time.sleep(0.05)
    without = reader.read()
    assert reader.read() is without
    (root / "aside").rename(drop_ins)
    found = reader.read()
    assert found != without
    drop_in(root)
    assert reader.read() != found


def test_what_has_only_just_changed_is_looked_at_as_ever(settled: dict[str, Path]) -> None:
    """Two changes within one tick of the file system's clock leave the same state."""
    root = settled["young"]
    swap(root)
    files = Counted(root)
    reader = HostReader(files, TABLE)
    for _ in range(4):
        reader.read()
        looks = files.looks
        reader.read()
        assert files.looks > looks


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_not_missed_where_nothing_may_be_waited_for(
    change: Callable[[Path], None], prompt: dict[str, Path]
) -> None:
    """The comparison on the thread that serves everybody sees it too, and leaves the look to another."""
    root = prompt[change.__name__]
    reader = HostReader(HostFiles(root), TABLE)
    first = reader.read()
    assert reader.read() is reader.read() is first
    assert told_at_once(reader) is first
    change(root)
    assert reader.read_at_once() is None
    assert reader.read() != first


def told_at_once(reader: HostReader) -> object:
    """The kernel's caches may lose a race with a rename anywhere on the machine: then another look prepares anew."""
    for _ in range(20):
        if (found := reader.read_at_once()) is not None:
            return found
        reader.read()
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts something in a namespace of its own")
def test_whoever_mounts_something_makes_it_wait_again(settled: dict[str, Path]) -> None:
    """What is mounted may hang: the kernel tells of it, and until that was looked at nothing is asked at once."""
    ran = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", MOUNTS, str(settled["mounts"])],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "True False\n", "")


MOUNTS = """
import ctypes, sys
from exporter.facts.host.paths import path_table
from exporter.presets import preset
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.host_reader import HostReader

reader = HostReader(HostFiles(sys.argv[1]), path_table(preset("aks-linux")))
before = False
for _ in range(20):
    reader.read()
    before = before or reader.read_at_once() is not None
reader.read()
assert ctypes.CDLL(None).mount(b"none", b"/mnt", b"tmpfs", 0, None) == 0
print(before, reader.read_at_once() is not None)
"""


def test_where_files_may_have_to_be_waited_for_that_is_asked_once(settled: dict[str, Path]) -> None:
    """Each path would have to be opened for it at each look, although a mark tells its device."""
    files = Distant(settled["far"])
    reader = HostReader(files, TABLE)
    first = reader.read()
    assert [reader.read() is first for _ in range(5)] == [True] * 5
    assert (files.asked, reader.read_at_once()) == (1, None)
    swap(settled["far"])
    assert reader.read() != first


class Distant(HostFiles):
    """Files of a file server."""

    asked = 0

    def prompt(self, wanted: Sequence[Mark]) -> bool | None:
        self.asked += 1
        return False


def test_files_of_a_file_server_are_never_asked_at_once() -> None:
    """As those of proc(5), whose type is not known to answer from memory."""
    asked = Prompt("/proc")
    place = os.open("/proc", os.O_PATH)
    try:
        assert asked.allows(place, ()) is False
    finally:
        os.close(place)
