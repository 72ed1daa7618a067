"""The looks at what the API server calls (agents/cluster/endpoint_looks.py), one by one."""

import asyncio

from exporter.agents.cluster.endpoint_looks import AT_ONCE, MOST, EndpointLooks, Looking
from exporter.agents.cluster.kube_sources import KUBE_SOURCES
from exporter.agents.cluster.state import ClusterState
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.x509 import certificates
from exporter.reason import EndpointStatus, Reason, Source
from exporter.sources.endpoints.look import by_name
from simulation.node.kubelet import SimulatedKubelets
from simulation.pki import DAY, SERVER, Authority
from tests.agents.clusters import NOW

OWN = Authority("own-ca", NOW - 900 * DAY, NOW + 900 * DAY, number=3)
TARGET = EndpointTarget("A", "a", "a.ns.svc", 443, ("ns", "a"), trusts=(certificates(OWN.pem),))


def looks(state: ClusterState, place: tuple[str, int]) -> EndpointLooks:
    looking = Looking(True, lambda *_: place, interval=7.0, timeout=2.0)
    return EndpointLooks(state, lambda work: work(), looking, lambda: NOW)


def test_it_is_looked_as_often_as_is_wanted() -> None:
    assert Looking() == Looking(False, by_name, 600.0, 5.0)
    assert (Looking().sources, Looking(True).sources) == ((), (Source.ENDPOINTS,))
    one = looks(ClusterState((*KUBE_SOURCES, Source.ENDPOINTS)), ("127.0.0.1", 1))
    poll = one._poll
    assert (poll._interval, poll._thread.name) == (7.0, "endpoints")
    assert (poll._members, poll._ask, poll._left) == (one._fleet, one._look, one._left)
    assert (AT_ONCE, MOST) == (16, 5000)
    one.start()
    assert poll._thread.is_alive()
    one.stop()
    assert not poll._thread.is_alive()


def test_what_came_of_a_look_is_told_and_whether_it_was_seen() -> None:
    state = ClusterState((*KUBE_SOURCES, Source.ENDPOINTS))
    state.targets = {"A": (TARGET,)}
    serving = OWN.issue("a", NOW - DAY, NOW + DAY, names=("a.ns.svc",), usages=(SERVER,))
    with SimulatedKubelets() as servers:
        one = looks(state, servers.start(serving, OWN).address)
        one._fleet()
        assert asyncio.run(one._look(TARGET)) is True
    (leaf,) = certificates(serving.certificate_pem)
    assert state.facts().served == (ServedEndpoint(TARGET, leaf, True),)
    (facts,) = [each for each in state.sources() if each.source is Source.ENDPOINTS]
    assert (facts.up, facts.last_success) == (True, NOW)
    gone = looks(state, ("127.0.0.1", 1))
    gone._fleet()
    assert asyncio.run(gone._look(TARGET)) is False
    (served,) = state.facts().served or ()
    assert (served.status, served.silent_since) == (EndpointStatus.REFUSED, NOW)
    assert served.failure is not None
    assert served.failure.reason is Reason.REFUSED
    assert gone._places is not None
    assert gone._places._value == AT_ONCE
