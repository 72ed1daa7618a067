"""Members of a CA bundle that nothing needs: exporter/findings/former_ca.py."""

import pytest

from exporter.facts.ca_use import CaUse
from exporter.facts.x509 import certificates
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.formatting import ends
from exporter.findings.former_ca import former_members
from exporter.reason import Role
from simulation.pki import DAY, Authority

NOW = 1_800_000_000.0
(ENDED,), (OLDER,), (PRESENT,) = (
    certificates(Authority("ca", NOW - 900 * DAY, NOW + days * DAY, number=number).pem)
    for number, days in enumerate((-1, -2, 900))
)
SUBJECT = Subject(Kind.CA, "cluster CA")


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (None, []),
        (CaUse((ENDED, PRESENT), ()), []),
        (CaUse((ENDED, PRESENT), (ENDED,)), []),
        (CaUse((ENDED, PRESENT), (PRESENT,)), [ENDED]),
        (CaUse((ENDED, OLDER, PRESENT), (PRESENT,)), [ENDED, OLDER]),
    ],
)
def test_a_member_that_has_ended_and_signed_nothing_in_use_may_be_removed(use: CaUse | None, expected: list) -> None:  # type: ignore[type-arg]
    """Each is told; while it is not known which signed what is in use, none is."""
    step = Step("It may be removed: it signed nothing that is in use.")

    def told(where: str, node: str, role: Role | None) -> list[Finding]:
        return [
            Finding(
                Severity.INFO,
                SUBJECT,
                f"A former CA in {where} {ends(one.not_after, NOW)}.",
                (step,),
                "",
                f"Its serial number is {one.serial_number}.",
                node,
                role,
                None,
                one.not_after,
            )
            for one in expected
        ]

    assert list(former_members(use, SUBJECT, NOW)) == told("the bundle", "", None)
    of_node = list(former_members(use, SUBJECT, NOW, where="/ca.crt", node="n1", role=Role.CLUSTER_CA))
    assert of_node == told("/ca.crt", "n1", Role.CLUSTER_CA)
