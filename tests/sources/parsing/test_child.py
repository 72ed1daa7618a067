"""The child's own functions: what it answers, what it gives up, and how it reads and writes. A fork gives things up."""

import ctypes
import errno
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from functools import partial

import pytest

from exporter.facts import x509
from exporter.facts.certificate import CertificateError
from exporter.sources.parsing import child
from exporter.sources.parsing.record import ANSWER, REQUEST, data
from exporter.sources.seal import landlock_abi
from simulation.pki import Authority
from tests.facts.forge import CA, DER, LEAF, T0
from tests.sources.forked import forked, refusing, status

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the child is Linux's")

OTHER = Authority.cluster(T0, number=1)
STRANGER = Authority("stranger", T0, T0 + 1e6)
AUTHORITY, SAME_NAME, ANOTHER_NAME = (x509.certificate_file(one.pem).certificates[0] for one in (CA, OTHER, STRANGER))
LEAFS = x509.certificate_file(LEAF.pem).certificates[0]


def row(*parts: bytes) -> bytes:
    return b"".join(len(one).to_bytes(4, "big") + one for one in parts)


FILE = {"certificates": [data(LEAFS)], "private_key": True, "fault": ""}
BUNDLE = {"certificates": [data(AUTHORITY), data(SAME_NAME)], "private_key": False, "fault": ""}


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        (b"L", row(LEAF.pem), {**FILE, "signed": []}),
        (
            b"L",
            row(LEAF.pem, AUTHORITY.der, SAME_NAME.der, ANOTHER_NAME.der),
            {**FILE, "signed": [True, False, None]},
        ),
        (b"A", CA.pem + OTHER.pem, BUNDLE),
        (b"C", row(DER, AUTHORITY.der), {"certificates": [data(LEAFS), data(AUTHORITY)]}),
        (b"S", row(DER, AUTHORITY.der), {"signed": True}),
        (b"S", row(DER, SAME_NAME.der), {"signed": False}),
        (b"L", row(b""), {"error": "empty", "words": "the file is empty"}),
        (b"A", b"nothing", {"error": "no_certificate", "words": "the file holds no certificate"}),
        (b"S", row(DER), {"error": "malformed", "words": "not enough values to unpack (expected 2, got 1)"}),
        (b"S", b"\0", {"error": "bug", "words": "error"}),
        (b"X", b"", {"error": "bug", "words": "KeyError"}),
    ],
)
def test_each_question_has_its_answer(kind: bytes, body: bytes, said: Mapping[str, object]) -> None:
    """A file with the CAs that may have signed it, a bundle, a chain, a signature; and what is none of them."""
    found = child._answer(kind, body)
    assert json.loads(json.dumps(found)) == said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CertificateError("not\nso"), {"error": "malformed", "words": "not\nso"}),
        (ValueError("not\n so" + "x" * 300), {"error": "malformed", "words": "not so" + "x" * 194}),
        (RecursionError("deep"), {"error": "malformed", "words": "deep"}),
        (LookupError("s3cr3t"), {"error": "bug", "words": "LookupError"}),
        (MemoryError(), "ended with 1"),
    ],
)
def test_whatever_a_parser_raises_is_an_answer_or_its_end(error: Exception, said: object) -> None:
    """In a fork, since memory that runs out ends the process."""

    def raises(body: bytes) -> Mapping[str, object]:
        assert body == b"body"
        raise error

    def work() -> object:
        child.KINDS = {b"T": raises}
        return child._answer(b"T", b"body")

    assert forked(work) == said


@pytest.fixture
def other() -> Iterator[socket.socket]:
    """The agent's end, while this process's standard input is the child's."""
    ours, theirs = socket.socketpair()
    kept = os.dup(0)
    os.dup2(theirs.fileno(), 0)
    theirs.close()
    try:
        with ours:
            yield ours
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_it_reads_as_many_bytes_as_it_was_told_of_however_they_come(other: socket.socket) -> None:
    """In a fork, since it ends the process where there are none."""
    other.sendall(b"abcdef")
    assert forked(lambda: [child._read(length).decode() for length in (0, 2, 3)]) == ["", "ab", "cde"]

    def both() -> object:
        if not os.fork():
            for _ in range(50):
                other.sendall(b"x" * 1000)
            os._exit(0)
        return [child._read(1) == b"f", child._read(50_000) == b"x" * 50_000]

    assert forked(both) == [True, True]


