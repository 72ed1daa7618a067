"""Paths of a node in; parsed contents, or the status that says why not, out. No file delays or ends a scrape."""

import errno
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from exporter.facts.certificate import EmptyFileError, NoCertificateError
from exporter.facts.host.read import Look, Parse, Read, Version, Way
from exporter.file_state import State, file_state
from exporter.reason import FileStatus
from exporter.sources.files import openat2
from exporter.sources.files.content import read_content
from exporter.sources.files.deadline import Workers
from exporter.sources.files.directory import host_path
from exporter.sources.files.flags import flags
from exporter.sources.files.prompt import Prompt
from exporter.sources.files.resolve import UnresolvedPath, walk
from exporter.sources.files.root import KernelRoot, Root, WalkedRoot, patiently
from exporter.sources.files.watch import Mark, directory, holding, marks
from exporter.sources.parsing.interface import Later, ParserFailure

__all__ = ["CAP", "HostFiles"]

T = TypeVar("T")
S = TypeVar("S")

CAP = 1 << 20
"""Bytes. A CA bundle of 300 certificates has about 600 KiB."""
_MOST_CACHED = 4096
_MOST_NAMES = 10_000
_FLAGS = flags("O_RDONLY|O_NONBLOCK|O_NOCTTY")


class HostFiles:
    """The files of a node below `root`, where every path and every link is the node's own.

    Each look runs in a worker thread and is given up after `deadline` seconds (TIMEOUT); until a hung look ends, its
    path is answered TIMEOUT at once. `read_all` hands a whole batch to the thread: one hand-off, and one deadline at
    most however many of its paths hang. A `read` has a hand-off of its own. While some path hangs later looks are given
    less, a batch a quarter of the deadline and a single look a tenth, so one after the other stays bounded too.

    A parsed value is kept under (path, parse) and the version of the opened file, bytes never. A file that changed less
    than two seconds before it was read is parsed afresh every time: a second change within the same tick of the file
    system's clock would leave the version as it was. Thread-safe.
    """

    def __init__(self, root: Path, *, deadline: float = 2.0, opener: Callable[[str], Root] | None = None) -> None:
        """`opener` opens the root: without it, by what the system can do."""
        self._root = str(root)
        self._opener = opener or _opener()
        self._workers, self._quick = Workers(deadline), Workers(deadline / 8)
        self._prompt = Prompt(self._root)
        self._marking = self._opener == KernelRoot.by_descriptor
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[str, Parse[Any]], tuple[State, Read[Any]]] = OrderedDict()

    def read(self, path: str, parse: Parse[T], *, cap: int = CAP) -> Read[T]:
        """Read one file of at most `cap` bytes and parse it.

        `parse` is best a named function: a lambda made anew for each call never meets its own cached answer.
        """
        return self.read_all([(path, parse)], cap=cap)[0]

    def read_all(self, wanted: Sequence[tuple[str, Parse[T]]], *, cap: int = CAP) -> list[Read[T]]:
        """Read several files, in one hand-off and one deadline; the answers come in the same order."""
        return self._looks(
            [path for path, _ in wanted],
            lambda root, number: self._read(root, *wanted[number], cap),
        )

    def presence(self, path: str) -> Read[None]:
        """Whether there is a regular file, which is never opened for reading: for what holds only secrets."""
        return self._looks([path], lambda root, _: _presence(root, path))[0]

    def names(self, directory: str) -> tuple[str, ...] | None:
        """The names in a directory, sorted, ten thousand at most; None where it cannot be listed."""
        return self._looks([directory], lambda root, _: _listing(root, directory))[0].value

    def look_all(self, wanted: Sequence[Look]) -> list[Read[object]]:
        """Looks of all kinds in one hand-off and one deadline; the answers come in the same order."""
        return self._looks([one.path for one in wanted], lambda root, number: self._look(root, wanted[number]))

    def look_again(
        self, wanted: Sequence[Look], known: Mapping[Look, Read[object]]
    ) -> tuple[dict[Look, Read[object]], dict[Look, Mark]]:
        """The same where the former answers are known, and the marks of those that can be told to hold from now on."""
        above: dict[Look, Mark] = {}

        def look(root: Root, number: int) -> "Read[object] | _Unfinished":
            one = wanted[number]
            if isinstance(root, KernelRoot) and (mark := directory(root.descriptor, one, known[one])) is not None:
                above[one] = mark
            return self._look(root, one)

        answers = dict(zip(wanted, self._looks([one.path for one in wanted], look), strict=True))
        if not self._marking:
            return answers, {}
        same = {one: mark for one, mark in above.copy().items() if answers[one].status is known[one].status}
        return answers, marks(answers, same, self._settled(answers))

    def _look(self, root: Root, look: Look) -> "Read[object] | _Unfinished":
        path, way, cap = look
        if way is Way.PRESENCE:
            return _presence(root, path)
        if way is Way.NAMES:
            return _listing(root, path)
        return self._read(root, path, way, cap)

    def _settled(self, answers: Mapping[Look, Read[object]]) -> dict[Look, State]:
        """The states of those whose bytes are known."""
        found = {}
        with self._lock:
            for look, read in answers.items():
                kept = self._cache.get((look.path, look.way)) if not isinstance(look.way, Way) else None
                if kept is not None and kept[1] is read:
                    found[look] = kept[0]
        return found

    def holding(self, wanted: Iterable[Mark]) -> frozenset[Mark]:
        """See `watch.holding`; none where that takes long, or where this system has no openat2."""
        return self._quickly(lambda root: holding(root, wanted)) or frozenset()

    def prompt(self, wanted: Sequence[Mark]) -> bool | None:
        """Whether `as_marked_at_once` may be asked about these; None where that takes long."""
        return self._quickly(lambda root: self._prompt.allows(root, wanted))

    def as_marked_at_once(self, wanted: Sequence[Mark]) -> bool:
        """Whether all of these hold, and no where that cannot be told without waiting. From one thread only."""
        return self._prompt.as_marked(wanted)

    def _quickly(self, ask: Callable[[int], T]) -> T | None:
        """What it says of the host root, None after an eighth of the deadline, and as long as it hangs."""
        if not self._marking:
            return None

        def work(numbers: Iterator[int]) -> Iterator[tuple[int, tuple[T | None]]]:
            for number in numbers:
                root = os.open(self._root, os.O_PATH | os.O_DIRECTORY)
                try:
                    yield number, (ask(root),)
                finally:
                    os.close(root)

        (answer,), _ = self._quick.answers([self._root], work, lambda _: (None,))
        return answer[0] if answer is not None else None

    def _looks(self, paths: Sequence[str], look: "Callable[[Root, int], Read[S] | _Unfinished]") -> list[Read[S]]:
        def work(numbers: Iterator[int]) -> "Iterator[tuple[int, Read[S] | _Unfinished]]":
            root: Root | None = None
            try:
                for number in numbers:
                    try:  # here, because the root too can hang
                        root = root or self._opener(self._root)
                    except OSError as error:
                        detail = f"the host root {self._root}: {error.strerror}"
                        yield number, Read(paths[number], FileStatus.ERROR, detail=detail)
                    else:
                        yield number, _answer(root, paths[number], look, number)
            finally:
                if root is not None:
                    root.close()

        answers, hung = self._workers.answers(paths, work, lambda number: _failed(paths[number], None))
        found = [
            _late(path, path in hung) if answer is None else answer for path, answer in zip(paths, answers, strict=True)
        ]
        return [self._finished(one) if isinstance(one, _Unfinished) else one for one in found]

    def _read(self, root: Root, path: str, parse: Parse[T], cap: int) -> "Read[T] | _Unfinished":
        place = host_path(path)
        descriptor = patiently(root, place, _open)
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                return Read(path, FileStatus.NOT_A_FILE, detail=_kind(state))
            version = file_state(state)
            if state.st_size > cap:
                return Read(path, FileStatus.TOO_LARGE, None, Version(*version), detail=_excess(cap))
            if (cached := self._cached(path, parse, version)) is not None:
                return cached
            content, version, settled = read_content(descriptor, version, cap)
        finally:
            os.close(descriptor)
        if len(content) > cap:
            return Read(path, FileStatus.TOO_LARGE, None, Version(*version), detail=_excess(cap))
        read = _parsed(path, partial(parse, content), Version(*version), _target(root, place, version))
        if isinstance(read.value, Later):
            return _Unfinished(read, read.value, parse, version, settled)
        if settled:
            self._keep(path, parse, version, read)
        return read

    def _finished(self, unfinished: "_Unfinished") -> Read[Any]:
        """With what another process says of the bytes. Its own failure is told, and not kept."""
        begun, later, parse, version, settled = unfinished
        try:
            read = _parsed(begun.path, later.value, Version(*version), begun.target)
        except ParserFailure as failure:
            return replace(begun, status=failure.status, value=None, detail=_one_line(str(failure)))
        if settled:
            self._keep(begun.path, parse, version, read)
        return read

    def _cached(self, path: str, parse: Parse[T], version: State) -> Read[T] | None:
        with self._lock:
            kept = self._cache.get((path, parse))
            if kept is None or kept[0] != version:
                return None
            self._cache.move_to_end((path, parse))
            return kept[1]

    def _keep(self, path: str, parse: Parse[T], version: State, read: Read[T]) -> None:
        with self._lock:
            self._cache[path, parse] = (version, read)
            self._cache.move_to_end((path, parse))
            if len(self._cache) > _MOST_CACHED:
                self._cache.popitem(last=False)


