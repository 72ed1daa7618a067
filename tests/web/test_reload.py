"""A web configuration that follows its files, looked at when a test says so."""

import asyncio
import os
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.settings import SettingsError
from exporter.web import reload
from exporter.web.reload import ReloadingConfig
from exporter.web.request import Request
from simulation.pki import DAY, Authority

ONE = "rate_limit: {interval: 1h, burst: 1}\n"
TWO = "rate_limit: {interval: 1h, burst: 2}\n"


class Live:
    """A file and the configuration that follows it."""

    def __init__(self, file: Path, content: str) -> None:
        self.file = file
        self.write(content)
        self.config = ReloadingConfig(file, 9)

    def write(self, content: str) -> None:
        """Never with the size and the time of before."""
        self.file.write_text(content)

    def look(self, *, forced: bool = False) -> None:
        asyncio.run(self.config.look(forced=forced))

    def burst(self) -> int:
        """How many requests pass, of a limit that begins anew."""

        async def count() -> int:
            passed = 0
            while await self.config.gate.refusal(Request("GET", "/metrics", "", ())) is None:
                passed += 1
            return passed

        return asyncio.run(count())


@pytest.fixture
def live(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Live]:
    caplog.set_level("INFO")
    made = Live(tmp_path / "web.yml", ONE)
    yield made
    made.config.close()


def test_a_change_is_taken_and_said_once(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    assert live.burst() == 1
    live.look()
    assert (live.burst(), caplog.messages) == (0, [])
    live.write(TWO)
    live.look()
    live.look()
    assert live.burst() == 2
    assert caplog.messages == [f"{live.file}: web configuration read again"]


def test_an_order_reads_it_again_without_a_change(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    assert live.burst() == 1
    live.look(forced=True)
    assert live.burst() == 1
    assert caplog.messages == [f"{live.file}: web configuration read again"]


def test_a_bad_file_changes_nothing_and_is_said_once_until_it_changes(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    live.write("[]")
    for _ in range(3):
        live.look()
    refusal = f"{live.file}: not a mapping: []; the former web configuration stays in force"
    assert caplog.messages == [refusal]
    live.write("{a: 1}")
    live.look()
    assert caplog.messages == [refusal, f"{live.file}: unknown key a; the former web configuration stays in force"]
    assert (live.burst(), caplog.records[0].levelname) == (1, "ERROR")
    live.write(TWO)
    live.look()
    assert caplog.messages[-1] == f"{live.file}: web configuration read again"
    assert live.burst() == 2


def test_a_refusal_is_said_again_every_ten_minutes(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    live.write("[]")
    live.look()
    live.config._told = time.monotonic() - reload.REPEATED + 5
    live.look()
    assert len(caplog.messages) == 1
    live.config._told = time.monotonic() - reload.REPEATED
    live.look()
    live.look()
    assert len(caplog.messages) == 2
    assert caplog.messages[0] == caplog.messages[1]
    live.write(ONE)
    live.look()
    live.config._told = 0.0
    live.look()
    assert len(caplog.messages) == 3
    assert reload.REPEATED == 600


def test_a_file_that_went_and_came_back_is_read(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    live.file.unlink()
    live.look()
    live.look()
    assert caplog.messages == [f"{live.file}: No such file or directory; the former web configuration stays in force"]
    live.file.mkdir()
    live.look()
    assert caplog.messages[-1] == f"{live.file}: Is a directory; the former web configuration stays in force"
    live.file.rmdir()
    live.look()
    live.file.symlink_to(live.file)
    live.look()
    words = "Too many levels of symbolic links; the former web configuration stays in force"
    assert caplog.messages[-1] == f"{live.file}: {words}"
    live.file.unlink()
    live.write(TWO)
    live.look()
    assert live.burst() == 2


def test_what_protects_less_takes_a_restart(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    live.write("{}")
    live.look(forced=True)
    live.look()
    assert caplog.messages == [
        f"{live.file}: rate_limit: a restart is needed to protect less than before; "
        "the former web configuration stays in force"
    ]
    assert live.burst() == 1


def test_a_file_of_the_same_size_and_time_is_another_by_its_place(live: Live) -> None:
    """As Kubernetes does it: another directory, behind the same link."""
    before = live.file.stat()
    other = live.file.with_suffix(".new")
    other.write_text(TWO)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(live.file)
    live.look()
    assert live.burst() == 2


def test_a_file_that_was_written_in_place_and_dated_back_is_read(live: Live) -> None:
    """Only the time of its last change says so, which nobody can set."""
    before = live.file.stat()
    live.write(TWO)
    os.utime(live.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = live.file.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)
    live.look()
    assert live.burst() == 2


def test_when_it_is_closed_no_thread_is_left(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    live = Live(tmp_path / "web.yml", f"basic_auth_users: {{a: $2b$04${'a' * 53}}}\n")
    live.look()
    login = Request("GET", "/metrics", "", ((b"authorization", b"Basic YTpi"),))
    assert asyncio.run(live.config.gate.refusal(login)) is not None
    threads = set(threading.enumerate()) - before
    assert {one.name for one in threads} == {"web-config-1", "login-1"}
    live.config.close()
    for one in threads:
        one.join(20)
        assert not one.is_alive()


def test_notes_are_logged_at_start_and_at_each_reading(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    live = Live(tmp_path / "web.yml", "http_server_config: {http2: true}")
    note = f"{live.file}: http_server_config.http2: the server speaks HTTP/1.1, to which clients fall back"
    assert caplog.messages == [note]
    live.look(forced=True)
    live.config.close()
    assert caplog.messages == [note, note]


def test_an_error_that_nobody_foresaw_does_not_end_the_looking(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    live.config._seen = None  # type: ignore[assignment]
    live.look()
    assert caplog.messages == [f"{live.file}: cannot look for changes"]


class Pairs:
    """A TLS configuration whose certificate a test exchanges."""

    def __init__(self, directory: Path) -> None:
        now = time.time()
        self.directory = directory
        self.authority = Authority("ca", now - DAY, now + DAY)
        self.pair()
        self.live = Live(directory / "web.yml", "tls_server_config: {cert_file: a.pem, key_file: a.pem}")

    def pair(self) -> None:
        (self.directory / "a.pem").write_bytes(self.authority.kubelet_serving("a", time.time()).pem)

    def current(self) -> ssl.SSLContext:
        assert self.live.config.context is not None
        return self.live.config.context.current


def test_a_new_certificate_makes_a_new_context(tmp_path: Path) -> None:
    pairs = Pairs(tmp_path)
    first = pairs.current()
    pairs.live.look()
    assert pairs.current() is first
    pairs.pair()
    pairs.live.look()
    assert pairs.current() is not first
    second = pairs.current()
    (tmp_path / "a.pem").write_bytes(b"half")
    pairs.live.look()
    pairs.live.config.close()
    assert pairs.current() is second


def test_tls_is_not_switched_on_by_a_reload(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pairs = Pairs(tmp_path)
    live = Live(tmp_path / "other.yml", "{}")
    assert live.config.context is None
    live.write(pairs.live.file.read_text())
    live.look()
    assert live.config.context is None
    assert caplog.messages == [
        f"{live.file}: tls_server_config: a restart is needed to switch TLS on; "
        "the former web configuration stays in force"
    ]
    for one in (live, pairs.live):
        one.config.close()


def test_a_bad_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"web\.yml: No such file or directory"):
        ReloadingConfig(tmp_path / "web.yml", 9)
