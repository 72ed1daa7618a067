"""The table of kubelets, whole: which nodes are one row, what each cell says, and which row comes first."""

from dataclasses import replace

import pytest

from exporter.check.kubelets import LONGEST, kubelets_section
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_view import NodeView, ToldCertificate
from exporter.facts.rotation import RotationFacts
from exporter.findings import Finding, Kind, Severity, Subject
from exporter.reason import (
    Evidence,
    KubeletStatus,
    Origin,
    Role,
    Rotation,
    RotationReason,
    RotationState,
)
from simulation.pki import DAY
from tests.check.known import NOW

ENDS = 30 * DAY
CONFIGURED = {Evidence.KUBELET_CONFIGZ: True}


def view(
    name: str,
    *ends: float,
    begins: float | None = None,
    client: RotationState = RotationState.ENABLED,
    serving: RotationState = RotationState.UNKNOWN,
    said: dict[Evidence, bool] = CONFIGURED,
) -> NodeView:
    """`ends` and `begins`: of its client certificates, seconds from now."""

    def rotation(role: Role, state: RotationState, evidence: dict[Evidence, bool]) -> RotationFacts:
        return RotationFacts(role, state, RotationReason.UNDETERMINED, evidence)

    told = [
        ToldCertificate(
            Role.KUBELET_CLIENT,
            Origin.KUBELET,
            Rotation.ENABLED,
            NOW + end,
            None if begins is None else NOW + begins,
        )
        for end in ends
    ]
    other = ToldCertificate(Role.KUBELET_SERVING, Origin.WIRE, Rotation.ENABLED, NOW + 1, NOW)
    facts = (rotation(Role.KUBELET_CLIENT, client, {}), rotation(Role.KUBELET_SERVING, serving, said))
    return NodeView(KubeletReport(name, KubeletStatus.OK), (*told, other), facts)


def node(name: str, pool: str) -> Node:
    return Node(name, pool, "", "", "linux", "", "", Rotation.ENABLED, NOW, True, "", "")


def finding(name: str, severity: Severity, alert: str = "", what: str = "So it is.") -> Finding:
    return Finding(severity, Subject(Kind.NODE, name), what, (), alert, node=name)


NODES = {one.name: one for one in (node("a", "p"), node("b", "p"), node("c", "q"), node("d", ""))}


def rows(*views: NodeView, found: tuple[Finding, ...] = ()) -> tuple[tuple[str, ...], ...]:
    return kubelets_section(views, NODES, found, NOW).rows


def test_nodes_of_a_pool_that_are_alike_are_one_row_and_others_have_their_own() -> None:
    views = [view(name, ENDS) for name in ("b", "a", "c", "d", "e")]
    alike = ("2027-02-14", "30 days", "enabled", "configured", "ok", "-")
    assert rows(*views) == (("2 nodes of -", *alike), ("2 nodes of p", *alike), ("c", *alike))


@pytest.mark.parametrize(
    "other",
    [
        view("b", ENDS, client=RotationState.DISABLED),
        view("b", ENDS, serving=RotationState.ENABLED),
        view("b", said={}),
    ],
)
def test_whose_rotation_differs_is_another_row(other: NodeView) -> None:
    assert {row[0] for row in rows(view("a", ENDS), other)} == {"a", "b"}


@pytest.mark.parametrize(
    ("serving", "said", "shown"),
    [
        (RotationState.UNKNOWN, CONFIGURED, "configured"),
        (RotationState.UNKNOWN, {Evidence.KUBELET_CONFIGZ: False}, "unknown"),
        (RotationState.UNKNOWN, {}, "unknown"),
        (RotationState.ENABLED, CONFIGURED, "enabled"),
        (RotationState.WAITING, CONFIGURED, "waiting"),
    ],
)
def test_a_serving_rotation_that_cannot_be_seen_is_at_least_configured(
    serving: RotationState, said: dict[Evidence, bool], shown: str
) -> None:
    (row,) = rows(view("a", ENDS, serving=serving, said=said))
    assert row[3:5] == ("enabled", shown)


@pytest.mark.parametrize(
    ("views", "until", "left"),
    [
        ([view("a")], "not told", "-"),
        ([view("a", ENDS)], "2027-02-14", "30 days"),
        ([view("a", ENDS), view("b", ENDS + 3600)], "2027-02-14", "30 days"),
        ([view("a", ENDS), view("b", 9 * DAY)], "2027-01-24 to 2027-02-14", "9 days"),
        ([view("a", 0.0)], "2027-01-15", "ended less than 2 minutes ago"),
        ([view("a", 1.0)], "2027-01-15", "less than 2 minutes"),
        ([view("a", -3 * DAY)], "2027-01-12", "ended 3 days ago"),
        ([view("a", DAY, begins=-DAY)], "2027-01-16 08:00 UTC", "24 hours"),
        ([view("a", DAY, begins=-2 * DAY)], "2027-01-16", "24 hours"),
        (
            [view("a", ENDS, begins=-DAY), view("b", 2 * DAY, begins=0.0)],
            "2027-01-17 08:00 UTC to 2027-02-14 08:00 UTC",
            "2 days",
        ),
    ],
)
def test_the_ends_of_the_client_certificates_are_one_date_or_from_one_to_another(
    views: list[NodeView], until: str, left: str
) -> None:
    """With the time where one of them lives for less than three days. Serving certificates have no part in it."""
    (row,) = rows(*views)
    assert row[1:3] == (until, left)


def test_what_is_wrong_stands_in_the_row_and_the_worst_row_first() -> None:
    found = (
        finding("c", Severity.CRITICAL, "X"),
        finding("a", Severity.UNKNOWN, "", "It is not known."),
        finding("c", Severity.WARNING, "Y"),
        finding("c", Severity.WARNING, "X"),
        finding("b", Severity.WARNING, "Y"),
        finding("d", Severity.INFO, "Z"),
        finding("", Severity.CRITICAL, "W"),
    )
    shown = rows(*(view(name, ENDS) for name in "dcba"), found=found)
    assert [(row[0], row[5], row[6]) for row in shown] == [
        ("c", "critical", "X, Y"),
        ("a", "unknown", "It is not known."),
        ("b", "warning", "Y"),
        ("d", "ok", "-"),
    ]


@pytest.mark.parametrize(
    ("count", "more"),
    [
        (LONGEST - 1, ""),
        (LONGEST, ""),
        (LONGEST + 1, "1 more row is not shown, none worse than these."),
        (LONGEST + 2, "2 more rows are not shown, none worse than these."),
    ],
)
def test_forty_rows_are_shown(count: int, more: str) -> None:
    views = [view(f"n{number:02}", ENDS) for number in range(count)]
    nodes = {one.node: replace(NODES["a"], agentpool=one.node) for one in views}
    section = kubelets_section(views, nodes, (), NOW)
    assert [row[0] for row in section.rows] == [f"n{number:02}" for number in range(min(count, 40))]
    assert section.note == more
    assert kubelets_section(views, nodes, (), NOW, "So.").note == f"{more} So.".strip()


def test_the_columns_are_these_and_long_words_wrap() -> None:
    """Programs read them from the JSON."""
    section = kubelets_section((), {}, (), NOW)
    assert (section.title, section.columns, section.wrapping) == (
        "Kubelets",
        ("NODE", "CLIENT UNTIL", "LEFT", "CLIENT", "SERVING", "STATE", "WHAT IS WRONG"),
        ("CLIENT UNTIL", "WHAT IS WRONG"),
    )
