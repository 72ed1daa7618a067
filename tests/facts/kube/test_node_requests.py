"""Since when a node waits, and what it got last, as its requests come and go."""

import random

import pytest

from exporter.facts.kube.believed import MARGIN
from exporter.facts.kube.csr import CertificateIdentity
from exporter.facts.kube.node_requests import RETRY, Issued, NodeRequests, Open, Rejected, Requests
from exporter.reason import CsrOutcome

CERTIFICATE = CertificateIdentity("1", "ab", 0.0, 9.0)
LATE = 1e9


def ask(requests: Requests, *created: float, now: float = LATE, latest: float = LATE, revision: int = 0) -> None:
    """One request of each age; its uid is its creation."""
    for each in created:
        requests.put_open(str(each), Open(f"csr-{each}", each, approved=False, revision=revision), now, latest)


def asking(*created: float) -> Requests:
    requests = Requests()
    ask(requests, *created)
    return requests


def since(requests: Requests) -> float | None:
    return requests.reading("n", "s").pending_since


def denied(at: float, name: str = "csr") -> Rejected:
    return Rejected(name, CsrOutcome.DENIED, at, "no")


def test_a_reading_is_whole() -> None:
    requests = asking(20.0, 10.0)
    assert (requests.waits, set(requests.open)) == (True, {"10.0", "20.0"})
    assert requests.reading("n", "s") == NodeRequests("n", "s", 10.0, "csr-10.0", approved=False, pending_objects=2)
    requests.put_open("10.0", Open("another", 5.0, approved=True, revision=9), LATE, LATE)
    requests.issue("5.0", 5.0, 6.0, CERTIFICATE, LATE)
    requests.reject("7.0", denied(7.0))
    assert NodeRequests("n", "s") == NodeRequests("n", "s", None, "", approved=False, pending_objects=0)
    assert (NodeRequests("n", "s").approved, NodeRequests("n", "s").pending_objects) == (False, 0)
    got = Issued(6.0, CERTIFICATE), denied(7.0)
    assert requests.reading("n", "s") == NodeRequests("n", "s", 10.0, "csr-10.0", True, 2, *got)
    requests.issue("20.0", 20.0, 6.5, None, LATE)
    assert (requests.waits, set(requests.open)) == (False, set())
    assert requests.reading("n", "s") == NodeRequests("n", "s", issued=Issued(6.5, None), rejected=denied(7.0))


def test_an_issued_request_answers_those_that_are_not_newer() -> None:
    """Whether they are told before it or after."""
    requests = asking(10.0, 30.0, 20.0)
    requests.issue("x", 20.0, 21.0, None, LATE)
    ask(requests, 15.0, 20.0)
    assert (since(requests), set(requests.open)) == (30.0, {"30.0"})
    requests.issue("y", 5.0, 6.0, None, LATE)
    ask(requests, 20.0, 25.0)
    assert since(requests) == 25.0


def test_the_certificate_of_the_youngest_request_is_the_last_one() -> None:
    requests = Requests()
    for created, at in ((10.0, 11.0), (10.0, 12.0), (9.0, 13.0)):
        requests.issue("x", created, at, None, LATE)
        assert requests.issued == Issued(min(at, 12.0), None)


@pytest.mark.parametrize(("back", "forgotten"), [(MARGIN, False), (MARGIN + 1, True)])
def test_what_is_dated_ahead_of_both_clocks_says_nothing_any_more(back: float, forgotten: bool) -> None:
    """Of requests that wait, and of which certificate is the last one."""
    requests = Requests()
    requests.issue("x", 1000.0, 1000.0, None, 1000.0)
    ask(requests, 900.0, now=1000.0 - back, latest=1000.0 - back)
    assert (since(requests) == 900.0) is forgotten
    requests = Requests()
    requests.issue("x", 1000.0, 1000.0, None, 1000.0)
    requests.issue("y", 900.0, 901.0, None, 1000.0 - back)
    assert requests.issued == (Issued(901.0, None) if forgotten else Issued(1000.0, None))


def test_a_request_that_went_unanswered_counts_while_another_waits() -> None:
    """However late it goes, and whichever goes first."""
    requests = asking(10.0, 20.0, 30.0)
    requests.vanish("20.0", LATE)
    assert since(requests) == 10.0
    requests.vanish("10.0", LATE)
    requests.vanish("never heard of", LATE)
    assert requests.reading("n", "s") == NodeRequests("n", "s", 10.0, "csr-30.0", approved=False, pending_objects=1)
    requests = asking(10.0, 20.0, 30.0)
    requests.vanish("10.0", LATE)
    requests.vanish("20.0", LATE)
    assert since(requests) == 10.0
    ask(requests, 40.0, now=LATE + 2 * RETRY)
    assert since(requests) == 10.0