def test_it_ends_where_nobody_will_ask_any_more(other: socket.socket) -> None:
    """Without an error, and whatever of a request came before."""
    other.sendall(b"abc")
    other.shutdown(socket.SHUT_WR)
    assert forked(lambda: len(child._read(4))) == "ended with 0"


def test_an_answer_is_its_length_and_all_of_its_json(other: socket.socket) -> None:
    """More of it than the socket takes at once."""
    child._write(ANSWER, {"a": 1})
    assert other.recv(100) == b'\0\0\0\x08{"a": 1}'
    said = {"a": "x" * 2_000_000}
    whole = len(json.dumps(said))
    if not (writer := os.fork()):
        other.close()
        child._write(struct.Struct(">Q"), said)
        os._exit(0)
    found = b""
    while len(found) < whole + 8:
        found += other.recv(1 << 20)
    os.waitpid(writer, 0)
    assert found == whole.to_bytes(8, "big") + json.dumps(said).encode()


def limits(*names: str) -> dict[str, tuple[int, int]]:
    return {one: resource.getrlimit(getattr(resource, f"RLIMIT_{one}")) for one in names}


def limits_of(process: int) -> dict[str, list[str]]:
    """The soft and the hard limits of another process (proc(5), /proc/PID/limits)."""
    with open(f"/proc/{process}/limits", encoding="ascii") as lines:
        return {line[:26].strip(): line[26:].split()[:2] for line in lines}


def place(descriptor: int) -> str:
    """What it is of; empty where it is closed."""
    path = f"/proc/self/fd/{descriptor}"
    return os.readlink(path) if os.path.lexists(path) else ""


def test_its_limits() -> None:
    """No file, no process, no core; 64 MiB beyond what it has, two minutes; the first to go where memory runs out."""

    def work() -> object:
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        for number in (1, 2, 1023, 1024):
            os.dup2(0, number)
        with open("/proc/self/statm", encoding="ascii") as pages:
            before = int(pages.read().split()[0]) * resource.getpagesize()
        child._limit()
        room = resource.getrlimit(resource.RLIMIT_AS)
        with open("/proc/self/oom_score_adj", encoding="ascii") as score:
            first = score.read()
        return {
            **limits("FSIZE", "NPROC", "CPU", "CORE"),
            "beyond": [room[0] == room[1], abs(room[1] - before - (64 << 20)) < 1 << 19],
            "score": first,
            "new rights": status()["NoNewPrivs"],
            "dumpable": ctypes.CDLL(None).prctl(3, 0, 0, 0, 0),
            "signal": signal.getsignal(signal.SIGXCPU) == signal.SIG_DFL,
            "open": [number for number in (1, 2, 1023, 1024) if place(number) == place(0)],
        }

    nothing = [0, 0]
    assert forked(work) == {
        "FSIZE": nothing,
        "NPROC": nothing,
        "CORE": nothing,
        "CPU": [120, 120],
        "beyond": [True, True],
        "score": "1000\n",
        "new rights": "1",
        "dumpable": 0,
        "signal": True,
        "open": [1024],
    }


def test_a_limit_that_cannot_be_set_leaves_the_others() -> None:
    """One of a kernel that has it not, or that a filter keeps."""

    def unknown() -> object:
        child._at_most((99, 1), (resource.RLIMIT_CORE, 7))
        return limits("CORE")

    def filtered(error: int) -> object:
        # prlimit64 and setrlimit of x86-64 and of arm64
        refusing(dict.fromkeys((302, 160, 261, 164), error))
        child._at_most((resource.RLIMIT_CORE, 7))
        return "went on"

    assert forked(unknown) == {"CORE": [7, 7]}
    assert [forked(partial(filtered, one)) for one in (errno.ENOSYS, errno.EPERM)] == ["went on"] * 2


