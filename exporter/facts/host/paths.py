"""A preset and the user's `paths` section in, the table of files to look at out."""

import ntpath
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.kubelet_flags import KubeletFlags
from exporter.facts.host.kubelet_settings import KubeletSettings
from exporter.facts.kubeconfig import HostKubeconfig
from exporter.reason import Role

__all__ = ["Candidate", "Means", "NamedBy", "PathTable", "path_table"]


class Means(StrEnum):
    """What finding a certificate at a path says about it."""

    ROTATED = "rotated"
    STATIC = "static"
    SELF_SIGNED = "self_signed"
    AUTHORITY = "authority"
    COPY = "copy"


class NamedBy(StrEnum):
    """Files that name a certificate's path or hold the certificate."""

    KUBECONFIG = "kubeconfig"
    KUBELET_CONFIGURATION = "kubelet-configuration"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place where a certificate may be."""

    role: Role
    path: str = ""
    means: Means | None = None
    named_by: NamedBy | None = None
    """The file that names the path, where the path is not fixed."""
    expected: bool = False
    """Whether its absence is a fault by itself: a path that the user added."""


@dataclass(frozen=True, slots=True)
class PathTable:
    """All files an agent looks at."""

    candidates: tuple[Candidate, ...]
    evidence: Mapping[EvidenceFile, str]
    expected_evidence: frozenset[EvidenceFile] = frozenset()
    """Evidence whose path the user set."""

    unlooked: frozenset[EvidenceFile] = frozenset()
    """Evidence that the user left out."""
    certificate_directory: str = ""
    """Where the kubelet keeps what it renews, as far as no flag says otherwise."""
    windows: bool = False
    """Whether these are a Windows node's paths."""

    def normal(self, path: str) -> str:
        """The path in a form that is the same for all ways to write it. POSIX keeps two slashes at the beginning, in
        which Linux sees one.
        """
        return ntpath.normcase(ntpath.normpath(path)) if self.windows else posixpath.normpath(path).replace("//", "/")

    def parent(self, path: str) -> str:
        """The directory of a host path."""
        return ntpath.dirname(path) if self.windows else posixpath.dirname(path)

    def join(self, directory: str, path: str | None) -> str:
        """A path that counts from a directory if it is relative; of none comes the empty one."""
        return (ntpath.join if self.windows else posixpath.join)(directory, path) if path else ""

    def beside(self, file: EvidenceFile, path: str) -> str:
        """A path written in an evidence file: relative ones count from that file's directory, as in client-go."""
        return self.join(self.parent(self.evidence.get(file, "/")), path)

    def from_flag(self, path: str | None) -> str:
        """A path in a flag: relative ones count from the kubelet's working directory, on Windows AKS's."""
        return self.join("C:\\k" if self.windows else "/", path)

    def with_flags(self, flags: KubeletFlags, *, known: bool) -> "PathTable":
        """The table with the places that the kubelet's flags name. What the user set stays as it is.

        `known`: these are all of its flags, so that a configuration file which they do not name is not in use.
        """
        named = {
            EvidenceFile.KUBECONFIG: flags.kubeconfig,
            EvidenceFile.BOOTSTRAP_KUBECONFIG: flags.bootstrap_kubeconfig,
            EvidenceFile.KUBELET_CONFIGURATION: "" if flags.config is None and known else flags.config,
            EvidenceFile.KUBELET_CONFIGURATION_DIRECTORY: flags.config_dir,
        }
        evidence = dict(self.evidence)
        for file, path in named.items():
            if file in self.expected_evidence or file in self.unlooked or path is None:
                continue
            place = self.from_flag(path)
            if place and self.normal(place) != self.normal(evidence.get(file, "")):
                evidence[file] = place
            elif not place and file is EvidenceFile.KUBELET_CONFIGURATION:
                evidence.pop(file, None)
        table = replace(self, evidence=evidence)
        directory = self.from_flag(flags.cert_dir)
        if not directory or self.normal(directory) == self.normal(self.certificate_directory or directory):
            return table
        return table._moved(directory)

    def _moved(self, directory: str) -> "PathTable":
        """The table with another certificate directory: what the preset has in the usual one lies there."""

        def place(path: str) -> str:
            usual = self.normal(self.parent(path)) == self.normal(self.certificate_directory)
            return self.join(directory, path[len(self.parent(path)) + 1 :]) if usual else path

        kept = self.expected_evidence
        return replace(
            self,
            candidates=tuple(
                one if one.expected or not one.path else replace(one, path=place(one.path)) for one in self.candidates
            ),
            evidence={file: path if file in kept else place(path) for file, path in self.evidence.items()},
            certificate_directory=directory,
        )

    def resolved(self, kubeconfig: HostKubeconfig | None, settings: KubeletSettings) -> tuple[Candidate, ...]:
        """The candidates with the paths that the files name filled in; each path once for each role."""
        found: dict[tuple[Role, str], Candidate] = {}
        for candidate in self.candidates:
            filled = candidate
            if candidate.named_by is not None:
                path = self._named_path(candidate, kubeconfig, settings)
                filled = replace(candidate, path=path, means=candidate.means or means_of(candidate.role, path))
            if not filled.path:
                continue
            key = (filled.role, self.normal(filled.path))
            if twin := found.get(key):  # the fixed entry knows what the path means, the other that something names it
                fixed = twin if twin.named_by is None else filled
                filled = replace(fixed, named_by=twin.named_by or filled.named_by)
            found[key] = filled
        return tuple(found.values())

    def _named_path(self, candidate: Candidate, kubeconfig: HostKubeconfig | None, settings: KubeletSettings) -> str:
        if candidate.named_by is NamedBy.KUBELET_CONFIGURATION:
            return self.from_flag(settings.tls_cert_file)
        if kubeconfig is None:
            return ""
        authority = candidate.role is Role.CLUSTER_CA
        path = kubeconfig.certificate_authority if authority else kubeconfig.client_certificate
        return self.beside(EvidenceFile.KUBECONFIG, path)


