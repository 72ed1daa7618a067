"""What a kubelet serves and answers, judged piece by piece: how to ask goes on, what is told, how long it holds."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from typing import cast

import pytest

from exporter.facts.certificate import Certificate, CertificateError
from exporter.facts.kube.kubelet_metrics import KubeletConfig
from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.x509 import certificates
from exporter.reason import KubeletStatus, Role
from exporter.sources.exchange import Exchange, Head, ProtocolError
from exporter.sources.kubelets.ask import LARGEST_METRICS, LONGEST_CHAIN, Kubelet, KubeletAsker, _against, _refusal
from simulation.node.kubelet import SimulatedKubelets
from simulation.pki import DAY, SERVER, Authority, Credential
from tests.sources.kube.watching import T0

NODE = "aks-1"
CA, OTHER = Authority.cluster(T0 - 90 * DAY), Authority.cluster(T0 - 90 * DAY, number=1)
TRUSTED = certificates(CA.pem)
SERVING = CA.kubelet_serving(NODE, T0)
TARGET = Kubelet(NODE, "127.0.0.1", 10250, ("127.0.0.1",))
SETTINGS = json.dumps({"kubeletconfig": {"rotateCertificates": True}}).encode()
CONFIG = KubeletConfig(True, False, "", True)
TOLD = b"""kubelet_certificate_manager_client_ttl_seconds 500
kubelet_certificate_manager_client_expiration_renew_errors 2
"""
PAST = b"zzz 1\n"
"""A family after all that is read."""
Answer = tuple[int, bytes | list[bytes | Exception]]


def asker(
    authorities: Callable[[], tuple[Certificate, ...]] = lambda: TRUSTED, now: Callable[[], float] = lambda: T0
) -> KubeletAsker:
    return KubeletAsker(authorities, lambda: "abc", now)


class Conversation(Exchange):
    """A kubelet's answers to /configz and /metrics."""

    def __init__(self, configz: Answer, metrics: Answer) -> None:
        self._answers = {"/configz": configz, "/metrics": metrics}
        self._pieces: list[bytes | Exception] = []
        self.asked: list[str] = []

    async def get(self, target: str, headers: Mapping[str, str]) -> Head:
        assert headers == {"Authorization": "Bearer abc"}
        self.asked.append(target)
        status, content = self._answers[target]
        self._pieces = [content] if isinstance(content, bytes) else list(content)
        return Head(status, {"date": "Thu, 01 Jan 1970 00:16:40 GMT"})

    async def body(self) -> AsyncIterator[bytes]:
        while self._pieces:
            piece = self._pieces.pop(0)
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def whole(self, largest: int) -> bytes:
        assert largest == 1 << 20
        return b"".join(cast("list[bytes]", self._pieces))


def told(configz: Answer = (200, SETTINGS), metrics: Answer = (200, TOLD)) -> tuple[KubeletReport, list[str]]:
    """The report of a kubelet that verifies, and what it was asked."""
    conversation = Conversation(configz, metrics)
    begun = KubeletReport(NODE, KubeletStatus.ERROR)
    found = asyncio.run(asker()._told(conversation, begun, {"Authorization": "Bearer abc"}))
    return found, conversation.asked


def report(status: KubeletStatus = KubeletStatus.OK, detail: str = "", **more: object) -> KubeletReport:
    return KubeletReport(NODE, status, detail, **more)  # type: ignore[arg-type]


def measured(status: KubeletStatus = KubeletStatus.OK, detail: str = "", **more: object) -> KubeletReport:
    """With what its metrics say."""
    return report(
        status,
        detail,
        client_certificate=True,
        client_not_after=1500.0,
        renew_errors=((Role.KUBELET_CLIENT, 2.0),),
        **more,
    )


BOTH = ["/configz", "/metrics"]


