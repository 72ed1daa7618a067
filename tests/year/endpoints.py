"""What the API server of a simulated cluster calls: certificates renewed by cert-manager, by hand and at upgrades.

Each component has a CA of its own, which its caBundle holds.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.facts.kube.endpoint import ServedEndpoint, against
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.reason import FailurePolicy
from simulation.pki import DAY, YEAR
from tests.year.leaves import Ca, Kind, Leaf

if TYPE_CHECKING:
    from tests.year.world import World

__all__ = [
    "BY_HAND",
    "OF_AN_ADD_ON",
    "OF_CERT_MANAGER",
    "Called",
    "forget",
    "install",
    "misfit",
    "renew_add_ons",
    "seen",
]

OF_CERT_MANAGER, BY_HAND, OF_AN_ADD_ON = "cert-manager-webhook", "policy", "metrics-server"


@dataclass(frozen=True, slots=True)
class Called:
    """One Service that the API server calls."""

    target: EndpointTarget
    leaf: Leaf


def _called(
    world: "World", number: int, name: str, kind: str, policy: FailurePolicy, days: float, gone: float
) -> Called:
    ca = Ca(60 + number, world.created, world.created + 20 * YEAR)
    namespace = "kube-system" if name == OF_AN_ADD_ON else name
    host = f"{name}.{namespace}.svc"
    target = EndpointTarget(kind, name, host, 443, (namespace, name), policy, trusts=(ca.bundle,))
    begin = world.now - gone * days * DAY
    return Called(target, Leaf(Kind.ENDPOINT, host, ca, begin, begin + days * DAY))


def install(world: "World") -> None:
    """Three of them, of any age."""
    draw = world.random.uniform
    webhook = "ValidatingWebhookConfiguration"
    for one in (
        _called(world, 0, OF_CERT_MANAGER, webhook, FailurePolicy.FAIL, 90, draw(0, 2 / 3)),
        _called(world, 1, BY_HAND, webhook, FailurePolicy.IGNORE, 365, draw(0, 0.9)),
        _called(world, 2, OF_AN_ADD_ON, "APIService", FailurePolicy.NONE, 730, draw(0, 0.4)),
    ):
        world.called[one.target.name] = one
    _plan(world, OF_CERT_MANAGER, 2 / 3)
    _plan(world, BY_HAND, 1 - 30 / 365)  # somebody has it in the calendar, a month before


def _plan(world: "World", name: str, part: float) -> None:
    one = world.called[name]

    def renew() -> None:
        if world.called[name] is one and name not in world.forgotten:
            world.note(f"renewal of {name}")
            _renew(world, name)
            _plan(world, name, part)

    world.at(max(one.leaf.at(part), world.now), renew)


def _renew(world: "World", name: str) -> None:
    one = world.called[name]
    lifetime = one.leaf.not_after - one.leaf.not_before
    leaf = replace(one.leaf, not_before=world.now - 60, not_after=world.now - 60 + lifetime)
    world.called[name] = replace(one, leaf=leaf)


def renew_add_ons(world: "World") -> None:
    """AKS makes them anew when it upgrades a cluster."""
    if OF_AN_ADD_ON in world.called:
        _renew(world, OF_AN_ADD_ON)


def forget(world: "World") -> None:
    """cert-manager is gone: what it made ends one day."""
    world.forgotten.add(OF_CERT_MANAGER)
    end = world.called[OF_CERT_MANAGER].leaf.not_after
    world.happens("hurt", end, lambda: None)
    for days in (18, 3):
        world.note("little is left", end - days * DAY)


def misfit(world: "World") -> None:
    """Somebody puts a former caBundle back, from a repository."""
    one = world.called[OF_CERT_MANAGER]
    former = Ca(69, world.created, world.created + 20 * YEAR)
    world.called[OF_CERT_MANAGER] = replace(one, target=replace(one.target, trusts=(former.bundle,)))
    world.note("hurt")


def seen(one: Called, now: float) -> ServedEndpoint:
    """What comes of a handshake."""
    chain = one.leaf.chain
    return ServedEndpoint(one.target, chain[0], *against(one.target, chain, None, now))
