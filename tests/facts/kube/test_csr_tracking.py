"""Which nodes' requests are followed, and how many are not."""

import pytest

from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER
from exporter.facts.kube.csr_tracking import NODES_CAP, CsrTracking, Key
from exporter.facts.kube.node_requests import RETRY, Issued, NodeRequests, Open, Rejected
from exporter.reason import CsrOutcome
from tests.facts.kube.csrs import T0


def key(node: str) -> Key:
    return node, CLIENT_SIGNER


def ask(tracking: CsrTracking, node: str, uid: str = "", created: float = T0) -> None:
    found = Open(f"csr-{uid or node}", created, approved=False, revision=0)
    tracking.put_open(key(node), uid or node, found, created, created)


def followed(tracking: CsrTracking) -> dict[str, int]:
    """The nodes and how many requests of each wait."""
    return {one.node: one.pending_objects for one in tracking.readings()}


def full(*nodes: str) -> CsrTracking:
    """As many as are followed."""
    tracking = CsrTracking(most=len(nodes))
    for node in nodes:
        ask(tracking, node)
    return tracking


def test_what_is_followed_is_read_by_node_and_signer() -> None:
    assert NODES_CAP == 20_000
    tracking = CsrTracking()
    ask(tracking, "a")
    tracking.put_open(("a", SERVING_SIGNER), "s", Open("csr-s", T0 + 1, approved=True, revision=0), T0 + 1, T0 + 1)
    assert tracking.readings() == (
        NodeRequests("a", CLIENT_SIGNER, T0, "csr-a", approved=False, pending_objects=1),
        NodeRequests("a", SERVING_SIGNER, T0 + 1, "csr-s", approved=True, pending_objects=1),
    )
    assert not tracking.known("a")


def test_nobody_waits_for_the_serving_certificate_of_a_node_that_is_not_there() -> None:
    """Once it is known which nodes there are; what it was given and refused remains."""
    tracking = CsrTracking()
    serving = ("a", SERVING_SIGNER)
    for number, each in enumerate((serving, key("a"))):
        tracking.put_open(each, "w", Open("csr-w", T0, approved=False, revision=0), T0, T0)
        requests = tracking.answered(each, "x", T0)
        assert requests is not None
        requests.issue("x", T0 - 10, T0 - 9 + number, None, T0)
        requests.reject("y", Rejected("csr-y", CsrOutcome.DENIED, T0 - 5, "no"))
    first, client = tracking.readings()
    assert (first.pending_since, client.pending_since) == (T0, T0)
    tracking.know(["another"])
    assert tracking.readings() == (
        NodeRequests(
            *serving, issued=Issued(T0 - 9, None), rejected=Rejected("csr-y", CsrOutcome.DENIED, T0 - 5, "no")
        ),
        client,
    )
    tracking.know(["a"])
    assert tracking.readings() == (first, client)


def test_what_there_is_no_room_for_is_counted_once() -> None:
    """However often it is told, and until it has its answer or is gone."""
    tracking = full("a", "b")
    for uid in ("1", "2", "1"):
        ask(tracking, "c", uid)
    assert (followed(tracking), tracking.untracked) == ({"a": 1, "b": 1}, 2)
    tracking.vanish(key("c"), "never heard of", T0)
    assert tracking.untracked == 2
    tracking.vanish(key("c"), "1", T0)
    tracking.vanish(key("c"), "1", T0)
    assert tracking.untracked == 1
    assert tracking.answered(key("c"), "2", T0) is None
    assert tracking.answered(key("c"), "2", T0) is None
    assert tracking.untracked == 0
    assert not tracking.know(["c"])
    assert followed(tracking) == {"a": 1, "b": 1}


def test_a_node_that_exists_takes_the_place_of_the_newest_invented_one() -> None:
    """Whose requests are counted from then on."""
    tracking = full("a", "b")
    ask(tracking, "b", "2")
    assert not tracking.know(["real", "too"])
    assert [tracking.known(node) for node in ("real", "too", "a")] == [True, True, False]
    ask(tracking, "real")
    assert (followed(tracking), tracking.untracked) == ({"a": 1, "real": 1}, 2)
    ask(tracking, "too")
    assert (followed(tracking), tracking.untracked) == ({"real": 1, "too": 1}, 3)
    tracking.know_too("third")
    ask(tracking, "third")
    assert (followed(tracking), tracking.untracked) == ({"real": 1, "too": 1}, 4)
    tracking.vanish(key("b"), "2", T0)
    assert tracking.answered(key("a"), "a", T0) is None
    assert tracking.untracked == 2


def test_an_invented_node_takes_nobodys_place() -> None:
    tracking = full("a", "b")
    tracking.know(["a"])
    ask(tracking, "c")
    assert (followed(tracking), tracking.untracked) == ({"a": 1, "b": 1}, 1)
    assert not tracking.know(["a", "b"])
    assert tracking.untracked == 1


