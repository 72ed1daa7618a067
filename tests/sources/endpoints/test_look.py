"""One look at an address that the API server calls: where it goes, what it says, and whose thread it takes."""

import asyncio
import ssl
import threading
from pathlib import Path

import pytest

from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.endpoint_target import EndpointTarget, Trust
from exporter.facts.x509 import certificates
from exporter.reason import Reason
from exporter.sources.endpoints.host_roots import host_roots
from exporter.sources.endpoints.look import by_name, in_thread, look
from simulation.pki import DAY, SERVER, YEAR, Authority
from tests.sources.listening import listener, tls_server

T0 = 1_800_000_000.0
OWN = Authority("own-ca", T0 - YEAR, T0 + YEAR)
LEAF = OWN.issue("policy", T0 - DAY, T0 + DAY, names=("hook.security.svc",), usages=(SERVER,))
BUNDLE = certificates(OWN.pem)


def target(
    *trusts: Trust, host: str = "hook.security.svc", port: int = 443, service: tuple[str, str] | None = None
) -> EndpointTarget:
    return EndpointTarget("ValidatingWebhookConfiguration", "policy", host, port, service, trusts=trusts)


def test_a_service_is_known_to_the_dns_of_the_cluster() -> None:
    assert by_name("security", "hook", 8443) == ("hook.security.svc", 8443)


def test_a_service_is_looked_at_where_it_is_reached_under_its_own_name(tmp_path: Path) -> None:
    """With the moment of the clock that was given, and the name that the API server asks for."""
    names: list[str | None] = []

    def note(context: ssl.SSLContext) -> None:
        context.sni_callback = lambda _tls, name, _context: names.append(name)

    asked: list[tuple[str, str, int]] = []
    with listener(tls_server(LEAF, tmp_path, note)) as address:

        def resolve(namespace: str, service: str, port: int) -> tuple[str, int]:
            asked.append((namespace, service, port))
            return address

        one = target(BUNDLE, service=("security", "hook"), port=8443)
        found = look(one, resolve, 5.0, lambda: T0)
        late = look(one, resolve, 5.0, lambda: T0 + 2 * DAY)
    (served,) = certificates(LEAF.certificate_pem)
    assert found == ServedEndpoint(one, served, True, None)
    assert late == ServedEndpoint(one, served, False, Reason.CERTIFICATE_EXPIRED)
    assert (asked, names) == ([("security", "hook", 8443)] * 2, ["hook.security.svc"] * 2)


def unresolved(_namespace: str, _service: str, _port: int) -> tuple[str, int]:
    raise AssertionError("a URL is its own address")


def test_a_url_is_looked_at_as_it_is_under_the_roots_of_this_host(tmp_path: Path) -> None:
    """Where the object names no CA itself."""
    with listener(tls_server(LEAF, tmp_path)) as (host, port):
        one = target(None, host=host, port=port)
        found = look(one, unresolved, 5.0, lambda: T0)
    (served,) = certificates(LEAF.certificate_pem)
    trusted = None if host_roots() is None else False
    assert (found.certificate, found.trusted, found.failure) == (served, trusted, None)


def test_where_nothing_answers_that_is_its_failure() -> None:
    """One that does not even connect in time is unreachable, which a server that says nothing is not."""
    with listener(lambda connection: (connection.recv(4096), None)[1]) as (host, port):
        found = look(target(host=host, port=port), unresolved, 5.0, lambda: T0)
    assert found.failure is not None
    assert (found.certificate, found.trusted, found.failure.reason) == (None, None, Reason.RESET)
    late = look(target(host="127.0.0.1", port=9), unresolved, -1.0, lambda: T0)
    assert late.failure is not None
    assert (late.failure.reason, late.failure.words) == (Reason.UNREACHABLE, "no handshake within -1 s")


SEEN = ServedEndpoint(target())


def test_it_is_done_in_a_thread_that_keeps_nobody_from_ending() -> None:
    def work() -> ServedEndpoint:
        current = threading.current_thread()
        assert current is not threading.main_thread()
        assert current.daemon
        return SEEN

    assert asyncio.run(in_thread(work)) is SEEN


def test_what_it_raises_is_raised_to_who_waits() -> None:
    def work() -> ServedEndpoint:
        raise LookupError("nothing there")

    with pytest.raises(LookupError, match="nothing there"):
        asyncio.run(in_thread(work))


@pytest.mark.parametrize("fails", [False, True])
def test_one_that_nobody_waits_for_any_more_ends_quietly(fails: bool) -> None:
    """Within the loop's life, and after it."""
    go_on, ended = threading.Event(), threading.Event()
    complaints: list[object] = []

    def work() -> ServedEndpoint:
        go_on.wait(20)
        ended.set()
        if fails:
            raise LookupError("too late")
        return SEEN

    async def give_up(end: bool) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
        before = set(threading.enumerate())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(in_thread(work), 0.01)
        if end:
            go_on.set()
            for thread in set(threading.enumerate()) - before:
                await asyncio.to_thread(thread.join)
            await asyncio.sleep(0)

    asyncio.run(give_up(True))
    go_on.clear()
    before = set(threading.enumerate())
    asyncio.run(give_up(False))
    go_on.set()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert ended.is_set()
    assert complaints == []
