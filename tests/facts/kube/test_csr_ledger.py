"""The ledger of CSRs: each once, and since when a node waits, whatever the API server and the network do."""

from dataclasses import replace

import pytest

from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER, Csr
from exporter.facts.kube.csr_ledger import BUCKETS, CsrLedger
from exporter.facts.kube.csr_tracking import NODES_CAP
from exporter.facts.kube.node_requests import RETRY, NodeRequests
from exporter.reason import CsrCondition, CsrOutcome, Requestor
from tests.facts.kube.csrs import (
    APPROVED,
    DAY,
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


def test_a_csr_counts_once_through_its_life() -> None:
    """Pending, approved, issued, and gone an hour later."""
    ledger = CsrLedger()
    for condition in (PENDING, APPROVED, ISSUED):
        ledger.put(request("a", T0, condition), T0 + 1, live=True)
        ledger.put(request("a", T0, condition), T0 + 1, live=True)
    assert (completed(ledger.totals()), objects(ledger.totals())) == ({CsrOutcome.ISSUED: 1}, {ISSUED: 1})
    relist(ledger, T0 + 2, request("a", T0, ISSUED))
    ledger.delete("a", T0 + HOUR)
    ledger.delete("a", T0 + HOUR)
    assert (completed(ledger.totals()), objects(ledger.totals())) == ({CsrOutcome.ISSUED: 1}, {})


def test_the_groups_of_every_cluster_are_there_from_the_start() -> None:
    """So that the first denial is an increase, from 0 to 1."""
    totals = CsrLedger().totals()
    assert totals.completed[SERVING_SIGNER, Requestor.NODE, CsrOutcome.DENIED] == 0
    assert totals.objects[CLIENT_SIGNER, Requestor.AKS_SERVICE, PENDING] == 0
    assert set(totals.durations) == {CLIENT_SIGNER, SERVING_SIGNER}


def test_one_that_had_ended_before_the_first_list_counts_when_first_seen() -> None:
    """A refusal while the agent was starting is not lost."""
    ledger = CsrLedger()
    relist(ledger, T0, request("a", T0 - 60, DENIED), request("b", T0 - 60, ISSUED))
    assert completed(ledger.totals()) == {CsrOutcome.DENIED: 1, CsrOutcome.ISSUED: 1}


@pytest.mark.parametrize("condition", [PENDING, APPROVED])
def test_gone_before_it_was_answered_is_abandoned(condition: CsrCondition) -> None:
    """By a watch event or between two lists; approved is no answer."""
    ledger = CsrLedger()
    relist(ledger, T0, request("a", T0, condition), request("b", T0, condition))
    ledger.delete("a", T0 + 5)
    relist(ledger, T0 + 10)
    assert completed(ledger.totals()) == {CsrOutcome.ABANDONED: 2}
    assert objects(ledger.totals()) == {}


def test_a_list_that_broke_off_changes_nothing_but_what_it_showed() -> None:
    """The third begins again and is complete."""
    ledger = CsrLedger()
    both = request("a", T0), request("b", T0)
    relist(ledger, T0, *both)
    ledger.begin_list()
    ledger.put(request("a", T0, ISSUED), T0 + 5)
    assert objects(ledger.totals()) == {ISSUED: 1, PENDING: 1}
    relist(ledger, T0 + 9, request("a", T0, ISSUED), both[1])
    assert objects(ledger.totals()) == {ISSUED: 1, PENDING: 1}
    assert completed(ledger.totals()) == {CsrOutcome.ISSUED: 1}


def test_a_day_and_more_of_retries_keeps_the_first_time() -> None:
    """A new CSR every 15 minutes, each collected after 24 hours, and a new list now and then."""
    ledger = CsrLedger()
    alive: list[Csr] = []
    for minutes in range(0, 3 * 24 * 60, 15):
        now = T0 + 60 * minutes
        for old in [one for one in alive if one.created <= now - DAY]:
            alive.remove(old)
            ledger.delete(old.uid, now)
        alive.append(request(f"{minutes}", now))
        ledger.put(alive[-1], now, live=True)
        if minutes % 105 == 0:
            relist(ledger, now, *alive)
        assert since(ledger) == T0
    [waiting] = ledger.totals().nodes
    assert (waiting.pending_objects, waiting.pending_name) == (96, alive[0].name)
    ledger.put(replace(alive[-1], condition=ISSUED), now + 1, live=True)
    assert since(ledger) is None
    assert objects(ledger.totals()) == {PENDING: 95, ISSUED: 1}


def test_a_request_after_the_last_issued_one_waits_anew() -> None:
    """And one before it does not, in whatever order they are listed."""
    csrs = request("a", T0), request("b", T0 + 900, ISSUED), request("c", T0 + HOUR), request("d", T0 + 2 * HOUR)
    for order in (csrs, csrs[::-1]):
        ledger = CsrLedger()
        relist(ledger, T0 + DAY / 2, *order)
        assert since(ledger) == T0 + HOUR


def test_approved_and_not_issued_still_waits() -> None:
    """The kubelet has no certificate: the signer is silent."""
    ledger = CsrLedger()
    ledger.put(request("a", T0), T0)
    ledger.put(request("a", T0, APPROVED), T0 + 1)
    [waiting] = ledger.totals().nodes
    assert (waiting.pending_since, waiting.approved) == (T0, True)


def test_nothing_pending_is_no_wait_and_a_retry_soon_after_continues_it() -> None:
    """Somebody deleted the requests; the kubelet sends the next one in 15 minutes."""
    ledger = CsrLedger()
    ledger.put(request("a", T0), T0)
    ledger.delete("a", T0 + HOUR)
    assert since(ledger) is None
    ledger.put(request("b", T0 + HOUR + 900), T0 + HOUR + 900)
    assert since(ledger) == T0


def test_a_request_long_after_begins_anew() -> None:
    """The kubelet had stopped asking."""
    ledger = CsrLedger()
    ledger.put(request("a", T0), T0)
    ledger.delete("a", T0 + HOUR)
    later = T0 + HOUR + RETRY + 1
    ledger.put(request("b", later), later)
    assert since(ledger) == later


@pytest.mark.parametrize("answer", [DENIED, FAILED])
def test_a_refusal_is_an_answer(answer: CsrCondition) -> None:
    """The next request begins anew, and the refusal is remembered until a certificate comes."""
    ledger = CsrLedger()
    ledger.put(request("a", T0), T0)
    ledger.put(request("a", T0, answer, words="no", answered=T0 + 60), T0 + 60)
    assert since(ledger) is None
    ledger.put(request("b", T0 + 900), T0 + 900)
    [waiting] = ledger.totals().nodes
    assert waiting.pending_since == T0 + 900
    assert waiting.rejected is not None
    assert (waiting.rejected.name, waiting.rejected.words) == ("csr-a", "no")
    ledger.put(request("b", T0 + 900, ISSUED), T0 + 901, live=True)
    assert ledger.totals().nodes[0].rejected is None


def test_a_refusal_among_others_pending_does_not_end_the_wait() -> None:
    """The oldest one still has no answer."""
    ledger = CsrLedger()
    relist(ledger, T0 + HOUR, request("a", T0), request("b", T0 + 900))
    ledger.put(request("b", T0 + 900, DENIED), T0 + HOUR)
    assert since(ledger) == T0
    ledger.put(request("a", T0, DENIED), T0 + HOUR)
    assert since(ledger) is None


def test_a_deleted_nodes_requests_wait_no_more() -> None:
    """And the next node of its name, as scale sets give it, begins anew."""
    ledger = CsrLedger()
    relist(ledger, T0 + HOUR, request("a", T0), request("b", T0 + 900), request("c", T0 - DAY, ISSUED))
    ledger.forget_node(NODE)
    assert ledger.totals().nodes == (NodeRequests(NODE, SERVING_SIGNER),)
    relist(ledger, T0 + HOUR, request("a", T0), request("b", T0 + 900))
    assert since(ledger) is None
    ledger.put(request("d", T0 + DAY), T0 + DAY)
    assert since(ledger) == T0 + DAY


def test_what_is_known_of_nodes_that_are_gone_is_dropped_after_a_while() -> None:
    """Not at once: a node's first certificate comes before its Node object."""
    ledger = CsrLedger()
    ledger.put(request("a", T0, ISSUED), T0, live=True)
    ledger.tidy(T0 + RETRY / 2)
    assert len(ledger.totals().nodes) == 1
    ledger.know_nodes([NODE])
    ledger.tidy(T0 + DAY)
    assert len(ledger.totals().nodes) == 1
    ledger.know_nodes(["another"])
    ledger.tidy(T0 + DAY)
    assert ledger.totals().nodes == ()
    ledger.delete("a", T0 + DAY)
    assert objects(ledger.totals()) == {}


def test_the_last_issued_certificate_is_that_of_the_youngest_request() -> None:
    """In whatever order a list shows them."""
    csrs = request("a", T0, ISSUED, answered=T0 + 1), request("b", T0 + 900, ISSUED, answered=T0 + 901)
    for order in (csrs, csrs[::-1]):
        ledger = CsrLedger()
        relist(ledger, T0 + HOUR, *order)
        [found] = ledger.totals().nodes
        assert found.issued is not None
        assert found.issued.at == T0 + 901


def test_the_time_to_a_certificate_is_observed_or_read_off_the_approval() -> None:
    """Seen in a watch event at 40 s; found in a list, approved after 2 s; found with no such time, not counted."""
    ledger = CsrLedger()
    ledger.put(request("a", T0), T0)
    ledger.put(request("a", T0, ISSUED, answered=T0 + 1), T0 + 40, live=True)
    relist(
        ledger, T0 + HOUR, request("a", T0, ISSUED), request("b", T0, ISSUED, answered=T0 + 2), request("c", T0, ISSUED)
    )
    durations = ledger.totals().durations[SERVING_SIGNER]
    assert dict(zip((*BUCKETS, "more"), durations.counts, strict=True)) == {
        **dict.fromkeys((*BUCKETS, "more"), 0),
        2.0: 1,
        60.0: 1,
    }
    assert durations.total == 42


def test_a_clock_ahead_of_ours_makes_no_negative_time() -> None:
    """The creation time is the API server's."""
    ledger = CsrLedger()
    ledger.put(request("a", T0 + 30, ISSUED), T0, live=True)
    assert ledger.totals().durations[SERVING_SIGNER].total == 0


def test_signers_and_nodes_without_end_stay_within_bounds() -> None:
    """Whoever may create CSRs can invent both; every one is counted all the same."""
    ledger = CsrLedger()
    for number in range(200):
        ledger.put(request(f"s{number}", T0, signer_name=f"example.com/{number}", node=""), T0)
    for number in range(NODES_CAP + 10):
        ledger.put(request(f"n{number}", T0, node=f"node{number}"), T0)
    totals = ledger.totals()
    assert objects(totals) == {PENDING: NODES_CAP + 210}
    assert len({signer for signer, _, _ in totals.objects}) == 51
    assert totals.objects["other", Requestor.NODE, PENDING] == 152
    assert (len(totals.nodes), totals.untracked) == (NODES_CAP, 10)


def test_the_version_changes_with_the_facts_alone() -> None:
    """A repeated event and a list of the same renders nothing anew."""
    ledger = CsrLedger()
    ledger.put(request("a", T0), T0)
    before = ledger.version
    ledger.put(request("a", T0), T0 + 5, live=True)
    relist(ledger, T0 + 9, request("a", T0))
    assert ledger.version == before
    ledger.delete("a", T0 + 10)
    assert ledger.version > before


# A model of an API server with CSRs of two nodes, and of what an honest observer may say.


def flooded() -> CsrLedger:
    """As many requests for nodes that nobody knows as can be followed, and some more."""
    ledger = CsrLedger()
    for number in range(NODES_CAP + 10):
        ledger.put(request(f"made-up-{number}", T0, node=f"made-up-{number}"), T0)
    return ledger


def test_a_node_that_exists_is_followed_whatever_else_there_is() -> None:
    """A17: its request comes after the flood; a node that nobody knows makes room."""
    ledger = flooded()
    ledger.know_nodes([NODE])
    ledger.put(request("real", T0 + 60), T0 + 60)
    assert since(ledger) == T0 + 60
    totals = ledger.totals()
    assert (len(totals.nodes), totals.untracked) == (NODES_CAP, 11)


@pytest.mark.parametrize("by_event", [False, True])
def test_a_node_that_turns_out_to_exist_is_followed_from_its_first_request_on(by_event: bool) -> None:
    """A17: the list of nodes may come after that of the requests."""
    ledger = flooded()
    ledger.put(request("real-1", T0 + 60), T0 + 60)
    ledger.put(request("real-2", T0 + 900), T0 + 900)
    assert ledger.totals().untracked == 12
    before = ledger.version
    if by_event:
        ledger.know_node(NODE)
    else:
        ledger.know_nodes([NODE])
    assert ledger.version > before
    assert since(ledger) == T0 + 60
    assert ledger.totals().untracked == 11


def test_what_is_not_followed_is_counted_while_it_waits() -> None:
    """A17: answered or gone, it is untracked no more."""
    ledger = flooded()
    ledger.put(request(f"made-up-{NODES_CAP}", T0, ISSUED, node=f"made-up-{NODES_CAP}"), T0 + 1)
    assert ledger.totals().untracked == 9
    ledger.delete(f"made-up-{NODES_CAP + 1}", T0 + 1)
    assert ledger.totals().untracked == 8
    relist(ledger, T0 + 2)
    assert ledger.totals().untracked == 0


def test_requests_beyond_what_is_remembered_are_counted_in_each_list() -> None:
    """A17: and a node that exists is followed all the same."""
    ledger = CsrLedger(most=1000)
    ledger.know_nodes([NODE])
    flood = [request(str(number), T0, node="x") for number in range(1000 + 5)]
    relist(ledger, T0 + 60, *flood, request("real", T0 + 60))
    assert ledger.totals().untracked == 5
    assert since(ledger) == T0 + 60
    relist(ledger, T0, *flood[:10])
    assert ledger.totals().untracked == 0


def test_an_issued_request_from_the_future_hides_no_later_one() -> None:
    """A16: the API server's clock was an hour ahead when that one was made."""
    ledger = CsrLedger()
    ledger.put(replace(request("ahead", T0 + HOUR, ISSUED), answered=T0 + HOUR, revision=7), T0)
    ledger.put(replace(request("real", T0 + 1), revision=8), T0 + 1, live=True)
    assert since(ledger) == T0 + 1
    (reading,) = ledger.totals().nodes
    assert reading.issued is not None
    assert reading.issued.at == T0
    ledger.put(replace(request("real", T0 + 1, ISSUED), revision=9), T0 + 2, live=True)
    assert since(ledger) is None
    assert ledger.totals().last_issued == {SERVING_SIGNER: T0 + 2}


def test_a_list_tells_by_the_order_of_changes_what_a_misdated_request_answered() -> None:
    """A16: what was made before it was issued is moot; what came after, or may have, waits."""
    for revisions, expected in ((("5", "9"), T0 - 60), (("9", "5"), None), (("0", "0"), T0 - 60)):
        ledger = CsrLedger()
        issued, waiting = (int(revision) for revision in revisions)
        relist(
            ledger,
            T0,
            replace(request("ahead", T0 + HOUR, ISSUED), revision=issued),
            replace(request("waits", T0 - 60), revision=waiting),
        )
        assert since(ledger) == expected, revisions


def test_a_clock_that_is_set_back_leaves_nothing_behind() -> None:
    """A16: what was dated by both clocks' later one lies ahead of both after that is mended."""
    ledger = CsrLedger()
    ledger.put(request("then", T0 + HOUR, ISSUED), T0, live=True, latest=T0 + HOUR)
    ledger.put(request("now", T0 + 60), T0 + 60, live=True, latest=T0 + 60)
    assert since(ledger) == T0 + 60


def test_a_request_from_the_future_waits_since_it_was_first_seen() -> None:
    """A16: an age below zero would never be too long."""
    ledger = CsrLedger()
    ledger.put(request("a", T0 + HOUR), T0)
    assert since(ledger) == T0


@pytest.mark.parametrize(("silence", "began"), [(RETRY, T0), (RETRY + 1, T0 + RETRY + 61)])
def test_a_request_that_was_collected_unanswered_counts_while_the_kubelet_goes_on_asking(
    silence: float, began: float
) -> None:
    """It asks again within the hour; one that has been silent for longer begins to wait anew."""
    assert RETRY == HOUR
    ledger = CsrLedger()
    ledger.put(request("a", T0), T0 + 1)
    ledger.delete("a", T0 + 60)
    ledger.put(request("b", T0 + 60 + silence), T0 + 60 + silence)
    assert since(ledger) == began


@pytest.mark.parametrize(("back", "waits"), [(4.0, False), (6.0, True)])
def test_a_clock_set_back_by_more_than_a_moment_makes_former_dates_say_nothing(back: float, waits: bool) -> None:
    """What was issued at a later date answers every request before it, as long as that date is no future."""
    ledger = CsrLedger()
    ledger.put(request("a", T0, ISSUED, answered=T0), T0, latest=T0)
    ledger.put(request("b", T0 - 60), T0, latest=T0 - back)
    assert (since(ledger) is not None) is waits
