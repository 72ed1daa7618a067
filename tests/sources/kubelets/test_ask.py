"""A kubelet is asked: what it serves is always seen; the token goes only to who proves to be that node's kubelet."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from exporter.facts.kube.kubelet_report import KubeletReport
from exporter.facts.x509 import certificates
from exporter.reason import KubeletStatus, Role
from exporter.sources.kubelets.ask import Kubelet, KubeletAsker
from simulation.node.kubelet import SimulatedKubelet, SimulatedKubelets
from simulation.node.kubelet_api import KubeletSettings
from simulation.pki import DAY, Authority, Credential, self_signed_linux

NOW = time.time()
CA = Authority.cluster(NOW - 90 * DAY)
NODE = "aks-nodepool1-12345678-vmss000000"
TOKEN = "the-agent's-own"


@pytest.fixture(scope="module")
def kubelets() -> Iterator[SimulatedKubelets]:
    with SimulatedKubelets() as kubelets:
        yield kubelets


def asker(*, authority: Authority = CA, token: str = TOKEN, timeout: float = 10.0) -> KubeletAsker:
    trusted = certificates(authority.pem)
    return KubeletAsker(lambda: trusted, lambda: token, time.time, timeout=timeout)


def ask(address: tuple[str, int], one: KubeletAsker | None = None, *, node: str = NODE) -> KubeletReport:
    target = Kubelet(node, *address, addresses=("127.0.0.1",))
    return asyncio.run((one or asker()).ask(target))


def listening(kubelets: SimulatedKubelets, serving: Credential | None, **api: object) -> SimulatedKubelet:
    kubelet = kubelets.start(serving, CA)
    kubelet.api.rights = {TOKEN: frozenset({"metrics", "configz"})}
    for name, value in api.items():
        setattr(kubelet.api, name, value)
    return kubelet


def test_a_kubelet_that_verifies_tells_everything(kubelets: SimulatedKubelets) -> None:
    """Serving certificate by handshake, client certificate by its TTL, settings by /configz."""
    serving = CA.kubelet_serving(NODE, NOW)
    kubelet = listening(kubelets, serving, client_not_after=NOW + 100 * DAY, client_renew_errors=3)
    report = ask(kubelet.address)
    assert (report.status, report.detail) == (KubeletStatus.OK, "")
    assert report.served[0].not_after == serving.not_after
    assert report.client_not_after == pytest.approx(NOW + 100 * DAY, abs=3)
    assert report.renew_errors == ((Role.KUBELET_CLIENT, 3.0), (Role.KUBELET_SERVING, 0.0))
    assert report.config is not None
    assert (report.config.client_rotation, report.config.serving_rotation) == (True, True)


@pytest.mark.parametrize("ahead", [-30 * DAY, -5400.0, 40.0, 5400.0, 30 * DAY], ids=lambda ahead: f"{ahead:+.0f}s")
def test_the_end_is_right_however_far_off_the_nodes_clock_is(kubelets: SimulatedKubelets, ahead: float) -> None:
    """The seconds left count by the clock that the answer's Date tells."""
    kubelet = listening(kubelets, CA.kubelet_serving(NODE, NOW), client_not_after=NOW + 100 * DAY)
    kubelet.api.clock = lambda: time.time() + ahead
    assert ask(kubelet.address).client_not_after == pytest.approx(NOW + 100 * DAY, abs=3)


@pytest.mark.parametrize("days", [3_000_000, 1e12])
def test_an_end_that_no_certificate_has_is_not_told(kubelets: SimulatedKubelets, days: float) -> None:
    """A10: X.509 knows no year after 9999, and no page can show one."""
    report = ask(listening(kubelets, CA.kubelet_serving(NODE, NOW), client_not_after=NOW + days * DAY).address)
    assert (report.status, report.client_not_after) == (KubeletStatus.OK, None)


