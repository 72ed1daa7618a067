"""Clusters with one thing changed, each with its name: what findings are kept for."""

from collections.abc import Iterator
from dataclasses import replace

from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER
from exporter.facts.kube.csr_ledger import CsrTotals
from exporter.facts.kube.node_requests import NodeRequests, Rejected
from exporter.facts.source import Failure
from exporter.facts.x509 import Certificate, certificates
from exporter.reason import (
    Ca,
    CaBundleStatus,
    CsrOutcome,
    Lease,
    Reason,
)
from simulation.pki import DAY, YEAR, Authority, Credential
from tests.pages.example import NOW

__all__ = ["CA", "HOUR", "MINUTE", "NODE", "changed_clusters", "read"]

MINUTE, HOUR = 60.0, 3600.0
CA = Authority.cluster(NOW - 3 * YEAR)
NODE = "aks-nodepool1-12345678-vmss00000a"


def read(made: Authority | Credential) -> tuple[Certificate, ...]:
    return certificates(made.pem if isinstance(made, Authority) else made.certificate_pem)


def changed_clusters() -> Iterator[tuple[str, ClusterFacts]]:
    """A cluster of which one thing is known."""
    for ca in Ca:
        for left in (181, 179, 89, 31, 29, -1):
            yield (
                f"{ca} CA ends in {left} days",
                ClusterFacts(cas={ca: read(Authority("ca", NOW - YEAR, NOW + left * DAY))}),
            )
    former = Authority.cluster(NOW - 9 * YEAR, number=1)
    known = ClusterFacts(cas={Ca.CLUSTER: read(CA)}, former_cas=frozenset({read(former)[0].public_key_sha256}))
    for kind in ("APIService", "MutatingWebhookConfiguration", "CustomResourceDefinition"):
        for name, authority in (
            ("the cluster's CA", CA),
            ("a former CA", former),
            ("a CA of its own", Authority("own", NOW - DAY, NOW + YEAR)),
            ("a CA that has ended", Authority("own", NOW - YEAR, NOW - DAY)),
        ):
            bundle = CaBundle(kind, "x", read(authority))
            yield f"caBundle of a {kind} holds {name}", replace(known, bundles=(bundle,))
        for status in CaBundleStatus:
            unread = CaBundle(kind, "x", (), "it is cut off", status)
            yield f"caBundle of a {kind} is {status}", replace(known, bundles=(unread,))
    for lease in Lease:
        for age in (9 * MINUTE, 11 * MINUTE):
            yield f"{lease} was renewed {age / MINUTE:.0f} minutes ago", ClusterFacts(leases={lease: NOW - age})
        yield f"{lease} is ahead", ClusterFacts(leases={lease: NOW}, leases_ahead={lease: 90.0})
    for offset in (-241.0, -61.0, -59.0, 59.0, 61.0, 241.0):
        yield f"the API server's clock is {offset:.0f} seconds ahead", ClusterFacts(clock_offset=offset)
    for left in (31, 29, 8, 6, -1):
        leaf = read(CA.issue("apiserver", NOW - 360 * DAY, NOW + left * DAY))[0]
        yield (
            f"an API server's certificate ends in {left} days",
            ClusterFacts(endpoints=(Endpoint("a:443", leaf, True),)),
        )
    fresh = read(CA.apiserver(("aks",), NOW - DAY))[0]
    for reason in (Reason.CERTIFICATE_UNTRUSTED, Reason.CERTIFICATE_HOSTNAME, Reason.CERTIFICATE_EXPIRED):
        yield (
            f"an API server is not trusted: {reason}",
            ClusterFacts(endpoints=(Endpoint("a:443", fresh, False, reason),)),
        )
    silent = Endpoint("a:443", None, None, failure=Failure(Reason.TIMEOUT, "no answer within 10 s"))
    yield "an API server does not answer", ClusterFacts(endpoints=(silent,))
    for age in (19 * MINUTE, 21 * MINUTE, 7 * HOUR):
        for signer in (CLIENT_SIGNER, SERVING_SIGNER):
            for approved in (False, True):
                one = NodeRequests(NODE, signer, NOW - age, pending_name="csr-1", pending_objects=4, approved=approved)
                name = f"{'an approved' if approved else 'a'} request to {signer} waits for {age / MINUTE:.0f} minutes"
                yield name, ClusterFacts(csrs=CsrTotals({}, {}, {}, (one,)))
    for outcome in (CsrOutcome.DENIED, CsrOutcome.FAILED):
        for age in (MINUTE, 2 * HOUR):
            rejected = NodeRequests(NODE, SERVING_SIGNER, rejected=Rejected("csr-1", outcome, NOW - age, "Policy: no"))
            name = f"a request was {outcome} {age / MINUTE:.0f} minutes ago"
            yield name, ClusterFacts(csrs=CsrTotals({}, {}, {}, (rejected,)))