@pytest.mark.parametrize(
    ("configz", "metrics", "found", "asked"),
    [
        ((200, SETTINGS), (200, TOLD), measured(config=CONFIG), BOTH),
        ((200, SETTINGS), (200, [TOLD[:70], TOLD[70:]]), measured(config=CONFIG), BOTH),
        (
            (200, SETTINGS),
            (200, [TOLD + PAST, ValueError("was read on")]),
            measured(config=CONFIG),
            BOTH,
        ),
        ((401, b"no"), (200, TOLD), report(KubeletStatus.UNAUTHORIZED, "configz: HTTP 401, no"), ["/configz"]),
        ((403, b"no"), (200, TOLD), measured(KubeletStatus.FORBIDDEN, "configz: HTTP 403, no"), BOTH),
        ((404, b""), (200, TOLD), measured(KubeletStatus.ERROR, "configz: HTTP 404"), BOTH),
        (
            (404, b""),
            (500, b"oh"),
            report(KubeletStatus.ERROR, "configz: HTTP 404; metrics: HTTP 500, oh"),
            BOTH,
        ),
        (
            (200, SETTINGS),
            (401, b"no"),
            report(KubeletStatus.UNAUTHORIZED, "metrics: HTTP 401, no", config=CONFIG),
            BOTH,
        ),
        ((403, b""), (404, b""), report(KubeletStatus.ERROR, "configz: HTTP 403; metrics: HTTP 404"), BOTH),
        ((200, SETTINGS), (200, [PAST, TOLD]), measured(config=CONFIG), BOTH),
    ],
)
def test_what_it_answers_is_told(configz: Answer, metrics: Answer, found: KubeletReport, asked: list[str]) -> None:
    assert told(configz, metrics) == (found, asked)


def test_of_metrics_without_an_end_no_more_than_the_bound_is_read() -> None:
    assert LARGEST_METRICS == 16 << 20
    line = b"#" * ((1 << 20) - 1) + b"\n"
    first = [TOLD, *[line] * 15]
    left = LARGEST_METRICS - sum(map(len, first))
    for length, more in ((left, 0), (left + 1, 1)):
        pieces: list[bytes | Exception] = [*first, b"#" * (length - 1) + b"\n"]
        if more:
            with pytest.raises(ProtocolError, match=r"^metrics of over 16 MiB$"):
                told(metrics=(200, pieces))
        else:
            assert told(metrics=(200, pieces))[0].client_not_after == 1500.0


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, b"whatever", (KubeletStatus.OK, "")),
        (401, b"Unauthorized", (KubeletStatus.UNAUTHORIZED, "x: HTTP 401, Unauthorized")),
        (403, b"a\n  b\x1b[31m\x00c\xff", (KubeletStatus.FORBIDDEN, "x: HTTP 403, a b [31m c\ufffd")),
        (404, b" \n", (KubeletStatus.ERROR, "x: HTTP 404")),
        (204, b"", (KubeletStatus.ERROR, "x: HTTP 204")),
        (500, b"y" * 301, (KubeletStatus.ERROR, f"x: HTTP 500, {'y' * 300}")),
    ],
)
def test_a_refusal_is_told_in_one_line(status: int, body: bytes, found: tuple[KubeletStatus, str]) -> None:
    assert _refusal("x", Head(status, {}), body) == found


@pytest.mark.parametrize(
    ("headers", "clock"),
    [({"date": "Thu, 01 Jan 1970 00:16:40 GMT"}, 1000.0), ({"date": "soon"}, T0), ({"Date": ""}, T0), ({}, T0)],
    ids=["date", "nonsense", "another", "none"],
)
def test_the_nodes_clock_is_that_of_its_answer(headers: dict[str, str], clock: float) -> None:
    assert asker()._node_clock(Head(200, headers)) == clock


def chain(credential: Credential) -> tuple[Certificate, ...]:
    return certificates(credential.certificate_pem)


def serving(*names: str, seconds: float = DAY) -> Credential:
    """A certificate of the node with these names, that ends in so many seconds."""
    node = f"system:node:{NODE}"
    return CA.issue(node, T0 - 60, T0 + seconds, organization="system:nodes", names=names, usages=(SERVER,))


NO_NAME = serving("other", "10.9.9.9")
SIGNED = "it is not signed by the cluster CA"
DATES = "it is outside its dates"


