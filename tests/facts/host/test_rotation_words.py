"""What each place of a node says about rotation: exporter/facts/host/rotation_words.py."""

from dataclasses import replace

import pytest

from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.kubelet_settings import KubeletSettings
from exporter.facts.host.paths import Candidate, NamedBy, PathTable
from exporter.facts.host.rotation_words import client, serving
from exporter.facts.kubeconfig import Credential
from exporter.facts.opt_out_tag import TAG
from exporter.facts.rotation import RotationFacts
from exporter.reason import Evidence, FileStatus, Role, RotationReason, RotationState
from simulation.pki import new_key
from tests.facts.authorities import signed
from tests.facts.host.looked import (
    AUTHORITY,
    CLIENT,
    CLIENT_NAMED,
    SELF_SIGNED,
    SERVING,
    SERVING_NAMED,
    STATIC,
    Found,
    evidence,
    kubeconfig,
    looked,
)

ONE = (signed("one", "one", new_key()),)
OK, GONE, DENIED = FileStatus.OK, FileStatus.NOT_FOUND, FileStatus.PERMISSION_DENIED
CONFIG, KUBECONFIG, FILE, WIRE, TAGS = (
    Evidence.KUBELET_CONFIG,
    Evidence.KUBECONFIG,
    Evidence.FILE,
    Evidence.WIRE,
    Evidence.PROVISIONING_TAG,
)
ENABLED, WAITING, DISABLED, UNKNOWN = (
    (RotationState.ENABLED, RotationReason.ROTATING),
    (RotationState.WAITING, RotationReason.CERTIFICATE_MISSING),
    RotationState.DISABLED,
    (RotationState.UNKNOWN, RotationReason.UNDETERMINED),
)
INLINE, FIXED = (DISABLED, RotationReason.INLINE), (DISABLED, RotationReason.STATIC)
OFF, PENDING = (DISABLED, RotationReason.NOT_CONFIGURED), (DISABLED, RotationReason.BOOTSTRAP_PENDING)
OPTED_OUT, SIGNS_ITSELF = (DISABLED, RotationReason.OPTED_OUT), (DISABLED, RotationReason.SELF_SIGNED)
OTHER_LINK = replace(CLIENT, path="/other/kubelet-client-current.pem", named_by=NamedBy.KUBECONFIG)
READ_OFF, READ_ON = KubeletSettings(rotate_certificates=False), KubeletSettings(rotate_certificates=True)

State = tuple[RotationState, RotationReason]
Words = dict[Evidence, bool]


@pytest.mark.parametrize(
    ("files", "found", "settings", "state", "words"),
    [
        ({CLIENT: ONE}, kubeconfig(), READ_ON, ENABLED, {CONFIG: True, KUBECONFIG: True, FILE: True}),
        ({CLIENT: GONE}, kubeconfig(), READ_ON, WAITING, {CONFIG: True, KUBECONFIG: True, FILE: False}),
        ({CLIENT: DENIED}, kubeconfig(), READ_ON, UNKNOWN, {CONFIG: True, KUBECONFIG: True}),
        ({}, kubeconfig(), READ_ON, UNKNOWN, {CONFIG: True, KUBECONFIG: True}),
        ({CLIENT: ONE}, GONE, None, ENABLED, {FILE: True}),
        ({CLIENT: GONE}, GONE, READ_OFF, OFF, {CONFIG: False, FILE: False}),
        ({CLIENT_NAMED: ONE}, kubeconfig(client_certificate="/c"), READ_ON, FIXED, {CONFIG: True, KUBECONFIG: False}),
        ({CLIENT: ONE}, kubeconfig(Credential.CERTIFICATE_INLINE), None, INLINE, {KUBECONFIG: False, FILE: True}),
        ({CLIENT: GONE, SERVING: ONE, SELF_SIGNED: ONE}, GONE, None, UNKNOWN, {FILE: False}),
        ({CLIENT: ONE, OTHER_LINK: GONE}, GONE, None, UNKNOWN, {FILE: False}),
        ({CLIENT: GONE, OTHER_LINK: ONE}, GONE, None, ENABLED, {FILE: True}),
        ({CLIENT: GONE, replace(CLIENT, path="/b"): ONE}, GONE, None, ENABLED, {FILE: True}),
        ({CLIENT: GONE, replace(CLIENT, path="/b"): DENIED}, GONE, None, UNKNOWN, {}),
    ],
)
def test_the_words_on_a_client_certificate(
    files: dict[Candidate, Found], found: object, settings: KubeletSettings | None, state: State, words: Words
) -> None:
    """A current link that a file names is the one; one that cannot be read is no word."""
    seen = evidence({EvidenceFile.KUBECONFIG: found, EvidenceFile.INSTANCE_METADATA: ((TAG, "true"),)}, settings)
    facts = client(looked(files, seen), loaded=True)
    assert facts == RotationFacts(Role.KUBELET_CLIENT, *state, words)
    assert list(facts.evidence) == [place for place in Evidence if place in words]


