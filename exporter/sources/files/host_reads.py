"""The files of a path table in, one look at each of them out, ready for `facts.host`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar, cast

from exporter.facts.certificate import CertificateFile
from exporter.facts.host.evidence import HostEvidence, values
from exporter.facts.host.evidence_file import EVIDENCE, EvidenceFile
from exporter.facts.host.host_reads import HostReads
from exporter.facts.host.key_place import key_place
from exporter.facts.host.kubelet_command import (
    ABSENT,
    KubeletCommand,
    WindowsArguments,
    linux_command,
    named_environment_files,
    windows_command,
)
from exporter.facts.host.kubelet_configuration import KubeletConfiguration, kubelet_configuration
from exporter.facts.host.kubelet_flags import KubeletFlags
from exporter.facts.host.kubelet_settings import KubeletSettings, effective
from exporter.facts.host.paths import Means, PathTable
from exporter.facts.host.read import Look, Read, Way
from exporter.facts.host.systemd import ServiceUnit, environment_file, service_unit
from exporter.facts.kubeconfig import kubeconfig
from exporter.reason import FileStatus, Role
from exporter.sources.files.host_files import CAP, HostFiles
from exporter.sources.files.watch import Mark
from exporter.sources.parsing.interface import Parsing

__all__ = ["Files", "HostReader", "read_host"]

EVIDENCE_CAP = 256 * 1024
"""Bytes. These files have a few KiB; the cap bounds what YAML may cost."""
MOST_DROP_INS = 64
MOST_LEVELS = 4
"""Of directories below --config-dir."""

Placed = TypeVar("Placed", KubeletFlags, KubeletConfiguration)
Reads = dict[EvidenceFile, Read[object]]
Member = tuple[EvidenceFile, Read[object]]


class Files(Protocol):
    """What can look at a node's paths: `HostFiles`, or what a test puts in its place."""

    def look_all(self, wanted: Sequence[Look]) -> list[Read[object]]:
        """Every look, the answers in the same order."""


class HostReader:
    """Reads one node again and again.

    Every path is looked at each time, in one hand-off. While every answer is what it was, the reading is the very same
    object, from which nothing needs to be derived again; and once what it rests on has settled, a look is no more than
    a comparison of states. Thread-safe.
    """

    def __init__(self, files: HostFiles, table: PathTable, parsing: Parsing | None = None) -> None:
        """`parsing`: what parses certificates, without one this process."""
        self._files, self._table, self._parsing = files, table, parsing
        self._last: tuple[dict[Look, Read[object]], HostReads | None, Sequence[Mark] | None] = ({}, None, None)
        self._prompt: tuple[Sequence[Mark], HostReads] | None = None

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
        before, reads, marks = self._last
        if reads is not None and marks is not None and self._files.as_marked(marks):
            if self._prompt is None and self._files.prompt(marks):
                self._prompt = marks, reads
            return reads
        self._prompt = None
        # After a change nothing is marked at first: what rotates seldom does so by itself.
        above = self._files.directories(before) if reads is not None and marks is None else None
        batch = _Batch(self._files, tuple(before))
        if reads is not None and batch.answers == before:
            self._last = before, reads, None if above is None else self._files.marks(batch.answers, above)
            return reads
        reads = read_host(batch, self._table, self._parsing)
        self._last = {look: batch.answers[look] for look in batch.asked}, reads, None
        return reads


class _Batch:
    """Looks, of which those that were expected are taken together at the beginning."""

    def __init__(self, files: Files, expected: Sequence[Look]) -> None:
        self._files = files
        self.answers = dict(zip(expected, files.look_all(expected), strict=True)) if expected else {}
        self.asked: dict[Look, None] = {}

    def look_all(self, wanted: Sequence[Look]) -> list[Read[object]]:
        """Each look once."""
        self.asked |= dict.fromkeys(wanted)
        if missing := [look for look in dict.fromkeys(wanted) if look not in self.answers]:
            self.answers |= zip(missing, self._files.look_all(missing), strict=True)
        return [self.answers[look] for look in wanted]


