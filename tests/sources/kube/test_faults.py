"""Every fault of the API ends with a state that equals a fresh list, and with the right words in the ledger."""

from contextlib import closing

import pytest

from exporter.facts.kube.reader import Change
from exporter.reason import Reason
from exporter.sources.kube.connection import Connection
from exporter.sources.kube.resource import CERTIFICATE_SIGNING_REQUESTS, NODES
from simulation.api.server import ApiServer, Fault, FaultKind
from simulation.pki import DAY, Authority
from tests.sources.kube.watching import CSRS, T0, Pod, Watched, csr, serving

# CPython's ssl leaves a socket to the garbage collector where the peer resets between connect and handshake
# (SSLSocket._create, the OSError that is raised again).
pytestmark = pytest.mark.filterwarnings("ignore:.*<ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def watched(apiserver: ApiServer, connection: Connection) -> Watched:
    """Three objects, watched as soon as a test enters it."""
    apiserver.store.put_all(CSRS, (csr(f"csr-{number}") for number in range(3)))
    return Watched(apiserver, connection)


def running(watched: Watched) -> None:
    """Wait until the list is there and the watch is open."""
    watched.agree()
    watched.view.until(lambda: watched.view.answers >= 1, "a watch is open")


def test_changes_arrive_without_another_list(watched: Watched) -> None:
    with watched:
        running(watched)
        store = watched.server.store
        store.put(CSRS, csr("csr-9"))
        store.put(CSRS, csr("csr-1", "changed"))
        store.delete(CSRS, "csr-2")
        watched.agree()
    assert watched.view.changes == [
        (Change.ADDED, "csr-9"),
        (Change.MODIFIED, "csr-1"),
        (Change.DELETED, "csr-2"),
    ]
    assert watched.view.lists == 1
    assert watched.view.reasons() == set()


def test_a_list_comes_in_pages_of_five_hundred(watched: Watched) -> None:
    watched.server.store.put_all(CSRS, (csr(f"more-{number}") for number in range(1234)))
    with watched:
        running(watched)
    lists = [target for _, target in watched.server.requests if "limit=" in target]
    assert len(lists) == 3
    assert all("limit=500" in target for target in lists)
    assert ["continue=" in target for target in lists] == [False, True, True]


def test_nothing_but_reads_of_the_declared_kind_is_sent(watched: Watched) -> None:
    with watched:
        running(watched)
    for method, target in watched.server.requests:
        assert method == "GET"
        assert target.partition("?")[0] == CERTIFICATE_SIGNING_REQUESTS.path
    watch = next(target for _, target in watched.server.requests if "watch=true" in target)
    assert "allowWatchBookmarks=true" in watch
    assert 60 <= int(watch.partition("timeoutSeconds=")[2].partition("&")[0]) <= 120


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (401, Reason.UNAUTHORIZED),
        (403, Reason.FORBIDDEN),
        (404, Reason.NOT_FOUND),
        (429, Reason.THROTTLED),
        (500, Reason.SERVER_ERROR),
        (503, Reason.SERVER_ERROR),
        (418, Reason.ERROR),
        (302, Reason.ERROR),
    ],
)
@pytest.mark.parametrize("verb", ["list", "watch"])
def test_an_http_status_has_its_word(watched: Watched, verb: str, code: int, reason: Reason) -> None:
    watched.server.faults.add(Fault(FaultKind.STATUS, code), resource=CSRS, verb=verb)
    with watched:
        watched.recovers(reason)


def test_retry_after_is_obeyed(watched: Watched) -> None:
    for verb in ("list", "watch"):
        fault = Fault(FaultKind.STATUS, 429, {"Retry-After": "77"})
        watched.server.faults.add(fault, resource=CSRS, verb=verb)
    with watched:
        watched.recovers(Reason.THROTTLED)
        running(watched)
    assert watched.view.waits == [77.0, 77.0]


def test_waits_grow_from_under_a_second_to_half_a_minute(watched: Watched) -> None:
    watched.server.faults.add(Fault(FaultKind.STATUS, 429), resource=CSRS, verb="list", times=8)
    with watched:
        watched.recovers(Reason.THROTTLED)
    assert watched.view.waits == pytest.approx([0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0])


def test_a_version_that_expired_in_a_running_watch_leads_to_a_new_list_at_once(watched: Watched) -> None:
    with watched:
        running(watched)
        watched.server.store.expire()
        watched.recovers(Reason.EXPIRED)
    assert watched.view.lists == 2
    assert watched.view.waits == []