@pytest.mark.parametrize(("silence", "began"), [(RETRY, 10.0), (RETRY + 1, 5000.0)])
def test_it_counts_for_an_hour_where_none_waits(silence: float, began: float) -> None:
    """From when the last one went."""
    requests = asking(10.0, 20.0)
    requests.vanish("10.0", LATE - RETRY)
    requests.vanish("20.0", LATE)
    requests.vanish("20.0", LATE + 50)
    assert since(requests) is None
    ask(requests, 5000.0, now=LATE + silence)
    assert since(requests) == began


def test_one_that_was_answered_does_not_begin_the_hour_anew() -> None:
    requests = asking(10.0)
    requests.vanish("10.0", LATE)
    ask(requests, 20.0, now=LATE + 1)
    requests.issue("x", 5.0, 6.0, None, LATE)
    assert since(requests) == 10.0
    requests.issue("x", 10.0, 11.0, None, LATE)
    assert since(requests) == 20.0


def test_a_refusal_ends_the_wait_where_no_other_waits() -> None:
    requests = asking(10.0, 20.0, 30.0)
    requests.vanish("10.0", LATE)
    requests.reject("20.0", denied(50.0))
    assert since(requests) == 10.0
    requests.reject("30.0", denied(60.0))
    assert (requests.waits, requests.rejected) == (False, denied(60.0))
    ask(requests, 40.0)
    assert since(requests) == 40.0


def test_the_last_refusal_after_the_last_certificate_counts() -> None:
    requests = Requests()
    for at, name, kept in ((50.0, "a", "a"), (50.0, "b", "b"), (49.0, "c", "b"), (51.0, "d", "d")):
        requests.reject("x", denied(at, name))
        assert requests.rejected is not None
        assert requests.rejected.name == kept
    requests.issue("y", 10.0, 50.5, None, LATE)
    assert requests.rejected == denied(51.0, "d")
    requests.issue("y", 10.0, 51.0, None, LATE)
    found = [requests.rejected]
    for at in (51.0, 51.5):
        requests.reject("x", denied(at))
        found.append(requests.rejected)
    assert found == [None, None, denied(51.5)]


def test_a_misdated_certificate_answers_what_changed_before_it() -> None:
    """A16: nobody knows when its request was made. What may have been made after it waits."""
    requests = Requests()
    ask(requests, 10.0, 20.0, revision=6)
    ask(requests, 30.0, revision=7)
    requests.vanish("10.0", LATE)
    requests.reject("x", denied(5.0))
    requests.issue_misdated("30.0", 7, 99.0, CERTIFICATE, 500.0)
    assert requests.reading("n", "s") == NodeRequests("n", "s", issued=Issued(99.0, CERTIFICATE))
    ask(requests, 400.0, 500.0, revision=6)
    assert set(requests.open) == set()
    ask(requests, 501.0, revision=6)
    ask(requests, 502.0, 40.0, revision=7)
    assert set(requests.open) == {"501.0", "502.0", "40.0"}
    requests.issue_misdated("x", 7, 99.0, None, 600.0)
    assert set(requests.open) == {"502.0", "40.0"}


def test_a_node_that_is_gone_takes_its_requests_with_it() -> None:
    """The next one of its name begins anew, also where its first certificate is older than the former one's last."""
    requests = asking(10.0, 30.0, 20.0)
    requests.issue("x", 5.0, 6.0, None, LATE)
    requests.reject("y", denied(7.0))
    requests.vanish("30.0", LATE)
    requests.forget()
    assert requests.reading("n", "s") == NodeRequests("n", "s")
    ask(requests, 10.0, 20.0)
    assert set(requests.open) == set()
    ask(requests, 21.0)
    assert since(requests) == 21.0
    requests.issue("z", 4.0, 5.0, None, LATE)
    assert requests.issued == Issued(5.0, None)
    empty = Requests()
    empty.forget()
    ask(empty, 0.0)
    assert since(empty) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_the_oldest_that_waits_is_found_among_many_that_went(seed: int) -> None:
    """In whatever order they come and go."""
    dice, requests, alive = random.Random(seed), Requests(), set[float]()
    for step in range(800):
        created = float(dice.randrange(100_000))
        ask(requests, created)
        alive.add(created)
        if step > 250:
            gone = dice.choice(sorted(alive))
            alive.discard(gone)
            requests.vanish(str(gone), LATE)
    for left in range(len(alive), 0, -1):
        found = requests.reading("n", "s")
        assert (found.pending_name, found.pending_objects) == (f"csr-{min(alive)}", left)
        requests.vanish(str(min(alive)), LATE)
        alive.discard(min(alive))
    assert not requests.waits


def test_a_request_waits_no_more_that_was_issued_whatever_its_date_has_become() -> None:
    """What is believed of it may have changed since it came."""
    requests = asking(10.0)
    requests.issue("10.0", 9.0, 11.0, None, LATE)
    assert set(requests.open) == set()
