"""Where nothing has changed a look only compares states; whatever changes is in the very next one."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from exporter.agents.node.agent import NodeAgent
from exporter.facts.host.paths import path_table
from exporter.facts.host.read import Look, Read
from exporter.facts.source import skipped
from exporter.presets import preset
from exporter.reason import Source
from exporter.sources.files import openat2
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.host_reads import HostReader
from exporter.sources.files.watch import Mark
from exporter.web.app import Application
from exporter.web.request import Request
from tests.agents.nodes import CA, NOW, simulated

pytestmark = pytest.mark.skipif(not openat2.supported(), reason="this system has no openat2")

TABLE = path_table(preset("aks-linux"))
PKI, CERTS = "var/lib/kubelet/pki", "etc/kubernetes/certs"
CURRENT = f"{PKI}/kubelet-client-current.pem"


class Counted(HostFiles):
    """Counts the looks that ask for every path."""

    looks = 0

    def look_all(self, wanted: Sequence[Look]) -> list[Read[object]]:
        self.looks += 1
        return super().look_all(wanted)


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
    names = ("nothing", "hang", "young", *(change.__name__ for change in CHANGES))
    roots = {one: simulated(tmp_path_factory.mktemp(one)).root for one in names}
    born = max(path.lstat().st_ctime_ns for root in roots.values() for path in root.rglob("*"))
    while time.time_ns() - born < 2_100_000_000:
        time.sleep(0.05)
    return roots


def test_while_nothing_changes_nothing_is_asked(settled: dict[str, Path]) -> None:
    """Neither in another thread nor in this one."""
    files = Counted(settled["nothing"])
    reader = HostReader(files, TABLE)
    first, second = reader.read(), reader.read()
    looks = files.looks
    assert [reader.read() is first, reader.read(here=True) is first, second is first] == [True, True, True]
    assert files.looks == looks


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_in_the_very_next_look(change: Callable[[Path], None], settled: dict[str, Path]) -> None:
    """A look that only compares states misses none of them."""
    root = settled[change.__name__]
    files = Counted(root)
    reader = HostReader(files, TABLE)
    first = reader.read()
    assert reader.read() is reader.read(here=True) is first
    looks = files.looks
    change(root)
    found = reader.read(here=True)
    assert files.looks > looks
    assert found == HostReader(HostFiles(root), TABLE).read()


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


class Hanging(HostFiles):
    """Where the comparison in the caller's thread hangs, as on a disk that has died."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.hang, self.hanging = threading.Event(), 0

    def as_marked(self, wanted: Sequence[Mark], *, here: bool = False) -> bool:
        if here and not self.hanging:
            self.hanging += 1
            self.hang.wait(60)
        return super().as_marked(wanted, here=here)


def test_a_scrape_goes_around_a_comparison_that_hangs(settled: dict[str, Path]) -> None:
    """It comes half a second later, and the next one does not wait at all."""
    files = Hanging(settled["hang"])
    agent = NodeAgent("aks-1", files, TABLE, skipped(Source.KUBELET, "", on_purpose=True))
    agent.look()
    agent.look()
    application = Application(agent)

    async def scrape() -> tuple[int, bytes]:
        response = await application(Request("GET", "/metrics", "", ()))
        return response.status, response.body

    async def scrapes() -> list[tuple[int, bytes]]:
        return [await scrape() for _ in range(3)]

    try:
        answers = asyncio.run(scrapes())
    finally:
        files.hang.set()
        application.close()
    assert files.hanging == 1
    assert [status for status, _ in answers] == [200] * 3
    assert all(b'status="ok"' in body for _, body in answers)
