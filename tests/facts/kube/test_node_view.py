"""What a kubelet's word and what it serves come to: its certificates, and whether they are rotated."""

from dataclasses import replace
from typing import Any

import pytest

from exporter.facts.kube.kubelet_metrics import KubeletConfig
from exporter.facts.kube.kubelet_report import SAME, KubeletReport
from exporter.facts.kube.node_view import NodeView, ToldCertificate, Validity, node_view
from exporter.facts.rotation import RotationFacts
from exporter.facts.usability import Usability
from exporter.facts.x509 import Certificate, certificates
from exporter.reason import Evidence, KubeletStatus, Origin, Role, Rotation, RotationReason, RotationState
from simulation.pki import DAY, SERVER, Authority, Credential, self_signed_linux

NOW = 1_800_000_000.0
NODE = "aks-nodepool1-12345678-vmss000000"
CA, OTHER = Authority.cluster(NOW - 100 * DAY), Authority("other", NOW - DAY, NOW + DAY, number=1)
CAS = certificates(CA.pem)
CLIENT, SERVING = Role.KUBELET_CLIENT, Role.KUBELET_SERVING


def read(credential: Credential) -> tuple[Certificate, ...]:
    return certificates(credential.certificate_pem)


def served_by(issuer: Authority, name: str = NODE, address: str = "") -> tuple[Certificate, ...]:
    user, names = f"system:node:{name}", (address or name,)
    return read(issuer.issue(user, NOW, NOW + 10 * DAY, organization="system:nodes", names=names, usages=(SERVER,)))


ROTATED, FOREIGN = served_by(CA), served_by(OTHER)
OWN = read(self_signed_linux(NODE, NOW))
SUB = Authority("sub", NOW - DAY, NOW + DAY, number=2)
BETWEEN = (
    *served_by(SUB),
    *read(OTHER.issue("sub", NOW - DAY, NOW + DAY, public_key=SUB.key.public_key())),
)
"""Of an authority that another one signed, which is none of the cluster's."""
ON = KubeletConfig(rotate_certificates=True, server_tls_bootstrap=True, tls_cert_file="", serving_gate=True)
OFF = replace(ON, rotate_certificates=False, server_tls_bootstrap=False)
STATIC = replace(ON, tls_cert_file="/etc/x.crt")


def report(**changes: Any) -> KubeletReport:
    return replace(KubeletReport(NODE, KubeletStatus.OK), **changes)


def view(found: KubeletReport, cas: tuple[Certificate, ...] = CAS, **more: Any) -> NodeView:
    return node_view(found, cas, more.pop("issued", {}), **more)


STATES = {
    "unknown": (RotationState.UNKNOWN, RotationReason.UNDETERMINED),
    "rotating": (RotationState.ENABLED, RotationReason.ROTATING),
    "waiting": (RotationState.WAITING, RotationReason.CERTIFICATE_MISSING),
    "not configured": (RotationState.DISABLED, RotationReason.NOT_CONFIGURED),
    "static": (RotationState.DISABLED, RotationReason.STATIC),
    "self-signed": (RotationState.DISABLED, RotationReason.SELF_SIGNED),
    "opted out": (RotationState.DISABLED, RotationReason.OPTED_OUT),
}
CONFIGZ, WIRE = Evidence.KUBELET_CONFIGZ, Evidence.WIRE


@pytest.mark.parametrize(
    ("changes", "state", "evidence"),
    [
        ({}, "unknown", {}),
        ({"client_not_after": NOW, "client_certificate": True}, "unknown", {}),
        ({"client_certificate": False}, "unknown", {}),
        ({"config": OFF, "client_not_after": NOW}, "not configured", {CONFIGZ: False}),
        ({"config": ON, "client_not_after": NOW, "client_certificate": True}, "rotating", {CONFIGZ: True}),
        ({"config": ON, "client_not_after": NOW, "client_certificate": False}, "rotating", {CONFIGZ: True}),
        ({"config": ON, "client_certificate": False}, "waiting", {CONFIGZ: True}),
        ({"config": ON, "client_certificate": True}, "unknown", {CONFIGZ: True}),
        ({"config": ON}, "unknown", {CONFIGZ: True}),
    ],
)
def test_the_client_certificate_is_rotated_as_configz_and_the_metrics_say(
    changes: dict[str, Any], state: str, evidence: dict[Evidence, bool]
) -> None:
    found = view(report(**changes))
    assert found.rotation[0] == RotationFacts(CLIENT, *STATES[state], evidence)
    assert found.node == NODE
    assert found.client_known is ("client_not_after" in changes or state != "unknown")


