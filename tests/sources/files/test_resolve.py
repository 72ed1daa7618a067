"""Where a path leads below a root, step by step: the place, or why there is none; and no descriptor is left behind."""

import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.reason import FileStatus
from exporter.sources.files.directory import Directory, FdDirectory, PathDirectory
from exporter.sources.files.resolve import UnresolvedPath, _is_machine_root, last_change, walk

BROKEN, OUTSIDE, ABSENT = FileStatus.BROKEN_SYMLINK, FileStatus.OUTSIDE_ROOT, FileStatus.NOT_FOUND
LINKS = {
    "/etc/absolute": "/var/file",
    "/etc/relative": "../var/file",
    "/etc/dotted": "./../var/./file",
    "/etc/above": "../../../var/file",
    "/etc/chain": "absolute",
    "/etc/folder": "/var",
    "/etc/root": "/",
    "/etc/gone": "never",
    "/etc/gone-far": "/var/never/file",
    "/etc/not-folder": "/var/file/below",
    "/etc/outside": "/mnt/never",
    "/etc/outside-up": "../../mnt",
    "/etc/outside-far": "/mnt/a/b",
    "/etc/to-outside": "outside",
    "/etc/down-and-up": "/mnt/../never",
    "/etc/loop": "loop",
    "/etc/gone-up": "../never",
    "/gone": "never",
}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("host")
    (place / "etc/deep").mkdir(parents=True)
    (place / "var").mkdir()
    (place / "var/file").write_text("")
    for name, target in LINKS.items():
        (place / name[1:]).symlink_to(target)
    for number in range(42):
        (place / f"var/{number}").symlink_to("file" if number == 0 else str(number - 1))
    return place


@pytest.fixture(params=[FdDirectory.at, PathDirectory.at], ids=["descriptor", "path"])
def root(request: pytest.FixtureRequest, host: Path) -> Iterator[Directory]:
    opened: Callable[[str], Directory] = request.param
    found = opened(str(host))
    before = set(os.listdir("/proc/self/fd"))
    yield found
    assert set(os.listdir("/proc/self/fd")) <= before
    found.close()


@pytest.mark.parametrize(
    ("path", "target", "name"),
    [
        ("/var/file", "/var/file", "file"),
        ("var//./file", "/var/file", "file"),
        ("/var", "/var", "var"),
        ("/var/", "/var", "."),
        ("/etc/deep/..", "/etc", "."),
        ("/etc/deep/../../var/file", "/var/file", "file"),
        ("/..", "/", "."),
        ("/../../var/file", "/var/file", "file"),
        ("/", "/", "."),
        ("", "/", "."),
        (".", "/", "."),
        ("/etc/absolute", "/var/file", "file"),
        ("/etc/relative", "/var/file", "file"),
        ("/etc/dotted", "/var/file", "file"),
        ("/etc/above", "/var/file", "file"),
        ("/etc/chain", "/var/file", "file"),
        ("/etc/folder", "/var", "var"),
        ("/etc/folder/", "/var", "."),
        ("/etc/folder/file", "/var/file", "file"),
        ("/etc/root", "/", "."),
        ("/etc/root/var/file", "/var/file", "file"),
        ("/etc/folder/../etc/absolute", "/var/file", "file"),
        ("/var/39", "/var/file", "file"),
    ],
)
def test_a_place_is_a_directory_and_a_name_that_is_no_link(path: str, target: str, name: str, root: Directory) -> None:
    place = walk(root, path)
    assert (place.target, place.name, place.root) == (target, name, root)
    kind = place.directory.stat(name).st_mode
    place.close()
    assert bool(kind & 0o40000) is (target != "/var/file")


@pytest.mark.parametrize(
    ("path", "status", "detail", "target"),
    [
        ("/never", ABSENT, "/never does not exist", "/never"),
        ("/never/a/./b", ABSENT, "/never does not exist", "/never/a/b"),
        ("/var/file/a", ABSENT, "/var/file is not a directory", "/var/file/a"),
        ("/var/file/", ABSENT, "/var/file is not a directory", "/var/file"),
        ("/../never", ABSENT, "/never does not exist", "/never"),
        ("/etc/root/never", ABSENT, "/never does not exist", "/never"),
        ("/etc/folder/never", ABSENT, "/var/never does not exist", "/var/never"),
        ("/etc/gone", BROKEN, "leads to /etc/never, which does not exist", "/etc/never"),
        ("/etc/gone/x", BROKEN, "leads to /etc/never/x, but /etc/never does not exist", "/etc/never/x"),
        ("/etc/gone-up", BROKEN, "leads to /never, which does not exist", "/never"),
        ("/gone", BROKEN, "leads to /never, which does not exist", "/never"),
        ("/etc/gone-far", BROKEN, "leads to /var/never/file, but /var/never does not exist", "/var/never/file"),
        ("/etc/not-folder", BROKEN, "leads to /var/file/below, but /var/file is not a directory", "/var/file/below"),
        ("/etc/outside", OUTSIDE, "leads to /mnt/never, outside the host root", "/mnt/never"),
        ("/etc/outside-up", OUTSIDE, "leads to /mnt, outside the host root", "/mnt"),
        ("/etc/outside-far", OUTSIDE, "leads to /mnt/a/b, outside the host root", "/mnt/a/b"),
        ("/etc/to-outside", OUTSIDE, "leads to /mnt/never, outside the host root", "/mnt/never"),
        ("/etc/outside/x", OUTSIDE, "leads to /mnt/never/x, outside the host root", "/mnt/never/x"),
        ("/etc/down-and-up", OUTSIDE, "leads to /mnt/../never, outside the host root", "/mnt/../never"),
        ("/etc/loop", BROKEN, "more than 40 links, the last to loop", "loop"),
        ("/etc/loop/x", BROKEN, "more than 40 links, the last to loop", "loop"),
        ("/var/40", BROKEN, "more than 40 links, the last to file", "file"),
    ],
)
def test_where_a_path_leads_nowhere_it_is_told_what_led_astray(
    path: str, status: FileStatus, detail: str, target: str, root: Directory
) -> None:
    """A link out of the root, a link to nothing, or nothing."""
    with pytest.raises(UnresolvedPath) as raised:
        walk(root, path)
    fault = raised.value
    assert (fault.status, fault.detail, fault.target, str(fault), fault.swapping) == (
        *(status, detail, target, detail),
        False,
    )


