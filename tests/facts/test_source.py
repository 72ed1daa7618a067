"""What one source does, counted."""

import pytest

from exporter.facts.source import REASONS, UNREACHED, Failure, SourceFacts, SourceLedger, skipped
from exporter.reason import Reason, Source

T0 = 1_700_000_000.0


@pytest.mark.parametrize("source", Source)
def test_every_reason_that_it_can_give_is_there_from_the_start(source: Source) -> None:
    """From 0, so that the first failure is an increase; also of one that is not looked at."""
    asked = SourceLedger(source).facts()
    assert (asked.up, asked.last_success, asked.last_error, asked.last_reason, asked.skipped) == (
        None,
        None,
        "",
        None,
        "",
    )
    assert asked.errors == dict.fromkeys(REASONS[source], 0)
    for on_purpose in (True, False):
        assert skipped(source, "it is off", on_purpose=on_purpose).errors == asked.errors


def test_one_that_is_not_looked_at_by_choice_is_no_failure() -> None:
    chosen, not_chosen = (skipped(Source.KUBELET, "it is off", on_purpose=word) for word in (True, False))
    assert (chosen.up, chosen.last_error, chosen.skipped) == (None, "", "it is off")
    assert (not_chosen.up, not_chosen.last_error, not_chosen.skipped) == (
        False,
        "not looked at: it is off",
        "it is off",
    )
    assert (chosen.last_success, not_chosen.last_success) == (None, None)


def test_an_answer_forgets_the_failure_and_a_failure_not_the_answer() -> None:
    ledger = SourceLedger(Source.NODES)
    ledger.failure(Reason.TIMEOUT, "no answer")
    failed = ledger.facts()
    assert (failed.up, failed.last_success, failed.last_error) == (False, None, "no answer")
    assert (failed.last_reason, failed.errors[Reason.TIMEOUT]) == (Reason.TIMEOUT, 1)
    ledger.success(T0)
    answered = ledger.facts()
    assert (answered.up, answered.last_success, answered.last_error, answered.last_reason) == (True, T0, "", None)
    assert answered.errors[Reason.TIMEOUT] == 1
    ledger.failure(Reason.TIMEOUT)
    again = ledger.facts()
    assert (again.up, again.last_success, again.last_error) == (False, T0, "timeout")
    assert again.errors[Reason.TIMEOUT] == 2


def test_a_complaint_is_counted_and_takes_nothing_down() -> None:
    ledger = SourceLedger(Source.NODES)
    ledger.success(T0)
    ledger.complaint(Reason.DECODE, "one node cannot be read")
    found = ledger.facts()
    assert (found.up, found.last_reason, found.errors[Reason.DECODE]) == (True, Reason.DECODE, 1)
    assert found.last_error == "one node cannot be read"


def test_a_reason_that_it_does_not_declare_is_an_error() -> None:
    ledger = SourceLedger(Source.KUBELET)
    assert Reason.THROTTLED not in REASONS[Source.KUBELET]
    ledger.failure(Reason.THROTTLED, "x")
    found = ledger.facts()
    assert (found.last_reason, found.errors[Reason.ERROR], found.last_error) == (Reason.ERROR, 1, "x")
    assert set(found.errors) == set(REASONS[Source.KUBELET])


def test_words_bring_no_full_stop() -> None:
    assert Failure(Reason.ERROR, "it said so. ").words == "it said so"


REACHED_NOT = {"dns", "refused", "unreachable", "reset", "timeout", "tls_alert", "tls_protocol"}
CONNECTION = {*REACHED_NOT, "error", "bug"}
CERTIFICATE = {
    "certificate_expired",
    "certificate_hostname",
    "certificate_untrusted",
    "certificate_malformed",
    "no_certificate",
}
API = {
    *CONNECTION,
    *CERTIFICATE,
    "unauthorized",
    "forbidden",
    "not_found",
    "expired",
    "throttled",
    "server_error",
    "decode",
    "too_large",
    "credentials",
}
OTHERS = {
    "kubelet": {*CONNECTION, "certificate_malformed", "no_certificate"},
    "apiserver": CONNECTION | CERTIFICATE,
    "endpoints": CONNECTION | CERTIFICATE,
    "azure": {*API, "conflict"},
}


@pytest.mark.parametrize("source", Source)
def test_a_source_fails_for_the_reasons_that_it_can_have(source: Source) -> None:
    """One that asks an HTTP API has most; each is a series from the start."""
    assert {str(reason) for reason in SourceLedger(source).facts().errors} == OTHERS.get(source, API)
    assert len(REASONS[source]) == len(set(REASONS[source]))


def test_a_server_that_gives_no_answer_of_its_own_is_not_reached() -> None:
    ledger = SourceLedger(Source.NODES)
    for reason in UNREACHED:
        ledger.failure(reason)
    failed = {str(reason) for reason, number in ledger.facts().errors.items() if number}
    assert failed == {str(reason) for reason in UNREACHED} == {*REACHED_NOT, "server_error"}


def test_a_reading_is_whole() -> None:
    none = dict.fromkeys(REASONS[Source.KUBELET], 0)
    assert skipped(Source.KUBELET, "it is off", on_purpose=True) == SourceFacts(
        Source.KUBELET, None, None, none, last_error="", last_reason=None, skipped="it is off"
    )
    ledger = SourceLedger(Source.KUBELET)
    ledger.complaint(Reason.TIMEOUT)
    found = SourceFacts(Source.KUBELET, None, None, {**none, Reason.TIMEOUT: 1}, "timeout", Reason.TIMEOUT, "")
    assert ledger.facts() == found
    assert found == SourceFacts(Source.KUBELET, None, None, found.errors, "timeout", Reason.TIMEOUT)
    assert [Failure(Reason.ERROR, words).words for words in ("a.b ..", ". a", "")] == ["a.b", ". a", ""]