@pytest.mark.parametrize(
    ("changes", "more", "state", "evidence"),
    [
        ({}, {}, "unknown", {}),
        ({"served": ROTATED}, {}, "rotating", {WIRE: True}),
        ({"served": ROTATED}, {"cas": ()}, "unknown", {}),
        ({"served": ROTATED, "config": ON}, {"opted_out": True}, "rotating", {CONFIGZ: True, WIRE: True}),
        ({"served": ROTATED, "config": OFF}, {}, "self-signed", {CONFIGZ: False, WIRE: True}),
        ({"served": ROTATED, "config": STATIC}, {}, "static", {CONFIGZ: False, WIRE: True}),
        ({"served": ROTATED, "config": STATIC}, {"opted_out": True}, "opted out", {CONFIGZ: False, WIRE: True}),
        ({"config": OFF}, {}, "self-signed", {CONFIGZ: False}),
        ({"config": ON}, {}, "unknown", {CONFIGZ: True}),
        ({"served": OWN}, {}, "self-signed", {WIRE: False}),
        ({"served": OWN}, {"opted_out": True}, "opted out", {WIRE: False}),
        ({"served": OWN}, {"labelled": True}, "self-signed", {WIRE: False}),
        ({"served": OWN}, {"cas": ()}, "unknown", {}),
        ({"served": OWN}, {"cas": (*CAS, *OWN)}, "unknown", {}),
        ({"served": BETWEEN}, {}, "unknown", {}),
        ({"served": OWN, "config": ON}, {}, "unknown", {CONFIGZ: True, WIRE: False}),
        ({"served": OWN, "no_certificate": True, "config": ON}, {}, "waiting", {CONFIGZ: True, WIRE: False}),
        ({"served": FOREIGN}, {}, "unknown", {}),
        ({"served": FOREIGN}, {"labelled": True}, "rotating", {}),
        ({"served": FOREIGN, "config": ON}, {"labelled": True}, "unknown", {CONFIGZ: True}),
        ({}, {"labelled": True}, "unknown", {}),
        ({"no_certificate": True}, {}, "waiting", {}),
        ({"no_certificate": True, "config": ON}, {"labelled": True}, "waiting", {CONFIGZ: True}),
        ({"no_certificate": True, "config": OFF}, {}, "self-signed", {CONFIGZ: False}),
        ({"served": (*FOREIGN, *certificates(OTHER.pem))}, {}, "self-signed", {WIRE: False}),
        ({"served": (*FOREIGN, *OWN)}, {}, "unknown", {}),
        ({"served": (*FOREIGN, *CAS)}, {}, "unknown", {}),
    ],
)
def test_the_serving_certificate_is_rotated_as_configz_and_the_wire_say(
    changes: dict[str, Any], more: dict[str, Any], state: str, evidence: dict[Evidence, bool]
) -> None:
    """K2: the label counts only where the kubelet cannot be asked, and neither the cluster nor itself signed."""
    assert view(report(**changes), **more).rotation[1] == RotationFacts(SERVING, *STATES[state], evidence)


END = NOW + 10 * DAY


