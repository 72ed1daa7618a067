"""ARM's provisioning states, and since when a resource is in one."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.azure.provisioning_state import AzureSince, StateClass, state_class

CLUSTER, POOL = ("cluster", "aks1"), ("agentpool", "nodepool1")


WORDS = {
    "Succeeded": StateClass.SUCCEEDED,
    "Failed": StateClass.FAILED,
    "Canceled": StateClass.CANCELED,
    "RotatingClusterCertificates": StateClass.ROTATING_CERTIFICATES,
    "Certificate Rotating": StateClass.ROTATING_CERTIFICATES,
    "ReconcilingClusterCertificates": StateClass.RECONCILING_CERTIFICATES,
    "ReconcilingClusterETCDCertificates": StateClass.RECONCILING_CERTIFICATES,
    "RotatingServiceAccountSigningKeysInternal": StateClass.ROTATING_SIGNING_KEYS,
    "RotatingServiceAccountSigningKeysExternal": StateClass.ROTATING_SIGNING_KEYS,
    "RotatingClusterStaticTokens": StateClass.ROTATING_TOKENS,
    "Upgrading": StateClass.UPGRADING,
    "UpgradingNodeImageVersion": StateClass.UPGRADING,
    "Starting": StateClass.STARTING,
    "Stopping": StateClass.STOPPING,
    "Updating": StateClass.OTHER,
    "Creating": StateClass.OTHER,
    "RefreshingServicePrincipalProfile": StateClass.OTHER,
    "Reconciling": StateClass.OTHER,
    "SomethingOfNextYear": StateClass.OTHER,
}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("cancelled", StateClass.CANCELED),
        (" Cancel ed\t", StateClass.CANCELED),
        ("Certificates", StateClass.OTHER),
        ("Rotating", StateClass.OTHER),
        ("RotatingX", StateClass.OTHER),
        ("RotatingSigningKeys", StateClass.ROTATING_SIGNING_KEYS),
        ("RotatingTokenCertificates", StateClass.ROTATING_CERTIFICATES),
        ("ReconcilingRotatedCertificates", StateClass.RECONCILING_CERTIFICATES),
        ("TokenRotation", StateClass.ROTATING_TOKENS),
        ("SigningKeys", StateClass.OTHER),
        ("Tokens", StateClass.OTHER),
        ("", StateClass.OTHER),
    ],
)
def test_the_parts_of_a_word_that_count(word: str, expected: StateClass) -> None:
    """Which of them decides where several are there."""
    assert state_class(word) is expected


def test_what_is_final_and_what_changes_certificates() -> None:
    """Of every class."""
    assert {one for one in StateClass if one.final} == {
        StateClass.SUCCEEDED,
        StateClass.FAILED,
        StateClass.CANCELED,
    }
    ledger = AzureSince()
    assert (ledger.since(), ledger.before()) == ({}, {})


@pytest.mark.parametrize(("word", "expected"), WORDS.items())
def test_each_word_of_azure_has_its_class(word: str, expected: StateClass) -> None:
    """As written in Microsoft's own constants and on the AKS page; letter case does not matter."""
    assert state_class(word) is expected
    assert state_class(word.upper()) is expected


def test_the_rules_match_the_same_words_as_this_code() -> None:
    """The chart's alerts look for a running rotation in ARM's words with a pattern of their own."""
    rules = (Path(__file__).parents[3] / "helm/aks-cert-exporter/files/rules/azure.yaml").read_text()
    patterns = set(re.findall(r'resource="cluster", state=~"(\(\?i\)[^"]*)"', rules))
    assert len(patterns) == 1, "one pattern in every rule"
    (pattern,) = patterns
    for word in WORDS:
        assert bool(re.fullmatch(pattern, word)) is state_class(word).certificates_change, word


@given(st.text())
def test_no_word_is_an_error(word: str) -> None:
    """A new state of Azure's is OTHER, and counts as an operation under way."""
    found = state_class(word)
    assert found.final == (found in {StateClass.SUCCEEDED, StateClass.FAILED, StateClass.CANCELED})


def test_only_certificate_states_change_certificates() -> None:
    """Signing keys and tokens leave certificates alone."""
    assert {found for found in StateClass if found.certificates_change} == {
        StateClass.ROTATING_CERTIFICATES,
        StateClass.RECONCILING_CERTIFICATES,
    }


def test_since_is_when_the_present_state_was_first_seen() -> None:
    """A state that stays keeps its beginning, a new one gets its own, and each resource has its own clock."""
    ledger = AzureSince()
    ledger.observe([(CLUSTER, "Succeeded"), (POOL, "Succeeded")], 100.0)
    ledger.observe([(CLUSTER, "RotatingClusterCertificates"), (POOL, "Succeeded")], 200.0)
    ledger.observe([(CLUSTER, "RotatingClusterCertificates"), (POOL, "Updating")], 300.0)
    assert ledger.since() == {CLUSTER: 200.0, POOL: 300.0}
    assert ledger.before() == {CLUSTER: StateClass.SUCCEEDED, POOL: StateClass.SUCCEEDED}


def test_a_failure_remembers_what_failed() -> None:
    """Failed after a rotation is another thing than Failed after an upgrade, also after many looks."""
    ledger = AzureSince()
    ledger.observe([(CLUSTER, "RotatingClusterCertificates")], 100.0)
    for now in (200.0, 300.0):
        ledger.observe([(CLUSTER, "Failed")], now)
    assert ledger.since() == {CLUSTER: 200.0}
    assert ledger.before() == {CLUSTER: StateClass.ROTATING_CERTIFICATES}


def test_a_resource_that_is_gone_is_forgotten() -> None:
    """A pool deleted and made again starts anew."""
    ledger = AzureSince()
    ledger.observe([(CLUSTER, "Succeeded"), (POOL, "Succeeded")], 100.0)
    ledger.observe([(CLUSTER, "Succeeded")], 200.0)
    assert ledger.since() == {CLUSTER: 100.0}
    ledger.observe([(CLUSTER, "Succeeded"), (POOL, "Succeeded")], 300.0)
    assert ledger.since() == {CLUSTER: 100.0, POOL: 300.0}
    assert ledger.before() == {}


@given(st.lists(st.lists(st.tuples(st.sampled_from([CLUSTER, POOL]), st.sampled_from("ABC")), max_size=2)))
def test_since_never_lies_in_the_future_and_never_goes_back(looks: list[list[tuple[tuple[str, str], str]]]) -> None:
    """For any course of states."""
    ledger, last = AzureSince(), dict[tuple[str, str], float]()
    for now, states in enumerate(looks, start=1):
        ledger.observe(states, float(now))
        since = dict(ledger.since())
        assert set(since) == {pair for pair, _ in states}
        assert all(begin <= now and begin >= last.get(pair, 0.0) for pair, begin in since.items())
        last = since


def test_each_class_is_written_as_it_is_named() -> None:
    """In what is kept and compared from one look to the next."""
    assert [one.value for one in StateClass] == [one.name.lower() for one in StateClass]
    assert {state_class(one.value) for one in (StateClass.SUCCEEDED, StateClass.UPGRADING)} == {
        StateClass.SUCCEEDED,
        StateClass.UPGRADING,
    }
