"""The endpoints of an agent, asked over real sockets."""

import gzip
import logging
import socket
import threading
from collections.abc import Mapping

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families

from exporter.web.document import Document
from exporter.web.limits import Limits
from tests.web.conftest import PATIENCE, Serve, SmallAgent

TEXT = """\
# HELP akscert_example_timestamp_seconds An example.
# TYPE akscert_example_timestamp_seconds gauge
akscert_example_timestamp_seconds{node="näme"} 1.5
# HELP akscert_example_errors_total Errors.
# TYPE akscert_example_errors_total counter
akscert_example_errors_total 3.0
"""

OPENMETRICS = """\
# HELP akscert_example_timestamp_seconds An example.
# TYPE akscert_example_timestamp_seconds gauge
# UNIT akscert_example_timestamp_seconds seconds
akscert_example_timestamp_seconds{node="näme"} 1.5
# HELP akscert_example_errors Errors.
# TYPE akscert_example_errors counter
akscert_example_errors_total 3.0
# EOF
"""

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


def test_metrics_are_text_for_a_client_without_preference(serve: Serve) -> None:
    answer = serve().ask("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "content-encoding" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert answer.text == TEXT


@pytest.mark.parametrize("accept", [PROMETHEUS_2, PROMETHEUS_3])
def test_metrics_are_openmetrics_for_prometheus(serve: Serve, accept: str) -> None:
    answer = serve().ask("/metrics", Accept=accept, Accept_Encoding="gzip")
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.headers["content-encoding"] == "gzip"
    text = gzip.decompress(answer.body).decode()
    assert text == OPENMETRICS
    assert len(list(openmetrics_families(text))) == 2  # type: ignore[no-untyped-call]


def test_a_client_that_refuses_every_coding_hears_so(serve: Serve) -> None:
    answer = serve().ask("/metrics", Accept_Encoding="*;q=0")
    assert (answer.status, answer.text) == (406, "not acceptable: gzip and identity are on offer\n")


def test_a_query_string_changes_nothing_about_the_path(serve: Serve) -> None:
    running = serve()
    assert running.ask("/metrics?name[]=up").text == TEXT
    assert running.ask("/healthz?verbose").status == 200


def test_healthz_never_touches_the_agent(serve: Serve) -> None:
    release = threading.Event()
    running = serve(SmallAgent(before=lambda: release.wait(20), silent=("nodes",)))
    threads = [threading.Thread(target=running.ask, args=("/metrics",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    answer = running.ask("/healthz")
    release.set()
    for thread in threads:
        thread.join()
    assert (answer.status, answer.text) == (200, "ok\n")


def test_readyz_names_the_sources_without_an_answer(serve: Serve) -> None:
    agent = SmallAgent(silent=("nodes", "azure"))
    running = serve(agent)
    answer = running.ask("/readyz")
    assert (answer.status, answer.text) == (503, "no first answer yet from: nodes, azure\n")
    agent.silent = ()
    answer = running.ask("/readyz")
    assert (answer.status, answer.text) == (200, "ok\n")


def test_scrapes_beyond_the_bound_are_turned_away_and_the_rest_are_served(serve: Serve) -> None:
    release = threading.Event()
    busy = threading.Semaphore(0)

    def wait() -> None:
        busy.release()
        release.wait(PATIENCE)

    running = serve(SmallAgent(before=wait), limits=Limits(request=PATIENCE, take=PATIENCE, scrapes=6))
    statuses: list[int] = []
    first_refusal = threading.Event()

    def scrape() -> None:
        status = running.ask("/metrics").status
        statuses.append(status)
        if status == 503:
            first_refusal.set()

    threads = [threading.Thread(target=scrape) for _ in range(12)]
    for thread in threads:
        thread.start()
    assert first_refusal.wait(PATIENCE)
    release.set()
    for thread in threads:
        thread.join()
    assert statuses.count(200) >= 6
    assert statuses.count(200) + statuses.count(503) == 12


def test_an_error_inside_is_one_line_for_the_client_and_one_record_for_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("secret detail")

    running = serve(SmallAgent(before=fail))
    for path in ("/metrics", "/"):
        caplog.clear()
        answer = running.ask(path)
        assert (answer.status, answer.text) == (500, "internal error: the log has the words\n")
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
            f"{path} failed"
        ]
    assert running.ask("/healthz").status == 200


@pytest.mark.parametrize("path", ["/nowhere", "/metrics/", "/healthz/x", "//", "/favicon.ico", "/%00"])
def test_any_other_path_is_not_found(serve: Serve, path: str) -> None:
    answer = serve().ask(path)
    assert (answer.status, answer.text) == (404, "Not Found\n")


def test_only_get_and_head_are_allowed(serve: Serve) -> None:
    running = serve()
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"):
        answer = running.ask("/metrics", method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_body_that_nobody_wants_does_not_keep_the_answer_back(serve: Serve) -> None:
    running = serve()
    assert running.ask("/metrics", "POST", body=b"x" * 200_000).status == 405
    assert running.ask("/metrics", body=b"x" * 10).text == TEXT


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/", "/nowhere"])
def test_head_has_the_headers_of_get_and_no_body(serve: Serve, path: str) -> None:
    running = serve()
    get, head = running.ask(path), running.ask(path, "HEAD")
    assert head.body == b""
    assert head.status == get.status
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}
    assert int(head.headers["content-length"]) == len(get.body)


def test_head_leaves_nothing_behind_on_the_connection(serve: Serve) -> None:
    running = serve()
    with socket.create_connection((running.host, running.port), timeout=20) as connection:
        connection.sendall(b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: a\r\n")
        connection.sendall(b"Connection: close\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, rest = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert rest.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert rest.endswith(b"\r\n\r\nNot Found\n")


def test_a_document_gets_its_query_and_keeps_its_own_headers(serve: Serve) -> None:
    agent = SmallAgent(document="<!doctype html><title>ä</title>")
    answer = serve(agent).ask("/?node=a%20b&node=c&flag=&x=%ff")
    assert answer.text == "<!doctype html><title>ä</title>"
    assert agent.queries == [{"node": "a b", "flag": "", "x": "\ufffd"}]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "server" not in answer.headers
    assert "etag" not in answer.headers


def test_a_document_is_gzipped_for_a_browser(serve: Serve) -> None:
    running = serve(SmallAgent(document="<!doctype html><title>ä</title>"))
    answer = running.ask("/", Accept_Encoding="gzip, deflate, br")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["x-frame-options"] == "DENY"
    assert gzip.decompress(answer.body).decode() == "<!doctype html><title>ä</title>"
    assert "content-encoding" not in running.ask("/", Accept_Encoding="identity").headers
    assert running.ask("/", Accept_Encoding="identity;q=0").status == 406


@pytest.mark.parametrize(
    "tags", ['W/"abc"', '"abc"', '"x", W/"abc"', "*", 'W/"x",W/"abc"', 'W/"x" , W/"abc" '], ids=lambda tags: tags
)
def test_who_holds_a_document_already_gets_304_and_no_body(serve: Serve, tags: str) -> None:
    running = serve()
    whole = running.ask("/facts")
    assert (whole.status, whole.headers["etag"], whole.headers["cache-control"]) == (200, 'W/"abc"', "no-cache")
    answer = running.ask("/facts", If_None_Match=tags, Accept_Encoding="gzip")
    assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", 'W/"abc"')
    assert answer.headers["vary"] == "Accept-Encoding"
    assert not {"content-type", "content-encoding"} & set(answer.headers)


@pytest.mark.parametrize("tags", ["", '"abcd"', "abc", 'W/"ABC"', '"', ","])
def test_who_holds_another_document_gets_the_whole(serve: Serve, tags: str) -> None:
    assert serve().ask("/facts", If_None_Match=tags).status == 200


def test_documents_below_a_path_are_found_by_the_rest_of_it(serve: Serve) -> None:
    running = serve()
    assert running.ask("/runbooks/A%20b").text == "<h1>A b</h1>"
    assert running.ask("/runbooks/").text == "<h1></h1>"
    redirected = running.ask("/runbooks")
    assert (redirected.status, redirected.headers["location"]) == (308, "runbooks/")
    for path in ("/runbooks/none", "/runbooks/A%20b/", "/runbooks/x/A%20b", "/facts/", "/facts/x"):
        assert running.ask(path).status == 404, path


def test_pages_do_not_hold_up_scrapes(serve: Serve) -> None:
    """C3: however many load the page, a scrape has a queue of its own."""
    release, at_work = threading.Event(), threading.Event()

    class Slow(SmallAgent):
        def page(self, name: str, query: Mapping[str, str]) -> Document:
            at_work.set()
            release.wait(PATIENCE)
            return super().page(name, query)

    running = serve(Slow())
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(running.ask("/").status)) for _ in range(200)]
    for thread in threads:
        thread.start()
    assert at_work.wait(PATIENCE)
    for _ in range(20):
        assert running.ask("/metrics").status == 200
        assert running.ask("/facts").status == 200
    release.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 503}


@pytest.mark.parametrize(
    "target",
    ["http://a/metrics", "HTTP://a:9964/metrics?x=1", "https://user@a/metrics", "http://[::1]:1/%6detrics", "/metrics"],
)
def test_a_request_target_in_absolute_form_is_its_path(serve: Serve, target: str) -> None:
    """B10: RFC 9112 §3.2.2: a server must accept it, and proxies send it."""
    assert serve().ask(target).text == TEXT


def test_an_absolute_target_without_a_path_is_the_root(serve: Serve) -> None:
    """B10."""
    agent = SmallAgent()
    running = serve(agent)
    assert running.ask("http://a").status == running.ask("http://a?x=1").status == 200
    assert agent.queries == [{}, {"x": "1"}]
    for other in ("ftp://a/metrics", "http:/metrics", "http://a//metrics", "metrics"):
        assert running.ask(other).status == 404, other


def test_a_query_with_far_too_many_fields_is_taken_for_none(serve: Serve) -> None:
    agent = SmallAgent()
    assert serve(agent).ask("/?" + "&".join(f"a{number}=1" for number in range(500))).status == 200
    assert agent.queries == [{}]


def test_a_large_scrape_arrives_whole(serve: Serve) -> None:
    answer = serve(SmallAgent(document="x" * 3_000_000)).ask("/")
    assert answer.body == b"x" * 3_000_000


def test_what_is_not_http_is_a_400_without_a_trace(serve: Serve) -> None:
    running = serve()
    for nonsense in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ):
        with socket.create_connection((running.host, running.port), timeout=20) as connection:
            connection.sendall(nonsense)
            received = b"".join(iter(lambda: connection.recv(65536), b""))
        assert received.startswith(b"HTTP/1.1 400 ")
        assert b"Traceback" not in received


def test_offers_of_other_protocols_are_passed_over(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    running = serve()
    for upgrade in ("websocket", "h2c"):
        assert running.ask("/healthz", Connection="Upgrade", Upgrade=upgrade).status == 200
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