def read_host(files: Files, table: PathTable, parsing: Parsing | None = None) -> HostReads:
    """Look at every file once: the evidence, what it leads to, and then the certificates."""
    parsing = parsing or _in_process()
    reads = _evidence(files, table, list(table.evidence), parsing)
    command, members = _command(files, table, reads)
    named = table.with_flags(command.flags, known=command.known)
    moved = [file for file, path in named.evidence.items() if path != table.evidence.get(file)]
    reads = {**reads, **_evidence(files, named, moved, parsing)} if moved else reads
    reads = {file: reads[file] for file in named.evidence}
    drop_ins, unread = _configuration_drop_ins(files, named, reads)
    evidence = HostEvidence(
        named,
        reads,
        (*members, *((EvidenceFile.KUBELET_CONFIGURATION_DIRECTORY, read) for read in drop_ins)),
        _settings(named, command, reads, drop_ins, unread),
    )
    candidates = named.resolved(evidence.kubeconfig, evidence.settings)
    bundle, leaf = parsing.authority_file, parsing.certificate_file
    parsers = {one.path: bundle if one.role is Role.CLUSTER_CA else leaf for one in candidates}
    rotated = [candidate.path for candidate in candidates if candidate.means is Means.ROTATED]
    directories = list(dict.fromkeys(named.parent(path) for path in rotated))
    places = {one.path: key_place(one, named, evidence.kubeconfig, evidence.settings) for one in candidates}
    places = {path: place for path, place in places.items() if place not in {"", path}}
    looks = files.look_all(
        [
            *(Look(path, parse, CAP) for path, parse in parsers.items()),
            *(Look(directory, Way.NAMES) for directory in directories),
            *(Look(place, Way.PRESENCE) for place in places.values()),
        ]
    )
    keys = dict(zip(places, cast("list[Read[None]]", looks[len(parsers) + len(directories) :]), strict=True))
    found = dict(zip(parsers, cast("list[Read[CertificateFile]]", looks), strict=False))
    names = dict(zip(directories, cast("list[Read[tuple[str, ...]]]", looks[len(parsers) :]), strict=False))
    return HostReads(evidence, candidates, found, {path: names[named.parent(path)].value for path in rotated}, keys)


def _in_process() -> Parsing:
    from exporter.sources.parsing.in_process import InProcess  # not where another process parses

    return InProcess()


def _evidence(files: Files, table: PathTable, wanted: list[EvidenceFile], parsing: Parsing) -> Reads:
    ways = {file: parsing.kubeconfig if EVIDENCE[file].way is kubeconfig else EVIDENCE[file].way for file in wanted}
    looks = [Look(table.evidence[file], way, EVIDENCE_CAP) for file, way in ways.items()]
    return dict(zip(wanted, files.look_all(looks), strict=True))


def _command(files: Files, table: PathTable, reads: Reads) -> tuple[KubeletCommand, list[Member]]:
    """The kubelet's command line, and the files beside the table's that it was read from."""
    if EvidenceFile.KUBELET_ARGUMENTS in reads:
        return windows_command(cast("Read[WindowsArguments]", reads[EvidenceFile.KUBELET_ARGUMENTS])), []
    unit = cast("Read[ServiceUnit] | None", reads.get(EvidenceFile.KUBELET_UNIT))
    listing = reads.get(EvidenceFile.KUBELET_UNIT_DIRECTORY)
    names = listing.value if listing is not None and isinstance(listing.value, tuple) else ()
    chosen = [name for name in names if name.endswith(".conf") and not name.startswith(".")]
    directory = table.evidence.get(EvidenceFile.KUBELET_UNIT_DIRECTORY, "")
    looks = [Look(f"{directory}/{name}", service_unit, EVIDENCE_CAP) for name in chosen[:MOST_DROP_INS]]
    drop_ins = cast("list[Read[ServiceUnit]]", files.look_all(looks) if looks else [])
    default = table.evidence.get(EvidenceFile.KUBELET_FLAGS, "")
    named = [path for path in named_environment_files(unit, drop_ins) if path != default]
    others = named[:MOST_DROP_INS]
    looks = [Look(path, environment_file, EVIDENCE_CAP) for path in others]
    found = dict(zip(others, files.look_all(looks) if looks else [], strict=True))
    if EvidenceFile.KUBELET_FLAGS in reads:
        found[default] = reads[EvidenceFile.KUBELET_FLAGS]
    members: list[Member] = [(EvidenceFile.KUBELET_UNIT_DIRECTORY, read) for read in drop_ins]
    members += [(EvidenceFile.KUBELET_FLAGS, found[path]) for path in others]
    listed = [cast("Read[tuple[str, ...]]", listing)] if listing is not None else []
    command = linux_command(unit, [*listed, *drop_ins], cast("dict[str, Read[dict[str, str]]]", found), default)
    if max(len(chosen), len(named)) > MOST_DROP_INS:
        command = replace(command, known=False, unread=f"more drop-ins or environment files than {MOST_DROP_INS}")
    return command, members


