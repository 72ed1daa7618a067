"""What a reload would take away, by the keys of the file."""

from exporter.web.config import WebConfig
from exporter.web.protection import taken_away

PROTECTED = WebConfig(users={b"a": b"hash"}, headers=(("x-a", "1"), ("x-b", "2")), interval=1.0, burst=5)


def test_each_key_that_says_less_is_named() -> None:
    assert list(taken_away(PROTECTED, WebConfig())) == [
        "basic_auth_users",
        "rate_limit",
        "http_server_config.headers.x-a",
        "http_server_config.headers.x-b",
    ]


def test_what_says_as_much_or_more_takes_nothing_away() -> None:
    assert list(taken_away(PROTECTED, PROTECTED)) == []
    assert list(taken_away(WebConfig(), PROTECTED)) == []
    other = WebConfig(users={b"b": b"other"}, headers=(("x-b", "3"), ("x-a", "4")), interval=9.0, burst=1)
    assert list(taken_away(PROTECTED, other)) == []
