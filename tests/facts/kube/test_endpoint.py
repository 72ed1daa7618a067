"""Whether the API server accepts what is served, and what stays known while nothing answers."""

from dataclasses import replace

import pytest

from exporter.facts.kube.endpoint import ServedEndpoint, against, followed
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.source import Failure
from exporter.facts.x509 import Certificate, certificates
from exporter.reason import EndpointStatus, Reason
from simulation.pki import DAY, SERVER, YEAR, Authority

NOW = 1_800_000_000.0
OWN, OTHER = Authority("ca", NOW - YEAR, NOW + YEAR), Authority("ca", NOW - YEAR, NOW + YEAR, number=1)
ENDED = Authority("old", NOW - 2 * YEAR, NOW - DAY, number=2)
HOST = "policy.security.svc"
FAILURE = Failure(Reason.UNREACHABLE, "no connection")


def read(*authorities: Authority) -> tuple[Certificate, ...]:
    return tuple(one for authority in authorities for one in certificates(authority.pem))


def chain(issuer: Authority = OWN) -> tuple[Certificate, ...]:
    return certificates(issuer.issue("x", NOW - DAY, NOW + DAY, names=(HOST,), usages=(SERVER,)).certificate_pem)


def target(*trusts: tuple[Certificate, ...] | None, verified: bool = True) -> EndpointTarget:
    return EndpointTarget("APIService", "a", HOST, 443, ("security", "policy"), verified=verified, trusts=trusts)


@pytest.mark.parametrize(
    ("trusts", "roots", "verdict"),
    [
        ((read(OWN),), None, (True, None)),
        ((read(OTHER, OWN),), None, (True, None)),
        ((read(OTHER),), read(OWN), (False, Reason.CERTIFICATE_UNTRUSTED)),
        (((),), read(OWN), (False, Reason.CERTIFICATE_UNTRUSTED)),
        ((read(OWN), read(OTHER)), None, (False, Reason.CERTIFICATE_UNTRUSTED)),
        ((None,), read(OWN), (True, None)),
        ((None,), read(OTHER), (False, Reason.CERTIFICATE_UNTRUSTED)),
        ((None,), None, (None, None)),
        ((None, read(OTHER)), None, (False, Reason.CERTIFICATE_UNTRUSTED)),
        ((None, read(OWN)), None, (None, None)),
    ],
)
def test_each_bundle_must_verify_it(
    trusts: tuple[tuple[Certificate, ...] | None, ...],
    roots: tuple[Certificate, ...] | None,
    verdict: tuple[bool | None, Reason | None],
) -> None:
    """G5: a bundle of its own is as good as the cluster's; without one the host's roots count, if they are known."""
    assert against(target(*trusts), chain(), roots, NOW) == verdict


def test_a_ca_in_the_bundle_that_has_ended_verifies_nothing() -> None:
    """G6: the leaf is in date, and the API server refuses it all the same."""
    served = chain(ENDED)
    assert against(target(read(ENDED)), served, None, NOW) == (False, Reason.CERTIFICATE_EXPIRED)


def test_what_is_not_verified_has_no_verdict() -> None:
    assert against(target(verified=False), chain(OTHER), None, NOW) == (None, None)


def test_what_was_seen_counts_for_an_hour_of_silence() -> None:
    """A Pod that restarts changes nothing; an endpoint out of reach for longer may have been renewed."""
    seen = ServedEndpoint(target(read(OWN)), chain()[0], True)
    silent = ServedEndpoint(seen.target, failure=FAILURE)
    once = followed(seen, silent, NOW)
    assert (once.certificate, once.trusted, once.silent_since) == (seen.certificate, True, NOW)
    assert once.status is EndpointStatus.UNREACHABLE
    again = followed(once, silent, NOW + 3600)
    assert (again.certificate, again.silent_since) == (seen.certificate, NOW)
    late = followed(again, silent, NOW + 3601)
    assert (late.certificate, late.trusted, late.silent_since) == (None, None, NOW)
    assert followed(late, seen, NOW + 4000) == seen


def test_another_bundle_is_another_question() -> None:
    """What was accepted under the former one says nothing of the present one."""
    seen = ServedEndpoint(target(read(OWN)), chain()[0], True)
    found = followed(seen, ServedEndpoint(target(read(OTHER)), failure=FAILURE), NOW)
    assert (found.certificate, found.trusted) == (None, None)


def test_what_was_never_seen_is_silent_since_the_first_look() -> None:
    silent = ServedEndpoint(target(read(OWN)), failure=FAILURE)
    first = followed(None, silent, NOW)
    assert first == replace(silent, silent_since=NOW)
    assert followed(first, silent, NOW + 60) == first


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.UNREACHABLE, EndpointStatus.UNREACHABLE),
        (Reason.DNS, EndpointStatus.UNRESOLVED),
        (Reason.REFUSED, EndpointStatus.REFUSED),
        (Reason.TIMEOUT, EndpointStatus.TIMEOUT),
        (Reason.RESET, EndpointStatus.TLS_ERROR),
        (Reason.TLS_ALERT, EndpointStatus.TLS_ERROR),
        (Reason.TLS_PROTOCOL, EndpointStatus.TLS_ERROR),
        (Reason.NO_CERTIFICATE, EndpointStatus.TLS_ERROR),
        (Reason.CERTIFICATE_MALFORMED, EndpointStatus.TLS_ERROR),
        (Reason.BUG, EndpointStatus.ERROR),
    ],
)
def test_each_way_to_be_silent_has_its_word(reason: Reason, status: EndpointStatus) -> None:
    assert ServedEndpoint(target(), failure=Failure(reason, "")).status is status
    assert ServedEndpoint(target()).status is EndpointStatus.OK