def test_a_version_that_expired_meanwhile_is_refused_by_status(watched: Watched) -> None:
    watched.server.gone_as_status = True
    _come_back_to_an_expired_version(watched)
    assert any("too old resource version" in failure.words for failure in watched.view.failures)


def test_a_version_that_expired_meanwhile_is_refused_by_an_event(watched: Watched) -> None:
    _come_back_to_an_expired_version(watched)


def _come_back_to_an_expired_version(watched: Watched) -> None:
    with watched:
        running(watched)
        watched.server.stop()
        watched.view.until(lambda: len(watched.view.failures) >= 1, "nobody there")
        watched.server.store.delete(CSRS, "csr-0")
        watched.server.store.put(CSRS, csr("csr-7"))
        watched.server.store.expire()
        watched.server.start()
        watched.view.until(lambda: watched.view.lists == 2, "a second list")
        watched.agree()
    assert Reason.EXPIRED in watched.view.reasons()


def test_a_list_that_expires_between_its_pages_starts_anew(watched: Watched) -> None:
    watched.server.store.put_all(CSRS, (csr(f"more-{number:04}") for number in range(1200)))
    watched.server.faults.add(
        Fault(FaultKind.EXPIRE), times=2, resource=CSRS, verb="list"
    )  # the first page has nothing to lose
    with watched:
        watched.recovers(Reason.EXPIRED)
    lists = [target for _, target in watched.server.requests if "limit=" in target]
    assert ["continue=" in target for target in lists] == [False, True, False, True, True]


@pytest.mark.parametrize("kind", [FaultKind.RESET, FaultKind.TRUNCATED, FaultKind.JUNK])
@pytest.mark.parametrize("verb", ["list", "watch"])
def test_a_broken_answer_is_no_answer(watched: Watched, verb: str, kind: FaultKind) -> None:
    reason = Reason.RESET if kind is FaultKind.RESET else Reason.DECODE
    watched.server.faults.add(Fault(kind), resource=CSRS, verb=verb)
    with watched:
        if verb == "watch":
            watched.view.until(lambda: watched.view.lists == 1)
            watched.server.store.put(CSRS, csr("csr-new"))
        watched.recovers(reason)
    assert watched.server.faults.armed == 0
    assert "csr-new" in watched.view.items or verb == "list"


def test_an_object_that_cannot_be_read_hides_no_other_and_is_told(watched: Watched) -> None:
    store, view = watched.server.store, watched.view
    store.put(CSRS, {"metadata": {"name": "csr-odd", "uid": 7}})
    with watched:
        view.until(lambda: set(view.items) == {"csr-0", "csr-1", "csr-2"}, "the others are listed")
        view.until(lambda: view.reasons() == {Reason.DECODE}, "the odd one is told")
        store.put(CSRS, csr("csr-new"))
        view.until(lambda: "csr-new" in view.items, "the watch goes on")
        assert view.ledger.facts().up is False
        assert "csr-odd" in view.ledger.facts().last_error
        store.put(CSRS, csr("csr-odd"))
        watched.recovers(Reason.DECODE)
    assert view.lists == 1


def test_an_object_that_becomes_unreadable_is_told_until_it_is_gone(watched: Watched) -> None:
    store, view = watched.server.store, watched.view
    with watched:
        running(watched)
        store.put(CSRS, {"metadata": {"name": "csr-0", "uid": 7}})
        view.until(lambda: set(view.items) == {"csr-1", "csr-2"}, "it is no longer among the readable")
        store.delete(CSRS, "csr-0")
        watched.recovers(Reason.DECODE)


def test_a_list_of_which_nothing_can_be_read_is_none(watched: Watched) -> None:
    store, view = watched.server.store, watched.view
    with watched:
        running(watched)
        for number in range(3):
            store.put(CSRS, {"metadata": {"name": f"csr-{number}", "uid": 7}})
        view.until(lambda: view.reasons() == {Reason.DECODE})
        store.expire()
        view.until(lambda: view.ledger.facts().errors[Reason.DECODE] > 1)
        assert len(view.items) > 0
        store.put(CSRS, csr("csr-0"))
        view.until(lambda: set(view.items) == {"csr-0"}, "one can be read again")


def test_an_event_of_three_megabytes_is_read(watched: Watched) -> None:
    watched.server.faults.add(Fault(FaultKind.HUGE, size=3 * 1024 * 1024), resource=CSRS, verb="watch")
    with watched:
        running(watched)
        watched.server.store.put(CSRS, csr("csr-huge"))
        watched.agree()
    assert watched.view.lists == 1
    assert watched.view.reasons() == set()


