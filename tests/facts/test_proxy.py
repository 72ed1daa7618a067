"""Which proxy leads to a server, as Go's clients decide it (golang.org/x/net/http/httpproxy)."""

import pytest

from exporter.facts.proxy import Proxy, ProxyError, environment_proxy, proxy_url

HTTP = {"HTTPS_PROXY": "http://proxy.example:3128"}


@pytest.mark.parametrize(
    ("text", "scheme", "port"),
    [
        ("http://p", "http", 80),
        ("https://p", "https", 443),
        ("socks5://p", "socks5", 1080),
        ("http://p:8080", "http", 8080),
        ("HTTP://p:1", "http", 1),
    ],
)
def test_a_proxy_listens_where_its_url_says_or_its_scheme(text: str, scheme: str, port: int) -> None:
    assert proxy_url(text) == Proxy(scheme, "p", port)


def test_who_logs_in_there_is_never_shown() -> None:
    found = proxy_url("http://me:s%40cret@[::1]:3128")
    assert (found.username, found.password, found.host) == ("me", "s@cret", "::1")
    assert found.url == "http://[::1]:3128"
    assert "cret" not in repr(found)
    assert "me" not in repr(found).replace("scheme", "").replace("username", "")
    assert proxy_url("http://p:1").url == "http://p:1"


NO_URL = "it is no URL such as http://proxy.example:3128"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", NO_URL),
        ("proxy", NO_URL),
        ("proxy:3128", NO_URL),
        ("http:proxy", NO_URL),
        ("//proxy:3128", NO_URL),
        ("://proxy:3128", NO_URL),
        ("http://", NO_URL),
        ("http://:3128", NO_URL),
        ("http://p:99999", NO_URL),
        ("http://p:x", NO_URL),
        ("http://[::1", NO_URL),
        (" http://p", NO_URL),
        ("http://p\n", NO_URL),
        ("ftp://p", "a proxy of the scheme ftp:// is not supported: http, https or socks5"),
        ("socks5h://p", "a proxy of the scheme socks5h:// is not supported: http, https or socks5"),
        (
            "abcdefghijklmnopqrstuvwxyz://p",
            "a proxy of the scheme abcdefghijklmnopqrst:// is not supported: http, https or socks5",
        ),
    ],
)
def test_what_is_no_proxy_url_is_refused(text: str, words: str) -> None:
    with pytest.raises(ProxyError) as caught:
        proxy_url(text)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://p", Proxy("http", "p", 80, "", "")),
        ("http://p:0", Proxy("http", "p", 0, "", "")),
        ("http://me@p", Proxy("http", "p", 80, "me", "")),
        ("https://me%20:@p", Proxy("https", "p", 443, "me ", "")),
        ("socks5://:s%3A@P:1", Proxy("socks5", "p", 1, "", "s:")),
    ],
)
def test_who_logs_in_may_have_any_name_and_password(text: str, expected: Proxy) -> None:
    assert proxy_url(text) == expected
    assert environment_proxy("http", "a.example", 80, {"HTTP_PROXY": text}) == expected


def test_the_environment_may_leave_out_the_scheme_and_let_the_proxy_resolve() -> None:
    for text, expected in (
        ("p:3128", Proxy("http", "p", 3128)),
        ("p", Proxy("http", "p", 80)),
        ("socks5h://p", Proxy("socks5", "p", 1080)),
    ):
        assert environment_proxy("https", "a.example", 443, {"HTTPS_PROXY": text}) == expected
        assert environment_proxy("http", "a.example", 80, {"HTTP_PROXY": text}) == expected
    for scheme, text, words in (
        ("https", "ftp://p", "HTTPS_PROXY: a proxy of the scheme ftp:// is not supported: http, https or socks5"),
        ("http", "http://p:x", f"HTTP_PROXY: {NO_URL}"),
        ("http", "me:x", f"HTTP_PROXY: {NO_URL}"),
    ):
        with pytest.raises(ProxyError) as caught:
            environment_proxy(scheme, "a.example", 443, {f"{scheme}_proxy": text})
        assert str(caught.value) == words


