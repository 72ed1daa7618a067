"""Where a path leads on a node, and the status where it leads nowhere."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.reason import FileStatus
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.root import Root
from tests.sources.conftest import OPENERS

PKI = "/var/lib/kubelet/pki"


def text(content: bytes) -> str:
    return content.decode()


def status(files: HostFiles, path: str) -> FileStatus:
    """The status, after making sure that an answer other than OK says why and gives no value."""
    read = files.read(path, text)
    assert read.path == path
    assert (read.status is FileStatus.OK) == (read.value is not None) == (read.detail == "")
    assert "\n" not in read.detail
    return read.status


def write(host: Path, path: str, content: str = "content") -> Path:
    file = host / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


def link(host: Path, path: str, target: str) -> None:
    (host / path.lstrip("/")).symlink_to(target)


def test_a_file_is_read_and_parsed(host: Path, files: HostFiles) -> None:
    file = write(host, "/etc/kubernetes/certs/ca.crt", "the CA")
    read = files.read("/etc/kubernetes/certs/ca.crt", text)
    assert (read.status, read.value, read.target) == (FileStatus.OK, "the CA", "/etc/kubernetes/certs/ca.crt")
    assert read.version is not None
    assert (read.version.inode, read.version.size) == (file.stat().st_ino, 6)


@pytest.mark.parametrize(
    "path", ["C:\\k\\ca.crt", "c:/k/ca.crt", "\\k\\ca.crt", "\\\\?\\C:\\k\\ca.crt", "k\\ca.crt", "k/ca.crt"]
)
def test_a_windows_path_is_a_path_below_the_root(path: str, host: Path, files: HostFiles) -> None:
    write(host, "/k/ca.crt")
    assert status(files, path) is FileStatus.OK


def test_a_backslash_in_a_posix_path_is_a_character(host: Path, files: HostFiles) -> None:
    write(host, "/etc/a\\b")
    assert status(files, "/etc/a\\b") is FileStatus.OK


@pytest.mark.parametrize(
    ("target", "final"),
    [
        (f"{PKI}/dated.pem", f"{PKI}/dated.pem"),
        ("dated.pem", f"{PKI}/dated.pem"),
        ("../pki/./dated.pem", f"{PKI}/dated.pem"),
        ("../../../../../../var/lib/kubelet/pki/dated.pem", f"{PKI}/dated.pem"),
        ("/../../var/lib/kubelet/pki/dated.pem", f"{PKI}/dated.pem"),
        ("/var/lib/kubelet/pki/chained", f"{PKI}/dated.pem"),
        ("/etc/pki/dated.pem", f"{PKI}/dated.pem"),
        ("/etc/pki/../pki/dated.pem", f"{PKI}/dated.pem"),
    ],
    ids=[
        "absolute",
        "relative",
        "dots",
        "above the root",
        "absolute above the root",
        "chained",
        "directory",
        "up again",
    ],
)
def test_a_link_is_followed_as_on_the_node_itself(target: str, final: str, host: Path, files: HostFiles) -> None:
    write(host, f"{PKI}/dated.pem", "dated")
    link(host, f"{PKI}/chained", "/etc/pki/dated.pem")
    link(host, "/etc/pki", "../var/lib/kubelet/pki")
    link(host, f"{PKI}/current.pem", target)
    read = files.read(f"{PKI}/current.pem", text)
    assert (read.status, read.value, read.target) == (FileStatus.OK, "dated", final)


def test_what_lies_outside_the_root_is_never_read(host: Path, files: HostFiles) -> None:
    """The file of the same name inside is what the node would see."""
    secret = host.parent / "secret"
    secret.write_text("outside")
    link(host, "/etc/relative", "../../secret")
    link(host, "/etc/absolute", str(secret))
    assert status(files, "/etc/relative") is FileStatus.OUTSIDE_ROOT
    assert status(files, "/etc/absolute") is FileStatus.OUTSIDE_ROOT
    assert status(files, "/../secret") is FileStatus.NOT_FOUND
    write(host, "/secret", "inside")
    assert files.read("/etc/relative", text).value == "inside"
    assert files.read("/../secret", text).value == "inside"


@pytest.mark.parametrize("path", ["/etc/absent", "/absent/absent/ca.crt", "/etc/file/below", "/etc/file/", "/absent/"])
def test_an_absent_file_is_not_found(path: str, host: Path, files: HostFiles) -> None:
    write(host, "/etc/file")
    assert status(files, path) is FileStatus.NOT_FOUND


def test_a_file_absent_behind_a_linked_directory_is_not_found(host: Path, files: HostFiles) -> None:
    """The link itself is sound: a node may keep /var/lib/kubelet on another disk."""
    (host / "mnt").mkdir()
    link(host, "/etc/linked", "/mnt")
    assert status(files, "/etc/linked/ca.crt") is FileStatus.NOT_FOUND


@pytest.mark.parametrize(
    "target",
    [
        f"{PKI}/kubelet-client-2026-11-24-09-00-00.pem",
        "kubelet-client-2026-11-24-09-00-00.pem",
        "/etc/file/below",
        "chain",
    ],
)
def test_a_link_to_nothing_is_broken_and_says_where_it_leads(target: str, host: Path, files: HostFiles) -> None:
    write(host, "/etc/file")
    link(host, f"{PKI}/chain", "/etc/nothing")
    link(host, f"{PKI}/kubelet-client-current.pem", target)
    assert status(files, f"{PKI}/kubelet-client-current.pem") is FileStatus.BROKEN_SYMLINK
    read = files.read(f"{PKI}/kubelet-client-current.pem", text)
    leads_to = "/etc/nothing" if target == "chain" else str(Path(PKI) / target)
    assert read.target == leads_to
    assert leads_to in read.detail


def test_a_loop_of_links_is_broken(host: Path, files: HostFiles) -> None:
    link(host, "/etc/self", "self")
    link(host, "/etc/a", "/etc/b")
    link(host, "/etc/b", "a")
    link(host, "/etc/down", "down/down")
    for path in ("/etc/self", "/etc/a", "/etc/down", "/etc/self/below"):
        assert status(files, path) is FileStatus.BROKEN_SYMLINK


def test_forty_links_are_followed_and_no_more(host: Path, files: HostFiles) -> None:
    write(host, "/etc/0")
    for number in range(1, 42):
        link(host, f"/etc/{number}", str(number - 1))
    assert status(files, "/etc/40") is FileStatus.OK
    assert status(files, "/etc/41") is FileStatus.BROKEN_SYMLINK


@pytest.mark.parametrize(
    "target", ["/mnt/elsewhere/ca.crt", "../../outside", "../../../etc/shadow", "chain", "directory/ca.crt"]
)
def test_a_link_out_of_the_root_says_so(target: str, host: Path, files: HostFiles) -> None:
    link(host, "/etc/chain", "/etc/default/chained")
    link(host, "/etc/default/chained", "/mnt/elsewhere")
    link(host, "/etc/directory", "/mnt/elsewhere")
    link(host, "/etc/ca.crt", target)
    assert status(files, "/etc/ca.crt") is FileStatus.OUTSIDE_ROOT


def test_nothing_lies_outside_the_machines_own_root(tmp_path: Path, opener: Callable[[str], Root]) -> None:
    (tmp_path / "absolute").symlink_to("/nothing-of-this-name/ca.crt")
    (tmp_path / "relative").symlink_to("../" * 50 + "nothing-of-this-name")
    files = HostFiles(Path("/"), opener=opener)
    assert status(files, str(tmp_path / "absolute")) is FileStatus.BROKEN_SYMLINK
    assert status(files, str(tmp_path / "relative")) is FileStatus.BROKEN_SYMLINK


def test_what_is_no_regular_file_is_not_opened_for_long(host: Path, files: HostFiles) -> None:
    """A FIFO without a writer, a socket and a device would block a plain open, or a read, for ever."""
    os.mkfifo(host / "etc/fifo")
    link(host, "/etc/link-to-directory", "/etc/default")
    link(host, "/etc/link-to-fifo", "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        directory = os.open(host / "etc", os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{directory}/socket")  # a socket's path is short; that of a test is not
        os.close(directory)
        for name in ("fifo", "socket", "default", "link-to-directory", "link-to-fifo", "default/", "."):
            assert status(files, f"/etc/{name}") is FileStatus.NOT_A_FILE, name
            assert files.presence(f"/etc/{name}").status is FileStatus.NOT_A_FILE, name
    assert status(files, "/") is FileStatus.NOT_A_FILE


def test_a_device_is_not_a_file(opener: Callable[[str], Root]) -> None:
    files = HostFiles(Path("/"), opener=opener)
    assert status(files, "/dev/zero") is FileStatus.NOT_A_FILE
    assert files.presence("/dev/zero").status is FileStatus.NOT_A_FILE


def test_a_file_over_the_cap_is_too_large_without_being_read(host: Path, files: HostFiles) -> None:
    with (host / "etc/large").open("wb") as stream:
        stream.truncate(100 << 20)
    assert status(files, "/etc/large") is FileStatus.TOO_LARGE
    write(host, "/etc/six", "123456")
    assert files.read("/etc/six", text, cap=6).status is FileStatus.OK
    assert files.read("/etc/six", text, cap=5).status is FileStatus.TOO_LARGE


def test_a_file_that_hides_its_size_is_too_large_while_it_is_read(opener: Callable[[str], Root]) -> None:
    """Files of /proc say 0 bytes."""
    files = HostFiles(Path("/"), opener=opener)
    path = f"/proc/{os.getpid()}/status"
    assert files.read(path, text, cap=100).status is FileStatus.TOO_LARGE
    assert files.read(path, text).status is FileStatus.OK


def test_a_link_of_proc_is_not_followed_by_the_kernel(host: Path, opener: Callable[[str], Root]) -> None:
    """/proc/self/root and its like jump past every boundary. As text they lead to a place inside the root."""
    (host / "outside").mkdir()
    files = HostFiles(Path("/"), opener=opener)
    read_end, write_end = os.pipe()
    try:
        found = status(files, f"/proc/{os.getpid()}/fd/{read_end}")
        assert found in {FileStatus.BROKEN_SYMLINK, FileStatus.NOT_FOUND}
    finally:
        os.close(read_end)
        os.close(write_end)


@pytest.mark.parametrize(
    "path",
    ["", "/etc/\0", "\0", "/" + "a" * 256, "/a" * 3000, "/etc/\ud800"],
    ids=["empty", "NUL", "only NUL", "name", "path", "text"],
)
def test_a_path_that_cannot_be_one_is_an_error_and_no_exception(path: str, files: HostFiles) -> None:
    assert status(files, path) in {FileStatus.ERROR, FileStatus.NOT_FOUND}
    assert files.presence(path).status is files.read(path, text).status
    assert files.names(path) is None


@pytest.mark.parametrize("path", ["", "/etc/\0", "/" + "a" * 256, "/etc/\ud800"], ids=["empty", "NUL", "name", "text"])
def test_a_path_the_system_refuses_is_an_error(path: str, files: HostFiles) -> None:
    assert status(files, path) is FileStatus.ERROR


def test_a_missing_root_is_an_error_because_nothing_was_looked_at(
    tmp_path: Path, opener: Callable[[str], Root]
) -> None:
    files = HostFiles(tmp_path / "unmounted", opener=opener)
    read = files.read("/etc/ca.crt", text)
    assert read.status is FileStatus.ERROR
    assert "unmounted" in read.detail
    assert files.presence("/etc/ca.crt").status is FileStatus.ERROR
    assert files.names("/etc") is None


def test_presence_neither_opens_nor_reads(host: Path, files: HostFiles) -> None:
    """What is not opened for reading keeps its access time, and needs no right to be read."""
    file = write(host, f"{PKI}/kubelet-client.key.tmp", "secret")
    os.utime(file, (1, 1))
    link(host, "/etc/key", f"{PKI}/kubelet-client.key.tmp")
    for path in (f"{PKI}/kubelet-client.key.tmp", "/etc/key"):
        read = files.presence(path)
        assert (read.status, read.value) == (FileStatus.OK, None)
        assert read.version is not None
        assert read.version.size == 6
    assert file.stat().st_atime == 1


def test_presence_tells_absent_from_broken(host: Path, files: HostFiles) -> None:
    link(host, "/etc/broken", "nothing")
    link(host, "/etc/outside", "/nothing")
    assert files.presence("/etc/absent").status is FileStatus.NOT_FOUND
    assert files.presence("/etc/broken").status is FileStatus.BROKEN_SYMLINK
    assert files.presence("/etc/outside").status is FileStatus.OUTSIDE_ROOT


def test_the_names_of_a_directory_are_sorted_and_none_where_it_cannot_be_listed(host: Path, files: HostFiles) -> None:
    write(host, f"{PKI}/b.pem")
    write(host, f"{PKI}/a.pem")
    link(host, "/etc/pki", PKI)
    link(host, "/etc/broken", "nothing")
    assert files.names(PKI) == ("a.pem", "b.pem")
    assert files.names("/etc/pki") == ("a.pem", "b.pem")
    assert files.names("/etc/default") == ()
    for path in ("/absent", f"{PKI}/a.pem", "/etc/broken"):
        assert files.names(path) is None


def test_a_batch_answers_in_its_own_order(host: Path, files: HostFiles) -> None:
    for number in range(20):
        write(host, f"/etc/{number}", str(number))
    wanted = [(f"/etc/{number}", text) for number in (*range(20), 99, 3)]
    reads = files.read_all(wanted)
    assert [read.path for read in reads] == [path for path, _ in wanted]
    assert [read.value for read in reads] == [*map(str, range(20)), None, "3"]
    assert files.read_all([]) == []


@pytest.mark.parametrize("way", [way for way in OPENERS if way != "paths"])
def test_a_directory_swapped_for_a_link_in_mid_walk_leads_nowhere_else(way: str, host: Path) -> None:
    """Many looks while another thread swaps a directory and a link out of the root: never what lies outside."""
    files = HostFiles(host, opener=OPENERS[way])
    write(host.parent, "outside/ca.crt", "outside")
    write(host, "/etc/real/ca.crt", "inside")
    link(host, "/etc/out", "../../outside")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (host / "etc/real").rename(host / "etc/aside")
            (host / "etc/out").rename(host / "etc/real")
            (host / "etc/real").rename(host / "etc/out")
            (host / "etc/aside").rename(host / "etc/real")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        seen = {files.read("/etc/real/ca.crt", text).value for _ in range(80)}
    finally:
        stop.set()
        thread.join()
    assert "inside" in seen
    assert seen <= {"inside", None}