def test_an_event_beyond_all_bounds_is_refused_and_listed_instead(watched: Watched) -> None:
    watched.server.faults.add(Fault(FaultKind.HUGE, size=9 * 1024 * 1024), resource=CSRS, verb="watch")
    with watched:
        running(watched)
        watched.server.store.put(CSRS, csr("csr-huge"))
        watched.recovers(Reason.TOO_LARGE)
    assert watched.view.lists == 2


def test_an_answer_beyond_all_bounds_is_asked_for_in_smaller_pages(watched: Watched) -> None:
    watched.server.faults.add(Fault(FaultKind.HUGE, size=65 * 1024 * 1024), resource=CSRS, verb="list")
    with watched:
        watched.agree()
    assert any("limit=62" in target for _, target in watched.server.requests)
    assert watched.view.reasons() == set()


def test_a_connection_that_only_seems_open_is_given_up(apiserver: ApiServer, connection: Connection) -> None:
    apiserver.store.put(CSRS, csr("csr-0"))
    apiserver.faults.add(Fault(FaultKind.HALF_OPEN), resource=CSRS, verb="watch")
    with Watched(apiserver, connection, watch_seconds=60.0, silence=0.3) as watched:
        watched.view.until(lambda: watched.view.lists == 1)
        apiserver.store.put(CSRS, csr("csr-1"))
        watched.recovers()


def test_a_list_that_is_never_answered_is_given_up(apiserver: ApiServer, pod: Pod) -> None:
    apiserver.store.put(CSRS, csr("csr-0"))
    apiserver.faults.add(Fault(FaultKind.HALF_OPEN), resource=CSRS, verb="list")
    with closing(pod.connection(apiserver, timeout=0.3)) as connection, Watched(apiserver, connection) as watched:
        watched.recovers(Reason.TIMEOUT)


def test_a_slow_answer_is_an_answer(watched: Watched) -> None:
    watched.server.faults.add(Fault(FaultKind.SLOW, seconds=0.3), resource=CSRS, verb="list")
    with watched:
        watched.agree()
    assert watched.view.reasons() == set()


@pytest.mark.parametrize(("code", "reason"), [(410, Reason.EXPIRED), (500, Reason.SERVER_ERROR), (0, Reason.ERROR)])
def test_an_error_event_has_the_word_of_its_status(watched: Watched, code: int, reason: Reason) -> None:
    watched.server.faults.add(Fault(FaultKind.ERROR_EVENT, code), resource=CSRS, verb="watch")
    with watched:
        running(watched)
        watched.server.store.put(CSRS, csr("csr-new"))
        watched.recovers(reason)


def test_a_server_that_restarts_is_found_again(watched: Watched) -> None:
    with watched:
        running(watched)
        watched.server.stop()
        watched.view.until(lambda: Reason.REFUSED in watched.view.reasons(), "refused")
        assert watched.view.ledger.facts().up is False
        assert len(watched.view.items) == 3, "the last facts stay"
        watched.server.store.put(CSRS, csr("csr-meanwhile"))
        watched.server.start()
        watched.agree()
    assert watched.view.reasons() <= {Reason.RESET, Reason.REFUSED}


def test_a_watch_goes_on_where_it_was_cut(watched: Watched) -> None:
    with watched:
        running(watched)
        watched.server.sever()
        watched.server.store.put(CSRS, csr("csr-new"))
        watched.recovers(Reason.RESET)
    assert watched.view.lists == 1


def test_a_bookmark_moves_the_position_and_keeps_the_source_fresh(watched: Watched) -> None:
    with watched:
        running(watched)
        answers = watched.view.answers
        watched.server.store.put("nodes", {"metadata": {"name": "another-kind"}})
        watched.server.bookmark()
        watched.view.until(lambda: watched.view.answers > answers, "a bookmark")
        watched.server.sever()
        watched.recovers(Reason.RESET)
        watched.view.until(lambda: len([t for _, t in watched.server.requests if "watch=" in t]) == 2)
    target = [target for _, target in watched.server.requests if "watch=true" in target][-1]
    assert f"resourceVersion={watched.server.store.resource_version}&" in f"{target}&"


