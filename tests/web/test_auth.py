"""Basic auth, rate limit and headers of the web configuration."""

import base64
import itertools
import threading
import time
from pathlib import Path

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.auth import credentials
from exporter.web.limits import Limits
from tests.web.conftest import Answer, Running, Serve
from tests.web.test_tls import comes

LONG = "p" * 80
UNICODE = st.characters(codec="utf-8")


def hashed(password: str, cost: int = 4) -> str:
    return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(cost)).decode()


def login(running: Running, name: str, password: str, path: str = "/metrics") -> Answer:
    token = base64.b64encode(f"{name}:{password}".encode()).decode()
    return running.ask(path, Authorization=f"Basic {token}")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "web.yml"
    # $2y$ is what htpasswd writes.
    file.write_text(f"basic_auth_users:\n  alice: {hashed('wonder').replace('$2b$', '$2y$')}\n  bób: {hashed(LONG)}\n")
    return file


def test_without_a_login_nothing_but_the_probes_answers(serve: Serve, config: Path) -> None:
    running = serve(web_config=config)
    for path in ("/metrics", "/", "/nowhere"):
        answer = running.ask(path)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="aks-cert-exporter", charset="UTF-8"'
        assert answer.text == "Unauthorized\n"
    for path in ("/healthz", "/readyz"):
        assert running.ask(path).status == 200


def test_the_right_password_passes_again_and_again(serve: Serve, config: Path) -> None:
    running = serve(web_config=config)
    for _ in range(3):
        assert login(running, "alice", "wonder").status == 200
    assert login(running, "bób", LONG).status == 200
    assert login(running, "bób", LONG + "beyond what bcrypt looks at").status == 200


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", LONG),
        ("nobody", "wonder"),
        ("", ""),
        ("bób", "wonder"),
        ("Alice", "wonder"),
    ],
)
def test_anything_else_is_refused(
    serve: Serve, config: Path, caplog: pytest.LogCaptureFixture, name: str, password: str
) -> None:
    running = serve(web_config=config)
    assert login(running, "alice", "wonder").status == 200
    assert login(running, name, password).status == 401
    assert caplog.messages[-1] == f"login of {name!r} refused"
    assert not password or password not in caplog.text


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Basic YWxpY2U=", "Bearer YWxpY2U6d29uZGVy", "Basic YQ"])
def test_a_header_that_holds_no_login_is_refused(serve: Serve, config: Path, header: str) -> None:
    assert serve(web_config=config).ask("/metrics", Authorization=header).status == 401


def test_a_password_that_is_withdrawn_no_longer_passes(serve: Serve, config: Path) -> None:
    running = serve(web_config=config)
    assert login(running, "alice", "wonder").status == 200
    config.write_text(f"basic_auth_users:\n  alice: {hashed('other')}\n")
    assert comes(lambda: login(running, "alice", "wonder").status == 401)
    assert login(running, "alice", "other").status == 200


def test_a_bad_file_does_not_open_the_door(serve: Serve, config: Path, caplog: pytest.LogCaptureFixture) -> None:
    running = serve(web_config=config)
    config.write_text("basic_auth_users: {")
    assert comes(lambda: "stays in force" in caplog.text)
    assert running.ask("/metrics").status == 401
    config.unlink()
    assert comes(lambda: "No such file or directory" in caplog.text)
    assert running.ask("/metrics").status == 401
    assert login(running, "alice", "wonder").status == 200


