"""A node's files read again and again: every path is looked at each time, and only what changed is read and derived."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from exporter.facts.host.host_reads import HostReads
from exporter.facts.host.paths import PathTable
from exporter.facts.host.read import Look, Read
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.host_reads import Files, Plan, read_certificates, read_evidence
from exporter.sources.files.watch import Mark
from exporter.sources.parsing.interface import Parsing, in_process

__all__ = ["HostReader"]

Answers = Mapping[Look, Read[object]]


class _Reading(NamedTuple):
    """What was read last."""

    answers: Answers
    marks: Mapping[Look, Mark]
    """What those answers rest on that can be told to hold."""
    reads: HostReads | None


class HostReader:
    """Reads one node again and again.

    Every path is looked at each time. Where it can be told that an answer holds by comparing states it is kept, and the
    others are asked again, in one hand-off. What the evidence leads to is derived again where an answer about it
    changed; and where none at all did, the reading is the very same object, from which nothing needs to be derived.
    Thread-safe.
    """

    def __init__(self, files: HostFiles, table: PathTable, parsing: Parsing | None = None) -> None:
        """`parsing`: what parses certificates, without one this process."""
        self._files, self._table, self._parsing = files, table, parsing or in_process()
        self._last = _Reading({}, {}, None)
        self._planned: tuple[Answers, Plan] | None = None
        self._prompt: tuple[Sequence[Mark], HostReads] | None = None
        self._refused: object = None

    def read_at_once(self) -> HostReads | None:
        """The last reading, if it can be told without waiting that it still holds. From one thread only."""
        prompt = self._prompt
        if prompt is None:
            return None
        if self._files.as_marked_at_once(prompt[0]):
            return prompt[1]
        self._prompt = None
        return None

    def read(self) -> HostReads:
        """Look at every file once. No file can make it fail: whatever happens is a status."""
        before, marks, reads = last = self._last
        held = self._files.holding(marks.values()) if marks else frozenset()
        if reads is not None and held.issuperset(marks.values()) and len(marks) == len(before):
            self._prepare(marks, reads)
            return reads
        self._prompt = None
        again, rested = self._files.look_again([look for look in before if marks.get(look) not in held], before)
        answers = {**before, **again}
        marks = {**{look: mark for look, mark in marks.items() if look not in again}, **rested}
        if reads is not None and answers == before:
            self._last = last._replace(marks=marks)
            return reads
        batch = _Batch(self._files, answers)
        reads = read_certificates(batch, self._plan(batch))
        asked = {look: batch.answers[look] for look in batch.asked}
        self._last = _Reading(asked, {look: mark for look, mark in marks.items() if look in asked}, reads)
        return reads

    def _prepare(self, marks: Mapping[Look, Mark], reads: HostReads) -> None:
        """See to it that the next look need not wait. Files that do not allow that are asked once."""
        if self._prompt is None and self._refused is not marks:
            wanted = tuple(dict.fromkeys(marks.values()))
            allowed = self._files.prompt(wanted)
            if allowed:
                self._prompt = wanted, reads
            elif allowed is False:
                self._refused = marks

    def _plan(self, batch: "_Batch") -> Plan:
        """What the evidence leads to: as it did, where every answer that it followed from is what it was."""
        if self._planned is not None and batch.take(self._planned[0]):
            return self._planned[1]
        plan = read_evidence(batch, self._table, self._parsing)
        self._planned = {look: batch.answers[look] for look in batch.asked}, plan
        return plan


class _Batch(Files):
    """Looks, of which some are answered already."""

    def __init__(self, files: Files, answers: Answers) -> None:
        self._files = files
        self.answers = dict(answers)
        self.asked: dict[Look, None] = {}

    def look_all(self, wanted: Sequence[Look]) -> list[Read[object]]:
        """Each look once."""
        self._ask(wanted)
        if missing := [look for look in dict.fromkeys(wanted) if look not in self.answers]:
            self.answers |= zip(missing, self._files.look_all(missing), strict=True)
        return [self.answers[look] for look in wanted]

    def take(self, known: Answers) -> bool:
        """Whether these are the answers; they are asked then."""
        if any(self.answers.get(look) != read for look, read in known.items()):
            return False
        self._ask(known)
        return True

    def _ask(self, wanted: Iterable[Look]) -> None:
        self.asked |= dict.fromkeys(wanted)
