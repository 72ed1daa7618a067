"""What the ledger of CSRs (csr_ledger) tells of each request: its figures, whole, and when they have changed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from exporter.facts.kube.believed import MARGIN
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER, CertificateIdentity
from exporter.facts.kube.csr_ledger import (
    BUCKETS,
    KUBELET_GROUPS,
    RECORDS_CAP,
    SIGNERS_CAP,
    CsrLedger,
    CsrTotals,
    Durations,
)
from exporter.facts.kube.node_requests import RETRY, Issued, NodeRequests, Rejected
from exporter.reason import CsrCondition, CsrOutcome, Requestor
from tests.facts.kube.csrs import (
    APPROVED,
    DENIED,
    FAILED,
    HOUR,
    ISSUED,
    NODE,
    PENDING,
    T0,
    completed,
    objects,
    relist,
    request,
    since,
)

CERTIFICATE = CertificateIdentity("1", "ab", T0, T0 + 9)


def test_a_ledger_begins_with_nothing_of_each_group() -> None:
    signers = (CLIENT_SIGNER, SERVING_SIGNER)
    assert KUBELET_GROUPS == (
        (CLIENT_SIGNER, Requestor.NODE),
        (CLIENT_SIGNER, Requestor.BOOTSTRAP),
        (CLIENT_SIGNER, Requestor.AKS_SERVICE),
        (SERVING_SIGNER, Requestor.NODE),
    )
    assert CsrLedger().totals() == CsrTotals(
        objects={(*group, one): 0 for group in KUBELET_GROUPS for one in CsrCondition},
        completed={(*group, one): 0 for group in KUBELET_GROUPS for one in CsrOutcome},
        durations=dict.fromkeys(signers, Durations()),
        nodes=(),
    )
    assert Durations() == Durations((0,) * 12, 0.0)
    assert CsrTotals({}, {}, {}, ()) == CsrTotals({}, {}, {}, (), 0, {})
    assert (SIGNERS_CAP, RECORDS_CAP) == (50, 200_000)
    assert BUCKETS == (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)


def test_what_is_told_of_one_request_of_each_kind_is_whole() -> None:
    ledger = CsrLedger()
    ledger.put(request("a", T0 + 1, ISSUED, answered=T0 + 3, certificate=CERTIFICATE), T0 + 50)
    ledger.put(request("b", T0 + 5, DENIED, answered=T0 + 6, words="no"), T0 + 50)
    ledger.put(request("c", T0 + 7, APPROVED), T0 + 50)
    ledger.put(request("d", T0 + 8), T0 + 50)
    ledger.put(request("e", T0 + 9, FAILED, node="", requestor=Requestor.OTHER, signer_name="x/y"), T0 + 50)
    totals, zero = ledger.totals(), CsrLedger().totals()
    serving, other = (SERVING_SIGNER, Requestor.NODE), ("x/y", Requestor.OTHER)
    assert totals == CsrTotals(
        objects={
            **zero.objects,
            **{(*serving, one): 1 for one in (PENDING, APPROVED, ISSUED, DENIED)},
            **{(*other, one): int(one is FAILED) for one in CsrCondition},
        },
        completed={
            **zero.completed,
            (*serving, CsrOutcome.ISSUED): 1,
            (*serving, CsrOutcome.DENIED): 1,
            **{(*other, one): int(one is CsrOutcome.FAILED) for one in CsrOutcome},
        },
        durations={
            CLIENT_SIGNER: Durations(),
            SERVING_SIGNER: Durations((0, 1, *(0,) * 10), 2.0),
            "x/y": Durations(),
        },
        nodes=(
            NodeRequests(
                NODE,
                SERVING_SIGNER,
                T0 + 7,
                "csr-c",
                approved=True,
                pending_objects=2,
                issued=Issued(T0 + 3, CERTIFICATE),
                rejected=Rejected("csr-b", CsrOutcome.DENIED, T0 + 6, "no"),
            ),
        ),
        last_issued={SERVING_SIGNER: T0 + 3},
    )


@pytest.mark.parametrize(
    ("seconds", "place"), [(0.0, 0), (1.0, 0), (1.5, 1), (2.0, 1), (86400.0, 10), (86401.0, 11), (9e9, 11)]
)
def test_a_time_is_counted_up_to_its_bound(seconds: float, place: int) -> None:
    ledger = CsrLedger()
    ledger.put(request("a", T0, ISSUED), T0 + seconds, live=True)
    counts = tuple(int(place == at) for at in range(12))
    assert ledger.totals().durations[SERVING_SIGNER] == Durations(counts, seconds)


@pytest.mark.parametrize("condition", [DENIED, FAILED])
def test_only_a_certificate_took_its_time(condition: CsrCondition) -> None:
    """Nor is a refusal a sign of life of the signer."""
    ledger = CsrLedger()
    ledger.put(request("a", T0, condition, answered=T0 + 5), T0 + 9, live=True)
    totals = ledger.totals()
    assert (totals.durations[SERVING_SIGNER], totals.last_issued) == (Durations(), {})


@pytest.mark.parametrize(
    ("changes", "live", "last"),
    [
        ({}, True, T0 + 40),
        ({"answered": T0 + 7}, True, T0 + 40),
        ({"answered": T0 + 7}, False, T0 + 7),
        ({"answered": T0 + 90}, False, T0 + 40),
        ({}, False, T0),
        ({"requestor": Requestor.OTHER}, True, None),
        ({"node": ""}, True, T0 + 40),
    ],
)
def test_the_last_certificate_of_a_kubelets_signer_is_known(
    changes: dict[str, object], live: bool, last: float | None
) -> None:
    """As it was seen, or answered; at least it was asked for. What others ask for is no sign of it."""
    ledger = CsrLedger()
    ledger.put(request("a", T0, ISSUED, **changes), T0 + 40, live=live)
    assert ledger.totals().last_issued == ({} if last is None else {SERVING_SIGNER: last})


def test_the_last_certificate_is_the_latest_of_all_nodes() -> None:
    ledger = CsrLedger()
    for uid, answered in (("a", T0 + 7), ("b", T0 + 9), ("c", T0 + 8)):
        ledger.put(request(uid, T0, ISSUED, answered=answered, node=uid), T0 + 40)
    assert ledger.totals().last_issued == {SERVING_SIGNER: T0 + 9}


@pytest.mark.parametrize("answered", [None, T0 + 5])
def test_a_refusal_is_as_old_as_its_answer(answered: float | None) -> None:
    """Where that is not told, as old as the moment when it was seen."""
    ledger = CsrLedger()
    ledger.put(request("a", T0, FAILED, answered=answered, words="w"), T0 + 40)
    (found,) = ledger.totals().nodes
    assert found.rejected == Rejected("csr-a", CsrOutcome.FAILED, answered or T0 + 40, "w")


def test_what_has_ended_ends_only_once() -> None:
    """A stale event, or a certificate that is written after a refusal."""
    ledger = CsrLedger()
    for condition in (DENIED, PENDING, ISSUED, FAILED):
        ledger.put(request("a", T0, condition), T0 + 1, live=True)
    assert (completed(ledger.totals()), objects(ledger.totals())) == ({CsrOutcome.DENIED: 1}, {DENIED: 1})
    relist(ledger, T0 + 2, request("a", T0, ISSUED))
    assert objects(ledger.totals()) == {DENIED: 1}


@pytest.mark.parametrize(("ahead", "waits"), [(MARGIN, None), (MARGIN + 1, T0 - 60)])
def test_a_request_is_misdated_that_is_ahead_of_both_clocks_by_more_than_a_moment(
    ahead: float, waits: float | None
) -> None:
    """A16: it does not answer what changed after it. The API server's clock is as good as ours."""
    ledger = CsrLedger()
    ledger.put(replace(request("waits", T0 - 60), revision=9), T0)
    issued = replace(request("ahead", T0 + 100 + ahead, ISSUED, certificate=CERTIFICATE), revision=7)
    ledger.put(issued, T0, latest=T0 + 100)
    assert since(ledger) == waits
    assert ledger.totals().nodes[0].issued == Issued(T0 + 100, CERTIFICATE)