def test_a_client_certificate_that_ended_is_not_a_date(kubelets: SimulatedKubelets) -> None:
    """K1: the TTL is +Inf from the end on, which is no time in the far future."""
    kubelet = listening(kubelets, CA.kubelet_serving(NODE, NOW), client_not_after=NOW - 5)
    report = ask(kubelet.address)
    assert report.client_not_after is None
    assert report.client_certificate is False


@pytest.mark.parametrize(
    ("serving", "words"),
    [
        (self_signed_linux(NODE, NOW), "not this node's certificate"),
        (CA.kubelet_serving("aks-nodepool1-12345678-vmss000001", NOW), "vmss000001"),
        (Authority.cluster(NOW - DAY, number=1).kubelet_serving(NODE, NOW), "not signed by the cluster CA"),
        (CA.kubelet_serving(NODE, NOW - 400 * DAY), "outside its dates"),
        (CA.kubelet_serving(NODE, NOW + 30 * DAY), "outside its dates"),
        (CA.kubelet_client(NODE, NOW), "cluster CA"),
        (
            CA.issue(
                f"system:node:{NODE}", NOW - 60, NOW + DAY, organization="system:nodes", names=("other", "10.9.9.9")
            ),
            "cluster CA",
        ),
    ],
    ids=["self-signed", "another-node", "former-ca", "ended", "not-yet", "client-usage", "other-names"],
)
def test_the_token_never_reaches_who_does_not_verify(
    kubelets: SimulatedKubelets, serving: Credential, words: str
) -> None:
    """What an impostor serves is seen and named; no credential is sent, whatever it is."""
    kubelet = listening(kubelets, serving)
    report = ask(kubelet.address)
    assert report.status is KubeletStatus.UNTRUSTED
    assert words in report.detail or words == "cluster CA"
    assert report.served[0].fingerprint_sha256 == serving.fingerprint_sha256
    assert kubelet.api.tokens_seen == set()


def test_a_rotated_certificate_is_judged_anew(kubelets: SimulatedKubelets) -> None:
    """A verdict is kept for the very bytes that were judged: what comes next is looked at again."""
    kubelet, one = listening(kubelets, CA.kubelet_serving(NODE, NOW)), asker()
    assert ask(kubelet.address, one).status is KubeletStatus.OK
    kubelet.api.tokens_seen.clear()
    kubelet.swap(self_signed_linux(NODE, NOW))
    assert ask(kubelet.address, one).status is KubeletStatus.UNTRUSTED
    assert kubelet.api.tokens_seen == set()
    kubelet.swap(CA.kubelet_serving(NODE, NOW))
    assert ask(kubelet.address, one).status is KubeletStatus.OK


def test_a_kubelet_without_a_serving_certificate_is_known_by_its_alert(kubelets: SimulatedKubelets) -> None:
    """G1: TLS alert 80, internal error, is not a network failure."""
    report = ask(listening(kubelets, None).address)
    assert (report.status, report.no_certificate) == (KubeletStatus.TLS_ERROR, True)


@pytest.mark.parametrize(
    ("rights", "fine_grained", "status", "config", "metrics"),
    [
        ({}, True, KubeletStatus.UNAUTHORIZED, False, False),
        ({TOKEN: frozenset()}, True, KubeletStatus.FORBIDDEN, False, False),
        ({TOKEN: frozenset({"metrics"})}, True, KubeletStatus.FORBIDDEN, False, True),
        ({TOKEN: frozenset({"metrics", "configz"})}, False, KubeletStatus.FORBIDDEN, False, True),
    ],
    ids=["401", "403", "no-configz", "too-old-for-configz"],
)
def test_a_missing_right_is_a_status_and_the_rest_is_told(
    kubelets: SimulatedKubelets,
    rights: dict[str, frozenset[str]],
    fine_grained: bool,
    status: KubeletStatus,
    config: bool,
    metrics: bool,
) -> None:
    """A kubelet before 1.33 asks for nodes/proxy where newer ones ask for nodes/configz."""
    kubelet = listening(kubelets, CA.kubelet_serving(NODE, NOW), rights=rights, fine_grained=fine_grained)
    report = ask(kubelet.address)
    assert report.status is status
    assert (report.config is not None, report.client_certificate is not None) == (config, metrics)
    assert report.served