@pytest.mark.parametrize(
    ("by", "fits"), [(None, False), (0.0, True), (SAME, True), (-SAME, True), (SAME + 1, False), (-SAME - 1, False)]
)
def test_a_client_certificate_began_when_its_request_was_answered(by: float | None, fits: bool) -> None:
    """Where the request that was seen gave this very certificate: then its end is exact, too."""
    issued = {SERVING: Validity(1.0, END)} | ({} if by is None else {CLIENT: Validity(NOW, END + by)})
    found = view(report(client_not_after=END, config=ON), issued=issued)
    told = ToldCertificate(CLIENT, Origin.KUBELET, Rotation.ENABLED, END, None)
    if fits and by is not None:
        lifetime = 10 * DAY + by
        told = replace(told, not_after=END + by, not_before=NOW, window=(NOW + 0.7 * lifetime, NOW + 0.9 * lifetime))
    assert found.certificates == (told,)


@pytest.mark.parametrize(
    ("changes", "rotation"),
    [({"config": OFF}, Rotation.DISABLED), ({}, Rotation.UNKNOWN)],
)
def test_what_is_not_rotated_has_no_window(changes: dict[str, Any], rotation: Rotation) -> None:
    found = view(report(client_not_after=END, **changes), issued={CLIENT: Validity(NOW, END)})
    assert found.certificates == (ToldCertificate(CLIENT, Origin.KUBELET, rotation, END, NOW),)


def test_a_client_certificate_lives_as_long_as_a_rotated_serving_one() -> None:
    """Where nothing else tells when it began; one signer makes both."""
    for served, issued, alike in (
        (ROTATED, {}, 10 * DAY),
        (ROTATED, {CLIENT: Validity(NOW, END)}, None),
        (OWN, {}, None),
        ((), {}, None),
    ):
        found = view(report(client_not_after=END, served=served), issued=issued).certificates[0]
        assert (found.role, found.alike) == (CLIENT, alike)
    waits = view(report(client_not_after=END, no_certificate=True), labelled=True)
    assert waits.certificates[0].alike is None


@pytest.mark.parametrize(
    ("served", "cas", "expected"),
    [
        (ROTATED, CAS, (Rotation.ENABLED, True, Usability.OK, True)),
        (ROTATED, (), (Rotation.UNKNOWN, None, Usability.OK, False)),
        (OWN, CAS, (Rotation.DISABLED, False, Usability.OK, False)),
        (FOREIGN, CAS, (Rotation.UNKNOWN, False, Usability.OK, False)),
        (served_by(CA, "another"), CAS, (Rotation.ENABLED, True, Usability.ANOTHER_NODE, True)),
        (OWN, (*CAS, *OWN), (Rotation.UNKNOWN, False, Usability.NOT_A_LEAF, False)),
        (CAS, CAS, (Rotation.UNKNOWN, False, Usability.NOT_A_LEAF, False)),
    ],
)
def test_what_is_served_is_told_whole(
    served: tuple[Certificate, ...], cas: tuple[Certificate, ...], expected: tuple[Any, ...]
) -> None:
    rotation, ours, use, window = expected
    leaf = served[0]
    begins = leaf.not_before
    assert view(report(served=served), cas).certificates == (
        ToldCertificate(
            SERVING,
            Origin.WIRE,
            rotation,
            leaf.not_after,
            begins,
            leaf,
            ours,
            use,
            (begins + 0.7 * leaf.lifetime, begins + 0.9 * leaf.lifetime) if window else None,
        ),
    )


def test_a_certificate_for_an_address_of_the_node_is_its_own() -> None:
    served = served_by(CA, address="10.224.0.4")
    uses = [
        view(report(served=served), addresses=addresses).certificates[0].usability
        for addresses in (("10.224.0.5",), ("10.224.0.4",))
    ]
    assert uses == [Usability.ANOTHER_NODE, Usability.OK]


def test_a_kubelet_that_tells_nothing_has_no_certificates() -> None:
    silent = report(status=KubeletStatus.TIMEOUT)
    assert view(silent) == NodeView(
        silent,
        (),
        (RotationFacts(CLIENT, *STATES["unknown"], {}), RotationFacts(SERVING, *STATES["unknown"], {})),
    )
    assert not view(report(served=ROTATED)).client_known
