"""The tables of a report on a cluster."""

from dataclasses import replace

import pytest

from exporter.check.cluster import ISSUED, LONGEST, cluster_sections, csr_rows
from exporter.check.report import Section
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.csr import SERVING_SIGNER, Csr, requestor
from exporter.facts.kube.node import Node
from exporter.facts.x509 import certificates
from exporter.findings.formatting import date
from exporter.reason import Ca, CsrCondition, Reason, Rotation
from simulation.pki import DAY, Authority

NOW = 1_800_000_000.0
NODE = "system:node:aks-nodepool1-12345678-vmss000000"


def csr(name: str, condition: CsrCondition, age: float, **more: int) -> Csr:
    return Csr(name, name, SERVING_SIGNER, NODE, requestor(NODE), NODE, condition, NOW - age, **more)  # type: ignore[arg-type]


def table(sections: list[Section], title: str) -> Section:
    (found,) = [section for section in sections if section.title == title]
    return found


def test_csrs_have_kubectls_columns_and_the_bad_ones_stand_first() -> None:
    """As the AKS page prints them, but for the order."""
    rows, shown = csr_rows(
        [
            csr("issued", CsrCondition.ISSUED, 30),
            csr("young", CsrCondition.PENDING, 90),
            csr("old", CsrCondition.PENDING, 25 * 3600),
            csr("denied", CsrCondition.DENIED, 600, expiration_seconds=86400),
            csr("approved", CsrCondition.APPROVED, 5),
            csr("failed", CsrCondition.FAILED, 3 * 3600 + 60),
        ],
        NOW,
    )
    assert rows == (
        ("failed", "3h1m", SERVING_SIGNER, NODE, "<none>", "Approved,Failed", "0"),
        ("denied", "10m", SERVING_SIGNER, NODE, "24h", "Denied", "0"),
        ("old", "25h", SERVING_SIGNER, NODE, "<none>", "Pending", "1"),
        ("approved", "5s", SERVING_SIGNER, NODE, "<none>", "Approved", "0"),
        ("issued", "30s", SERVING_SIGNER, NODE, "<none>", "Approved,Issued", "0"),
    )
    assert shown.total() == 6


def test_nodes_that_share_a_bootstrap_token_are_told_apart() -> None:
    """G7: each has its row, and is named; its own retries are one row."""
    shared = [
        replace(csr(f"csr-{node}-{age}", CsrCondition.PENDING, age), username="system:bootstrap:abc123", node=node)
        for node in ("aks-a", "aks-b")
        for age in (60, 960)
    ]
    rows, _ = csr_rows(shared, NOW)
    assert [(row[0], row[3], row[-1]) for row in rows] == [
        ("csr-aks-a-960", "system:bootstrap:abc123 for aks-a", "1"),
        ("csr-aks-b-960", "system:bootstrap:abc123 for aks-b", "1"),
    ]


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (-5, "0s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (600, "10m"),
        (179 * 60 + 59, "179m"),
        (180 * 60, "3h"),
        (5 * 3600 + 60, "5h1m"),
        (8 * 3600 - 60, "7h59m"),
        (8 * 3600, "8h"),
        (8 * 3600 + 60, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (3 * DAY + 7200, "3d2h"),
        (8 * DAY - 3600, "7d23h"),
        (8 * DAY, "8d"),
        (8 * DAY + 3600, "8d"),
        (729 * DAY, "729d"),
        (730 * DAY, "2y"),
        (800 * DAY, "2y70d"),
        (2910 * DAY, "7y355d"),
        (3000 * DAY, "8y"),
    ],
)
def test_ages_are_as_kubectl_prints_them(age: float, shown: str) -> None:
    """apimachinery, duration.HumanDuration."""
    (row,), _ = csr_rows([csr("x", CsrCondition.ISSUED, age)], NOW)
    assert row[1] == shown