@pytest.mark.parametrize("by_event", [False, True])
def test_a_node_that_turns_out_to_exist_is_followed_with_all_that_was_left(by_event: bool) -> None:
    """And it makes room for nobody again."""
    tracking = full("a", "b")
    ask(tracking, "c", "2", T0 + 60)
    ask(tracking, "c", "1", T0 + 20)
    ask(tracking, "d")
    assert tracking.untracked == 3
    assert tracking.know_too("c") if by_event else tracking.know(["c"])
    assert tracking.known("c")
    assert (followed(tracking), tracking.untracked) == ({"a": 1, "c": 2}, 2)
    assert tracking.readings()[-1] == NodeRequests("c", CLIENT_SIGNER, T0 + 20, "csr-1", pending_objects=2)
    assert tracking.know_too("d")
    assert (followed(tracking), tracking.untracked) == ({"c": 2, "d": 1}, 2)
    assert not tracking.know_too("d")
    assert not tracking.know_too("e")


def test_as_many_are_taken_up_as_there_is_room_for_and_that_is_told() -> None:
    """A17: what is followed has changed, though not all that was left is."""
    tracking = full("a", "b")
    tracking.know(["b"])
    for node in ("c", "d"):
        ask(tracking, node)
    assert tracking.know(["b", "c", "d"])
    assert (followed(tracking), tracking.untracked) == ({"b": 1, "c": 1}, 2)
    assert not tracking.know(["b", "c", "d"])


def test_what_is_taken_up_was_last_heard_of_when_its_last_request_was_made() -> None:
    tracking = full("a")
    ask(tracking, "b", "1", T0 + 20)
    ask(tracking, "b", "2", T0 + 60)
    tracking.know(["b"])
    tracking.forget("b", (CLIENT_SIGNER,))
    assert [tracking.tidy(T0 + 60 + RETRY + after) for after in (0, 1)] == [False, True]


def test_a_node_that_is_gone_waits_no_more_and_makes_room() -> None:
    tracking = full("a", "b")
    tracking.know(["a", "b"])
    assert not tracking.forget("c", (CLIENT_SIGNER, SERVING_SIGNER))
    assert not tracking.forget("a", (SERVING_SIGNER,))
    assert not tracking.known("a")
    assert followed(tracking) == {"a": 1, "b": 1}
    assert tracking.forget("a", (SERVING_SIGNER, CLIENT_SIGNER))
    assert followed(tracking) == {"a": 0, "b": 1}
    tracking.know_too("c")
    ask(tracking, "c")
    assert (followed(tracking), tracking.untracked) == ({"b": 1, "c": 1}, 0)


@pytest.mark.parametrize(
    ("known", "waits", "after", "dropped"),
    [
        (False, False, RETRY, False),
        (False, False, RETRY + 1, True),
        (False, True, RETRY + 1, False),
        (True, False, RETRY + 1, False),
    ],
)
def test_only_what_is_not_there_does_not_wait_and_has_been_silent_for_long_is_dropped(
    known: bool, waits: bool, after: float, dropped: bool
) -> None:
    """Silent since its last request came, was answered or went."""
    for last in ("asked", "answered", "gone"):
        tracking = CsrTracking()
        ask(tracking, "a", "1")
        ask(tracking, "a", "2", T0 + 50 if last == "asked" else T0)
        for uid in ("1", "2"):
            if last == "answered" and (requests := tracking.answered(key("a"), uid, T0 + 50)):
                requests.reject(uid, Rejected("", CsrOutcome.DENIED, T0, ""))
            elif last == "gone":
                tracking.vanish(key("a"), uid, T0 + 50)
        if waits:
            ask(tracking, "a", "3", T0 + 50)
        elif last == "asked":
            tracking.know(["a"])
            tracking.forget("a", (CLIENT_SIGNER,))
        if known:
            tracking.know_too("a")
        assert tracking.tidy(T0 + 50 + after) is dropped, last
        assert bool(tracking.readings()) is not dropped
        assert not tracking.tidy(T0 + 50 + after)


def test_what_was_left_is_taken_up_where_there_is_room() -> None:
    """Also where nobody is left to make it."""
    tracking = full("a")
    ask(tracking, "b")
    tracking.vanish(key("a"), "a", T0)
    tracking.tidy(T0 + RETRY + 1)
    assert tracking.know(["b"])
    assert (followed(tracking), tracking.untracked) == ({"b": 1}, 0)


def test_what_was_dropped_is_followed_anew() -> None:
    tracking = full("a")
    tracking.vanish(key("a"), "a", T0)
    assert tracking.tidy(T0 + RETRY + 1)
    ask(tracking, "b")
    assert followed(tracking) == {"b": 1}
