"""One child process: how it is started, asked and ended, with small programs in its place."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from exporter.sources.parsing.process import LARGEST_ANSWER, Died, ParserProcess, Slow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the child is Linux's")

SPEAKS = """
import json, os, sys, time, socket, signal
def say(what):
    body = what if isinstance(what, bytes) else json.dumps(what).encode()
    whole = len(body).to_bytes(4, "big") + body
    while whole:
        whole = whole[os.write(0, whole):]
def hear():
    head = os.read(0, 5)
    body = b""
    while len(body) < int.from_bytes(head[1:], "big"):
        body += os.read(0, 1 << 20)
    return head + body
say({"sealed": True})
"""


LINGERS = "\ntime.sleep(0.1)\nwhile os.read(0, 1 << 20): pass\ntime.sleep(0.5); sys.exit(5)"


@contextmanager
def running(code: str, idle: float = 60.0) -> Iterator[ParserProcess]:
    process = ParserProcess(SPEAKS + code, idle)
    try:
        yield process
    finally:
        process.kill()
        process.close()


def test_it_is_asked_and_answers_again_and_again() -> None:
    """A letter, the length and the body; an answer of any bytes, as large as may be."""
    with running(
        "say(hear()); hear(); say(b''); say(b'x' * int(hear()[5:]))\nwhile True: hear(); say(b'y')"
    ) as process:
        assert process.sealed == {"sealed": True}
        assert process.ask(b"L", b"body", 20) == b"L\0\0\0\4body"
        assert process.ask(b"A", b"", 20) == b""
        assert process.ask(b"A", b"%d" % LARGEST_ANSWER, 20) == b"x" * (16 << 20)
        assert [process.ask(b"A", b"z" * 2_000_000, patience) for patience in (20, 0.9)] == [b"y"] * 2


def test_nothing_from_outside_decides_what_it_runs() -> None:
    """Neither environment nor working directory nor site; it has a socket, and nothing to write to."""
    said = """
streams = [os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)]
import fcntl
say([sys.argv[1:], dict(os.environ), os.getcwd(), sys.flags.isolated, sys.flags.no_site,
     sys.flags.dont_write_bytecode, streams[0].partition(":")[0], *streams[1:],
     [fcntl.fcntl(one, fcntl.F_GETFL) & os.O_ACCMODE for one in (1, 2)],
     [one for one in range(3, 200) if os.path.exists(f"/proc/self/fd/{one}")]])
