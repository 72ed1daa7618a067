"""What starts a kubelet in (systemd's files, or AKS's on Windows); its flags out, and whether these are all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from exporter.facts.host.json_object import json_object
from exporter.facts.host.kubelet_flags import KubeletFlags, kubelet_flags, windows_words
from exporter.facts.host.read import Read
from exporter.facts.host.systemd import ServiceUnit, command, environment_file
from exporter.reason import FileStatus

__all__ = [
    "ABSENT",
    "KubeletCommand",
    "WindowsArguments",
    "kubelet_environment",
    "linux_command",
    "named_environment_files",
    "windows_arguments",
    "windows_command",
]

ABSENT = (FileStatus.NOT_FOUND, FileStatus.NOT_EXPECTED)
Environment = Mapping[str, str]

_VARIABLES = (
    "KUBELET_TLS_BOOTSTRAP_FLAGS",
    "KUBELET_CONFIG_FILE_FLAGS",
    "KUBELET_CONTAINERD_FLAGS",
    "KUBELET_CONTAINER_RUNTIME_FLAG",
    "KUBELET_CGROUP_FLAGS",
    "KUBELET_FLAGS",
)


@dataclass(frozen=True, slots=True)
class KubeletCommand:
    """A kubelet's command line as far as it could be read."""

    flags: KubeletFlags = field(default_factory=KubeletFlags)
    known: bool = False
    """Whether these are all of its flags: one that is not there has the kubelet's default."""
    unread: str = ""
    """What is there and could not be read, or makes no command line of a kubelet; empty: nothing."""


def linux_command(
    unit: Read[ServiceUnit] | None,
    drop_ins: Sequence[Read[ServiceUnit] | Read[tuple[str, ...]]],
    files: Mapping[str, Read[Environment]],
    default_file: str,
) -> KubeletCommand:
    """The kubelet's flags on Linux: its unit, the drop-ins (and the listing of their directory), environment files.

    `files` by path, `default_file` among them, which is /etc/default/kubelet. Where no unit can be seen it is taken to
    be AKS's (AgentBaker, parts/linux/cloud-init/artifacts/kubelet.service), which is a guess: not all is known then.
    """
    units, unread = _units(unit, drop_ins, default_file)
    contents = {path: read.value for path, read in files.items()}
    unread += [read.path for read in files.values() if read.value is None and read.status not in ABSENT]
    started = command(units, contents)
    if _seen(unit):
        unread += [path for path in started.missing_files if path not in unread]
    names = [word.rpartition("/")[2] for word in started.words]
    if "kubelet" not in names:
        return KubeletCommand(unread=", ".join([*unread, "ExecStart starts no kubelet"]))
    try:
        flags = kubelet_flags(started.words[names.index("kubelet") + 1 :])
    except ValueError as error:
        return KubeletCommand(unread=", ".join([*unread, f"the kubelet would not start with its flags: {error}"]))
    return KubeletCommand(flags, known=_seen(unit) and not unread, unread=", ".join(unread))


def named_environment_files(unit: Read[ServiceUnit] | None, drop_ins: Sequence[Read[ServiceUnit]]) -> tuple[str, ...]:
    """The paths of the environment files that the unit and its drop-ins name."""
    found: list[str] = []
    for read in (unit, *drop_ins):
        for key, value in read.value.assignments if read is not None and read.value is not None else ():
            if key == "EnvironmentFile":
                found = found if value else []
                found += [value.removeprefix("-")] if value else []
    return tuple(dict.fromkeys(found))


def _units(
    unit: Read[ServiceUnit] | None,
    drop_ins: Sequence[Read[ServiceUnit] | Read[tuple[str, ...]]],
    default_file: str,
) -> tuple[list[ServiceUnit], list[str]]:
    """The unit and its drop-ins, and which of them are there and cannot be read."""
    start = " ".join(f"${name}" for name in _VARIABLES)
    guess = ServiceUnit((("EnvironmentFile", f"-{default_file}"), ("ExecStart", f"kubelet {start}")))
    reads = [read for read in (unit, *drop_ins) if read is not None]
    unread = [read.path for read in reads if read.value is None and read.status not in ABSENT]
    found = [read.value for read in reads if isinstance(read.value, ServiceUnit)]
    return (found if _seen(unit) else [guess, *found]), unread


def _seen(read: Read[ServiceUnit] | Read[tuple[str, ...]] | None) -> bool:
    return read is not None and isinstance(read.value, ServiceUnit)


def kubelet_environment(content: bytes) -> dict[str, str]:
    """The variables of /etc/default/kubelet. Raises ValueError where KUBELET_FLAGS is not among them."""
    found = environment_file(content)
    if "KUBELET_FLAGS" not in found:
        raise ValueError("no KUBELET_FLAGS")
    return found


@dataclass(frozen=True, slots=True)
class WindowsArguments:
    """What kubeclusterconfig.json says of the kubelet."""

    words: tuple[str, ...]
    """Its arguments."""
    secure_tls_bootstrapping: bool
    """Whether AKS's secure TLS bootstrapping is on."""


def windows_arguments(content: bytes) -> WindowsArguments:
    r"""The arguments in `C:\k\kubeclusterconfig.json`. Raises ValueError when it is not what AKS writes.

    AKS joins Kubernetes.Kubelet.ConfigArgs with blanks to one command line (AgentBaker, kubeletstart.ps1).
    """
    loaded = json_object(content)
    kubernetes = loaded.get("Kubernetes")
    kubernetes = kubernetes if isinstance(kubernetes, dict) else {}
    kubelet = kubernetes.get("Kubelet")
    if not isinstance(kubelet, dict):
        raise ValueError("no Kubernetes.Kubelet")
    arguments = kubelet.get("ConfigArgs") or []
    if isinstance(arguments, str):
        arguments = [arguments]
    if not isinstance(arguments, list) or not all(isinstance(argument, str) for argument in arguments):
        raise ValueError("Kubernetes.Kubelet.ConfigArgs is not a list of strings")
    # Images of different ages put the section below Kubelet, below Kubernetes or at the top.
    places = (place.get("SecureTLSBootstrapArgs") for place in (kubelet, kubernetes, loaded))
    bootstrap = next((section for section in places if isinstance(section, dict)), {})
    enabled = bootstrap.get("Enabled")
    on = enabled.lower() in {"true", "t", "1"} if isinstance(enabled, str) else bool(enabled)
    return WindowsArguments(tuple(windows_words(" ".join(arguments))), on)


def windows_command(read: Read[WindowsArguments] | None) -> KubeletCommand:
    """The kubelet's flags on Windows."""
    if read is None:
        return KubeletCommand()
    if read.value is None:
        return KubeletCommand(unread="" if read.status in ABSENT else read.path)
    try:
        flags = kubelet_flags(read.value.words)
    except ValueError as error:
        return KubeletCommand(unread=f"the kubelet would not start with its flags: {error}")
    return KubeletCommand(flags, known=bool(read.value.words))
