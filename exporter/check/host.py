"""A node's facts in, the tables of its report out."""

from collections.abc import Iterable, Iterator

from exporter.check.report import Section
from exporter.facts.host.host_facts import FileFacts, HostFacts, SeenCertificate
from exporter.facts.rotation import RotationFacts
from exporter.facts.source import SourceFacts
from exporter.facts.usability import Usability
from exporter.findings.formatting import dated, span, utc_time
from exporter.findings.rotation_status import RotationStatus, rotation_status
from exporter.findings.wording import STATUS_WORDS
from exporter.reason import FileStatus

__all__ = ["host_sections"]


def host_sections(host: HostFacts, sources: Iterable[SourceFacts], now: float) -> Iterator[Section]:
    """The tables: certificates, rotation, files, and what else was asked."""
    yield Section(
        "Certificates",
        ("ROLE", "SEEN", "FROM", "UNTIL", "LEFT", "ROTATION", "SIGNED BY", "FIT"),
        tuple(_certificate(host, seen, now) for seen in host.certificates),
        "" if host.certificates else "No certificate could be read: the files below say why.",
        wrapping=("SIGNED BY", "FIT"),
    )
    yield Section(
        "Rotation",
        ("ROLE", "STATE", "NEXT ROTATION", "WHY", "EVIDENCE"),
        tuple(_rotation(facts, rotation_status(host, facts, now)) for facts in host.rotation),
        _bootstrap(host),
        wrapping=("NEXT ROTATION", "WHY", "EVIDENCE"),
    )
    shown = [file for file in host.files if file.status is not FileStatus.NOT_EXPECTED]
    shown.sort(key=lambda file: file.status is FileStatus.OK)
    absent = len(host.files) - len(shown)
    yield Section(
        "Files",
        ("PATH", "ROLE", "STATUS", "WHAT IT MEANS"),
        tuple((f.path, f.role, f.status, _meaning(f)) for f in shown),
        f"{absent} more {'is' if absent == 1 else 'are'} absent, as expected." if absent else "",
        wrapping=("PATH", "WHAT IT MEANS"),
    )
    yield Section(
        "Sources",
        ("SOURCE", "ANSWERS", "LAST ANSWER", "LAST ERROR"),
        tuple(
            (
                source.source,
                "not looked at" if source.skipped else {True: "yes", False: "no", None: "not asked"}[source.up],
                utc_time(source.last_success) if source.last_success is not None else "-",
                source.skipped or source.last_error or "-",
            )
            for source in sources
        ),
        wrapping=("LAST ERROR",),
    )


def _meaning(file: FileFacts) -> str:
    return "-" if file.status is FileStatus.OK else file.detail or STATUS_WORDS[file.status]


def _rotation(facts: RotationFacts, status: RotationStatus) -> tuple[str, ...]:
    evidence = [
        f"{heading}: {', '.join(places)}"
        for heading, word in (("on", True), ("off", False))
        if (places := [place.value for place, said in facts.evidence.items() if said is word])
    ]
    return facts.role, status.word, status.next_rotation, status.why, "; ".join(evidence) or "-"


def _bootstrap(host: HostFacts) -> str:
    there = {True: "A bootstrap kubeconfig is there.", False: "There is no bootstrap kubeconfig."}
    words = [f"Bootstrap: {host.bootstrap_method.replace('_', ' ')}."]
    if host.bootstrap_kubeconfig_present is not None:
        words.append(there[host.bootstrap_kubeconfig_present])
    return " ".join(words)


def _certificate(host: HostFacts, seen: SeenCertificate, now: float) -> tuple[str, ...]:
    certificate = seen.certificate
    left = certificate.not_after - now
    return (
        seen.role,
        seen.origin,
        dated(certificate.not_before, certificate.lifetime),
        dated(certificate.not_after, certificate.lifetime),
        span(left) if left >= 0 else f"ended {span(left)} ago",
        seen.rotation,
        {True: "cluster CA", False: "another", None: "-"}[seen.issued_by_cluster_ca],
        _usable(host, seen),
    )


def _usable(host: HostFacts, seen: SeenCertificate) -> str:
    """Whether the kubelet could use it at all, dates apart; of a CA there is nothing to say."""
    usable = host.usability.get((seen.role, seen.origin))
    if usable is None:
        return "-"
    return "yes" if usable is Usability.OK else f"no: {usable.value.replace('_', ' ')}"
