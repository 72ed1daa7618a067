"""The table of evidence, and what its rows say."""

import pytest

from exporter import presets
from exporter.facts.host.evidence_file import EVIDENCE, EvidenceFile
from exporter.facts.host.paths import path_table
from exporter.facts.kubeconfig import Credential, HostKubeconfig
from exporter.facts.opt_out_tag import TAG
from exporter.reason import Evidence, Role

CURRENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"


def test_every_evidence_file_has_its_row_and_every_word_one_file() -> None:
    """A new one is a row here, a path in a preset, a word in two lists and perhaps a parser."""
    assert set(EVIDENCE) == set(EvidenceFile)
    words = [kind.word for kind in EVIDENCE.values() if kind.word is not None]
    assert len(words) == len(set(words))
    for kind in EVIDENCE.values():
        assert (kind.word is None) is (kind.says is None)
        assert kind.role in {Role.KUBELET_CLIENT, Role.KUBELET_SERVING}


def test_every_row_is_in_a_preset_or_named_by_a_flag() -> None:
    tables = [path_table(presets.preset(name)) for name in presets.PRESETS]
    shipped = {file for table in tables for file in table.evidence}
    assert set(EvidenceFile) - shipped == {EvidenceFile.KUBELET_CONFIGURATION_DIRECTORY}


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (HostKubeconfig("c", "u", "", "", Credential.CERTIFICATE_FILE, client_certificate=CURRENT), True),
        (HostKubeconfig("c", "u", "", "", Credential.CERTIFICATE_FILE, client_certificate="/x/client.crt"), False),
        (HostKubeconfig("c", "u", "", "", Credential.CERTIFICATE_INLINE), False),
        (HostKubeconfig("c", "u", "", "", Credential.TOKEN), None),
    ],
)
def test_a_kubeconfig_speaks_of_rotation_by_the_certificate_it_names(found: HostKubeconfig, word: bool | None) -> None:
    kind = EVIDENCE[EvidenceFile.KUBECONFIG]
    assert kind.word is Evidence.KUBECONFIG
    assert kind.says is not None
    assert kind.says(found, False) is word


@pytest.mark.parametrize(
    ("tags", "windows", "word"),
    [
        (((TAG, "true"),), False, False),
        (((TAG, "not-true"),), False, False),
        (((TAG, "not-true"),), True, None),
        ((), False, None),
    ],
)
def test_tags_only_ever_speak_against_rotation(
    tags: tuple[tuple[str, str], ...], windows: bool, word: bool | None
) -> None:
    """Without the tag a node may or may not rotate."""
    kind = EVIDENCE[EvidenceFile.INSTANCE_METADATA]
    assert kind.says is not None
    assert kind.says(tags, windows) is word