class _Unfinished(NamedTuple):
    """A file that was read, and that another process is still to parse."""

    read: Read[Any]
    later: Later[Any]
    parse: Parse[Any]
    version: State
    settled: bool
    """Whether the version may be trusted."""


def _opener() -> Callable[[str], Root]:
    """The best way of this system to open a host root."""
    if openat2.supported():
        return KernelRoot.by_descriptor
    return WalkedRoot.by_descriptor if os.open in os.supports_dir_fd else WalkedRoot.by_path


def _open(root: Root, path: str) -> int:
    return root.open(path, _FLAGS)


def _stat(root: Root, path: str) -> os.stat_result:
    return root.stat(path)


def _names(root: Root, path: str) -> list[str]:
    return root.names(path)


def _answer(
    root: Root, path: str, look: Callable[[Root, int], Read[S] | _Unfinished], number: int
) -> Read[S] | _Unfinished:
    """What a look says, with every way in which the system refuses it as an answer too."""
    if not path or "\0" in path:
        return Read(path, FileStatus.ERROR, detail="the path is empty" if not path else "the path holds a NUL")
    try:
        return look(root, number)
    except UnresolvedPath as fault:
        return Read(path, fault.status, target=fault.target, detail=_one_line(fault.detail))
    except OSError as error:
        return _refusal(root, path, error)
    except UnicodeEncodeError:
        return Read(path, FileStatus.ERROR, detail="the path is not text of this system")
    except Exception as error:  # noqa: BLE001 - out of memory, or a bug: the path has an answer, and is looked at again
        return _failed(path, error)


