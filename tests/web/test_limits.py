"""The bounds that the documentation promises are those in force."""

from pathlib import Path

from exporter.web import auth, connection, listener
from exporter.web.limits import Limits

PAGE = Path(__file__).parents[2] / "docs/web-configuration.md"


def test_the_page_says_what_is_in_force() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = page.partition("## Bounds")[2]
    rows = dict(line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| "))
    limits = Limits()
    words = {
        "TLS handshake, and a request from its first byte to its last": f"{limits.request:g} s each",
        "a client that takes nothing of its answer": f"{limits.take:g} s",
        "an idle connection": f"{limits.idle:g} s, ",
        "connections; TLS handshakes under way": f"{limits.connections}; {limits.handshakes}. One more ends",
        "scrapes; documents of each path": f"{limits.scrapes}; {limits.documents}, at work or waiting",
        "logins being checked or waiting": f"{limits.logins}",
        "the head of a request": f"{connection.HEAD_BYTES // 1024} KiB",
        "after `SIGTERM`": f"{limits.grace:g} s for answers under way",
    }
    assert set(words) == set(rows) - {"what", "---"}
    for what, begins in words.items():
        assert rows[what].startswith(begins), what
    assert limits.request == listener.HANDSHAKE_SECONDS
    assert f"up to {listener.AT_ONCE} more sockets" in rows["connections; TLS handshakes under way"]
    assert limits.look == limits.turned_away == 2
    assert "are checked for changes every two seconds" in page
    assert auth.KEPT_BACK == 10
    assert "after ten seconds at most" in page
    assert "More get 503, two seconds later" in rows["scrapes; documents of each path"]


def test_those_at_work_and_waiting_are_fewer_than_the_connections() -> None:
    """Some connection always waits for its client, and can be ended to make room: two paths of documents at most."""
    limits = Limits()
    assert limits.scrapes + 2 * limits.documents + limits.logins < limits.connections