@pytest.mark.parametrize(
    ("pending", "settings", "file", "state"),
    [
        (OK, READ_OFF, GONE, PENDING),
        (OK, READ_OFF, ONE, OFF),
        (OK, READ_ON, GONE, WAITING),
        (GONE, READ_OFF, GONE, OFF),
        (DENIED, READ_OFF, GONE, OFF),
        (None, READ_OFF, GONE, OFF),
    ],
)
def test_the_key_of_a_first_request_says_that_it_is_unanswered(
    pending: FileStatus | None, settings: KubeletSettings, file: Found, state: State
) -> None:
    """Only where it was seen, and where there is no certificate yet."""
    seen = evidence({} if pending is None else {EvidenceFile.PENDING_CLIENT_KEY: pending}, settings)
    facts = client(looked({CLIENT: file}, seen), loaded=True)
    assert (facts.state, facts.reason) == state


def test_a_file_that_the_kubelet_cannot_load_is_no_word() -> None:
    reads = looked({CLIENT: ONE, SERVING: ONE}, evidence({}, KubeletSettings(True, True)))
    assert client(reads, loaded=False) == RotationFacts(Role.KUBELET_CLIENT, *UNKNOWN, {CONFIG: True})
    assert serving(reads, None, loaded=False) == RotationFacts(Role.KUBELET_SERVING, *UNKNOWN, {CONFIG: True})


REQUESTS, ITSELF = KubeletSettings(server_tls_bootstrap=True), KubeletSettings(server_tls_bootstrap=False)
GATE_OFF = KubeletSettings(server_tls_bootstrap=False, serving_gate_off=True)


@pytest.mark.parametrize(
    ("files", "settings", "wire", "state", "words"),
    [
        ({SERVING: ONE}, REQUESTS, True, ENABLED, {CONFIG: True, FILE: True, WIRE: True}),
        ({SERVING: ONE}, REQUESTS, None, ENABLED, {CONFIG: True, FILE: True}),
        ({SERVING: ONE}, REQUESTS, False, UNKNOWN, {CONFIG: True, FILE: True, WIRE: False}),
        ({SERVING: GONE}, REQUESTS, None, WAITING, {CONFIG: True, FILE: False}),
        ({SERVING: GONE, CLIENT: ONE}, None, False, SIGNS_ITSELF, {FILE: False, WIRE: False}),
        ({SERVING: GONE, STATIC: ONE}, None, False, FIXED, {FILE: False, WIRE: False}),
        ({SERVING: GONE, STATIC: DENIED}, None, False, FIXED, {FILE: False, WIRE: False}),
        ({SERVING: GONE, STATIC: GONE}, None, False, SIGNS_ITSELF, {FILE: False, WIRE: False}),
        ({SERVING: GONE, SELF_SIGNED: ONE}, None, False, SIGNS_ITSELF, {FILE: False, WIRE: False}),
        ({SERVING: GONE, CLIENT_NAMED: ONE}, None, False, SIGNS_ITSELF, {FILE: False, WIRE: False}),
        ({SERVING: GONE}, ITSELF, None, SIGNS_ITSELF, {CONFIG: False, FILE: False}),
        ({SERVING: GONE}, GATE_OFF, None, OFF, {CONFIG: False, FILE: False}),
        (
            {SERVING_NAMED: ONE},
            replace(REQUESTS, tls_cert_file="/etc/tls.crt"),
            True,
            FIXED,
            {CONFIG: False, WIRE: True},
        ),
        ({}, replace(GATE_OFF, tls_cert_file="/etc/tls.crt"), None, FIXED, {CONFIG: False}),
        ({}, replace(GATE_OFF, tls_cert_file=""), None, OFF, {CONFIG: False}),
        ({AUTHORITY: ONE}, None, None, UNKNOWN, {}),
    ],
)
def test_the_words_on_a_serving_certificate(
    files: dict[Candidate, Found], settings: KubeletSettings | None, wire: bool | None, state: State, words: Words
) -> None:
    """A fixed certificate beats a requested one. The kubeconfig is no word on it."""
    reads = looked(files, evidence({EvidenceFile.KUBECONFIG: kubeconfig()}, settings))
    facts = serving(reads, wire, loaded=True)
    assert facts == RotationFacts(Role.KUBELET_SERVING, *state, words)
    assert list(facts.evidence) == [place for place in Evidence if place in words]


@pytest.mark.parametrize(
    ("value", "windows", "state", "words"),
    [
        ("true", True, OPTED_OUT, {CONFIG: False, TAGS: False}),
        ("not-true", True, SIGNS_ITSELF, {CONFIG: False}),
        ("not-true", False, OPTED_OUT, {CONFIG: False, TAGS: False}),
        ("false", False, SIGNS_ITSELF, {CONFIG: False}),
    ],
)
def test_the_tag_is_read_as_the_nodes_system_reads_it(value: str, windows: bool, state: State, words: Words) -> None:
    table = PathTable((), {}, windows=windows)
    seen = evidence({EvidenceFile.INSTANCE_METADATA: ((TAG, value),)}, ITSELF, table)
    assert serving(looked({}, seen), None, loaded=True) == RotationFacts(Role.KUBELET_SERVING, *state, words)