def test_a_watch_that_ends_in_its_time_is_an_answer_and_goes_on(apiserver: ApiServer, connection: Connection) -> None:
    apiserver.store.put(CSRS, csr("csr-0"))
    with Watched(apiserver, connection, watch_seconds=0.5) as watched:
        watched.view.until(lambda: watched.view.answers >= 2, "a bookmark at the end, and the end")
        apiserver.store.put(CSRS, csr("csr-1"))
        watched.agree()
    assert watched.view.lists == 1
    assert watched.view.reasons() == set()


def test_a_forbidden_kind_leaves_the_others_alone(watched: Watched, connection: Connection) -> None:
    watched.server.store.put("nodes", {"metadata": {"name": "node-0"}})
    watched.server.forbidden.add("nodes")
    with watched, Watched(watched.server, connection, NODES) as nodes:
        watched.agree()
        nodes.view.until(lambda: len(nodes.view.failures) >= 3)
        assert nodes.view.reasons() == {Reason.FORBIDDEN}
        assert nodes.view.ledger.facts().up is False
        assert watched.view.reasons() == set()
        watched.server.forbidden.clear()
        nodes.recovers(Reason.FORBIDDEN)


def test_an_api_that_is_absent_is_looked_for_until_it_is_there(watched: Watched) -> None:
    watched.server.absent.add(CSRS)
    with watched:
        watched.view.until(lambda: len(watched.view.failures) >= 2)
        watched.server.absent.clear()
        watched.recovers(Reason.NOT_FOUND)


def test_a_token_that_was_replaced_on_disk_is_picked_up(watched: Watched, pod: Pod, authority: Authority) -> None:
    watched.server.tokens = {"first"}
    with watched:
        running(watched)
        watched.server.tokens = {"second"}
        watched.server.sever()
        watched.view.until(lambda: Reason.UNAUTHORIZED in watched.view.reasons(), "401")
        assert watched.view.ledger.facts().up is False
        pod.mount(authority.pem, "second")
        watched.agree()
    assert watched.view.reasons() == {Reason.RESET, Reason.UNAUTHORIZED}


def test_a_token_that_was_replaced_in_time_is_never_refused(watched: Watched, pod: Pod, authority: Authority) -> None:
    watched.server.tokens = {"first"}
    with watched:
        running(watched)
        pod.mount(authority.pem, "second")
        watched.server.tokens = {"second"}
        watched.server.sever()
        watched.recovers(Reason.RESET)


def test_rotated_certificates_are_untrusted_until_the_new_ca_is_mounted(watched: Watched, pod: Pod) -> None:
    """`az aks rotate-certs`: another CA of the same name signs the server's certificate; later the pod has it too."""
    after = Authority.cluster(T0, number=1)
    with watched:
        running(watched)
        watched.server.tokens = {"second"}
        watched.server.rotate(serving(after))
        watched.server.restart()
        watched.view.until(lambda: Reason.CERTIFICATE_UNTRUSTED in watched.view.reasons(), "untrusted")
        assert watched.view.ledger.facts().up is False
        assert len(watched.view.items) == 3
        watched.server.store.put(CSRS, csr("csr-after"))
        pod.mount(after.pem, "second")
        watched.agree()
    assert watched.view.reasons() <= {Reason.RESET, Reason.REFUSED, Reason.CERTIFICATE_UNTRUSTED}


def test_rotated_certificates_go_unnoticed_where_the_ca_is_already_there(watched: Watched, pod: Pod) -> None:
    after = Authority.cluster(T0, number=1)
    with watched:
        running(watched)
        pod.mount(after.pem, "second")
        watched.server.rotate(serving(after))
        watched.server.sever()
        watched.recovers(Reason.RESET)


def test_the_servers_certificate_has_a_word_for_each_fault(
    apiserver: ApiServer, pod: Pod, authority: Authority
) -> None:
    expired = authority.apiserver(("127.0.0.1",), T0 - 100 * DAY, days=50)
    future = authority.apiserver(("127.0.0.1",), T0 + 50 * DAY)
    for credential, reason in (
        (expired, Reason.CERTIFICATE_EXPIRED),
        (future, Reason.CERTIFICATE_EXPIRED),
        (serving(authority, "10.0.0.1", "kubernetes"), Reason.CERTIFICATE_HOSTNAME),
        (serving(Authority.cluster(T0, number=1)), Reason.CERTIFICATE_UNTRUSTED),
    ):
        apiserver.rotate(credential)
        apiserver.sever()
        with closing(pod.connection(apiserver)) as connection, Watched(apiserver, connection) as watched:
            watched.view.until(lambda: len(watched.view.failures) >= 2)
            assert watched.view.reasons() == {reason}
            apiserver.rotate(serving(authority))
            watched.recovers(reason)
