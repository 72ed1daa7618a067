"""The kubelet's swap under fire: a thousand rotations while scrapes read, and not one failed or wrong answer."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.facts.x509 import certificates
from exporter.reason import FileStatus
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.resolve import UnresolvedPath
from exporter.sources.files.root import Root, patiently
from simulation.pki import Authority

PKI = "/var/lib/kubelet/pki"
CURRENT = f"{PKI}/kubelet-client-current.pem"
ROTATIONS = 1000
T0 = 1_800_000_000.0

# updateSymlink of k8s.io/client-go/util/certificate/certificate_store.go.
KUBELET = """
import os

def rotate(directory, target, number, content):
    prefix = f"{directory}/kubelet-client"
    with open(f"{prefix}-{number:05}.pem", "xb") as stream:
        stream.write(content)
    os.symlink(f"{target}/kubelet-client-{number:05}.pem", f"{prefix}-updated.pem")
    if os.path.lexists(f"{prefix}-current.pem"):
        os.remove(f"{prefix}-current.pem")
    os.rename(f"{prefix}-updated.pem", f"{prefix}-current.pem")
"""


def rotation(content: bytes) -> tuple[int, str]:
    """The number of the rotation a file is from, which comes before the certificate, and the certificate's serial."""
    return int(content.split(b"\n", 1)[0]), certificates(content)[0].serial_number


@pytest.fixture(scope="module")
def kubelet_files() -> tuple[list[bytes], list[str]]:
    """What ten rotations write, and their serials."""
    authority = Authority.cluster(T0)
    credentials = [authority.kubelet_client("node", T0 + number) for number in range(10)]
    return [credential.pem for credential in credentials], [credential.serial_number for credential in credentials]


def test_each_scrape_sees_the_rotation_before_it_or_a_later_one(
    host: Path, opener: Callable[[str], Root], kubelet_files: tuple[list[bytes], list[str]]
) -> None:
    """No lag: what was in place when the look began is the least it sees."""
    contents, serials = kubelet_files
    scope: dict[str, Callable[[str, str, int, bytes], None]] = {}
    exec(KUBELET, scope)
    rotate = scope["rotate"]
    directory = str(host) + PKI
    rotate(directory, PKI, 0, b"0\n" + contents[0])
    in_place = looks = 0

    def rotate_on() -> None:
        """On a busy machine until there were enough looks."""
        nonlocal in_place
        while in_place < ROTATIONS or (looks <= 10 and in_place < 100 * ROTATIONS):
            number = in_place + 1
            rotate(directory, PKI, number, b"%d\n" % number + contents[number % 10])
            in_place = number

    files = HostFiles(host, opener=opener)
    kubelet = threading.Thread(target=rotate_on)
    kubelet.start()
    while kubelet.is_alive():
        least = in_place
        read = files.read(CURRENT, rotation)
        most = in_place + 1
        assert read.status is FileStatus.OK, read
        assert read.value is not None
        assert least <= read.value[0] <= most
        assert read.value[1] == serials[read.value[0] % 10]
        assert read.target in {f"{PKI}/kubelet-client-{read.value[0]:05}.pem", ""}
        looks += 1
    kubelet.join()
    last = files.read(CURRENT, rotation)
    assert (last.value, last.target) == ((in_place, serials[in_place % 10]), f"{PKI}/kubelet-client-{in_place:05}.pem")
    assert looks > 10


def test_a_kubelet_of_its_own_process_never_makes_a_scrape_fail(
    host: Path, opener: Callable[[str], Root], kubelet_files: tuple[list[bytes], list[str]], tmp_path: Path
) -> None:
    """Two processes share no lock, so that a look meets the swap at every one of its steps."""
    contents, serials = kubelet_files
    for number, content in enumerate(contents):
        (tmp_path / f"content-{number}").write_bytes(content)
    program = f"""{KUBELET}
import sys
directory, target, source, rotations = sys.argv[1:]
contents = [open(f"{{source}}/content-{{number}}", "rb").read() for number in range(10)]
for number in range(int(rotations)):
    rotate(directory, target, number, b"%d\\n" % number + contents[number % 10])
    if number == 0:
        print("in place", flush=True)
"""
    command = [sys.executable, "-c", program, str(host) + PKI, PKI, str(tmp_path), str(ROTATIONS + 1)]
    files = HostFiles(host, opener=opener)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as kubelet:
        assert kubelet.stdout is not None
        assert kubelet.stdout.readline() == "in place\n"
        seen = 0
        while kubelet.poll() is None:
            read = files.read(CURRENT, rotation)
            assert read.status is FileStatus.OK, read
            assert read.value is not None
            assert read.value[0] >= seen
            assert read.value[1] == serials[read.value[0] % 10]
            seen = read.value[0]
    assert kubelet.returncode == 0
    assert files.read(CURRENT, rotation).value == (ROTATIONS, serials[0])


def test_a_swap_that_halts_for_a_while_is_waited_for(host: Path, opener: Callable[[str], Root]) -> None:
    """On a busy machine the kubelet may lose its processor between removing the one link and renaming the other."""
    pki = host / PKI[1:]
    (pki / "dated.pem").write_text("new")
    (pki / "kubelet-client-updated.pem").symlink_to(f"{PKI}/dated.pem")
    timer = threading.Timer(
        0.2, lambda: (pki / "kubelet-client-updated.pem").rename(pki / "kubelet-client-current.pem")
    )
    timer.start()
    try:
        files = HostFiles(host, opener=opener)
        assert files.read(CURRENT, bytes.decode).value == "new"
    finally:
        timer.join()


def test_a_swap_that_ends_between_the_question_and_the_look_for_its_reason_is_asked_again(
    host: Path, opener: Callable[[str], Root]
) -> None:
    """However long it has been waited for: the file is there now."""
    begin = time.monotonic()
    told: list[bool] = []

    def ask(_root: Root, path: str) -> str:
        late = time.monotonic() - begin > 0.15
        if late and told and not told[-1]:
            return "new"
        told.append(not late)
        raise UnresolvedPath(FileStatus.NOT_FOUND, "absent", path, changed_ns=time.time_ns(), swapping=not late)

    root = opener(str(host))
    try:
        assert patiently(root, CURRENT, ask) == "new"
    finally:
        root.close()
    assert told[0]
    assert not told[-1]


def test_a_swap_that_never_ends_is_an_absent_file(host: Path, opener: Callable[[str], Root]) -> None:
    """A kubelet that died there left only the new link, in a directory that changes no more."""
    pki = host / PKI[1:]
    (pki / "kubelet-client-updated.pem").symlink_to(f"{PKI}/dated.pem")
    os.utime(pki, (1, 1))
    assert HostFiles(host, opener=opener).read(CURRENT, bytes.decode).status is FileStatus.NOT_FOUND