hear()
"""
    os.environ["NEVER"] = "passed on"
    try:
        with running(said) as process:
            found = json.loads(process.ask(b"L", b"", 20) or b"")
    finally:
        del os.environ["NEVER"]
    assert found[0] == [os.path.abspath(one) for one in sys.path]
    assert found[1] in ({}, {"LC_CTYPE": "C.UTF-8"}), "what the interpreter itself sets"
    assert found[2:] == ["/", 1, 1, 1, "socket", "/dev/null", "/dev/null", [0, 0], []]


@pytest.mark.parametrize(
    ("code", "words", "status"),
    [
        ("hear(); sys.exit(3)", "ended with status 3", 3),
        ("hear(); sys.exit(0)", "ended with status 0", 0),
        ("hear(); os.kill(os.getpid(), signal.SIGABRT)", "ended by signal 6", -6),
        ("os.read(0, 1); sys.exit(4)", "ended with status 4", 4),
        ("hear(); os.write(0, b'\\0\\0\\0\\2x'); sys.exit(5)", "ended with status 5", 5),
        (f"hear(); os.write(0, ({LARGEST_ANSWER} + 1).to_bytes(4, 'big')); time.sleep(60)", "is too large", None),
    ],
)
def test_one_that_dies_says_how(code: str, words: str, status: int | None) -> None:
    """Before it has read the request, before its answer or within; it is gone then."""
    with running(code) as process:
        with pytest.raises(Died, match=words) as died:
            process.ask(b"L", b"body", 20)
        assert died.value.status == status
        gone(process)


def test_one_that_dies_before_its_first_word_never_was() -> None:
    before = descriptors()
    with pytest.raises(Died, match=r"^ended with status 7$") as died:
        ParserProcess("raise SystemExit(7)")
    assert died.value.status == 7
    del died
    assert descriptors() <= before
    with pytest.raises(ValueError, match=r"^not an object$"):
        ParserProcess("import os, time; os.write(0, b'\\0\\0\\0\\2[]'); os.read(0, 1)")
    assert descriptors() <= before


def test_one_that_nobody_can_attend_to_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was the last process that the container's limit allowed: there is no thread any more."""

    def never(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    before = descriptors()
    monkeypatch.setattr(threading.Thread, "start", never)
    with pytest.raises(BlockingIOError) as refused, running("say({})\nhear()"):
        pass
    assert refused.value.strerror == "Resource temporarily unavailable"
    assert descriptors() == before


def test_one_that_hangs_on_to_life_is_killed() -> None:
    """It hung up, and did not end within its second."""
    with running("hear(); os.close(0); time.sleep(60)") as process:
        with pytest.raises(Died, match=r"^did not answer and did not end$") as died:
            process.ask(b"L", b"", 20)
        assert died.value.status == -9
        gone(process)


@pytest.mark.parametrize(
    ("code", "size"),
    [
        ("hear()", 4),
        ("", 10 << 20),
        ("hear(); os.write(0, b'\\0\\0\\0\\2x')", 4),
    ],
    ids=["no answer", "does not even listen", "half an answer"],
)
def test_one_that_is_slow_is_killed_at_once(code: str, size: int) -> None:
    """It would end by itself half a second after nobody listens."""
    with running(code + LINGERS) as process:
        with pytest.raises(Slow):
            process.ask(b"L", bytes(size), 0.05)
        assert process._process.returncode == -9
        gone(process)
    with running(code + LINGERS) as process, pytest.raises(Slow):
        process.ask(b"L", b"body", 1e-9)


def test_one_whose_answer_is_too_large_is_killed_at_once() -> None:
    """It might go on sending."""
    with running(f"hear(); os.write(0, ({LARGEST_ANSWER} + 1).to_bytes(4, 'big')){LINGERS}") as process:
        with pytest.raises(Died, match=r"^gave an answer that is too large$"):
            process.ask(b"L", b"", 20)
        assert process._process.returncode == -9


def test_time_is_over_all_of_an_answer() -> None:
    """Each of its bytes comes in time."""
    drip = "hear(); os.write(0, b'\\0\\0\\x27\\x10')\nfor _ in range(10_000): os.write(0, b'x'); time.sleep(0.01)"
    with running(drip) as process, pytest.raises(Slow):
        process.ask(b"L", b"", 0.2)


@pytest.mark.parametrize("end", [ParserProcess.close, ParserProcess.wait_until_ended], ids=["closed", "idle"])
def test_one_that_was_ended_is_asked_nothing(end: Callable[[ParserProcess], None]) -> None:
    """By its owner, or since nobody asked for a while."""
    before = descriptors()
    with running("hear(); say(b'x'); hear()", idle=0.1) as process:
        began = time.monotonic()
        end(process)
        assert time.monotonic() - began < 0.9
        assert process.ask(b"L", b"", 20) is None
        process.close()
        gone(process)
        process.close()
    assert descriptors() <= before


def test_it_may_be_killed_from_another_thread() -> None:
    with running("hear(); time.sleep(60)") as process:
        other = threading.Timer(0.02, process.kill)
        other.start()
        with pytest.raises(Died, match=r"^ended by signal 9$"):
            process.ask(b"L", b"", 20)
        other.join()


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def gone(process: ParserProcess) -> None:
    """Whoever was waited for has no process any more."""
    assert process.ask(b"L", b"", 20) is None
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