def test_settings_that_are_off_are_told(kubelets: SimulatedKubelets) -> None:
    """/configz leaves out what is off, and a gate switches serving rotation off too."""
    off = KubeletSettings(rotate_certificates=False, feature_gates={"RotateKubeletServerCertificate": False})
    report = ask(listening(kubelets, CA.kubelet_serving(NODE, NOW), settings=off).address)
    assert report.config is not None
    assert (report.config.client_rotation, report.config.serving_rotation) == (False, False)


def test_a_kubelet_without_configz_tells_the_rest(kubelets: SimulatedKubelets) -> None:
    """404: with enableDebuggingHandlers off there is no /configz, and the dates are told all the same."""
    serving = CA.kubelet_serving(NODE, NOW)
    report = ask(listening(kubelets, serving, client_not_after=NOW + 100 * DAY, debugging=False).address)
    assert (report.status, report.detail) == (KubeletStatus.ERROR, "configz: HTTP 404, 404 page not found")
    assert report.config is None
    assert report.client_not_after == pytest.approx(NOW + 100 * DAY, abs=3)


def test_a_kubelet_without_either_path_is_told_with_both() -> None:
    """404 for whatever is asked, as from another program with this node's certificate."""
    with speaking(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", times=2) as address:
        report = ask(address)
    assert (report.status, report.detail) == (KubeletStatus.ERROR, "configz: HTTP 404; metrics: HTTP 404")
    assert report.told, "its certificate was seen"


def test_without_a_token_only_the_handshake_is_made(kubelets: SimulatedKubelets) -> None:
    """A kubeconfig with a client certificate has no token to show."""
    report = ask(listening(kubelets, CA.kubelet_serving(NODE, NOW)).address, asker(token=""))
    assert report.status is KubeletStatus.UNAUTHORIZED
    assert report.served


def test_nobody_there_is_told_from_silence(kubelets: SimulatedKubelets) -> None:
    """Refused at once; silence until the deadline, also in the middle of the handshake."""
    assert ask(kubelets.silent_address()).status is KubeletStatus.REFUSED
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = time.monotonic()
        report = ask(mute.getsockname(), asker(timeout=0.3))
        assert report.status is KubeletStatus.TIMEOUT
        assert time.monotonic() - began < 5


@contextlib.contextmanager
def speaking(answer: bytes, *, drip: float = 0.0, times: int = 1) -> Iterator[tuple[str, int]]:
    """A server with a valid certificate of the node that says this to whatever it is asked, so many times."""
    context = CA.kubelet_serving(NODE, NOW).server_context()
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True) as secured:
                for _ in range(times):
                    secured.recv(4096)
                    for byte in (answer[i : i + 1] for i in range(len(answer))) if drip else (answer,):
                        secured.sendall(byte)
                        if drip and stop.wait(drip):
                            return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        stop.set()
        listener.close()
        thread.join(5)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 60 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100_000,
    ],
    ids=["nothing", "ssh", "no-json", "no-object", "cut", "bad-chunk", "huge-head", "redirect", "huge-length", "deep"],
)
def test_garbage_is_an_error_in_words(answer: bytes) -> None:
    """Never an exception, never a hang, never believed."""
    with speaking(answer) as address:
        report = ask(address, asker(timeout=5))
    assert report.status in {KubeletStatus.ERROR, KubeletStatus.TIMEOUT}
    assert report.detail
    assert report.config is None


def test_a_kubelet_that_drips_is_left_at_the_deadline() -> None:
    """A11: the deadline is over the whole conversation, not over each byte."""
    with speaking(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"{" * 100, drip=0.05) as address:
        began = time.monotonic()
        report = ask(address, asker(timeout=0.6))
        assert report.status is KubeletStatus.TIMEOUT
        assert time.monotonic() - began < 5