@pytest.mark.parametrize(
    ("scheme", "environment", "host"),
    [
        ("https", {"HTTPS_PROXY": "http://up", "https_proxy": "http://low"}, "up"),
        ("https", {"HTTPS_PROXY": "", "https_proxy": "http://low"}, "low"),
        ("https", {"HTTP_PROXY": "http://other", "ALL_PROXY": "http://all"}, None),
        ("http", {"HTTP_PROXY": "http://up", "HTTPS_PROXY": "http://other"}, "up"),
        ("http", {"http_proxy": "http://low"}, "low"),
        ("http", {"HTTPS_PROXY": "http://other"}, None),
        ("https", {}, None),
        ("https", {"HTTPS_PROXY": "http://up", "NO_PROXY": "a.example", "no_proxy": "other"}, None),
        ("https", {"HTTPS_PROXY": "http://up", "NO_PROXY": "", "no_proxy": "a.example"}, None),
        ("https", {"HTTPS_PROXY": "http://up", "NO_PROXY": "other", "no_proxy": "a.example"}, "up"),
    ],
)
def test_the_variable_of_the_scheme_counts_the_upper_case_first(
    scheme: str, environment: dict[str, str], host: str | None
) -> None:
    found = environment_proxy(scheme, "a.example", 443, environment)
    assert (found.host if found else None) == host


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::1%lo", True),
        ("::ffff:127.0.0.1", True),
        ("LOCALHOST", False),
        ("localhost.example", False),
        ("128.0.0.1", False),
        ("::2", False),
        ("::ffff:10.0.0.1", False),
    ],
)
def test_nothing_here_is_asked_through_a_proxy(host: str, here: bool) -> None:
    """httpproxy, useProxy: `localhost` to the letter, and loopback addresses."""
    expected = None if here else Proxy("http", "proxy.example", 3128)
    assert environment_proxy("https", host, 443, HTTP) == expected


@pytest.mark.parametrize(
    ("entries", "host", "direct"),
    [
        ("*", "a.example", True),
        ("example", "a.example", True),
        (".example", "a.example", True),
        ("*.example", "a.example", True),
        ("a.example", "a.example", True),
        ("A.Example", "a.EXAMPLE", True),
        ("a.example:443", "a.example", True),
        ("a.example:80", "a.example", False),
        (".a.example", "a.example", False),
        ("*.a.example", "a.example", False),
        ("xample", "a.example", False),
        ("b.example, a.example ", "a.example", True),
        (",,", "a.example", False),
        (":443", "a.example", False),
        (":443", "a.example.", False),
        ("", "a.example.", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "a.example", False),
        ("10.1.2.3/8", "10.9.9.9", True),
        ("10.0.0.0/99", "10.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:443", "10.1.2.3", True),
        ("10.1.2.3:80", "10.1.2.3", False),
        ("10.1.2.4", "10.1.2.3", False),
        ("fd00::/8", "fd00::1", True),
        ("fd00::1", "fd00::1", True),
        ("[fd00::1]", "fd00::1", True),
        ("[fd00::1]:443", "fd00::1", True),
        ("[fd00::1]:80", "fd00::1", False),
        ("fd00::2", "fd00::1", False),
        ("10.1.2.3", "::ffff:10.1.2.3", True),
        ("::ffff:10.1.2.3", "10.1.2.3", True),
        ("*", "10.1.2.3", True),
        ("**", "a.example", False),
        ("*example", "a.example", False),
        ("b.*", "b.example", False),
        ("a.example", "b.a.example", True),
        ("*.a.example", "b.a.example", True),
        (".a.example", "b.a.example", True),
        ("a.example", "ba.example", False),
        ("*.:443", "a.example", False),
        ("a.example:", "a.example", True),
        ("a.example:x", "a.example", False),
        ("a.example:4430", "a.example", False),
        (" \tA.EXAMPLE\t", " a.Example ", True),
        ("10.0.0.0/x", "10.1.2.3", False),
        ("a/8", "a", False),
        ("/", "a.example", False),
        ("fd00::1%eth0", "fd00::1%eth1", True),
        ("[fd00::1]x", "fd00::1", False),
        ("[fd00::1", "fd00::1", True),
        ("[]", "fd00::1", False),
        ("10.1.2", "10.1.2.3", False),
        ("2.3", "10.1.2.3", True),
        ("10.1.2.3.", "10.1.2.3", False),
        ("10.0.0.0/8", "fd00::1", False),
        ("1:2:3", "a.example", False),
    ],
)
def test_what_no_proxy_names_is_asked_directly(entries: str, host: str, direct: bool) -> None:
    found = environment_proxy("https", host, 443, {**HTTP, "NO_PROXY": entries})
    assert (found is None) is direct
