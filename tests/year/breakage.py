"""Ways to break a simulated cluster, and to prepare one that will: a world in, the world as it is from then on out."""

from dataclasses import replace
from functools import partial

from exporter.facts.kube.csr import SERVING_SIGNER
from exporter.reason import FileStatus, Lease, Mode, Role
from simulation.pki import DAY, YEAR
from tests.year.disk import Disk
from tests.year.fleets import BEGIN, renew_api_server, rotate_certificates
from tests.year.leaves import Ca, Kind, Leaf
from tests.year.machine import FOREVER, Answer, Machine
from tests.year.world import HOUR, World


def _first(world: World) -> Machine:
    return next(iter(world.machines.values()))


def no_answer(world: World) -> None:
    world.silent_leases[Lease.KUBELET_SERVING_CSR_APPROVER] = world.now
    world.answers[SERVING_SIGNER] = Answer.NONE


def answer(signer: str, answer: Answer, world: World) -> None:
    world.answers[signer] = answer


def mute(world: World) -> None:
    for machine in world.machines.values():
        machine.mute = True


def new_node_without_serving(world: World) -> None:
    world.note("hurt")
    world.boot("aks-nodepool1-vmss000007", "nodepool1", asks_for_serving=False)


def hold_old(world: World) -> None:
    """The file is renewed, and the kubelet goes on serving what it has in memory until its end."""
    machine = _first(world)
    machine.holds_old = True
    served = machine.served
    assert served is not None
    world.happens("hurt", served.not_after, lambda: None)
    world.request(machine, Role.KUBELET_SERVING)


def static(world: World) -> None:
    """A node from before TLS bootstrapping is first looked at."""
    name = "aks-agentpool-vmss000005"
    client = Leaf(Kind.CLIENT, name, world.ca, world.now - 0.4 * YEAR, world.now + 0.6 * YEAR)
    serving = Leaf(Kind.SELF_SIGNED_LINUX, name, world.ca, world.now - 0.4 * YEAR, world.now + 19.6 * YEAR)
    client = replace(client, not_before=client.not_after - 2 * YEAR)
    disk = Disk(name, world.ca, client, serving, client_static=True, serving_rotation=None, bootstrap=False)
    world.add_node(name, "agentpool", world.now, disk).label = False


def static_and_unreadable(world: World) -> None:
    """The same, with a kubeconfig that the agent may not read: nothing tells what rotates."""
    static(world)
    machine = world.machines["aks-agentpool-vmss000005"]
    world.change(machine, replace(machine.disk, kubeconfig_status=FileStatus.PERMISSION_DENIED))


def windows(world: World) -> None:
    name = "akswin000005"
    begin = world.now - 0.6 * YEAR
    serving = Leaf(Kind.SELF_SIGNED_WINDOWS, name, world.ca, begin, begin + YEAR)
    world.add_node(name, "win", world.now, Disk(name, world.ca, None, serving, serving_rotation=None, windows=True))
    world.machines[name].label = False
    world.happens("hurt", serving.not_after, lambda: None)


def never_offered(world: World) -> None:
    name = "aks-old-vmss000005"
    serving = Leaf(Kind.SELF_SIGNED_LINUX, name, world.ca, world.now - YEAR, world.now + 19 * YEAR)
    world.add_node(name, "old", world.now, Disk(name, world.ca, None, serving, serving_rotation=None)).label = False


def opted_out(world: World) -> None:
    """Tag and nodes agree."""
    tag(world)
    for machine in world.machines.values():
        machine.label = False
        tags = (("aks-disable-kubelet-serving-certificate-rotation", "true"),)
        serving = Leaf(Kind.SELF_SIGNED_LINUX, machine.name, world.ca, world.now - DAY, world.now + 20 * YEAR)
        machine.served = serving
        world.change(machine, replace(machine.disk, serving=serving, serving_rotation=False, tags=tags))