def test_a_storm_shows_its_worst_and_counts_the_rest() -> None:
    """No terminal wants 100,000 rows."""
    storm = [
        replace(
            csr(f"csr-{number}-{retry}", CsrCondition.PENDING, number + retry),
            username=f"system:node:{number}",
            node=f"{number}",
        )
        for number in range(LONGEST + 7)
        for retry in (0, 1000)
    ]
    shown = table(list(cluster_sections(ClusterFacts(), storm, (), NOW)), "Certificate signing requests")
    assert len(shown.rows) == LONGEST
    assert (shown.rows[0][0], shown.rows[0][-1]) == (f"csr-{LONGEST + 6}-1000", "1")
    assert shown.note == (
        "Retries are one row: the oldest, and how many MORE are like it. Not shown: 14 pending, none worse than these."
    )


def test_of_a_whole_fleets_renewal_the_newest_few_are_enough() -> None:
    """What was issued is fine; a thousand rows of it would hide the one that was not."""
    issued = [
        replace(csr(f"csr-{number}", CsrCondition.ISSUED, number), username=f"system:node:{number}", node=f"{number}")
        for number in range(1000)
    ]
    waiting = csr("csr-x", CsrCondition.PENDING, 5)
    shown = table(list(cluster_sections(ClusterFacts(), [*issued, waiting], (), NOW)), "Certificate signing requests")
    assert [row[0] for row in shown.rows] == ["csr-x", *(f"csr-{number}" for number in range(ISSUED))]
    assert shown.note == "Not shown: 995 issued, none worse than these."


def test_what_could_not_be_asked_is_said_in_the_place_of_its_table() -> None:
    """Never an empty table that looks as if all were ok."""
    sections = list(cluster_sections(ClusterFacts(), None, (), NOW))
    notes = [table(sections, title).note for title in ("Certificate signing requests", "Signers")]
    assert all("could" in note for note in notes)
    assert "could not be listed" in table(sections, "Node pools and serving rotation").note


def test_pools_bundles_and_the_control_plane() -> None:
    """G5: bundles are what they hold, outdated ones first; off with the probable reason; trust in words."""
    former, present = Authority.cluster(NOW - 9 * DAY), Authority.cluster(NOW - DAY, number=1)
    old, new = certificates(former.pem), certificates(present.pem)
    node = Node("n", "old", "v1.26.6", "", "linux", "", "", Rotation.DISABLED, NOW, True, "", "")
    served = certificates(former.apiserver((), NOW).certificate_pem)[0]
    facts = ClusterFacts(
        nodes=(node,),
        cas={Ca.CLUSTER: new},
        former_cas=frozenset({old[0].public_key_sha256}),
        bundles=(
            CaBundle("APIService", "a", new),
            CaBundle("APIService", "b", old),
            CaBundle("APIService", "c", (), "junk"),
            CaBundle("APIService", "d", certificates(Authority("own", NOW - DAY, NOW + DAY, number=2).pem)),
            CaBundle("APIService", "e", certificates(Authority("own", NOW - DAY, NOW - 1, number=2).pem)),
            CaBundle("APIService", "f", certificates(Authority("own", NOW - DAY, NOW - 1, number=2).pem) + new),
        ),
        endpoints=(Endpoint("10.0.0.1:443", served, False, Reason.CERTIFICATE_UNTRUSTED),),
        created=NOW - DAY,
    )
    sections = list(cluster_sections(facts, (), (), NOW))
    holds = [(row[1], row[3]) for row in table(sections, "CA bundles").rows]
    assert holds == [
        ("e", "nothing that is still valid"),
        ("b", "a former cluster CA"),
        ("c", "unreadable: junk"),
        ("d", "a CA of its own"),
        ("a", "the cluster CA"),
        ("f", "the cluster CA"),
    ]
    assert next(row[2] for row in table(sections, "CA bundles").rows if row[1] == "f") == date(new[0].not_after)
    (pool,) = table(sections, "Node pools and serving rotation").rows
    assert pool[:6] == ("old", "1", "1", "0", "1", "0")
    assert "1.27 has" in pool[-1]
    server, authority = table(sections, "Control plane").rows
    assert (server[0], server[-1]) == ("API server 10.0.0.1:443", "not trusted: certificate_untrusted")
    assert (authority[0], authority[-1]) == ("cluster CA", "30-year class")
