"""The table of evidence, and what its rows say: exporter/facts/host/evidence_file.py."""

import pytest

from exporter import presets
from exporter.facts.host.evidence_file import EVIDENCE, Absence, EvidenceFile, EvidenceKind, Says
from exporter.facts.host.instance_metadata import instance_tags
from exporter.facts.host.kubelet_command import kubelet_environment, windows_arguments
from exporter.facts.host.kubelet_configuration import kubelet_configuration
from exporter.facts.host.paths import path_table
from exporter.facts.host.read import Way
from exporter.facts.host.systemd import service_unit
from exporter.facts.kubeconfig import Credential, HostKubeconfig
from exporter.facts.kubeconfig import kubeconfig as parsed_kubeconfig
from exporter.facts.opt_out_tag import TAG
from exporter.reason import Evidence, Role
from tests.facts.host.looked import kubeconfig

WITHOUT_SETTINGS = Absence.MISSED_WITHOUT_SETTINGS


def says(file: EvidenceFile) -> Says:
    found = EVIDENCE[file].says
    assert found is not None
    return found


def test_every_evidence_file_has_its_row() -> None:
    """A new one is a row here, a path in a preset, a word in two lists and perhaps a parser."""
    client, serving = Role.KUBELET_CLIENT, Role.KUBELET_SERVING
    kubeconfig_says, tags_say = says(EvidenceFile.KUBECONFIG), says(EvidenceFile.INSTANCE_METADATA)
    assert {
        "kubeconfig": EvidenceKind(client, parsed_kubeconfig, Absence.MISSED, kubeconfig_says),
        "bootstrap-kubeconfig": EvidenceKind(client, parsed_kubeconfig, Absence.EXPECTED, None),
        "kubelet-unit": EvidenceKind(serving, service_unit, Absence.EXPECTED, None),
        "kubelet-unit-directory": EvidenceKind(serving, Way.NAMES, Absence.EXPECTED, None),
        "kubelet-flags": EvidenceKind(serving, kubelet_environment, WITHOUT_SETTINGS, None),
        "kubelet-arguments": EvidenceKind(serving, windows_arguments, WITHOUT_SETTINGS, None),
        "kubelet-configuration": EvidenceKind(serving, kubelet_configuration, WITHOUT_SETTINGS, None),
        "kubelet-configuration-directory": EvidenceKind(serving, Way.NAMES, Absence.MISSED, None),
        "secure-tls-bootstrap": EvidenceKind(client, Way.PRESENCE, Absence.EXPECTED, None),
        "pending-client-key": EvidenceKind(client, Way.PRESENCE, Absence.EXPECTED, None),
        "instance-metadata": EvidenceKind(serving, instance_tags, Absence.EXPECTED, tags_say),
    } == EVIDENCE
    assert kubeconfig_says.place is Evidence.KUBECONFIG
    assert tags_say.place is Evidence.PROVISIONING_TAG


def test_every_row_is_in_a_preset_or_named_by_a_flag() -> None:
    tables = [path_table(presets.preset(name)) for name in presets.PRESETS]
    shipped = {file for table in tables for file in table.evidence}
    assert set(EvidenceFile) - shipped == {EvidenceFile.KUBELET_CONFIGURATION_DIRECTORY}


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (kubeconfig(client_certificate="/var/lib/kubelet/pki/kubelet-client-current.pem"), True),
        (kubeconfig(client_certificate="/x/client.crt"), False),
        (kubeconfig(Credential.CERTIFICATE_INLINE), False),
        (kubeconfig(Credential.TOKEN), None),
        (kubeconfig(Credential.EXEC, client_certificate="/x/kubelet-client-current.pem"), None),
        (None, None),
    ],
)
def test_a_kubeconfig_speaks_of_rotation_by_the_certificate_it_names(
    found: HostKubeconfig | None, word: bool | None
) -> None:
    assert says(EvidenceFile.KUBECONFIG).word(found, False) is word


@pytest.mark.parametrize(
    ("tags", "windows", "word"),
    [
        (((TAG, "true"),), False, False),
        (((TAG, "true"),), True, False),
        (((TAG, "not-true"),), False, False),
        (((TAG, "not-true"),), True, None),
        ((), False, None),
        (None, False, None),
    ],
)
def test_tags_only_ever_speak_against_rotation(
    tags: tuple[tuple[str, str], ...] | None, windows: bool, word: bool | None
) -> None:
    """Without the tag a node may or may not rotate."""
    assert says(EvidenceFile.INSTANCE_METADATA).word(tags, windows) is word