def _configuration_drop_ins(files: Files, table: PathTable, reads: Reads) -> tuple[list[Read[object]], str]:
    """What came of each `*.conf` below --config-dir, in the order of Go's filepath.WalkDir; and what was not read."""
    listing = reads.get(EvidenceFile.KUBELET_CONFIGURATION_DIRECTORY)
    if listing is None:
        return [], ""
    found: list[Read[object]] = []
    unread = _walk(files, table, listing, found, 1)
    return found, unread


def _walk(files: Files, table: PathTable, listing: Read[object], found: list[Read[object]], level: int) -> str:
    if not isinstance(listing.value, tuple):
        return listing.path
    places = [table.join(listing.path, name) for name in listing.value]
    if len(places) + len(found) > MOST_DROP_INS or level > MOST_LEVELS:
        return f"all below {listing.path}"
    ways = [kubelet_configuration if path.endswith(".conf") else Way.NAMES for path in places]
    looks = [Look(path, way, EVIDENCE_CAP) for path, way in zip(places, ways, strict=True)]
    for read in files.look_all(looks) if looks else ():
        below = read
        if read.path.endswith(".conf"):
            if read.status is not FileStatus.NOT_A_FILE:
                found.append(read)
                continue
            (below,) = files.look_all([Look(read.path, Way.NAMES)])
        elif read.status is FileStatus.ERROR:
            continue  # no directory: the kubelet passes over such a file
        if unread := _walk(files, table, below, found, level + 1):
            return unread
    return ""


def _settings(
    table: PathTable, command: KubeletCommand, reads: Reads, drop_ins: list[Read[object]], unread: str
) -> KubeletSettings:
    base = reads.get(EvidenceFile.KUBELET_CONFIGURATION)
    missing = [unread] if unread else []
    missing += [read.path for read in drop_ins if read.value is None]
    if base is not None and base.value is None and (command.flags.config or base.status not in ABSENT):
        missing.append(base.path)
    if base is None and command.flags.config:
        missing.append(table.from_flag(command.flags.config))
    if command.flags.config_dir and EvidenceFile.KUBELET_CONFIGURATION_DIRECTORY not in reads:
        missing.append(table.from_flag(command.flags.config_dir))
    if command.flags.dynamic_config_dir:
        missing.append("the dynamic configuration")
    file = EvidenceFile.KUBELET_CONFIGURATION
    base_values = values([base] if base is not None else [], KubeletConfiguration)
    return effective(
        replace(command, flags=_placed(command.flags, table.from_flag)),
        [
            *(_placed(one, lambda path: table.beside(file, path)) for one in base_values),
            *(_placed(one, table.from_flag) for one in values(drop_ins, KubeletConfiguration)),
        ],
        read=bool(base_values),
        unread=", ".join(missing),
    )


def _placed(said: Placed, place: Callable[[str], str]) -> Placed:
    """With absolute paths. Relative ones count from the directory of --config, but in a flag or in a drop-in from the
    kubelet's working directory (pkg/kubelet/kubeletconfig/configfiles, resolveRelativePaths).
    """
    certificate, key = said.tls_cert_file, said.tls_private_key_file
    return replace(said, tls_cert_file=certificate and place(certificate), tls_private_key_file=key and place(key))