def test_nothing_is_outside_of_the_machines_own_root(tmp_path: Path) -> None:
    """There `..` stops for everybody."""
    (tmp_path / "up").symlink_to("../" * 40 + "no-such-name")
    (tmp_path / "absolute").symlink_to("/no-such-name/x")
    machine = FdDirectory.at("/")
    try:
        for name, target in (("up", "/no-such-name"), ("absolute", "/no-such-name/x")):
            with pytest.raises(UnresolvedPath) as raised:
                walk(machine, f"{tmp_path}/{name}")
            assert (raised.value.status, raised.value.target) == (BROKEN, target)
    finally:
        machine.close()


class Denied(PathDirectory):
    """A directory whose links, or directories, may not be looked at."""

    refuses = ""

    def child(self, name: str) -> "Denied":
        if self.refuses == "child":
            raise PermissionError(errno.EACCES, "Permission denied")
        return super().child(name)

    def link(self, name: str) -> str:
        if self.refuses == "link":
            raise PermissionError(errno.EACCES, "Permission denied")
        return super().link(name)

    def stat(self, name: str) -> os.stat_result:
        if self.refuses == "stat":
            raise PermissionError(errno.EACCES, "Permission denied")
        return super().stat(name)


@pytest.mark.parametrize(("refuses", "path"), [("child", "/etc/gone"), ("link", "/var")])
def test_what_may_not_be_looked_at_is_said_as_the_system_says_it(refuses: str, path: str, host: Path) -> None:
    root = Denied(str(host))
    root.refuses = refuses
    with pytest.raises(PermissionError):
        walk(root, path)


def test_when_a_directory_changed_and_whether_a_name_in_it_is_being_swapped(tmp_path: Path) -> None:
    """A kubelet's new link is there under another name, be it broken; only for names that end in -current.pem."""
    here = PathDirectory(str(tmp_path))
    assert last_change(here, "kubelet-client-current.pem")[1] is False
    (tmp_path / "kubelet-client-updated.pem").symlink_to("never")
    (tmp_path / "-updated.pem").write_text("")
    os.utime(tmp_path, ns=(5, 7))
    assert {name: last_change(here, name) for name in ("kubelet-client-current.pem", "kubelet-server-current.pem")} == {
        "kubelet-client-current.pem": (7, True),
        "kubelet-server-current.pem": (7, False),
    }
    assert last_change(here, "kubelet-client-updated.pem") == (7, False)
    assert last_change(here, "") == (7, False)
    assert last_change(PathDirectory(str(tmp_path / "never")), "x") == (0, False)
    denied = Denied(str(tmp_path))
    denied.refuses = "stat"
    assert last_change(denied, "kubelet-client-current.pem") == (0, False)


def test_a_fault_tells_of_its_directory(tmp_path: Path) -> None:
    """So that an absence which may pass is waited for."""
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki/x-updated.pem").symlink_to("never")
    before = time.time_ns()
    os.utime(tmp_path / "pki", ns=(before, before))
    with pytest.raises(UnresolvedPath) as raised:
        walk(PathDirectory.at(str(tmp_path)), "/pki/x-current.pem")
    assert (raised.value.changed_ns, raised.value.swapping) == (before, True)
    plain = UnresolvedPath(ABSENT, "words", "/x")
    assert (plain.changed_ns, plain.swapping) == (0, False)


def test_a_root_that_cannot_be_asked_is_not_the_machines(host: Path) -> None:
    root = Denied(str(host))
    root.refuses = "stat"
    assert _is_machine_root(root) is False
    with pytest.raises(UnresolvedPath) as raised:
        walk(root, "/etc/outside")
    assert raised.value.status is OUTSIDE