def _refusal(root: Root, path: str, error: OSError) -> Read[Any]:
    if error.errno in {errno.EACCES, errno.EPERM, errno.ENXIO, errno.ENODEV}:
        # A socket, or a device that a container may not open: what it is matters more than that it refuses.
        try:
            state = root.stat(host_path(path))
        except (OSError, UnresolvedPath):
            pass
        else:
            if not stat.S_ISREG(state.st_mode):
                return Read(path, FileStatus.NOT_A_FILE, detail=_kind(state))
    denied = error.errno in {errno.EACCES, errno.EPERM}
    status = FileStatus.PERMISSION_DENIED if denied else FileStatus.ERROR
    return Read(path, status, detail=_one_line(error.strerror or str(error)))


def _failed(path: str, error: Exception | None) -> Read[Any]:
    detail = f"{type(error).__name__} while looking" if error else "the look was broken off"
    return Read(path, FileStatus.ERROR, detail=detail)


def _late(path: str, hung: bool) -> Read[Any]:
    return Read(path, FileStatus.TIMEOUT, detail="an earlier look still hangs" if hung else "no answer in time")


def _listing(root: Root, directory: str) -> Read[tuple[str, ...]]:
    names = patiently(root, host_path(directory), _names)
    return Read(directory, FileStatus.OK, tuple(sorted(names)[:_MOST_NAMES]))


def _presence(root: Root, path: str) -> Read[None]:
    state = patiently(root, host_path(path), _stat)
    if not stat.S_ISREG(state.st_mode):
        return Read(path, FileStatus.NOT_A_FILE, detail=_kind(state))
    return Read(path, FileStatus.OK, None, Version(*file_state(state)))


def _kind(state: os.stat_result) -> str:
    kinds = {stat.S_IFDIR: "directory", stat.S_IFIFO: "FIFO", stat.S_IFSOCK: "socket"}
    return f"is a {kinds.get(stat.S_IFMT(state.st_mode), 'device')}"


def _excess(cap: int) -> str:
    return f"more than {cap} bytes"


def _parsed(path: str, parse: Callable[[], T], version: Version, target: str) -> Read[T]:
    status = FileStatus.MALFORMED
    try:
        return Read(path, FileStatus.OK, parse(), version, target)
    except ParserFailure:
        raise
    except EmptyFileError as error:
        status, detail = FileStatus.EMPTY, str(error)
    except NoCertificateError as error:
        status, detail = FileStatus.NO_CERTIFICATE, str(error)
    except (ValueError, RecursionError) as error:
        detail = str(error)
    except Exception as error:  # noqa: BLE001 - a parser's fault costs this file, not the scrape
        status, detail = FileStatus.ERROR, f"{type(error).__name__} while parsing"  # its words may quote the file
    return Read(path, status, None, version, target, _one_line(detail))


def _target(root: Root, path: str, version: State) -> str:
    """Where the opened file lies, if the path still leads to it."""
    try:
        place = walk(root.directory, path)
        try:
            same = file_state(place.directory.stat(place.name))[:2] == version[:2]
        finally:
            place.close()
    except (OSError, UnresolvedPath):
        return ""
    return place.target if same else ""


def _one_line(words: str) -> str:
    return " ".join(words.split())[:200]
