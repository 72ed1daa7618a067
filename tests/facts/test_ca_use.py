"""Which member of a CA bundle matters."""

from exporter.facts.ca_use import MemberUse, ca_use
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle, Holds
from exporter.reason import Ca
from simulation.pki import new_key
from tests.facts.authorities import T0, YEAR, signed

NOW = T0 + YEAR / 2
FORMER_KEY, PRESENT_KEY, OWN_KEY, MIDDLE_KEY = (new_key() for _ in range(4))
FORMER = signed("ca", "ca", FORMER_KEY, key=FORMER_KEY, begin=T0 - YEAR, end=T0)
PRESENT = signed("ca", "ca", PRESENT_KEY, key=PRESENT_KEY)
ENDED_BEFORE = signed("ca", "ca", PRESENT_KEY, key=PRESENT_KEY, begin=T0 - YEAR, end=T0)
OLD_ROOT = signed("old", "old", FORMER_KEY, key=FORMER_KEY, begin=T0 - YEAR, end=T0)
ACROSS = signed("ca", "old", FORMER_KEY, key=PRESENT_KEY)
OWN = signed("webhook", "webhook", OWN_KEY, key=OWN_KEY)
MIDDLE = signed("middle", "ca", PRESENT_KEY, key=MIDDLE_KEY)
SERVED = signed("apiserver", "ca", PRESENT_KEY, ca=False)
BELOW = signed("apiserver", "middle", MIDDLE_KEY, ca=False)
BY_FORMER = signed("apiserver", "ca", FORMER_KEY, ca=False)


def test_an_ended_member_that_signed_nothing_in_use_is_superfluous() -> None:
    """B1: in whatever order the two come."""
    for bundle in ((FORMER, PRESENT), (PRESENT, FORMER)):
        use = ca_use(bundle, (SERVED,))
        assert use.counts == PRESENT
        assert (use.of(PRESENT), use.of(FORMER)) == (MemberUse.YES, MemberUse.NO)
        assert use.superfluous(NOW) == (FORMER,)
        assert use.superfluous(T0 - 1) == ()


def test_an_ended_member_that_signed_what_is_in_use_is_the_one_that_counts() -> None:
    """B1's neighbour: there an ended CA is an outage."""
    use = ca_use((FORMER, PRESENT), (BY_FORMER,))
    assert use.counts == FORMER
    assert use.superfluous(NOW) == ()
    both = ca_use((FORMER, PRESENT), (SERVED, BY_FORMER))
    assert (both.counts, both.superfluous(NOW)) == (FORMER, ())


def test_of_several_members_that_verify_the_same_the_last_to_end_counts() -> None:
    """B1: a root renewed with its key, and one that a former root signed across, need no rotation."""
    for bundle in ((ENDED_BEFORE, PRESENT), (PRESENT, ENDED_BEFORE)):
        use = ca_use(bundle, (SERVED,))
        assert (use.counts, use.superfluous(NOW)) == (PRESENT, (ENDED_BEFORE,))
    across = ca_use((OLD_ROOT, PRESENT), (SERVED,), (ACROSS,))
    assert (across.counts, across.superfluous(NOW)) == (PRESENT, (OLD_ROOT,))
    assert ca_use((OLD_ROOT,), (SERVED,), (ACROSS,)).counts == OLD_ROOT


def test_where_nothing_in_use_is_seen_the_last_to_end_counts() -> None:
    """B1: unknown is a word of its own, and nothing is called superfluous."""
    use = ca_use((FORMER, PRESENT), ())
    assert use.counts == PRESENT
    assert {use.of(one) for one in use.bundle} == {MemberUse.UNKNOWN}
    assert use.superfluous(NOW) == ()


def test_the_signer_is_found_through_what_the_server_sent_along() -> None:
    """B13: an intermediate between the bundle and what is served."""
    seen = Endpoint("10.0.0.1:443", BELOW, True, between=(MIDDLE,))
    cluster = ClusterFacts(endpoints=(seen,), cas={Ca.CLUSTER: (FORMER, PRESENT), Ca.REQUESTHEADER: (FORMER, PRESENT)})
    use, header = cluster.ca_use(Ca.CLUSTER), cluster.ca_use(Ca.REQUESTHEADER)
    assert use is not None
    assert use.signers == (PRESENT,)
    assert header is not None
    assert header.of(PRESENT) is MemberUse.UNKNOWN
    assert cluster.ca_use(Ca.CLIENT) is None


def test_a_ca_bundle_of_a_webhook_says_what_it_holds() -> None:
    """G5: the cluster's CA, a former one, its own, nothing that is still valid."""
    cluster = ClusterFacts(cas={Ca.CLUSTER: (PRESENT,)}, former_cas=frozenset({FORMER.public_key_sha256}))

    def held(*certificates: object, now: float = NOW) -> Holds | None:
        return cluster.holds(CaBundle("APIService", "x", certificates), now)  # type: ignore[arg-type]

    assert held(PRESENT) is Holds.CLUSTER_CA
    assert held(FORMER, PRESENT) is Holds.CLUSTER_CA
    assert held(OWN) is Holds.OWN
    assert held(OWN, PRESENT) is Holds.CLUSTER_CA
    assert held(FORMER) is Holds.FORMER_CA
    assert held(FORMER, OWN) is Holds.FORMER_CA
    assert held(OWN, now=OWN.not_after) is Holds.ENDED
    assert held() is None
    assert ClusterFacts().holds(CaBundle("APIService", "x", (OWN,)), NOW) is None