def test_every_way_to_cut_a_file_off_leaves_the_door_shut(
    serve: Serve, config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """C1: a file that is written in place is read at every length it passes through."""
    whole = "rate_limit: {interval: 1ms, burst: 1000}\n" + config.read_text()
    config.write_text(whole)
    running = serve(web_config=config, limits=Limits(look=0.005))
    caplog.set_level("INFO")
    for length in (*range(0, len(whole), 7), *(len(whole) - tail for tail in range(9))):
        caplog.clear()
        config.write_text(whole[:length])
        assert comes(lambda: "stays in force" in caplog.text or "read again" in caplog.text), whole[:length]
        assert running.ask("/metrics").status == 401, whole[:length]


@pytest.mark.parametrize("content", ["", "{}", "---\n", "basic_auth_users:\n", "basic_auth_users: {}\n", "{", "[]"])
def test_a_reload_never_takes_the_login_away(
    serve: Serve, config: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    """C1."""
    running = serve(web_config=config)
    config.write_text(content)
    assert comes(lambda: "; the former web configuration stays in force" in caplog.text)
    assert running.ask("/metrics").status == 401
    assert login(running, "alice", "wonder").status == 200


def test_a_reload_takes_no_limit_and_no_header_away(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """C1."""
    file = tmp_path / "web.yml"
    limit, header = "rate_limit: {interval: 1h, burst: 9}\n", "http_server_config: {headers: {X-XSS-Protection: '1'}}\n"
    file.write_text(limit + header)
    running = serve(web_config=file)
    file.write_text(header)
    assert comes(lambda: "rate_limit: a restart is needed to protect less than before" in caplog.text)
    file.write_text(limit)
    assert comes(lambda: "http_server_config.headers.X-XSS-Protection: a restart is needed" in caplog.text)
    assert running.ask("/").headers["x-xss-protection"] == "1"


@pytest.mark.parametrize("names", [("alice",), ("alice", "nobody", "bób")])
def test_guessing_does_not_keep_out_who_knows_the_password(
    serve: Serve, tmp_path: Path, names: tuple[str, ...]
) -> None:
    """C3: sixty clients of one address guess, each another password each time; the right one comes through."""
    file = tmp_path / "web.yml"
    file.write_text(f"basic_auth_users:\n  alice: {hashed('wonder', 9)}\n")
    running = serve(web_config=file)
    done = threading.Event()
    guessed: list[int] = []

    def guess(number: int) -> None:
        for count in itertools.count():
            if done.is_set():
                return
            guessed.append(login(running, names[number % len(names)], f"{number} {count}").status)
            time.sleep(0.03)  # as far away as one check takes: the next guess comes while another's is checked

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(60)]
    for thread in threads:
        thread.start()
    try:
        assert comes(lambda: len(guessed) > 5)
        assert {login(running, "alice", "wonder").status for _ in range(10)} == {200}
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert set(guessed) == {401}


def test_who_guesses_faster_than_passwords_are_checked_does_not_keep_others_out_for_good(
    serve: Serve, tmp_path: Path
) -> None:
    """C3: more guessers than the queue holds, all of one address: the right password comes through before long."""
    file = tmp_path / "web.yml"
    file.write_text(f"basic_auth_users:\n  alice: {hashed('wonder', 8)}\n")
    running = serve(web_config=file, limits=Limits(logins=8, turned_away=0.5))
    done = threading.Event()

    def guess(number: int) -> None:
        for count in itertools.count():
            if done.is_set():
                return
            login(running, "alice", f"{number} {count}")

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    try:
        assert comes(lambda: login(running, "alice", "wonder").status == 200)
        assert {login(running, "alice", "wonder").status for _ in range(5)} == {200}
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_the_same_wrong_password_is_checked_once(serve: Serve, config: Path, caplog: pytest.LogCaptureFixture) -> None:
    """C3."""
    running = serve(web_config=config)
    assert [login(running, "alice", "wrong").status for _ in range(20)] == [401] * 20
    assert caplog.messages.count("login of 'alice' refused") == 1


def test_headers_of_the_file_are_on_every_answer_and_beat_our_own(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text(
        "http_server_config:\n  headers:\n    X-Frame-Options: sameorigin\n"
        "    Strict-Transport-Security: max-age=31536000\n    Content-Security-Policy: default-src 'self'\n"
    )
    running = serve(web_config=file)
    for path in ("/", "/metrics", "/nowhere", "/healthz"):
        headers = running.ask(path).headers
        assert headers["strict-transport-security"] == "max-age=31536000"
        assert headers["x-frame-options"] == "sameorigin"
        assert headers["content-security-policy"] == "default-src 'self'"


def test_beyond_the_rate_limit_all_but_the_probes_are_told_so(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("rate_limit: {interval: 1h, burst: 3}\n")
    running = serve(web_config=file)
    assert [running.ask("/metrics").status for _ in range(4)] == [200, 200, 200, 429]
    assert running.ask("/healthz").status == 200


def test_the_rate_limit_fills_up_again(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("rate_limit: {interval: 300ms, burst: 1}\n")
    running = serve(web_config=file)
    assert comes(lambda: running.ask("/metrics").status == 429)
    assert comes(lambda: running.ask("/metrics").status == 200)


@given(st.text())
def test_any_authorization_header_is_read_or_passed_over(header: str) -> None:
    found = credentials(header)
    assert found is None or b":" not in found[0]


@given(st.text(UNICODE.filter(lambda c: c != ":")), st.text(UNICODE))
def test_a_login_is_read_as_it_was_written(name: str, password: str) -> None:
    token = base64.b64encode(f"{name}:{password}".encode()).decode()
    assert credentials(f"bAsIc {token}") == (name.encode(), password.encode())
