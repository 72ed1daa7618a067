"""Ways to break the kubelet of a node without a node agent: a world in, the world as it is from then on out."""

from dataclasses import replace

from exporter.reason import KubeletStatus
from simulation.pki import DAY, YEAR
from tests.year.leaves import Ca, Kind, Leaf
from tests.year.machine import Machine
from tests.year.world import World


def _last(world: World) -> Machine:
    return list(world.machines.values())[-1]


def rotation_off(world: World) -> None:
    """It runs with another configuration since its restart; its certificate is the one it had."""
    machine = _last(world)
    machine.kubelet.rotates = False
    machine.mute = True
    client = machine.disk.client
    assert client is not None
    world.change(machine, replace(machine.disk, client=replace(client, not_after=world.now + 100 * DAY)))
    world.happens("end of kubelet-client", world.now + 100 * DAY, lambda: None)


def foreign_ca(world: World) -> None:
    """Somebody restored another cluster's files."""
    world.note("hurt")
    machine = _last(world)
    other = Ca(9, world.now - YEAR, world.now + 29 * YEAR)
    machine.served = Leaf(Kind.SERVING, machine.name, other, world.now - DAY, world.now + YEAR)


def self_signed(world: World) -> None:
    """Its restart lost the request for a certificate of the cluster's."""
    machine = _last(world)
    machine.served = Leaf(Kind.SELF_SIGNED_LINUX, machine.name, world.ca, world.now - DAY, world.now + 20 * YEAR)


def stopped(world: World) -> None:
    machine = _last(world)
    machine.kubelet.stopped = True
    world.change(machine, ready=False)


def refused(status: KubeletStatus, world: World) -> None:
    for machine in world.machines.values():
        machine.kubelet.refuses = status


def untold(world: World) -> None:
    _last(world).kubelet.tells = False