@pytest.mark.parametrize(
    ("before", "after"),
    [((1, 100), [3, 100]), ((1, 4), [3, 4]), ((1, 3), [1, 3]), ((1, 2), [1, 2]), ((9, -1), [3, -1])],
)
def test_each_request_has_three_seconds_of_processor_time(before: tuple[int, int], after: list[int]) -> None:
    """From what was used so far, a fork's nothing; and never more than is left of all."""

    def work() -> object:
        resource.setrlimit(resource.RLIMIT_CPU, before)
        child._more_time()
        return resource.getrlimit(resource.RLIMIT_CPU)

    assert forked(work) == after


@pytest.mark.skipif(os.geteuid() != 0, reason="has no capability to give up")
def test_it_gives_up_every_capability() -> None:
    def work() -> object:
        library, header = ctypes.CDLL(None), struct.pack("=Ii", 0x20080522, 0)
        held = ctypes.create_string_buffer(24)
        assert not library.capget(header, held)
        effective, permitted, _, *high = struct.unpack("=6I", held.raw)
        assert not library.capset(header, struct.pack("=6I", effective, permitted, permitted, *high))
        assert not library.prctl(47, 2, 0, 0, 0)  # one of them passes on by itself: PR_CAP_AMBIENT_RAISE, CAP_CHOWN
        assert int(status()["CapAmb"], 16) == 1
        child._drop_capabilities()
        return {key: int(value, 16) for key, value in status().items() if key.startswith("Cap")}

    assert forked(work) == dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0)


def test_whatever_is_loaded_late_is_loaded_early() -> None:
    """Nothing can be opened later; and no collection looks at what stays."""
    program = (
        "import gc, sys; from exporter.sources.parsing import child; child._load(); "
        "print(gc.get_freeze_count() > 10_000, *sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path}; {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    frozen, *loaded = ran.stdout.split()
    assert frozen == "True"
    codecs = {f"encodings.{name}" for name in ("utf_16_be", "utf_32_be", "idna", "unicode_escape")}
    assert {"_strptime", *codecs} <= set(loaded)
    assert "cryptography.hazmat.backends.openssl.backend" in loaded


def test_it_seals_itself_says_so_and_answers_until_nobody_asks() -> None:
    """The whole of it, in a process of its own."""
    ours, theirs = socket.socketpair()
    running = os.fork()
    if not running:
        os.dup2(theirs.fileno(), 0)
        ours.close()
        try:
            child.main()
        finally:
            os._exit(9)
    theirs.close()
    with ours, ours.makefile("rb") as reader:

        def answer() -> object:
            (length,) = ANSWER.unpack(reader.read(4))
            return json.loads(reader.read(length))

        abi = landlock_abi()
        sealed = {
            "landlock": abi,
            "filesystem": "sealed" if abi else "open",
            "network": "tcp" if abi >= 4 else "open",
        }
        assert answer() == sealed
        limited = limits_of(running)
        assert [limited[f"Max {one}"] for one in ("open files", "processes", "cpu time")] == [
            ["1", "1"],
            ["0", "0"],
            ["120", "120"],
        ]
        assert int(status(running)["CapPrm"], 16) == 0
        for kind, body in ((b"S", row(DER, AUTHORITY.der)), (b"A", CA.pem), (b"L", row(LEAF.pem))):
            ours.sendall(REQUEST.pack(kind, len(body)) + body)
            assert answer() == json.loads(json.dumps(child._answer(kind, body)))
        assert limits_of(running)["Max cpu time"] == ["3", "120"]
        ours.shutdown(socket.SHUT_WR)
        assert reader.read() == b""
    assert os.waitstatus_to_exitcode(os.waitpid(running, 0)[1]) == 0


def test_its_own_sample_signed_itself() -> None:
    """The library has verified one signature before the seal."""
    found = x509.certificate(bytes.fromhex(child.SAMPLE))
    assert (found.subject, found.issuer, found.key_algorithm) == ("CN=a", "CN=a", "ECDSA-P-256")
    assert time.gmtime(found.not_before)[:3] == (2020, 1, 1)
