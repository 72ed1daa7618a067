"""The healthy fleets: a lifetime and a habit of upgrades in, a cluster with a year of ordinary events ahead out."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from simulation.pki import DAY
from tests.year import endpoints
from tests.year.disk import Disk
from tests.year.leaves import Ca, Leaf
from tests.year.machine import Machine
from tests.year.recording import Window, merged, window
from tests.year.world import HOUR, MINUTE, World

__all__ = ["BEGIN", "END", "LIFETIMES", "Fleet", "renew_api_server", "rotate_certificates", "windows"]

BEGIN = 1736121600.0
"""2025-01-06T00:00:00Z, a Monday."""
END = BEGIN + 365 * DAY
PER_KIND = 4
"""Of what happens often in a year, so many are looked at closely, drawn by the fleet's seed."""
ELSEWHERE = 5
"""Windows of two hours at any other time of a pair of clusters."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """A cluster whose year holds nothing but what happens to all."""

    days: float
    """The lifetime of the kubelets' certificates, and of the API server's."""
    weekly: bool
    """Whether node images are upgraded every week, or never."""
    automatic: bool = False
    """Whether only the cluster agent runs there, as on AKS Automatic: with a virtual node and clocks of their own."""

    @property
    def name(self) -> str:
        habit = "upgraded-weekly" if self.weekly else "never-upgraded"
        return f"{self.days:g}-days-{habit}{'-automatic' if self.automatic else ''}"

    def world(self) -> World:
        """The same one each time."""
        linux, win = ("auto", "winauto") if self.automatic else ("nodepool1", "win")
        world = World(self.name, BEGIN, days=self.days, nodes=2, old=True, pool=linux)
        world.latest.add("aks-nodepool1-vmss000001")
        windows = Disk("akswin000000", world.ca, windows=True)
        world.add_node(windows.name, win, BEGIN - world.random.uniform(0, 0.69) * self.days * DAY, windows)
        for machine in world.machines.values():
            # What was written when the node was made: long past its end, and nobody's business.
            stale = replace(world.api, not_before=BEGIN - 900 * DAY, not_after=BEGIN - 170 * DAY)
            machine.disk = replace(machine.disk, copy=stale)
        if self.automatic:
            for machine, ahead in zip(world.machines.values(), (-40.0, 90.0, 2 * HOUR), strict=True):
                machine.kubelet.clock = ahead
            world.add_virtual_node("virtual-node-aci-linux")
        world.api_days = self.days
        gone = world.random.uniform(0, 0.75)
        world.api = replace(
            world.api, not_before=BEGIN - gone * self.days * DAY, not_after=BEGIN + (1 - gone) * self.days * DAY
        )
        renew_api_server(world)
        endpoints.install(world)
        draw = world.random
        for _ in range(PER_KIND):
            world.happens("node agent's restart", draw.uniform(BEGIN, END), partial(_roll_node_agents, world))
            world.happens("cluster agent's restart", draw.uniform(BEGIN, END), world.restart_cluster_agent)
            world.happens("API server's restart", draw.uniform(BEGIN, END), partial(_restart_api_server, world))
            world.happens("missed scrapes", draw.uniform(BEGIN, END), partial(_miss_scrapes, world))
            world.happens("kubelet's restart", draw.uniform(BEGIN, END), partial(_restart_kubelet, world))
        if self.weekly:
            for week in range(1, 52):
                world.happens("node image upgrade", BEGIN + week * 7 * DAY + 2 * HOUR, partial(_upgrade, world))
        moment = BEGIN + draw.uniform(30, 330) * DAY
        world.at(moment, partial(rotate_certificates, world))
        world.moments += [("rotate-certs", moment + hour * HOUR) for hour in (0, 1.5, 3, 4.5)]
        return world

    def moments(self) -> list[float]:
        """Some of everything that happens in the year."""
        world = self.world()
        world.advance(END)
        kinds: dict[str, list[float]] = {}
        for kind, moment in world.moments:
            if BEGIN < moment < END:
                kinds.setdefault(kind, []).append(moment)
        return [
            moment
            for kind, moments in kinds.items()
            for moment in (
                moments if kind == "rotate-certs" else world.random.sample(moments, min(len(moments), PER_KIND))
            )
        ]


def windows(fleets: Iterable[Fleet]) -> tuple[Window, ...]:
    """Around what happens in any of them, and a few elsewhere."""
    fleets = tuple(fleets)
    around = [window(moment) for fleet in fleets for moment in fleet.moments()]
    draw = random.Random(" and ".join(fleet.name for fleet in fleets))
    elsewhere = (draw.uniform(BEGIN, END) // 60 * 60 for _ in range(ELSEWHERE))
    return merged([*around, *(Window(begin, begin + 2 * HOUR) for begin in elsewhere)], BEGIN, END)


LIFETIMES = (1, 7, 45, 90, 365, 730)


def renew_api_server(world: World) -> None:
    """AKS has renewed it when 80 % of the lifetime are gone, and says that it reconciles meanwhile."""
    api = world.api

    def renew() -> None:
        if world.api is not api or world.ca.not_after < world.now + 2 * DAY:
            return
        world.note("API server's renewal")
        world.say("ReconcilingClusterCertificates")
        end = min(world.now + world.api_days * DAY, world.ca.not_after)
        world.api = replace(api, not_before=world.now - 600, not_after=end)
        world.at(world.now + 10 * MINUTE, partial(world.say, "Succeeded"))
        renew_api_server(world)

    world.at(max(api.at(0.8), world.now), renew)


def _restart_api_server(world: World, seconds: float = 90.0) -> None:
    world.api_up = False
    world.at(world.now + seconds, partial(setattr, world, "api_up", True))


def _roll_node_agents(world: World) -> None:
    """The DaemonSet's update: one node after the other."""
    for number, machine in enumerate(list(world.machines.values())):
        world.at(world.now + 90 * number, partial(world.restart_node_agent, machine))


