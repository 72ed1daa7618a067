"""What the log is told of sources: each failure once, an outage of the API server once, and when it is over."""

import logging

import pytest

from exporter.agents.cluster.complaints import OTHERS, PATIENCE, Complaints
from exporter.facts.source import Failure
from exporter.reason import Reason, Source

SOURCES = (Source.NODES, Source.CSRS, Source.LEASES, Source.CONFIGMAPS)
REFUSED = (Failure(Reason.REFUSED, "connection refused"),)
FORBIDDEN = (Failure(Reason.FORBIDDEN, "HTTP 403: no"),)
EXPIRED = (Failure(Reason.EXPIRED, "HTTP 410: too old"),)


@pytest.fixture
def complaints(caplog: pytest.LogCaptureFixture) -> Complaints:
    caplog.set_level(logging.INFO)
    return Complaints(SOURCES)


def test_a_failure_is_told_once_and_its_end_once(complaints: Complaints, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        complaints.failed(Source.NODES, FORBIDDEN)
    complaints.failed(Source.NODES, (*FORBIDDEN, Failure(Reason.DECODE, "odd")))
    complaints.answered(Source.NODES)
    complaints.answered(Source.NODES)
    complaints.failed(Source.NODES, FORBIDDEN)
    assert caplog.messages == [
        "nodes: forbidden: HTTP 403: no",
        "nodes: forbidden: HTTP 403: no; decode: odd",
        "nodes: answers again",
        "nodes: forbidden: HTTP 403: no",
    ]
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO", "WARNING"]


def test_what_is_wrong_about_an_answer_is_told_each_time(
    complaints: Complaints, caplog: pytest.LogCaptureFixture
) -> None:
    complaints.noted(Source.NODES, "one object is odd")
    complaints.noted(Source.NODES, "one object is odd")
    assert caplog.messages == ["nodes: one object is odd"] * 2


def test_an_outage_is_one_line_and_its_end_another(complaints: Complaints, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever words follow while the server comes back, and in whatever order its sources answer."""
    complaints.failed(Source.CSRS, REFUSED)
    complaints.failed(Source.NODES, (Failure(Reason.RESET, "connection reset"),))
    complaints.failed(Source.CSRS, (Failure(Reason.TIMEOUT, "no answer"),))
    complaints.failed(Source.CSRS, FORBIDDEN)
    complaints.failed(Source.NODES, FORBIDDEN)
    assert caplog.messages == ["the API server does not answer: refused: connection refused (csrs first)"]
    complaints.answered(Source.NODES)
    assert len(caplog.messages) == 1
    complaints.answered(Source.CSRS)
    assert caplog.messages[1:] == ["the API server answers again"]


def test_a_source_that_goes_on_failing_otherwise_is_no_part_of_the_outage(
    complaints: Complaints, caplog: pytest.LogCaptureFixture
) -> None:
    """Six times in a row; to lose the server once more begins anew."""
    complaints.failed(Source.CSRS, REFUSED)
    complaints.failed(Source.NODES, REFUSED)
    for number in range(PATIENCE - 1):
        complaints.failed(Source.CSRS, (Failure(Reason.FORBIDDEN, f"no {number}"),))
    complaints.failed(Source.CSRS, REFUSED)
    for number in range(PATIENCE - 1):
        complaints.failed(Source.CSRS, (Failure(Reason.FORBIDDEN, f"no {number}"),))
    assert len(caplog.messages) == 1
    complaints.failed(Source.CSRS, FORBIDDEN)
    assert caplog.messages[1:] == ["csrs: forbidden: HTTP 403: no"]
    complaints.answered(Source.NODES)
    assert caplog.messages[2:] == ["the API server answers again"]
    complaints.answered(Source.CSRS)
    assert caplog.messages[3:] == ["csrs: answers again"]
    assert PATIENCE == 6


def test_where_the_others_answer_it_is_no_outage_of_the_server(
    complaints: Complaints, caplog: pytest.LogCaptureFixture
) -> None:
    complaints.failed(Source.CSRS, REFUSED)
    for _ in range(OTHERS - 1):
        complaints.answered(Source.NODES)
        complaints.answered(Source.AZURE)  # another server
    assert len(caplog.messages) == 1
    complaints.answered(Source.NODES)
    assert caplog.messages[1:] == ["csrs: refused: connection refused"]
    complaints.failed(Source.CSRS, REFUSED)
    assert len(caplog.messages) == 2
    complaints.answered(Source.CSRS)
    assert caplog.messages[2:] == ["csrs: answers again"]


def test_the_answers_of_others_are_counted_from_each_outage_on(
    complaints: Complaints, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        complaints.failed(Source.CSRS, REFUSED)
        for _ in range(OTHERS - 1):
            complaints.answered(Source.NODES)
        complaints.answered(Source.CSRS)
    assert (
        caplog.messages
        == [
            "the API server does not answer: refused: connection refused (csrs first)",
            "the API server answers again",
        ]
        * 2
    )


def test_a_source_of_another_server_has_no_part_in_it(complaints: Complaints, caplog: pytest.LogCaptureFixture) -> None:
    complaints.failed(Source.AZURE, REFUSED)
    complaints.failed(Source.CSRS, FORBIDDEN)
    assert caplog.messages == ["azure: refused: connection refused", "csrs: forbidden: HTTP 403: no"]


def test_who_was_told_of_before_does_not_begin_an_outage(
    complaints: Complaints, caplog: pytest.LogCaptureFixture
) -> None:
    complaints.failed(Source.CSRS, FORBIDDEN)
    complaints.failed(Source.CSRS, REFUSED)
    assert caplog.messages == ["csrs: forbidden: HTTP 403: no", "csrs: refused: connection refused"]


def test_a_position_that_ran_out_is_told_where_it_does_so_again_and_again(
    complaints: Complaints, caplog: pytest.LogCaptureFixture
) -> None:
    """A new list follows, and brings everything: that is no trouble, but six of them in a row are."""
    for _ in range(PATIENCE - 1):
        complaints.failed(Source.CSRS, EXPIRED)
    complaints.answered(Source.CSRS)
    for _ in range(PATIENCE - 1):
        complaints.failed(Source.CSRS, EXPIRED)
    assert caplog.messages == []
    complaints.failed(Source.CSRS, EXPIRED)
    assert caplog.messages == ["csrs: expired: HTTP 410: too old"]
    complaints.failed(Source.NODES, (*EXPIRED, *FORBIDDEN))  # not that alone
    assert caplog.messages[1:] == ["nodes: expired: HTTP 410: too old; forbidden: HTTP 403: no"]


def test_a_refusal_of_another_source_during_an_outage_is_told(
    complaints: Complaints, caplog: pytest.LogCaptureFixture
) -> None:
    """The server answers that one: it is no part of the outage."""
    complaints.failed(Source.CSRS, REFUSED)
    complaints.failed(Source.LEASES, FORBIDDEN)
    assert caplog.messages[1:] == ["leases: forbidden: HTTP 403: no"]
    assert (PATIENCE, OTHERS) == (6, 20)
