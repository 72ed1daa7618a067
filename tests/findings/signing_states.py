"""Requests that wait and leases that are silent, in each state that matters: what findings are kept for."""

from collections.abc import Iterator
from dataclasses import replace

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER
from exporter.facts.node_document import ToldRotation
from exporter.reason import CsrCondition, Lease, Requestor, Rotation
from simulation.pki import DAY
from tests.facts.test_outlook import T0, cluster, issued, node, told, waits
from tests.findings.test_signing import ALIVE, HOUR, MINUTE, silent

__all__ = ["T0", "signing_states"]


def signing_states() -> Iterator[tuple[str, ClusterFacts]]:
    """Each with its name; it is T0."""
    for waited in (5 * MINUTE, 6 * MINUTE, 10 * MINUTE, 11 * MINUTE, HOUR):
        for left in (-MINUTE, 20 * MINUTE, 7 * HOUR, 100 * DAY):
            for count in (1, 2):
                name = f"{count} waited for {waited / MINUTE:.0f} minutes, the first ends in {left / HOUR:.1f} hours"
                yield name, silent(left, waited, count)
    for lease in Lease:
        for age in (5, 6, 15, 16):
            leases = {**ALIVE, lease: T0 - age * MINUTE}
            yield f"{lease} silent for {age} minutes", replace(silent(DAY, 12 * MINUTE, 1), leases=leases)
            nobody = replace(cluster(issued("n1", T0 - DAY, 30), nodes=(node("n1"),)), leases=leases)
            yield f"{lease} silent for {age} minutes, and nobody waits", nobody
        rest = {one: T0 for one in Lease if one is not lease}
        yield f"{lease} has no lease", replace(cluster(nodes=(node("n1"),)), leases=rest)
        off = replace(node("n1"), serving_rotation=Rotation.DISABLED)
        yield f"{lease} has no lease, and no node rotates", replace(cluster(nodes=(off,)), leases=rest)
    yield from _approved()
    yield from _new()


def _approved() -> Iterator[tuple[str, ClusterFacts]]:
    for pending, approved in ((0, 2), (1, 1)):
        facts = silent(HOUR, 11 * MINUTE)
        assert facts.csrs is not None
        counted = {
            (SERVING_SIGNER, Requestor.NODE, CsrCondition.APPROVED): approved,
            (SERVING_SIGNER, Requestor.NODE, CsrCondition.PENDING): pending,
        }
        for lease, renewed in ((None, T0), *((one, T0 - HOUR) for one in Lease)):
            leases = {**ALIVE, lease: renewed} if lease else ALIVE
            known = replace(facts, csrs=replace(facts.csrs, objects=counted), leases=leases)
            yield f"{pending} pending, {approved} approved, silent: {lease or 'nobody'}", known


def _new() -> Iterator[tuple[str, ClusterFacts]]:
    for signer in (CLIENT_SIGNER, SERVING_SIGNER):
        for count in (1, 2):
            requests = [waits(f"new{number}", T0 - 11 * MINUTE, signer) for number in range(count)]
            known = replace(cluster(*requests, issued("n1", T0, 365, signer), nodes=(node("n1"),)), leases=ALIVE)
            yield f"{count} new nodes wait for {signer}", known
            yield f"{count} new nodes wait for {signer}, and no end is known", cluster(*requests, nodes=(node("n1"),))
            old = replace(issued("n1", T0 - 200 * DAY, 365, signer), pending_since=T0 - 11 * MINUTE, pending_objects=1)
            both = replace(cluster(*requests, old, nodes=(node("n1"),)), leases=ALIVE)
            yield f"{count} new nodes and a present one wait for {signer}", both
    bare = told(ToldRotation("kubelet-serving", "waiting"))
    asks = waits("a", T0 - 11 * MINUTE, SERVING_SIGNER)
    yield "a node says that it has none", cluster(asks, nodes=(node("a"),), a=bare)
    for gone in (1, 2, 3):
        held = [issued(f"n{number}", T0 - 365 * DAY - MINUTE, 365, SERVING_SIGNER) for number in range(gone)]
        living = [issued(f"m{number}", T0 - 200 * DAY * number, 365, SERVING_SIGNER) for number in (0, 1)]
        waiting = [replace(one, pending_since=T0 - 11 * MINUTE, pending_objects=1) for one in held]
        yield f"{gone} of {gone + 2} ended meanwhile", replace(cluster(*waiting, *living), leases=ALIVE)