@pytest.mark.parametrize(
    ("served", "addresses", "authorities", "now", "words"),
    [
        (SERVING, (), TRUSTED, T0, ""),
        (NO_NAME, (), TRUSTED, T0, "it bears neither the node's name nor its address"),
        (NO_NAME, ("10.1.1.1",), TRUSTED, T0, "it bears neither the node's name nor its address"),
        (NO_NAME, ("10.1.1.1", "10.9.9.9"), TRUSTED, T0, ""),
        (SERVING, (), TRUSTED, SERVING.not_after + 1, DATES),
        (SERVING, (), TRUSTED, SERVING.not_before - 1, DATES),
        (SERVING, (), certificates(OTHER.pem), T0, SIGNED),
        (SERVING, (), certificates(OTHER.pem + CA.pem), T0, ""),
        (CA.kubelet_client(NODE, T0), (), TRUSTED, T0, SIGNED),
        (SERVING, (), (), T0, "the cluster's CA is not known"),
        (
            CA.kubelet_serving("aks-2", T0),
            (),
            TRUSTED,
            T0,
            "it is not this node's certificate but that of CN=system:node:aks-2,O=system:nodes",
        ),
    ],
    ids=range(11),
)
def test_why_no_token_is_sent_is_told(
    served: Credential,
    addresses: tuple[str, ...],
    authorities: tuple[Certificate, ...],
    now: float,
    words: str,
) -> None:
    assert _against(Kubelet(NODE, "127.0.0.1", 1, addresses), chain(served), authorities, now) == words


@pytest.mark.parametrize(("changes", "who"), [({}, "a"), ({"subject": ""}, "nobody")])
def test_a_certificate_whose_use_cannot_be_read_is_nobodys(changes: dict[str, str], who: str) -> None:
    odd = replace(chain(SERVING)[0], purpose=None, **{"subject": "a", **changes})  # type: ignore[arg-type]
    assert _against(TARGET, (odd,), TRUSTED, T0) == f"it is not this node's certificate but that of {who}"


def ders(credential: Credential = SERVING) -> tuple[bytes, ...]:
    return tuple(one.der for one in chain(credential))


SHORT = serving(NODE, seconds=600)
ENDING = Authority("ca", T0 - DAY, T0 + 300)


@pytest.mark.parametrize(
    ("served", "authorities", "holds"),
    [(SERVING, TRUSTED, 3600.0), (SHORT, TRUSTED, 600.0), (SERVING, certificates(ENDING.pem + CA.pem), 300.0)],
)
def test_a_verdict_holds_for_an_hour_or_until_something_ends(
    served: Credential, authorities: tuple[Certificate, ...], holds: float
) -> None:
    now = [T0]
    one = asker(lambda: authorities, lambda: now[0])
    first = one._judged(TARGET, ders(served))
    assert (first.against, first.chain, first.authorities) == ("", chain(served), authorities)
    assert 0 <= T0 + holds - first.until < 0.9999, "a certificate ends at a whole second"
    now[0] = first.until - 0.5
    assert one._judged(TARGET, ders(served)) is first
    now[0] = first.until
    second = one._judged(TARGET, ders(served))
    assert second is not first
    assert second.chain is first.chain, "what was read of it need not be read again"


def test_a_verdict_holds_until_what_is_too_early_begins() -> None:
    """A clock that is a little behind; and what has ended stays so."""
    now = [0.0]
    one = asker(now=lambda: now[0])
    (leaf,) = chain(SERVING)
    outside = "it is outside its dates"
    now[0] = leaf.not_before - 100
    first = one._judged(TARGET, ders())
    assert (first.against, first.until) == (outside, leaf.not_before)
    now[0] = leaf.not_before
    assert one._judged(TARGET, ders()).against == ""
    now[0] = leaf.not_after
    assert one._judged(TARGET, ders()).against == ""
    now[0] = leaf.not_after + 1
    last = one._judged(TARGET, ders())
    assert (last.against, last.until) == (outside, now[0] + 3600)
    assert one._judged(TARGET, ders()) is last


def test_a_verdict_is_of_these_bytes_under_these_authorities() -> None:
    trusted = [TRUSTED]
    one = asker(lambda: trusted[0])
    first = one._judged(TARGET, ders())
    assert one._judged(TARGET, ders()) is first
    other = one._judged(TARGET, ders(CA.kubelet_serving(NODE, T0 + 1)))
    assert other.chain != first.chain
    assert one._judged(TARGET, (*ders(), *ders())).chain == (*first.chain, *first.chain)
    again = one._judged(TARGET, ders())
    trusted[0] = certificates(OTHER.pem)
    assert one._judged(TARGET, ders()).against == SIGNED
    trusted[0] = TRUSTED
    last = one._judged(TARGET, ders())
    assert (last.against, last.chain) == ("", again.chain)
    one.forget(NODE)
    one.forget("another")
    assert one._judged(TARGET, ders()).chain is not last.chain


