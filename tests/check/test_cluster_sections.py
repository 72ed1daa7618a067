"""Each table of a report on a cluster, whole: every cell, every sentence below it, and which row comes first."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from exporter.check.cluster import ISSUED, LONGEST, certificate_row, cluster_sections, csr_rows
from exporter.check.report import Section
from exporter.facts.certificate import Certificate
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER, Csr, requestor
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.kube.node import Node
from exporter.facts.kube.node_requests import NodeRequests
from exporter.facts.kube.preflight import Preflight, Question
from exporter.facts.source import Failure, SourceFacts
from exporter.reason import Ca, CsrCondition, EndpointStatus, Lease, PreflightStep, Reason, Requestor, Rotation, Source
from simulation.pki import DAY
from tests.check.known import NOW, certificate


def table(
    title: str, facts: ClusterFacts, csrs: Iterable[Csr] | None = (), sources: Iterable[SourceFacts] = ()
) -> Section:
    """The one table of that name."""
    (found,) = [one for one in cluster_sections(facts, csrs, sources, NOW) if one.title == title]
    return found


@pytest.mark.parametrize(
    ("given", "note", "row"),
    [
        (
            certificate("CN=a", NOW - DAY, NOW + 30 * DAY),
            "n",
            ("w", "CN=a", "2027-01-14", "2027-02-14", "30 days", "n"),
        ),
        (
            certificate("", NOW - DAY, NOW + DAY),
            "",
            ("w", "-", "2027-01-14 08:00 UTC", "2027-01-16 08:00 UTC", "24 hours", "-"),
        ),
        (
            certificate("CN=a", NOW - 4 * DAY, NOW + 1),
            "",
            ("w", "CN=a", "2027-01-11", "2027-01-15", "less than 2 minutes", "-"),
        ),
        (
            certificate("CN=a", NOW - 4 * DAY, NOW),
            "",
            ("w", "CN=a", "2027-01-11", "2027-01-15", "ended less than 2 minutes ago", "-"),
        ),
        (
            certificate("CN=a", NOW - 9 * DAY, NOW - 2 * DAY),
            "",
            ("w", "CN=a", "2027-01-06", "2027-01-13", "ended 2 days ago", "-"),
        ),
    ],
    ids=["dates", "times where it is short", "ends in a second", "ends now", "has ended"],
)
def test_a_certificate_is_one_row(given: Certificate, note: str, row: tuple[str, ...]) -> None:
    assert certificate_row("w", given, NOW, note) == row


def test_the_control_plane_is_what_was_served_and_each_ca_of_each_bundle() -> None:
    long, short = certificate("CN=long", NOW - DAY, NOW + 30 * 365 * DAY), certificate("CN=short", NOW, NOW + DAY)
    facts = ClusterFacts(
        endpoints=(
            Endpoint("a:443", short, True),
            Endpoint("b:443", None, None),
            Endpoint("c:443", short, None),
            Endpoint("d:443", short, False, Reason.CERTIFICATE_HOSTNAME),
        ),
        cas={Ca.REQUESTHEADER: (long, short), Ca.CLIENT: (long,), Ca.CLUSTER: (short,)},
        created=NOW - DAY,
    )
    found = table("Control plane", facts)
    assert [(row[0], row[1], row[-1]) for row in found.rows] == [
        ("API server a:443", "CN=short", "trusted"),
        ("API server c:443", "CN=short", "trust unknown"),
        ("API server d:443", "CN=short", "not trusted: certificate_hostname"),
        ("request-header CA", "CN=long", "30-year class"),
        ("request-header CA", "CN=short", "lives 24 hours"),
        ("client CA", "CN=long", "30-year class"),
        ("cluster CA", "CN=short", "lives 24 hours"),
    ]
    assert found.note == "The cluster was made 2027-01-14 08:00 UTC."
    assert table("Control plane", ClusterFacts()).note == ""


def test_of_the_signers_it_is_told_when_they_last_gave_a_sign_of_life() -> None:
    leases = {Lease.KUBELET_SERVING_CSR_APPROVER: NOW - 600, Lease.KUBE_CONTROLLER_MANAGER: NOW - 1}
    found = table("Signers", ClusterFacts(leases=leases))
    assert found.rows == (
        ("kubelet-serving-csr-approver", "10 minutes ago"),
        ("kube-controller-manager", "less than 2 minutes ago"),
    )
    assert found.note == ""
    none = table("Signers", ClusterFacts())
    assert none.note == "No lease could be read: whether anybody approves and signs is not known."


def totals(*nodes: NodeRequests, last: Mapping[str, float] | None = None) -> CsrTotals:
    waiting = {(one.signer_name, Requestor.NODE, CsrCondition.PENDING): 3 for one in nodes}
    return CsrTotals(waiting, {}, {}, nodes, last_issued=last or {})


def test_who_waits_for_the_signers_is_told_of_both() -> None:
    title = "Who waits for the signers"
    waits = NodeRequests("aks-1", SERVING_SIGNER, pending_since=NOW - 7200.0, pending_name="csr-1")
    found = table(title, ClusterFacts(csrs=totals(waits, last={CLIENT_SIGNER: NOW - 600})))
    assert found.rows == (
        (CLIENT_SIGNER, "0", "-", "10 minutes ago", "not known"),
        (SERVING_SIGNER, "3", "2 hours", "-", "not known"),
    )
    assert title not in [one.title for one in cluster_sections(ClusterFacts(), (), (), NOW)]


def test_the_answers_of_the_preflight_are_one_row_for_each_pool_and_requestor() -> None:
    def answer(pool: str, step: PreflightStep, allowed: bool) -> Preflight:
        return Preflight(Question(Requestor.NODE, pool, step, "u", ()), allowed)

    ask, approve = PreflightStep
    given = (answer("a", ask, True), answer("a", approve, False), answer("", ask, False))
    found = table("Rotation preflight", ClusterFacts(preflight=given)).rows
    assert found == (("a", "node", "yes", "no"), ("-", "node", "no", "-"))


def bundle(kind: str, name: str, *certificates: Certificate, unreadable: str = "") -> CaBundle:
    return CaBundle(kind, name, certificates, unreadable)


def test_bundles_stand_by_what_they_hold_then_by_kind_and_name() -> None:
    own, ended = certificate("CN=own", NOW - DAY, NOW + 9 * DAY), certificate("CN=end", NOW - 9 * DAY, NOW - DAY)
    cluster, early = certificate("CN=ca", NOW - DAY, NOW + 99 * DAY), certificate("CN=own", NOW + 1, NOW + 2 * DAY)
    facts = ClusterFacts(
        cas={Ca.CLUSTER: (cluster,)},
        bundles=(
            bundle("B", "a", own),
            bundle("A", "b", own),
            bundle("A", "a", own, ended),
            bundle("Z", "e", early),
            bundle("Z", "c", cluster, own),
            bundle("Z", "x", unreadable="junk"),
            bundle("Z", "z", ended),
        ),
    )
    assert table("CA bundles", facts).rows == (
        ("Z", "z", "2027-01-14", "nothing that is still valid"),
        ("Z", "e", "2027-01-17 08:00 UTC", "nothing that is valid yet"),
        ("Z", "x", "-", "unreadable: junk"),
        ("A", "a", "2027-01-24", "a CA of its own"),
        ("A", "b", "2027-01-24", "a CA of its own"),
        ("B", "a", "2027-01-24", "a CA of its own"),
        ("Z", "c", "2027-04-24", "the cluster CA"),
    )


def served(name: str, **known: object) -> ServedEndpoint:
    verified = bool(known.pop("verified", True))
    target = EndpointTarget("APIService", name, f"{name}.kube-system.svc", 443, None, verified=verified)
    return ServedEndpoint(target, **known)  # type: ignore[arg-type]


def test_what_the_api_server_calls_is_accepted_or_why_not() -> None:
    leaf = certificate("CN=leaf", NOW - DAY, NOW + 30 * DAY)
    facts = ClusterFacts(
        served=(
            served("a", certificate=leaf, trusted=True),
            served("b", certificate=leaf, trusted=False, untrusted=Reason.CERTIFICATE_EXPIRED),
            served("c", certificate=leaf),
            served("d", certificate=leaf, verified=False),
            served("e", failure=Failure(Reason.REFUSED, "refused")),
        )
    )
    found = table("What the API server calls", facts)
    until = "2027-02-14 08:00 UTC"
    assert found.rows == (
        ("APIService", "a", "a.kube-system.svc:443", until, "yes"),
        ("APIService", "b", "b.kube-system.svc:443", until, "no: certificate_expired"),
        ("APIService", "c", "c.kube-system.svc:443", until, "unknown"),
        ("APIService", "d", "d.kube-system.svc:443", until, "not verified"),
        ("APIService", "e", "e.kube-system.svc:443", "-", "not seen: it refuses the connection"),
    )
    assert found.note == ""
    assert facts.served is not None
    assert facts.served[-1].status is EndpointStatus.REFUSED
    none = table("What the API server calls", ClusterFacts(served=()))
    assert none.note == "None was looked at: there are none, or they are not known."
    assert "What the API server calls" not in [one.title for one in cluster_sections(ClusterFacts(), (), (), NOW)]


def node(
    pool: str, rotation: Rotation, *, ready: bool | None = True, version: str = "v1.33.2", image: str = ""
) -> Node:
    return Node("n", pool, version, image, "linux", "", "", rotation, NOW, ready, "", "")


def test_a_pool_is_one_row_with_how_many_of_its_nodes_rotate() -> None:
    old = "AKSUbuntu-2204gen2containerd-202401.09.0"
    facts = ClusterFacts(
        nodes=(
            node("b", Rotation.ENABLED),
            node("b", Rotation.ENABLED, ready=False),
            node("b", Rotation.ENABLED, ready=None),
            node("b", Rotation.DISABLED, version="v1.26.6"),
            node("b", Rotation.UNKNOWN, version=""),
            node("b", Rotation.DISABLED, image=old),
            node("b", Rotation.UNKNOWN, image=old),
            node("a", Rotation.DISABLED),
            node("a", Rotation.DISABLED),
            node("", Rotation.UNKNOWN, version=""),
        )
    )
    title = "Node pools and serving rotation"
    found = table(title, facts)
    tag = "opted out by the node pool's tag, or not made anew since AKS offers it there"
    image = f"its image {old} is older than 202501.12.0, by itself or from a snapshot"
    assert found.rows == (
        ("-", "1", "1", "0", "0", "1", "-", "-"),
        ("a", "2", "2", "0", "2", "0", "v1.33.2", tag),
        ("b", "7", "5", "3", "2", "2", "v1.26.6, v1.33.2", f"Kubernetes v1.26.6 has none, 1.27 has; {image}"),
    )
    assert found.note == ""
    assert table(title, ClusterFacts(nodes=())).note == "There are no nodes."
    unknown = table(title, ClusterFacts())
    assert unknown == Section(title, (), (), "Nodes could not be listed: the sources say why.")


def test_each_source_says_whether_it_answers() -> None:
    sources = [
        SourceFacts(Source.CSRS, True, NOW, {}),
        SourceFacts(Source.NODES, False, None, {}, "no right"),
        SourceFacts(Source.LEASES, None, None, {}),
    ]
    assert table("Sources", ClusterFacts(), (), sources).rows == (
        ("csrs", "yes", "-"),
        ("nodes", "no", "no right"),
        ("leases", "not asked", "-"),
    )


def csr(
    name: str, condition: CsrCondition = CsrCondition.PENDING, age: float = 60.0, node: str = "aks-1", signer: str = "s"
) -> Csr:
    user = f"system:node:{node}"
    return Csr(name, name, signer, user, requestor(user), node, condition, NOW - age)


def test_requests_that_could_not_be_listed_and_none_are_two_things() -> None:
    title = "Certificate signing requests"
    words = "They could not be listed: the sources below say why."
    assert table(title, ClusterFacts(), None) == Section(title, (), (), words)
    none = table(title, ClusterFacts())
    assert (none.rows, none.note) == ((), "There are none.")
    assert table(title, ClusterFacts(), [csr("a")]).note == ""


@pytest.mark.parametrize(
    "other",
    [
        csr("b", node="aks-2"),
        csr("b", signer="t"),
        csr("b", CsrCondition.APPROVED),
        replace(csr("b"), username="system:bootstrap:x"),
    ],
)
def test_only_what_differs_in_nothing_but_age_and_name_is_one_row(other: Csr) -> None:
    rows, shown = csr_rows([csr("a"), other], NOW)
    assert sorted((row[0], row[-1]) for row in rows) == [("a", "0"), ("b", "0")]
    assert shown.total() == 2
    rows, shown = csr_rows([csr("c", age=60), csr("b", age=60), csr("a", age=59)], NOW)
    assert [(row[0], row[1], row[-1]) for row in rows] == [("b", "60s", "2")]
    assert shown == {**dict.fromkeys(CsrCondition, 0), CsrCondition.PENDING: 3}


def test_who_asks_for_a_node_is_told_where_the_user_is_another() -> None:
    shared = replace(csr("a"), username="system:bootstrap:x")
    rows, _ = csr_rows([shared, replace(csr("b"), node=""), csr("c")], NOW)
    assert {row[0]: row[3] for row in rows} == {
        "a": "system:bootstrap:x for aks-1",
        "b": "system:node:aks-1",
        "c": "system:node:aks-1",
    }


def test_rows_of_one_condition_stand_from_the_oldest_and_issued_ones_from_the_newest() -> None:
    def some(condition: CsrCondition) -> list[Csr]:
        ages = {"c": 10.0, "b": 20.0, "a": 20.0}
        return [csr(f"{condition}-{name}", condition, age, node=name) for name, age in ages.items()]

    rows, _ = csr_rows([one for condition in CsrCondition for one in some(condition)], NOW)
    order = [(condition, name) for condition in ("failed", "denied", "pending", "approved") for name in "abc"]
    order += [("issued", name) for name in "cab"]
    assert [row[0] for row in rows] == [f"{condition}-{name}" for condition, name in order]


def many(condition: CsrCondition, count: int) -> list[Csr]:
    return [csr(f"{condition}-{number:03}", condition, 1000.0 - number, f"n{number}") for number in range(count)]


@pytest.mark.parametrize(
    ("pending", "issued", "rows", "note"),
    [
        (LONGEST, 0, 40, ""),
        (LONGEST + 1, 0, 40, "Not shown: 1 pending, none worse than these."),
        (1, ISSUED, 6, ""),
        (1, ISSUED + 1, 6, "Not shown: 1 issued, none worse than these."),
        (LONGEST - 5, ISSUED, 40, ""),
        (LONGEST - 4, ISSUED + 2, 40, "Not shown: 3 issued, none worse than these."),
        (LONGEST + 2, 3, 40, "Not shown: 2 pending, 3 issued, none worse than these."),
    ],
)
def test_forty_rows_and_five_issued_ones_are_enough(pending: int, issued: int, rows: int, note: str) -> None:
    assert (LONGEST, ISSUED) == (40, 5)
    requests = [*many(CsrCondition.ISSUED, issued), *many(CsrCondition.PENDING, pending)]
    found = table("Certificate signing requests", ClusterFacts(), requests)
    assert (len(found.rows), found.note) == (rows, note)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (599, "9m59s"),
        (601, "10m"),
        (10799, "179m"),
        (10801, "3h"),
        (10860, "3h1m"),
        (12600, "3h30m"),
        (28799, "7h59m"),
        (172799, "47h"),
        (172800, "2d"),
        (216000, "2d12h"),
        (691199, "7d23h"),
        (63071999, "729d"),
        (63072000, "2y"),
        (63072000 + 86400, "2y1d"),
        (252287999, "7y364d"),
        (252288000, "8y"),
        (252288000 + 86400, "8y"),
    ],
)
def test_the_last_second_of_each_form_and_the_first_of_the_next(seconds: int, shown: str) -> None:
    (row,), _ = csr_rows([replace(csr("a"), expiration_seconds=seconds)], NOW)
    assert row[4] == shown


def test_the_columns_of_each_table_are_these_and_long_words_wrap() -> None:
    """Programs read them from the JSON."""
    facts = ClusterFacts(csrs=totals(), nodes=(), served=(), preflight=())
    certificate = ("WHAT", "SUBJECT", "FROM", "UNTIL", "LEFT", "NOTE")
    waiting = ("SIGNERNAME", "WAITING", "NOBODY SIGNS FOR", "LAST CERTIFICATE", "FIRST END IF NOBODY SIGNS")
    requests = ("NAME", "AGE", "SIGNERNAME", "REQUESTOR", "REQUESTEDDURATION", "CONDITION", "MORE")
    preflight = ("AGENTPOOL", "REQUESTOR", "MAY ASK", "CLIENT CERTIFICATE WOULD BE APPROVED")
    pools = ("AGENTPOOL", "NODES", "READY", "ON", "OFF", "UNKNOWN", "KUBELET", "PROBABLY BECAUSE")
    called = ("KIND", "NAME", "ADDRESS", "UNTIL", "ACCEPTED")
    assert [(one.title, one.columns, one.wrapping) for one in cluster_sections(facts, (), (), NOW)] == [
        ("Control plane", certificate, ("WHAT", "SUBJECT", "NOTE")),
        ("Signers", ("LEASE", "SIGN OF LIFE"), ()),
        ("Who waits for the signers", waiting, ("SIGNERNAME", "FIRST END IF NOBODY SIGNS")),
        ("Rotation preflight", preflight, ()),
        ("CA bundles", ("KIND", "NAME", "UNTIL", "HOLDS"), ("KIND", "NAME", "HOLDS")),
        ("What the API server calls", called, ("KIND", "NAME", "ADDRESS")),
        ("Node pools and serving rotation", pools, ("KUBELET", "PROBABLY BECAUSE")),
        ("Certificate signing requests", requests, ("SIGNERNAME", "REQUESTOR", "CONDITION")),
        ("Sources", ("SOURCE", "ANSWERS", "LAST ERROR"), ("LAST ERROR",)),
    ]
    assert table("Rotation preflight", facts).note == (
        "Who approves serving certificates is AKS's own, and cannot be asked."
    )
