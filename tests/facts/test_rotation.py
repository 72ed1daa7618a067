"""The truth tables of rotation."""

import itertools
import time

import pytest

from exporter.facts.rotation import (
    client_rotation,
    deadline,
    due,
    rotation_label,
    serving_rotation,
)
from exporter.facts.x509 import certificates
from exporter.reason import Evidence, Rotation, RotationReason, RotationState
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