def test_who_serves_no_certificate_is_none() -> None:
    with pytest.raises(ProtocolError, match=r"^no certificate was served$"):
        asker()._judged(TARGET, ())


def ssl_error(reason: str | None, text: str = "[SSL] what\n it is") -> ssl.SSLError:
    error = ssl.SSLError(1, text)
    error.reason = reason  # type: ignore[assignment]
    return error


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (TimeoutError(), report(KubeletStatus.TIMEOUT, "no answer within 10 s")),
        (ssl_error("TLSV1_ALERT_X"), report(KubeletStatus.TLS_ERROR, "tlsv1 alert x")),
        (
            ssl_error("TLSV1_ALERT_INTERNAL_ERROR"),
            report(KubeletStatus.TLS_ERROR, "tlsv1 alert internal error", no_certificate=True),
        ),
        (ssl_error(None, "IT_IS so"), report(KubeletStatus.TLS_ERROR, "it is so")),
        (CertificateError("no certificate"), report(KubeletStatus.TLS_ERROR, "no certificate")),
        (ConnectionRefusedError(111, "Connection refused"), report(KubeletStatus.REFUSED, "Connection refused")),
        (OSError(24, "Too many open files"), report(KubeletStatus.ERROR, "Too many open files")),
        (ProtocolError("no\n HTTP"), report(KubeletStatus.ERROR, "no HTTP")),
        (OSError(), report(KubeletStatus.ERROR, "OSError")),
        (ValueError("x" * 201), report(KubeletStatus.ERROR, "x" * 200)),
        (RecursionError(), report(KubeletStatus.ERROR, "RecursionError")),
    ],
)
def test_whatever_goes_wrong_is_a_status(kubelet: tuple[str, int], error: Exception, found: KubeletReport) -> None:
    def authorities() -> tuple[Certificate, ...]:
        raise error

    assert asyncio.run(asker(authorities).ask(Kubelet(NODE, *kubelet))) == found


@pytest.fixture(scope="module")
def kubelets() -> Iterator[SimulatedKubelets]:
    with SimulatedKubelets() as kubelets:
        yield kubelets


@pytest.fixture(scope="module")
def kubelet(kubelets: SimulatedKubelets) -> tuple[str, int]:
    """Serves eleven certificates."""
    above = tuple(CA.kubelet_client(f"{number}", T0).certificate for number in range(LONGEST_CHAIN))
    return kubelets.start(Credential(SERVING.certificate, SERVING.key, above), CA).address


def test_a_chain_is_no_longer_than_this(kubelet: tuple[str, int]) -> None:
    found = asyncio.run(asker().ask(Kubelet(NODE, *kubelet)))
    assert found.served[0].der == ders()[0]
    assert len(found.served) == LONGEST_CHAIN == 10


@pytest.mark.parametrize(
    ("token", "authorities", "status", "detail"),
    [
        ("", TRUSTED, KubeletStatus.UNAUTHORIZED, "the agent has no token to show"),
        ("abc", certificates(OTHER.pem), KubeletStatus.UNTRUSTED, SIGNED),
    ],
)
def test_what_is_served_is_told_also_where_nothing_is_sent(
    kubelet: tuple[str, int],
    token: str,
    authorities: tuple[Certificate, ...],
    status: KubeletStatus,
    detail: str,
) -> None:
    found = asyncio.run(KubeletAsker(lambda: authorities, lambda: token, lambda: T0).ask(Kubelet(NODE, *kubelet)))
    assert (found.status, found.detail, len(found.served)) == (status, detail, LONGEST_CHAIN)


def test_a_connection_is_let_go_of_whatever_comes() -> None:
    async def looked() -> None:
        context = SERVING.server_context()
        ended = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.read()
            except OSError:
                pass
            finally:
                ended.set()
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        async with server:
            await asker(lambda: ()).ask(Kubelet(NODE, *server.sockets[0].getsockname()))
            await asyncio.wait_for(ended.wait(), 5)

    asyncio.run(looked())
