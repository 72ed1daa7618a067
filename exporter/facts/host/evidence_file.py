"""The table of evidence: each file that is no certificate, what reads it, its role and what its absence means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from exporter.facts.host.instance_metadata import instance_tags
from exporter.facts.host.kubelet_command import kubelet_environment, windows_arguments
from exporter.facts.host.kubelet_configuration import kubelet_configuration
from exporter.facts.host.read import Parse, Way
from exporter.facts.host.systemd import service_unit
from exporter.facts.kubeconfig import Credential, HostKubeconfig, kubeconfig
from exporter.facts.opt_out_tag import opted_out
from exporter.reason import Evidence, Role

__all__ = ["EVIDENCE", "Absence", "EvidenceFile", "EvidenceKind", "Says"]


class EvidenceFile(StrEnum):
    """Files that are evidence, not certificates, under their keys in a preset."""

    KUBECONFIG = "kubeconfig"
    BOOTSTRAP_KUBECONFIG = "bootstrap-kubeconfig"
    KUBELET_UNIT = "kubelet-unit"
    KUBELET_UNIT_DIRECTORY = "kubelet-unit-directory"
    KUBELET_FLAGS = "kubelet-flags"
    KUBELET_ARGUMENTS = "kubelet-arguments"
    KUBELET_CONFIGURATION = "kubelet-configuration"
    KUBELET_CONFIGURATION_DIRECTORY = "kubelet-configuration-directory"
    SECURE_TLS_BOOTSTRAP = "secure-tls-bootstrap"
    PENDING_CLIENT_KEY = "pending-client-key"
    INSTANCE_METADATA = "instance-metadata"


class Absence(Enum):
    """What it means that a file is not there."""

    MISSED = auto()
    """Every node has it."""
    MISSED_WITHOUT_SETTINGS = auto()
    """It is missed where the kubelet's settings cannot be told without it."""
    EXPECTED = auto()
    """It comes and goes with the generation of the node image, or with what the node is doing."""


@dataclass(frozen=True, slots=True)
class Says:
    """How a file speaks by itself of its role's rotation."""

    place: Evidence
    """Under which name."""
    word: Callable[[object, bool], bool | None]
    """From the file's value, None without one, and whether the node runs Windows. None: this one does not say."""


@dataclass(frozen=True, slots=True)
class EvidenceKind:
    """One row of the table."""

    role: Role
    """The certificate the file says most about: the label of its status series."""
    way: Parse[object] | Way
    """What makes a value of its bytes, or the way to look at it without reading it."""
    absence: Absence = Absence.EXPECTED
    says: Says | None = None
    """None: it says nothing by itself."""


def _kubeconfig_says(found: object, _windows: bool) -> bool | None:
    """The kubelet renews what its kubeconfig names under `…-current.pem`, and nothing else."""
    certificates = {Credential.CERTIFICATE_FILE, Credential.CERTIFICATE_INLINE}
    if not isinstance(found, HostKubeconfig) or found.credential not in certificates:
        return None
    return found.client_certificate.endswith("-current.pem")


def _tags_say(found: object, windows: bool) -> bool | None:
    """With the opting-out tag the node was made without rotation. Without it it may rotate or not: that is no word."""
    return False if isinstance(found, tuple) and opted_out(found, windows=windows) else None


_CLIENT, _SERVING = Role.KUBELET_CLIENT, Role.KUBELET_SERVING

EVIDENCE: Mapping[EvidenceFile, EvidenceKind] = {
    EvidenceFile.KUBECONFIG: EvidenceKind(
        _CLIENT, kubeconfig, Absence.MISSED, Says(Evidence.KUBECONFIG, _kubeconfig_says)
    ),
    EvidenceFile.BOOTSTRAP_KUBECONFIG: EvidenceKind(_CLIENT, kubeconfig),
    EvidenceFile.KUBELET_UNIT: EvidenceKind(_SERVING, service_unit),
    EvidenceFile.KUBELET_UNIT_DIRECTORY: EvidenceKind(_SERVING, Way.NAMES),
    EvidenceFile.KUBELET_FLAGS: EvidenceKind(_SERVING, kubelet_environment, Absence.MISSED_WITHOUT_SETTINGS),
    EvidenceFile.KUBELET_ARGUMENTS: EvidenceKind(_SERVING, windows_arguments, Absence.MISSED_WITHOUT_SETTINGS),
    EvidenceFile.KUBELET_CONFIGURATION: EvidenceKind(_SERVING, kubelet_configuration, Absence.MISSED_WITHOUT_SETTINGS),
    EvidenceFile.KUBELET_CONFIGURATION_DIRECTORY: EvidenceKind(_SERVING, Way.NAMES, Absence.MISSED),
    EvidenceFile.SECURE_TLS_BOOTSTRAP: EvidenceKind(_CLIENT, Way.PRESENCE),
    EvidenceFile.PENDING_CLIENT_KEY: EvidenceKind(_CLIENT, Way.PRESENCE),
    EvidenceFile.INSTANCE_METADATA: EvidenceKind(
        _SERVING, instance_tags, says=Says(Evidence.PROVISIONING_TAG, _tags_say)
    ),
}
