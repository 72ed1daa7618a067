"""What the cluster agent found beside one's own findings: each thing once, in words that a newer agent may have new."""

import msgspec
import pytest

from exporter.check.agent_findings import agent_findings
from exporter.facts.cluster_document import ClusterDocument, ClusterFinding
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.reason import Role

WHOLE: dict[str, object] = {
    "severity": "critical",
    "alert": "AksCertExpired",
    "subject": {"kind": "node", "name": "aks-1"},
    "node": "aks-1",
    "role": "kubelet-client",
    "since": 1.0,
    "until": 2.0,
    "what": "It ended.",
    "why": "Nobody renewed it.",
    "next": [{"text": "Restart it.", "command": "true"}, {"text": "Wait."}],
}


def document(*findings: dict[str, object]) -> ClusterDocument:
    told = tuple(msgspec.convert(one, ClusterFinding) for one in findings)
    return ClusterDocument(schema=1, agent="cluster", looked_at=0.0, findings=told)


def own(**changed: object) -> Finding:
    (found,) = agent_findings(document({**WHOLE, **changed}), ())
    return found


def test_a_finding_is_passed_on_whole() -> None:
    assert own() == Finding(
        Severity.CRITICAL,
        Subject(Kind.NODE, "aks-1"),
        "It ended.",
        (Step("Restart it.", "true"), Step("Wait.")),
        "AksCertExpired",
        "Nobody renewed it.",
        "aks-1",
        Role.KUBELET_CLIENT,
        1.0,
        2.0,
    )


def test_what_it_leaves_out_is_empty() -> None:
    bare: dict[str, object] = {"severity": "info", "what": "So it is.", "subject": {"kind": "cluster", "name": "c"}}
    (found,) = agent_findings(document(bare), ())
    assert found == Finding(Severity.INFO, Subject(Kind.CLUSTER, "c"), "So it is.", ())


def test_a_word_that_is_not_known_here_is_no_error_and_no_good_news() -> None:
    found = own(severity="fatal", subject={"kind": "moon", "name": "m"}, role="lunar")
    assert (found.severity, found.subject, found.role) == (Severity.UNKNOWN, Subject(Kind.CLUSTER, "m"), None)


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ({"what": "In other words."}, False),
        ({"severity": "warning"}, False),
        ({"alert": "AksCertUnusable"}, True),
        ({"subject": {"kind": "node", "name": "aks-2"}}, True),
        ({"subject": {"kind": "cluster", "name": "aks-1"}}, True),
        ({"role": "kubelet-serving"}, True),
        ({"role": None}, True),
    ],
)
def test_what_was_found_here_as_well_is_told_once(changed: dict[str, object], again: bool) -> None:
    """The same alert about the same subject and role is the same thing."""
    assert len(list(agent_findings(document({**WHOLE, **changed}), [own()]))) == again


def test_without_an_alert_the_same_thing_is_what_is_said_in_the_same_words() -> None:
    """Two things about one subject are two."""
    told = document({**WHOLE, "alert": None}, {**WHOLE, "alert": None, "what": "It is another."})
    mine = own(alert=None)
    assert [one.what for one in agent_findings(told, [mine])] == ["It is another."]
    assert [one.what for one in agent_findings(told, [own()])] == ["It ended.", "It is another."]