def tag(world: World) -> None:
    pools = tuple(replace(pool, opted_out=True) for pool in world.azure.pools)
    world.azure = replace(world.azure, pools=pools)


def api_ends(days: float, world: World) -> None:
    """Nobody renews it; it ends so many days after the beginning."""
    end = BEGIN + days * DAY
    world.api = replace(world.api, not_before=end - 2 * YEAR - 600, not_after=end)
    world.happens("hurt", end, lambda: None)


def api_ends_without_rbac(world: World) -> None:
    world.azure = replace(world.azure, rbac=False)
    api_ends(200, world)


def young_api(world: World) -> None:
    world.api = replace(world.api, not_before=BEGIN + 30 * DAY)
    renew_api_server(world)


def requestheader(world: World) -> None:
    renew_api_server(world)
    world.requestheader_ca = Ca(50, world.created, BEGIN + 150 * DAY)
    world.happens("hurt", world.requestheader_ca.not_after, lambda: None)


def old_ca(world: World) -> None:
    world.api_days = 365
    renew_api_server(world)
    world.happens("hurt", world.ca.not_after, lambda: None)


def without_azure(world: World) -> None:
    renew_api_server(world)
    world.azure_asked = False


def drift(world: World) -> None:
    """Twenty seconds a day."""
    begin = world.now
    for hour in range(24 * 16):
        world.at(begin + hour * HOUR, partial(setattr, world, "clock_offset", 20 * hour / 24))
    for kind, seconds in (("skew", 60), ("much skew", 240), ("hurt", 300)):
        world.happens(kind, begin + seconds / 20 * DAY, lambda: None)


def empty(world: World) -> None:
    machine = _first(world)
    world.change(machine, replace(machine.disk, client_status=FileStatus.EMPTY))


def unbootstrapped(world: World) -> None:
    for machine in world.machines.values():
        world.change(machine, replace(machine.disk, bootstrap=False))


def unobserved(world: World) -> None:
    world.stop_node_agent(list(world.machines.values())[-1])


def all_unobserved(world: World) -> None:
    for machine in world.machines.values():
        world.stop_node_agent(machine)


def no_cluster_agent(world: World) -> None:
    for pod in world.pods:
        if pod.mode is Mode.CLUSTER and pod.ended == FOREVER:
            pod.ended = world.now


def foreign_api(world: World) -> None:
    """The API server comes up with a certificate of another CA, say from a restored backup."""
    world.note("hurt")
    world.api = replace(world.api, ca=Ca(9, world.now - YEAR, world.now + 29 * YEAR))


def stopped_cluster(world: World) -> None:
    """Stopped while it should have rotated; AKS renews the control plane, the nodes stay as they were."""
    first = min(
        (one.disk.client for one in world.machines.values() if one.disk.client), key=lambda leaf: leaf.not_after
    )
    world.at(first.at(0.69), partial(stop_cluster, world))
    world.happens("started again", first.at(0.93), partial(start_cluster, world))


def stop_cluster(world: World) -> None:
    world.note("stopped")
    no_cluster_agent(world)
    for machine in world.machines.values():
        machine.mute = True
        world.stop(machine)
    world.api_up = False


def start_cluster(world: World) -> None:
    world.api_up = True
    world.api = replace(world.api, not_before=world.now - 600, not_after=world.now + 2 * YEAR)
    for machine in world.machines.values():
        world.start(machine)
    world.restart_cluster_agent(60)


def deallocated(world: World) -> None:
    """One node sleeps past the end of its certificate."""
    machine = list(world.machines.values())[-1]
    client = machine.disk.client
    assert client is not None
    world.stop(machine)
    world.happens("started again", client.not_after + 3 * DAY, partial(world.start, machine))


def break_off(world: World) -> None:
    rotate_certificates(world, reached=1, ends="Failed")


def azure_silent(world: World) -> None:
    world.azure_answers = False


def unreachable(world: World) -> None:
    world.api_up = False
