"""Sockets that listen: on which addresses, with which options, and none left where one cannot be had."""

import errno
import socket

import pytest

from exporter.web.bound_sockets import BACKLOG, authority, bound_sockets


def closed(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()


@pytest.mark.parametrize(
    ("host", "address", "only6"),
    [
        ("127.0.0.1", "127.0.0.1", None),
        ("0.0.0.0", "0.0.0.0", None),
        ("::1", "::1", 1),
        ("::", "::", 0),
    ],
)
def test_an_address_has_one_socket(host: str, address: str, only6: int | None) -> None:
    (one,) = sockets = bound_sockets(host, 0)
    try:
        assert one.getsockname()[0] == address
        assert one.getsockname()[1] > 0
        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
        assert one.type == socket.SOCK_STREAM
        assert not one.getblocking()
        if only6 is not None:
            assert one.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == only6
    finally:
        closed(sockets)


def test_a_name_has_the_same_port_on_each_of_its_addresses() -> None:
    sockets = bound_sockets("localhost", 0)
    try:
        ports = {one.getsockname()[1] for one in sockets}
        assert len(ports) == 1
        assert {one.getsockname()[0] for one in sockets} <= {"127.0.0.1", "::1"}
    finally:
        closed(sockets)
    again = bound_sockets("localhost", port := ports.pop())
    assert {one.getsockname()[1] for one in again} == {port}
    closed(again)


def test_a_name_of_other_letters_is_an_internationalised_one() -> None:
    """As RFC 3490 §4 reads it: full-width letters are letters."""
    sockets = bound_sockets("\uff4cocalhost", 0)
    assert sockets[0].getsockname()[0] in {"127.0.0.1", "::1"}
    closed(sockets)


class Names:
    """What a name leads to, in the place of the system's answer."""

    def __init__(self, *addresses: tuple[socket.AddressFamily, str]) -> None:
        self.found = [(family, socket.SOCK_STREAM, 6, "", self._address(family, one)) for family, one in addresses]

    @staticmethod
    def _address(family: socket.AddressFamily, address: str) -> tuple[object, ...]:
        return (address, 0) if family == socket.AF_INET else (address, 0, 0, 0)

    def __call__(self, *_: object, **__: object) -> list[object]:
        return list(self.found)


V4, V6 = socket.AF_INET, socket.AF_INET6
ELSEWHERE = "198.51.100.1"
"""Of a range that no machine has (RFC 5737)."""


def test_an_address_that_the_machine_has_not_is_passed_over_behind_one_that_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names((V4, "127.0.0.1"), (V4, ELSEWHERE), (V4, "127.0.0.2")))
    sockets = bound_sockets("name", 0)
    try:
        assert [one.getsockname()[0] for one in sockets] == ["127.0.0.1", "127.0.0.2"]
        assert len({one.getsockname()[1] for one in sockets}) == 1
    finally:
        closed(sockets)


@pytest.mark.parametrize("addresses", [[(V4, ELSEWHERE)], [(V4, ELSEWHERE), (V4, "127.0.0.1")]])
def test_where_the_first_address_cannot_be_had_that_is_the_error(
    monkeypatch: pytest.MonkeyPatch, addresses: list[tuple[socket.AddressFamily, str]]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names(*addresses))
    with pytest.raises(OSError) as caught:
        bound_sockets("name", 0)
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_an_address_that_is_there_twice_has_one_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names((V4, "127.0.0.1"), (V4, "127.0.0.1")))
    sockets = bound_sockets("name", 0)
    assert len(sockets) == 1
    closed(sockets)


def test_a_port_in_use_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(socket, "getaddrinfo", Names((V4, "127.0.0.1"), (V4, "127.0.0.2")))
        with pytest.raises(OSError) as caught:
            bound_sockets("name", port)
        assert caught.value.errno == errno.EADDRINUSE
    socket.create_server(("127.0.0.1", port)).close()


def test_a_link_local_address_is_one_of_an_interface() -> None:
    """Without its interface it would be no address at all."""
    with pytest.raises(OSError) as caught:
        bound_sockets(f"fe80::1234%{socket.if_indextoname(1)}", 0)
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_the_kernel_keeps_a_whole_burst() -> None:
    assert BACKLOG == 4096


@pytest.mark.parametrize(
    ("host", "words"), [("::1", "[::1]:9"), ("127.0.0.1", "127.0.0.1:9"), ("name", "name:9"), ("", ":9")]
)
def test_an_authority_has_brackets_around_what_has_colons(host: str, words: str) -> None:
    assert authority(host, 9) == words