def test_each_change_has_a_version_of_its_own() -> None:
    """And what changes nothing has none."""
    ledger = CsrLedger(most=3)
    steps: list[tuple[Callable[[], None], bool]] = [
        (lambda: ledger.put(request("a", T0), T0), True),
        (lambda: ledger.put(request("a", T0), T0), False),
        (lambda: ledger.put(request("a", T0, APPROVED), T0), True),
        (lambda: ledger.put(request("a", T0, ISSUED), T0), True),
        (lambda: ledger.put(request("a", T0, DENIED), T0), False),
        (lambda: ledger.put(request("b", T0, node=""), T0), True),
        (lambda: ledger.delete("b", T0), True),
        (lambda: ledger.delete("b", T0), False),
        (lambda: ledger.know_nodes(["n"]), False),
        (lambda: ledger.know_node("m"), False),
        (lambda: ledger.forget_node("m"), False),
        (lambda: ledger.forget_node(NODE), True),
        (lambda: ledger.tidy(T0 + RETRY), False),
        (lambda: ledger.tidy(T0 + RETRY + 1), True),
        (lambda: ledger.tidy(T0 + RETRY + 1), False),
        (lambda: ledger.put(request("c", T0), T0), True),
        (lambda: ledger.put(request("d", T0), T0), True),
        (lambda: ledger.put(request("e", T0), T0), True),
        (lambda: ledger.put(request("f", T0, DENIED), T0), True),
    ]
    seen = [ledger.version]
    for number, (step, changes) in enumerate(steps):
        step()
        assert (ledger.version not in seen) is changes, number
        seen.append(ledger.version)
    assert ledger.totals().untracked == 1


