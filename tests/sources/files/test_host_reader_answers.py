"""What a HostReader asks and keeps, with files that note what they are asked for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from exporter import presets
from exporter.facts.certificate import CertificateFile
from exporter.facts.host.paths import path_table
from exporter.facts.host.read import Look, Read
from exporter.reason import FileStatus
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.host_reader import HostReader
from exporter.sources.files.watch import Mark
from exporter.sources.parsing.in_process import InProcess

LINUX = path_table(presets.preset("aks-linux"))
UNIT = "/etc/systemd/system/kubelet.service"
FLAGS = "/etc/default/kubelet"


class Files:
    """A node without files, but for some answers; each answer rests on a mark of its path, but for some."""

    def __init__(self) -> None:
        self.said: dict[str, Read[object]] = {}
        self.unmarked: set[str] = set()
        self.broken: set[str] = set()
        """Paths whose marks hold no more."""
        self.asked: list[tuple[str, list[str]]] = []
        self.ways: set[object] = set()
        self.allowed: bool | None = True
        self.at_once = True

    def _read(self, look: Look) -> Read[object]:
        return self.said.get(look.path) or Read(look.path, FileStatus.NOT_FOUND)

    def look_all(self, wanted: Sequence[Look]) -> list[Read[object]]:
        self.asked.append(("all", [one.path for one in wanted]))
        self.ways |= {one.way for one in wanted}
        return [self._read(one) for one in wanted]

    def look_again(
        self, wanted: Sequence[Look], known: Mapping[Look, Read[object]]
    ) -> tuple[dict[Look, Read[object]], dict[Look, Mark]]:
        assert all(one in known for one in wanted)
        self.asked.append(("again", [one.path for one in wanted]))
        return (
            {one: self._read(one) for one in wanted},
            {one: mark(one) for one in wanted if one.path not in self.unmarked},
        )

    def holding(self, wanted: Iterable[Mark]) -> frozenset[Mark]:
        found = list(wanted)
        self.asked.append(("holding", [one.decode() for one, _ in found]))
        return frozenset(one for one in found if one[0].decode() not in self.broken)

    def prompt(self, wanted: Sequence[Mark]) -> bool | None:
        assert len(wanted) == len(set(wanted))
        self.asked.append(("prompt", [one.decode() for one, _ in wanted]))
        return self.allowed

    def as_marked_at_once(self, wanted: Sequence[Mark]) -> bool:
        self.asked.append(("at once", [one.decode() for one, _ in wanted]))
        return self.at_once

    def take(self) -> list[str]:
        """What was asked since, by its kind."""
        kinds = [kind for kind, _ in self.asked]
        self.asked.clear()
        return kinds


def mark(look: Look) -> Mark:
    return look.path.encode(), (0, 0, 0, 0, 0)


def reading() -> tuple[Files, HostReader]:
    files = Files()
    return files, HostReader(cast("HostFiles", files), LINUX, InProcess())


def test_while_every_mark_holds_the_reading_is_the_same() -> None:
    """Asked twice, it then compares states, and once all hold prepares to do so at once."""
    files, reader = reading()
    assert reader.read_at_once() is None
    first = reader.read()
    assert files.take() == ["again", "all", "all"]
    assert reader.read() is first
    assert files.take() == ["again"]
    assert reader.read_at_once() is None
    assert reader.read() is first
    assert files.take() == ["holding", "prompt"]
    assert reader.read_at_once() is first
    assert reader.read() is first
    assert files.take() == ["at once", "holding"]


def test_what_does_not_hold_is_asked_again_and_the_rest_is_not() -> None:
    files, reader = reading()
    first = reader.read()
    reader.read()
    reader.read()
    files.broken = {FLAGS}
    files.take()
    assert reader.read() is first
    assert files.asked[1:] == [("again", [FLAGS])]
    assert reader.read_at_once() is None, "what was prepared was of other marks"
    files.broken = set()
    files.take()
    assert reader.read() is first
    assert files.take() == ["holding", "prompt"]


def test_a_former_mark_is_forgotten_with_its_answer() -> None:
    """A link may lead back to the file that it led to before."""
    files, reader = reading()
    first = reader.read()
    reader.read()
    files.said[FLAGS] = Read(FLAGS, FileStatus.OK, {"KUBELET_FLAGS": "--cert-dir=/srv/pki"})
    files.broken = files.unmarked = {FLAGS}
    assert reader.read().candidates != first.candidates
    del files.said[FLAGS]
    files.broken = set()
    assert reader.read().candidates == first.candidates


def test_an_answer_without_a_mark_is_asked_each_time() -> None:
    """And nothing is prepared."""
    files, reader = reading()
    files.unmarked = {UNIT}
    first = reader.read()
    reader.read()
    files.asked.clear()
    assert reader.read() is first
    assert [kind for kind, _ in files.asked] == ["holding", "again"]
    assert files.asked[1][1] == [UNIT]
    assert reader.read_at_once() is None


def test_a_changed_certificate_leaves_the_evidence_as_it_is() -> None:
    """And a changed file of evidence does not."""
    files, reader = reading()
    first = reader.read()
    reader.read()
    (path,) = {one.path for one in first.candidates if one.path.endswith("ca.crt")}
    files.said[path] = Read(path, FileStatus.MALFORMED, detail="x")
    files.broken = {path}
    files.take()
    second = reader.read()
    assert files.take() == ["holding", "again"]
    assert second is not first
    assert second.evidence is first.evidence
    assert second.certificates[path].status is FileStatus.MALFORMED
    files.said[FLAGS] = Read(FLAGS, FileStatus.OK, {"KUBELET_FLAGS": "--cert-dir=/srv/pki"})
    files.broken = {FLAGS}
    third = reader.read()
    assert third.evidence is not second.evidence
    assert [kind for kind, _ in files.asked][:2] == ["holding", "again"]
    assert any(one.path.startswith("/srv/pki/") for one in third.candidates)
    reader.read()
    files.asked.clear()
    reader.read()
    held = dict(files.asked)["holding"]
    assert "/srv/pki/kubelet-client-current.pem" in held
    assert "/var/lib/kubelet/pki/kubelet-client-current.pem" not in held, "what is not asked any more is forgotten"


def test_files_that_must_be_waited_for_are_asked_about_it_once() -> None:
    """Those of which it could not be told in time are asked again."""
    for allowed, kinds in ((False, ["holding", "prompt", "holding"]), (None, ["holding", "prompt"] * 2)):
        files, reader = reading()
        files.allowed = allowed
        reader.read()
        reader.read()
        files.take()
        reader.read()
        reader.read()
        assert files.take() == kinds
        assert reader.read_at_once() is None


def test_what_does_not_hold_at_once_is_prepared_anew() -> None:
    files, reader = reading()
    first = reader.read()
    assert reader.read() is reader.read() is first
    files.at_once = False
    assert reader.read_at_once() is None
    files.at_once = True
    assert reader.read_at_once() is None
    files.take()
    assert reader.read() is first
    assert files.take() == ["holding", "prompt"]
    assert reader.read_at_once() is first


class Own(InProcess):
    """A parser of its own."""

    @staticmethod
    def certificate_file(content: bytes) -> CertificateFile:
        return InProcess.certificate_file(content)


def test_a_parser_that_is_given_parses() -> None:
    files, own = Files(), Own()
    HostReader(cast("HostFiles", files), LINUX, own).read()
    assert own.certificate_file in files.ways
    assert InProcess.certificate_file not in files.ways


def test_without_a_parser_this_process_parses() -> None:
    files = Files()
    found = HostReader(cast("HostFiles", files), LINUX).read()
    assert found == HostReader(cast("HostFiles", files), LINUX, InProcess()).read()
