"""What is printed, and what becomes of it where it cannot be (exporter.check.output)."""

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.check.output import OutputError, complain, settle, standard_output, write_out


@contextlib.contextmanager
def onto(stream: io.TextIOBase | None) -> Iterator[None]:
    with contextlib.redirect_stdout(stream):
        yield


@pytest.mark.parametrize(("text", "printed"), [("a", "a\n"), ("a\n", "a\n"), ("a\nb", "a\nb\n"), ("\n", "\n")])
def test_what_is_printed_ends_with_one_end_of_line(text: str, printed: str) -> None:
    buffered = io.BufferedWriter(raw := io.BytesIO())
    with onto(io.TextIOWrapper(buffered, "utf-8", newline="")) as _:
        assert write_out(text)
        assert raw.getvalue().decode() == printed  # at once, and not only at the end


def test_what_a_stream_cannot_take_is_escaped() -> None:
    with onto(stream := io.TextIOWrapper(io.BytesIO(), "ascii", newline="")):
        assert standard_output() is stream
        write_out("ü")
        stream.seek(0)
        assert stream.read() == "\\xfc\n"
    with onto(plain := io.StringIO()):
        assert standard_output() is plain


@pytest.mark.parametrize("call", [standard_output, lambda: write_out("a")])
def test_without_a_standard_output_there_is_nobody_to_print_to(call: Callable[[], object]) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        with onto(stream), pytest.raises(OutputError, match=r"^standard output is closed$"):
            call()


class Failing(io.TextIOWrapper):
    """A stream of a real file that cannot let go of what was written to it."""

    def __init__(self, path: Path, error: Exception) -> None:
        super().__init__(path.open("wb"), "utf-8")
        self.error: Exception | None = error
        self.full = False

    def write(self, text: str, /) -> int:
        self.full = True
        return super().write(text)

    def flush(self) -> None:
        if self.full and self.error:
            raise self.error
        super().flush()


@pytest.mark.parametrize("print_", [settle, lambda: write_out("a")])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BrokenPipeError(), None),
        (OSError(28, "No space left on device"), "standard output: No space left on device"),
        (OSError("odd"), "standard output: odd"),
        (ValueError("I/O operation on closed file"), "standard output: I/O operation on closed file"),
    ],
)
def test_a_reader_that_is_gone_is_no_error_and_everything_else_is_one_line(
    print_: Callable[[], None], error: Exception, words: str | None, tmp_path: Path
) -> None:
    """And nothing that is still in the stream goes out when it is closed."""
    stream = Failing(tmp_path / "out", error)
    before = len(os.listdir("/proc/self/fd"))
    with onto(stream):
        if print_ is settle:
            stream.write("a")
        if words is None:
            print_()
        else:
            with pytest.raises(OutputError) as raised:
                print_()
            assert str(raised.value) == words
            assert raised.value.__suppress_context__
    assert os.path.samestat(os.fstat(stream.fileno()), os.stat(os.devnull))
    assert len(os.listdir("/proc/self/fd")) == before
    stream.error = None
    stream.close()
    assert (tmp_path / "out").read_bytes() == b""


def test_what_is_still_to_be_printed_is_settled() -> None:
    with onto(stream := io.TextIOWrapper(raw := io.BytesIO(), "utf-8")):
        stream.write("a")
        assert raw.getvalue() == b""
        settle()
        assert raw.getvalue() == b"a"
    with onto(None):
        settle()


def test_a_complaint_is_a_line_on_standard_error_if_there_is_one(tmp_path: Path) -> None:
    with contextlib.redirect_stderr(io.TextIOWrapper(raw := io.BytesIO(), "utf-8")) as stream:
        complain("a")
        assert raw.getvalue() == b"a\n"
    stream.close()
    with contextlib.redirect_stderr(stream):
        complain("a")
    with contextlib.redirect_stderr(None):
        complain("a")
    full = Failing(tmp_path / "err", OSError(28, "No space left on device"))
    with contextlib.redirect_stderr(full):
        complain("a")
    full.error = None
    full.close()


def test_a_complaint_is_one_line_whatever_it_quotes() -> None:
    """C7: a file's name may hold anything."""
    with contextlib.redirect_stderr(stream := io.StringIO()):
        complain("kubeconfig a\nb\x1b[2J: no such file")
    assert stream.getvalue() == "kubeconfig a\\nb\\x1b[2J: no such file\n"
