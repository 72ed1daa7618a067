"""The truth tables of rotation."""

import itertools
import time

import pytest

from exporter.facts.rotation import (
    DEADLINE,
    DUE,
    RotationFacts,
    client_rotation,
    deadline,
    due,
    rotation_label,
    serving_rotation,
)
from exporter.facts.x509 import certificates
from exporter.reason import Evidence, Role, Rotation, RotationReason, RotationState
from simulation.pki import DAY, Authority

WORDS = (True, False, None)
ENABLED, WAITING, DISABLED, UNKNOWN = (
    RotationState.ENABLED,
    RotationState.WAITING,
    RotationState.DISABLED,
    RotationState.UNKNOWN,
)


def said(**words: bool | None) -> dict[Evidence, bool]:
    return {Evidence(place): word for place, word in words.items() if word is not None}


@pytest.mark.parametrize(("config", "kubeconfig", "file"), list(itertools.product(WORDS, repeat=3)))
def test_the_client_certificate_is_rotated_when_nobody_denies_it_and_the_file_is_there(
    config: bool | None, kubeconfig: bool | None, file: bool | None
) -> None:
    """All 27 combinations: a denial disables, a certificate enables, an absent one waits, silence is unknown."""
    found = client_rotation(said(kubelet_config=config, kubeconfig=kubeconfig, file=file)).state
    if config is False or kubeconfig is False:
        assert found is DISABLED
    elif file is True:
        assert found is ENABLED
    elif file is False and (config or kubeconfig):
        assert found is WAITING
    else:
        assert found is UNKNOWN


@pytest.mark.parametrize(
    ("evidence", "options", "reason"),
    [
        (said(kubeconfig=False), {}, RotationReason.STATIC),
        (said(kubeconfig=False, kubelet_config=True), {}, RotationReason.STATIC),
        (said(kubeconfig=False), {"inline": True}, RotationReason.INLINE),
        (said(kubelet_config=False, kubeconfig=True, file=True), {}, RotationReason.NOT_CONFIGURED),
        (said(kubelet_config=True, file=False), {}, RotationReason.CERTIFICATE_MISSING),
        (said(kubelet_config=True, file=False), {"bootstrap_pending": True}, RotationReason.CERTIFICATE_MISSING),
        (said(kubelet_config=False, file=False), {"bootstrap_pending": True}, RotationReason.BOOTSTRAP_PENDING),
        (said(kubelet_config=False, file=True), {"bootstrap_pending": True}, RotationReason.NOT_CONFIGURED),
        (said(file=True), {}, RotationReason.ROTATING),
        (said(), {}, RotationReason.UNDETERMINED),
        (said(file=False), {}, RotationReason.UNDETERMINED),
    ],
)
def test_the_reason_says_which_place_decided(
    evidence: dict[Evidence, bool], options: dict[str, bool], reason: RotationReason
) -> None:
    """The most telling place wins. G11: the key of a first request is only left by a kubelet that does not rotate."""
    assert client_rotation(evidence, **options).reason is reason


@pytest.mark.parametrize(
    ("evidence", "static", "state", "reason"),
    [
        (said(kubelet_config=True, file=True, wire=True), False, ENABLED, RotationReason.ROTATING),
        (said(kubelet_config=True, file=True), False, ENABLED, RotationReason.ROTATING),
        (said(file=True), False, ENABLED, RotationReason.ROTATING),
        (said(kubelet_config=True, file=True, provisioning_tag=False), False, ENABLED, RotationReason.ROTATING),
        (said(kubelet_config=False, file=False, provisioning_tag=False), True, DISABLED, RotationReason.OPTED_OUT),
        (said(kubelet_config=False, file=False), True, DISABLED, RotationReason.STATIC),
        (said(kubelet_config=False, file=False), False, DISABLED, RotationReason.SELF_SIGNED),
        (said(file=False, wire=False), False, DISABLED, RotationReason.SELF_SIGNED),
        (said(file=False, wire=False), True, DISABLED, RotationReason.STATIC),
        (said(kubelet_config=True, file=False), False, WAITING, RotationReason.CERTIFICATE_MISSING),
        (said(kubelet_config=True), False, UNKNOWN, RotationReason.UNDETERMINED),
        (said(kubelet_config=True, file=True, wire=False), False, UNKNOWN, RotationReason.UNDETERMINED),
        (said(file=False), True, UNKNOWN, RotationReason.UNDETERMINED),
        (said(provisioning_tag=False), False, UNKNOWN, RotationReason.UNDETERMINED),
        (said(), False, UNKNOWN, RotationReason.UNDETERMINED),
    ],
)
def test_serving_rotation_has_its_own_table(
    evidence: dict[Evidence, bool], static: bool, state: RotationState, reason: RotationReason
) -> None:
    """The tag by itself switches off nothing; a kubelet that serves its own certificate beside a file is a riddle."""
    found = serving_rotation(evidence, static=static)
    assert (found.state, found.reason) == (state, reason)


def test_waiting_is_not_a_rotation_that_works() -> None:
    """The label of a series says enabled only where a rotated certificate was seen."""
    assert [rotation_label(state) for state in (ENABLED, WAITING, DISABLED, UNKNOWN)] == [
        Rotation.ENABLED,
        Rotation.UNKNOWN,
        Rotation.DISABLED,
        Rotation.UNKNOWN,
    ]


@pytest.mark.parametrize("days", [1, 45, 365, 730])
def test_due_and_deadline_are_parts_of_the_lifetime(days: float) -> None:
    """Of a day as of two years: 70 and 90 %."""
    t0 = float(int(time.time()))
    (certificate,) = certificates(Authority.cluster(t0).kubelet_client("one", t0 + 300, days=days).certificate_pem)
    assert due(certificate) == pytest.approx(t0 + 0.7 * days * DAY)
    assert deadline(certificate) == pytest.approx(t0 + 0.9 * days * DAY)


