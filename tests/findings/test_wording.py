"""What the words are for: exporter/findings/wording.py."""

from collections.abc import Iterable, Mapping

import pytest

from exporter.facts.usability import Usability
from exporter.findings import Severity, wording
from exporter.reason import (
    BootstrapMethod,
    Ca,
    CaBundleStatus,
    EndpointStatus,
    Evidence,
    FileStatus,
    Lease,
    Origin,
    Reason,
    Role,
    RotationReason,
    RotationState,
    Source,
)

VERIFYING = (Reason.CERTIFICATE_UNTRUSTED, Reason.CERTIFICATE_EXPIRED, Reason.CERTIFICATE_HOSTNAME)
WITH_FINDINGS_OF_THEIR_OWN = {Source.KUBELET, Source.APISERVER, Source.AZURE}


@pytest.mark.parametrize(
    ("words", "members"),
    [
        (wording.ROLE_WORDS, Role),
        (wording.CERTIFICATE_WORDS, (Role.KUBELET_CLIENT, Role.KUBELET_SERVING)),
        (wording.ORIGIN_WORDS, Origin),
        (wording.STATE_WORDS, RotationState),
        (wording.REASON_WORDS, RotationReason),
        (wording.EVIDENCE_WORDS, Evidence),
        (wording.STATUS_WORDS, FileStatus),
        (wording.USABILITY_WORDS, Usability),
        (wording.BUNDLE_STATUS_WORDS, CaBundleStatus),
        (wording.BOOTSTRAP_WORDS, BootstrapMethod),
        (wording.UNTRUSTED_WORDS, VERIFYING),
        (wording.NOT_ACCEPTED_WORDS, VERIFYING),
        (wording.ENDPOINT_STATUS_WORDS, EndpointStatus),
        (wording.CA_WORDS, Ca),
        (wording.LEASE_WORDS, Lease),
        (wording.SOURCE_WORDS, [one for one in Source if one not in WITH_FINDINGS_OF_THEIR_OWN]),
    ],
)
def test_every_word_of_the_code_has_words_that_people_read(words: Mapping[str, str], members: Iterable[str]) -> None:
    """Each its own, and none is left over."""
    assert set(words) == set(members)
    assert len(set(words.values())) == len(words)
    assert all(words.values())


def test_what_is_one_word_is_told_in_that_word() -> None:
    """Others are for people, and may be said otherwise."""
    assert {state: state.value for state in RotationState} == wording.STATE_WORDS
    sources = (Source.NODES, Source.WORKLOADS, Source.APISERVICES)
    assert [wording.SOURCE_WORDS[one] for one in sources] == ["nodes", "workloads", "APIServices"]
    bootstraps = (BootstrapMethod.NONE, BootstrapMethod.UNKNOWN)
    assert [wording.BOOTSTRAP_WORDS[one] for one in bootstraps] == ["nothing", "unknown"]
    assert wording.ENDPOINT_STATUS_WORDS[EndpointStatus.ERROR] == "fails"


def test_a_whole_has_one_word() -> None:
    """Information is ok."""
    found = {severity: wording.verdict_word(severity) for severity in (None, *Severity)}
    assert found == {
        None: "ok",
        Severity.INFO: "ok",
        Severity.UNKNOWN: "unknown",
        Severity.WARNING: "warning",
        Severity.CRITICAL: "critical",
    }


def test_nobody_looked_is_neither_ok_nor_unknown() -> None:
    assert (wording.OK, wording.NOT_LOOKED_AT) == ("ok", "not looked at")
    assert wording.NOT_LOOKED_AT not in {wording.verdict_word(severity) for severity in Severity}
