"""Whether what an API server served fits what a kubeconfig trusts, and what is likely to be behind it if not."""

from dataclasses import replace

import pytest

from exporter.facts.kube.kubeconfig_trust import Cause, KubeconfigTrust
from exporter.facts.x509 import Certificate, certificates
from exporter.reason import Reason
from simulation.pki import DAY, SERVER, Authority

NOW = 1_800_000_000.0
HOST = "contoso-1a2b3c4d.hcp.westeurope.azmk8s.io"
OWN, ROTATED = Authority.cluster(NOW), Authority.cluster(NOW, number=1)
PROXY, ROOT = Authority("proxy", NOW - DAY, NOW + DAY, number=2), Authority("root", NOW - DAY, NOW + DAY, number=3)


def chain(issuer: Authority, *names: str) -> tuple[Certificate, ...]:
    return certificates(issuer.issue("x", NOW - DAY, NOW + DAY, names=names, usages=(SERVER,)).certificate_pem)


def read(authority: Authority) -> tuple[Certificate, ...]:
    return certificates(authority.pem)


TRUST = KubeconfigTrust("c", f"https://{HOST}:443", HOST, authorities=read(OWN))
UNKNOWN = Reason.CERTIFICATE_UNTRUSTED


def test_who_issued_what_was_served_is_told_once_and_so_is_whom_it_is_for() -> None:
    served = (*chain(OWN, HOST, "10.0.0.1"), *read(OWN), *read(PROXY))
    found = replace(TRUST, chain=served)
    assert (found.issuers, found.served_names) == (("CN=ca", "CN=proxy"), (HOST, "10.0.0.1"))
    unnamed = replace(served[0], issuer="", purpose=None)
    assert (replace(TRUST, chain=(unnamed,)).issuers, replace(TRUST, chain=(unnamed,)).served_names) == ((), ())
    assert (TRUST.issuers, TRUST.served_names, TRUST.cause) == ((), (), None)
    assert (TRUST.tls, TRUST.insecure, TRUST.through, TRUST.client) == (True, False, "", ())


@pytest.mark.parametrize(
    ("served", "untrusted", "cause"),
    [
        (chain(OWN, HOST), None, None),
        ((), UNKNOWN, None),
        (chain(ROTATED, HOST), Reason.CERTIFICATE_EXPIRED, Cause.DATES),
        (chain(OWN, "another"), Reason.CERTIFICATE_HOSTNAME, Cause.NAME),
        (chain(ROTATED, "kubernetes", HOST), UNKNOWN, Cause.ROTATED),
        (chain(ROTATED, "another.hcp.westeurope.azmk8s.io"), UNKNOWN, Cause.ANOTHER_CLUSTER),
        (chain(PROXY, HOST), UNKNOWN, Cause.INTERCEPTED),
        ((*chain(PROXY, HOST), *read(OWN)), UNKNOWN, Cause.ROTATED),
    ],
)
def test_what_is_behind_it(served: tuple[Certificate, ...], untrusted: Reason | None, cause: Cause | None) -> None:
    """AKS names every cluster's CA alike, and a rotated one like the former."""
    assert replace(TRUST, chain=served, untrusted=untrusted).cause is cause
    assert {one: one.value for one in Cause} == {
        Cause.ROTATED: "rotated",
        Cause.ANOTHER_CLUSTER: "another_cluster",
        Cause.INTERCEPTED: "intercepted",
        Cause.DATES: "dates",
        Cause.NAME: "name",
    }


def test_the_systems_authorities_are_none_of_a_cluster() -> None:
    found = replace(TRUST, authorities=None, chain=chain(OWN, HOST), untrusted=UNKNOWN)
    assert found.cause is Cause.INTERCEPTED


@pytest.mark.parametrize(
    ("host", "name", "fits"),
    [
        ("a.b.example", "A.b.Example", True),
        ("A.B.example.", "a.b.example", True),
        ("a.b.example", "*.b.example", True),
        ("a.b.example", "*.B.example", True),
        ("a.b.example", "*.example", False),
        ("a.b.example", "b.example", False),
        ("a.b.example", "x.b.example", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
    ],
)
def test_it_is_this_very_server_where_a_name_fits(host: str, name: str, fits: bool) -> None:
    """In any case of letters; an asterisk stands for one label."""
    found = replace(TRUST, server_name=host, chain=chain(ROTATED, "other.example", name), untrusted=UNKNOWN)
    assert found.cause is (Cause.ROTATED if fits else Cause.ANOTHER_CLUSTER)