def test_a_request_beyond_what_is_remembered_counts_where_it_waits() -> None:
    ledger = CsrLedger(most=1)
    ledger.put(request("a", T0), T0)
    for condition in (PENDING, APPROVED, ISSUED, DENIED, FAILED):
        ledger.put(request(condition, T0, condition), T0)
    assert ledger.totals().untracked == 2
    assert objects(ledger.totals()) == {PENDING: 1}
    ledger.begin_list()
    assert ledger.totals().untracked == 0


def test_a_node_that_is_gone_waits_for_no_signer() -> None:
    """Nor for one beyond those that are told apart."""
    ledger = CsrLedger()
    for number in range(SIGNERS_CAP):
        ledger.put(request(str(number), T0, signer_name=f"x/{number}"), T0)
    ledger.put(request("o", T0, node="other"), T0)
    totals = ledger.totals()
    assert {one.signer_name for one in totals.nodes} >= {"other", "x/47"}
    assert (totals.objects["other", Requestor.NODE, PENDING], "x/48" in totals.durations) == (2, False)
    ledger.forget_node(NODE)
    assert {one.node for one in ledger.totals().nodes if one.pending_since is not None} == {"other"}


def test_what_a_list_does_not_show_is_gone_and_what_it_shows_is_not() -> None:
    """Also what has come to another condition since the list before."""
    ledger = CsrLedger()
    relist(ledger, T0, request("a", T0), request("b", T0), request("c", T0, ISSUED))
    relist(ledger, T0 + HOUR, request("a", T0), request("b", T0, APPROVED), request("d", T0))
    assert objects(ledger.totals()) == {PENDING: 2, APPROVED: 1}
    relist(ledger, T0 + HOUR, request("b", T0, APPROVED))
    assert (objects(ledger.totals()), completed(ledger.totals())) == (
        {APPROVED: 1},
        {CsrOutcome.ISSUED: 1, CsrOutcome.ABANDONED: 2},
    )