def test_a_feature_gate_is_a_reason_of_its_own_kind() -> None:
    """A6: neither a fixed certificate nor a choice of the node pool."""
    found = serving_rotation(said(kubelet_config=False), static=False, gate_off=True)
    assert (found.state, found.reason) == (DISABLED, RotationReason.NOT_CONFIGURED)


Y, N = True, False
ROTATING, MISSING, UNDETERMINED = (
    ("enabled", "rotating"),
    ("waiting", "certificate_missing"),
    ("unknown", "undetermined"),
)
STATIC, INLINE, NOT_CONFIGURED, PENDING, OPTED_OUT, SELF_SIGNED = (
    ("disabled", reason)
    for reason in ("static", "inline", "not_configured", "bootstrap_pending", "opted_out", "self_signed")
)


@pytest.mark.parametrize(
    ("config", "kubeconfig", "file", "plain", "inline", "pending"),
    [
        (Y, Y, Y, ROTATING, ROTATING, ROTATING),
        (Y, Y, N, MISSING, MISSING, MISSING),
        (Y, Y, None, UNDETERMINED, UNDETERMINED, UNDETERMINED),
        (Y, N, Y, STATIC, INLINE, STATIC),
        (Y, None, Y, ROTATING, ROTATING, ROTATING),
        (Y, None, N, MISSING, MISSING, MISSING),
        (N, Y, Y, NOT_CONFIGURED, NOT_CONFIGURED, NOT_CONFIGURED),
        (N, Y, N, NOT_CONFIGURED, NOT_CONFIGURED, PENDING),
        (N, Y, None, NOT_CONFIGURED, NOT_CONFIGURED, NOT_CONFIGURED),
        (N, N, N, STATIC, INLINE, STATIC),
        (N, None, N, NOT_CONFIGURED, NOT_CONFIGURED, PENDING),
        (None, Y, Y, ROTATING, ROTATING, ROTATING),
        (None, Y, N, MISSING, MISSING, MISSING),
        (None, N, None, STATIC, INLINE, STATIC),
        (None, None, Y, ROTATING, ROTATING, ROTATING),
        (None, None, N, UNDETERMINED, UNDETERMINED, UNDETERMINED),
        (None, None, None, UNDETERMINED, UNDETERMINED, UNDETERMINED),
    ],
)
def test_a_client_certificate_is_judged_whole(
    config: bool | None,
    kubeconfig: bool | None,
    file: bool | None,
    plain: tuple[str, str],
    inline: tuple[str, str],
    pending: tuple[str, str],
) -> None:
    """What three places say; without more, with the certificate in the kubeconfig, with a first request's key."""
    evidence = said(kubelet_config=config, kubeconfig=kubeconfig, file=file)

    def judged(expected: tuple[str, str]) -> RotationFacts:
        return RotationFacts(Role.KUBELET_CLIENT, RotationState(expected[0]), RotationReason(expected[1]), evidence)

    assert client_rotation(evidence) == judged(plain)
    assert client_rotation(evidence, inline=True) == judged(inline)
    assert client_rotation(evidence, bootstrap_pending=True) == judged(pending)


@pytest.mark.parametrize(
    ("config", "file", "wire", "plain", "static", "gate"),
    [
        (Y, Y, Y, ROTATING, ROTATING, ROTATING),
        (Y, Y, None, ROTATING, ROTATING, ROTATING),
        (Y, Y, N, UNDETERMINED, UNDETERMINED, UNDETERMINED),
        (Y, N, N, MISSING, MISSING, MISSING),
        (Y, N, Y, MISSING, MISSING, MISSING),
        (Y, None, N, UNDETERMINED, UNDETERMINED, UNDETERMINED),
        (N, Y, Y, SELF_SIGNED, STATIC, NOT_CONFIGURED),
        (N, None, None, SELF_SIGNED, STATIC, NOT_CONFIGURED),
        (None, N, N, SELF_SIGNED, STATIC, NOT_CONFIGURED),
        (None, N, None, UNDETERMINED, UNDETERMINED, UNDETERMINED),
        (None, None, N, UNDETERMINED, UNDETERMINED, UNDETERMINED),
        (None, N, Y, UNDETERMINED, UNDETERMINED, UNDETERMINED),
        (None, Y, N, UNDETERMINED, UNDETERMINED, UNDETERMINED),
        (None, Y, None, ROTATING, ROTATING, ROTATING),
        (None, None, Y, UNDETERMINED, UNDETERMINED, UNDETERMINED),
    ],
)
def test_a_serving_certificate_is_judged_whole(
    config: bool | None,
    file: bool | None,
    wire: bool | None,
    plain: tuple[str, str],
    static: tuple[str, str],
    gate: tuple[str, str],
) -> None:
    """What three places say; without more, with a fixed certificate, with the gate off. A tag says why it is off."""
    for tag in (None, True, False):
        evidence = said(kubelet_config=config, file=file, wire=wire, provisioning_tag=tag)
        for words, expected in (
            ({"static": False}, plain),
            ({"static": True}, static),
            ({"static": False, "gate_off": True}, gate),
            ({"static": True, "gate_off": True}, static),
        ):
            state, reason = OPTED_OUT if tag is False and expected[0] == "disabled" else expected
            found = serving_rotation(evidence, **words)
            assert found == RotationFacts(Role.KUBELET_SERVING, RotationState(state), RotationReason(reason), evidence)


def test_the_window_is_that_of_the_kubelet() -> None:
    """client-go, nextRotationDeadline."""
    assert (DUE, DEADLINE) == (0.7, 0.9)