def _miss_scrapes(world: World) -> None:
    """Three in a row, of one target."""
    pod = world.random.choice([pod for pod in world.pods if pod.ended > world.now])
    pod.deaf.append((world.now, world.now + 170))


def _restart_kubelet(world: World) -> None:
    """It draws its moments anew; for ten seconds nobody listens."""
    machine = world.random.choice(_machines(world))
    served = machine.served
    machine.served = None

    def back() -> None:
        machine.served = machine.disk.serving if served else None
        for role in ("kubelet-client", "kubelet-serving"):
            world.plan(machine, role)  # type: ignore[arg-type]

    world.at(world.now + 10, back)


def _upgrade(world: World) -> None:
    """A surge node comes, then each node is drained, deleted and made anew under its name, and the surge node goes."""
    world.say("UpgradingNodeImageVersion")
    endpoints.renew_add_ons(world)
    begin = world.now
    present = _machines(world)
    surge = "aks-nodepool1-vmss000099"
    world.at(begin + 60, partial(world.boot, surge, present[0].pool))
    moment = begin + 5 * MINUTE
    for machine in present:
        world.at(moment, partial(world.remove, machine))
        world.at(moment + 3 * MINUTE, partial(_boot, world, machine))
        moment += 7 * MINUTE
    world.at(moment, lambda: world.remove(world.machines[surge]))
    world.at(moment + MINUTE, partial(world.say, "Succeeded"))


def rotate_certificates(
    world: World, *, reached: int | None = None, ends: str = "Succeeded", webhooks: bool = True
) -> None:
    """`az aks rotate-certs`: another CA, another API server certificate, every node made anew.

    `reached`: so many nodes only. `ends`: ARM's last word, empty for none. `webhooks`: whether they learn of the CA.
    """
    if world.azure.provisioning_state != "Succeeded":  # ARM refuses a second operation
        world.at(world.now + HOUR, partial(rotate_certificates, world))
        return
    begin = world.now
    world.say("RotatingClusterCertificates")

    def change() -> None:
        world.ca = Ca(world.ca.number + 1, world.now - 600, world.now + 30 * 365 * DAY)
        world.root_ca = world.ca
        api = world.api
        world.api = Leaf(api.kind, api.name, world.ca, world.now - 600, world.now + world.api_days * DAY)
        renew_api_server(world)
        _restart_api_server(world, 60)
        for machine in _machines(world):
            world.change(machine, ready=False)

    world.at(begin + 2 * MINUTE, change)
    moment = begin + 4 * MINUTE
    # The cluster agent's node comes last: it distrusts for longest.
    for machine in _machines(world)[::-1][:reached]:
        world.at(moment, partial(_replace, world, machine))
        moment += 7 * MINUTE
    if webhooks:
        world.at(begin + 12 * MINUTE, lambda: setattr(world, "webhook_ca", world.ca))
    if ends:
        world.at(moment + 2 * MINUTE, partial(world.say, ends))


def _replace(world: World, machine: Machine) -> None:
    world.remove(machine)
    world.at(world.now + 3 * MINUTE, partial(_boot, world, machine))


def _boot(world: World, machine: Machine) -> None:
    world.boot(machine.name, machine.pool, windows=machine.disk.windows, clock=machine.kubelet.clock)


def _machines(world: World) -> list[Machine]:
    """All but virtual nodes."""
    return [machine for machine in world.machines.values() if not machine.virtual]
