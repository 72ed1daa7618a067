"""The simulated kubelet's port behaves as a kubelet's does."""

import hashlib
import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulation.node.kubelet import SimulatedKubelets
from simulation.pki import YEAR, Authority, Credential, self_signed_linux

NOW = time.time()  # the TLS library looks at the clock
AUTHORITY = Authority.cluster(NOW - 3 * YEAR)


@pytest.fixture
def kubelets() -> Iterator[SimulatedKubelets]:
    with SimulatedKubelets() as started:
        yield started


def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def served(address: tuple[str, int]) -> str:
    """Fingerprint of what an address serves."""
    with (
        socket.create_connection(address, timeout=5) as raw,
        unverified().wrap_socket(raw) as connection,
    ):
        der = connection.getpeercert(binary_form=True)
    assert der is not None
    return hashlib.sha256(der).hexdigest()


def serving(name: str = "node-1") -> Credential:
    return AUTHORITY.kubelet_serving(name, NOW)


def test_it_serves_its_certificate_also_to_a_client_that_sends_no_name(kubelets: SimulatedKubelets) -> None:
    credential = serving()
    assert served(kubelets.start(credential, AUTHORITY).address) == credential.fingerprint_sha256


def test_a_swap_shows_in_the_next_handshake_also_between_key_types(kubelets: SimulatedKubelets) -> None:
    first, second = self_signed_linux("node-1", NOW), serving()
    kubelet = kubelets.start(first, AUTHORITY)
    assert served(kubelet.address) == first.fingerprint_sha256
    kubelet.swap(second)
    assert served(kubelet.address) == second.fingerprint_sha256
    kubelet.swap(first)
    assert served(kubelet.address) == first.fingerprint_sha256


def test_a_request_without_credentials_is_unauthorized(kubelets: SimulatedKubelets) -> None:
    host, port = kubelets.start(serving(), AUTHORITY).address
    connection = http.client.HTTPSConnection(host, port, timeout=5, context=unverified())
    connection.request("GET", "/pods")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (401, b"Unauthorized")
    connection.close()


def test_a_client_certificate_of_the_cluster_ca_is_accepted(kubelets: SimulatedKubelets, tmp_path: Path) -> None:
    host, port = kubelets.start(serving(), AUTHORITY).address
    context = unverified()
    (tmp_path / "client.pem").write_bytes(AUTHORITY.kubelet_client("node-1", NOW).pem)
    context.load_cert_chain(tmp_path / "client.pem")
    connection = http.client.HTTPSConnection(host, port, timeout=5, context=context)
    connection.request("GET", "/pods")
    assert connection.getresponse().status == 401
    connection.close()


def test_without_a_certificate_every_handshake_ends_in_an_internal_error_alert(kubelets: SimulatedKubelets) -> None:
    kubelet = kubelets.start(None, AUTHORITY)
    with pytest.raises(ssl.SSLError, match="INTERNAL_ERROR"):
        served(kubelet.address)
    kubelet.swap(credential := serving())
    assert served(kubelet.address) == credential.fingerprint_sha256


def test_many_kubelets_serve_each_its_own(kubelets: SimulatedKubelets) -> None:
    fleet = [(kubelets.start(one, AUTHORITY), one) for one in (serving(f"node-{number}") for number in range(8))]
    assert all(served(kubelet.address) == credential.fingerprint_sha256 for kubelet, credential in fleet)


def test_a_silent_address_refuses_and_is_not_handed_out_twice(kubelets: SimulatedKubelets) -> None:
    first, second = kubelets.silent_address(), kubelets.silent_address()
    assert first != second
    with pytest.raises(ConnectionRefusedError):
        served(first)


def test_the_ports_close_at_the_end_also_under_an_idle_connection() -> None:
    with SimulatedKubelets() as kubelets:
        address = kubelets.start(serving(), AUTHORITY).address
        idle = socket.create_connection(address, timeout=5)
        connection = unverified().wrap_socket(idle)
    with pytest.raises(ConnectionRefusedError):
        served(address)
    connection.close()
