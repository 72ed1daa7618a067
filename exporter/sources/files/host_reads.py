"""The files of a path table in, one look at each of them out, ready for `facts.host`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol, TypeVar, cast

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
from exporter.facts.host.paths import Candidate, Means, PathTable
from exporter.facts.host.read import Look, Parse, Read, Way
from exporter.facts.host.systemd import ServiceUnit, environment_file, service_unit
from exporter.facts.kubeconfig import kubeconfig
from exporter.reason import FileStatus, Role
from exporter.sources.files.host_files import CAP
from exporter.sources.parsing.interface import Parsing, in_process

__all__ = ["Files", "Plan", "read_certificates", "read_evidence", "read_host"]

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


class Plan(NamedTuple):
    """What the evidence says, and which certificates it leads to."""

    evidence: HostEvidence
    candidates: tuple[Candidate, ...]
    parsers: Mapping[str, Parse[object]]
    """By path, one for each candidate."""
    directories: Mapping[str, str]
    """Of each certificate that the kubelet rotates, by that certificate's path."""
    keys: Mapping[str, str]
    """Of each certificate that has its private key in another file, the path of that key."""


def read_host(files: Files, table: PathTable, parsing: Parsing | None = None) -> HostReads:
    """Look at every file once: the evidence, what it leads to, and then the certificates.

    `parsing`: what parses certificates, without one this process.
    """
    parsing = parsing or in_process()
    return read_certificates(files, read_evidence(files, table, parsing))


def read_evidence(files: Files, table: PathTable, parsing: Parsing) -> Plan:
    """Look at the evidence and what it leads to. The plan follows from the answers, and from nothing else."""
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
    places = {one.path: key_place(one, named, evidence.kubeconfig, evidence.settings) for one in candidates}
    return Plan(
        evidence,
        candidates,
        {one.path: bundle if one.role is Role.CLUSTER_CA else leaf for one in candidates},
        {one.path: named.parent(one.path) for one in candidates if one.means is Means.ROTATED},
        {path: place for path, place in places.items() if place not in {"", path}},
    )


def read_certificates(files: Files, plan: Plan) -> HostReads:
    """Look at the certificates, at what lies beside those that rotate, and for their keys."""
    wanted = {path: Look(path, parse, CAP) for path, parse in plan.parsers.items()}
    beside = {path: Look(directory, Way.NAMES) for path, directory in plan.directories.items()}
    keys = {path: Look(place, Way.PRESENCE) for path, place in plan.keys.items()}
    looks = list(dict.fromkeys((*wanted.values(), *beside.values(), *keys.values())))
    found = dict(zip(looks, files.look_all(looks), strict=True))
    return HostReads(
        plan.evidence,
        plan.candidates,
        {path: cast("Read[CertificateFile]", found[look]) for path, look in wanted.items()},
        {path: cast("Read[tuple[str, ...]]", found[look]).value for path, look in beside.items()},
        {path: cast("Read[None]", found[look]) for path, look in keys.items()},
    )


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