def means_of(role: Role, path: str) -> Means:
    """What a path says just by its name: the kubelet keeps what it renews under `…-current.pem`."""
    if role is Role.CLUSTER_CA:
        return Means.AUTHORITY
    if role is Role.APISERVER_COPY:
        return Means.COPY
    return Means.ROTATED if path.endswith("-current.pem") else Means.STATIC


def path_table(preset: Mapping[str, object], override: Mapping[str, object] | None = None) -> PathTable:
    """The table of a preset with the user's section over it. Raises ValueError naming the key at fault.

    A role named in the section replaces the preset's list for that role; an evidence file its path, the empty string
    its being looked at. A path of the section that the preset does not have counts as expected.
    """
    override = override or {}
    for key in override:
        if key not in {"certificates", "evidence"}:
            raise ValueError(f"unknown key {key}")
    shipped = _candidates(preset.get("certificates"))
    own = _candidates(override.get("certificates"))
    known = {candidate.path for one in shipped.values() for candidate in one}
    candidates = tuple(
        replace(candidate, expected=bool(candidate.path) and candidate.path not in known)
        for role in Role
        for candidate in own.get(role, shipped.get(role, ()))
    )
    evidence = _evidence(preset.get("evidence"))
    changed = _evidence(override.get("evidence"))
    expected = frozenset(file for file, path in changed.items() if path and path != evidence.get(file))
    unlooked = frozenset(file for file, path in changed.items() if not path)
    evidence |= changed
    evidence = {file: path for file, path in evidence.items() if path}
    windows = any("\\" in path for path in (*evidence.values(), *(candidate.path for candidate in candidates)))
    directory = str(preset.get("certificate-directory") or "")
    return PathTable(candidates, evidence, expected, unlooked, directory, windows)


def _candidates(section: object) -> dict[Role, tuple[Candidate, ...]]:
    found = {}
    for key, entries in _mapping(section, "certificates").items():
        if key not in tuple(Role):
            raise ValueError(f"certificates: unknown role {key}")
        if not isinstance(entries, list):
            raise ValueError(f"certificates.{key}: not a list")
        found[Role(key)] = tuple(_candidate(Role(key), entry) for entry in entries)
    return found


def _candidate(role: Role, entry: object) -> Candidate:
    where = f"certificates.{role}"
    if isinstance(entry, str):
        entry = {"path": entry}
    if not isinstance(entry, dict) or set(entry) - {"means"} not in ({"path"}, {"from"}):
        raise ValueError(f"{where}: an entry is a path, or a mapping with `path` or `from`, and `means`")
    means, origin, path = entry.get("means"), entry.get("from"), entry.get("path", "")
    if means is not None and means not in tuple(Means):
        raise ValueError(f"{where}: means {means} is not one of {', '.join(Means)}")
    if origin is not None:
        if origin not in tuple(NamedBy):
            raise ValueError(f"{where}: from {origin} is not one of {', '.join(NamedBy)}")
        return Candidate(role, means=Means(means) if means else None, named_by=NamedBy(origin))
    if not _absolute(path):
        raise ValueError(f"{where}: {path!r} is not an absolute path")
    return Candidate(role, path, Means(means) if means else means_of(role, path))


def _evidence(section: object) -> dict[EvidenceFile, str]:
    found = {}
    for key, path in _mapping(section, "evidence").items():
        if key not in tuple(EvidenceFile):
            raise ValueError(f"evidence: unknown file {key}")
        if path not in ("", None) and not _absolute(path):
            raise ValueError(f"evidence.{key}: {path!r} is not an absolute path")
        found[EvidenceFile(key)] = str(path or "")
    return found


def _mapping(section: object, name: str) -> dict[str, object]:
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise ValueError(f"{name}: not a mapping")
    return {str(key): value for key, value in section.items()}


def _absolute(path: object) -> bool:
    return isinstance(path, str) and (path.startswith("/") or (ntpath.isabs(path) and bool(ntpath.splitdrive(path)[0])))
