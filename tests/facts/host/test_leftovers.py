"""Dated files that a kubelet left behind, as a node's facts count them: exporter/facts/host/host_facts.py."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from exporter.facts.host.host_facts import host_facts
from exporter.facts.host.host_reads import HostReads
from exporter.facts.host.paths import Candidate, Means
from exporter.reason import FileStatus, Role
from tests.facts.host.looked import AUTHORITY, CLIENT, SERVING, STATIC, looked

GONE = FileStatus.NOT_FOUND
DATED = "2026-01-{:02}-00-00-00.pem"
NAMES = (
    *(f"kubelet-client-{DATED.format(number)}" for number in (1, 2, 3)),
    *(f"kubelet-server-{DATED.format(number)}" for number in (1, 2)),
    "kubelet-client-current.pem",
    "kubelet-client.key.tmp",
    f"old-kubelet-client-{DATED.format(4)}",
    f"kubelet-client-{DATED.format(4)}.bak",
    "kubelet-client-2026-01-4-00-00-00.pem",
)


@pytest.mark.parametrize(
    ("place", "target", "expected"),
    [
        (CLIENT, f"/pki/kubelet-client-{DATED.format(3)}", 2),
        (CLIENT, "", 3),
        (SERVING, f"C:\\pki\\kubelet-server-{DATED.format(2)}", 1),
        (SERVING, f"kubelet-server-{DATED.format(2)}", 1),
        (CLIENT, f"//pki/kubelet-client-{DATED.format(3)}", 2),
        (SERVING, "", 2),
        (STATIC, "", None),
        (replace(AUTHORITY, means=Means.ROTATED), "", None),
    ],
)
def test_dated_files_beside_the_current_one_are_counted_by_role(
    place: Candidate, target: str, expected: int | None
) -> None:
    """Neither the one that the current link leads to, nor what is named otherwise or of the other role."""
    for names, left in ((NAMES, {} if expected is None else {place.role: expected}), (None, {})):
        assert host_facts("n1", listed({place: target}, lambda _: names), None).leftovers == left  # noqa: B023


def listed(targets: dict[Candidate, str], names: Callable[[Candidate], tuple[str, ...] | None]) -> HostReads:
    reads = looked(dict.fromkeys(targets, GONE))
    links = {place.path: replace(reads.certificates[place.path], target=target) for place, target in targets.items()}
    return replace(reads, certificates=links, names={place.path: names(place) for place in targets})


def test_dated_files_of_several_directories_count_together() -> None:
    """A place whose directory was not listed says nothing, and those after it do."""
    other, third = replace(SERVING, path="/other/kubelet-server-current.pem"), replace(SERVING, path="/c")
    targets = {STATIC: "", third: "", SERVING: "", other: f"/other/kubelet-server-{DATED.format(1)}", CLIENT: ""}
    reads = listed(targets, lambda place: None if place is third else NAMES)
    assert host_facts("n1", reads, None).leftovers == {Role.KUBELET_SERVING: 3, Role.KUBELET_CLIENT: 3}
