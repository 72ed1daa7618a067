"""What breaks, one thing to a cluster, at a moment drawn by its seed: the cluster, when it hurts, and what is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from exporter.demo.pki import DAY, YEAR
from exporter.facts.csr import CLIENT_SIGNER, SERVING_SIGNER
from exporter.reason import FileStatus, Lease, Mode, Role
from tests.year.disk import Disk
from tests.year.fleets import BEGIN, renew_api_server, rotate_certificates
from tests.year.leaves import Ca, Kind, Leaf
from tests.year.recording import Window, merged, window
from tests.year.world import FOREVER, HOUR, MINUTE, Answer, Machine, World

__all__ = ["FAILURES", "Failure"]

TAG_RETIRES = 1806537600.0
"""2027-04-01T00:00:00Z: AKS no longer honours the opt-out tag."""
HORIZON = 520 * DAY
"""How long a failure is followed: until a certificate of a year ends."""
Alert = tuple[str, str]
"""Name and severity."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure."""

    name: str
    what: str
    """The row's words."""
    breaks: Callable[[World], None]
    """Done to a healthy cluster at the drawn moment."""
    hurts: str
    """Who suffers, and from when."""
    alerts: frozenset[Alert]
    """Everything that is told to somebody until it hurts, or within the windows where no moment is known; and, of what
    is information alone, that."""
    impact: str | float = ""
    """The kind of moment at which it hurts, Unix seconds, or empty: nobody knows when."""
    prepare: Callable[[World], None] = renew_api_server
    """Done to the cluster at its beginning."""
    recorded: Mapping[str, float] = field(default_factory=dict)
    """What the user's recording rules add."""
    ca_years: float = 30
    old: bool = True
    """Whether the nodes are of any age, or all made at the beginning."""
    moment: float | None = None
    """Seconds from the beginning to when it breaks, where that is not to be drawn."""

    def world(self) -> World:
        """The same one each time."""
        world = World(self.name, BEGIN, days=365, nodes=2, old=self.old, ca_years=self.ca_years)
        self.prepare(world)
        drawn = world.random.uniform(3, 40) * DAY // 60 * 60 + 7
        world.happens("broken", BEGIN + (drawn if self.moment is None else self.moment), partial(self._break, world))
        return world

    def _break(self, world: World) -> None:
        world.note("broken now")
        self.breaks(world)

    def story(self) -> tuple[float, float | None, tuple[Window, ...]]:
        """When it breaks, when it hurts, and the windows around whatever happens in between."""
        world = self.world()
        world.advance(BEGIN + HORIZON)
        broken = next(moment for kind, moment in world.moments if kind == "broken now")
        impact = self._impact(world, broken)
        end = max(impact, broken + 6 * HOUR) + 2 * HOUR if impact and impact < BEGIN + HORIZON else broken + 14 * DAY
        kinds: dict[str, list[float]] = {}
        for kind, moment in world.moments:
            if broken < moment < end:
                kinds.setdefault(kind, []).append(moment)
        around = [window(moment) for moment in _thresholds(world) if broken < moment < end]
        for kind, found in kinds.items():  # an unanswered request pages after six hours
            after = 7 * HOUR if kind.startswith("rotation of") else 100 * MINUTE
            around += [window(moment, after=after) for moment in found[:2]]
        return broken, impact, merged([window(broken, 20 * MINUTE, 7 * HOUR), *around], BEGIN, end)

    def _impact(self, world: World, broken: float) -> float | None:
        if isinstance(self.impact, float):
            return self.impact
        return next((moment for kind, moment in world.moments if kind == self.impact and moment >= broken), None)


def _thresholds(world: World) -> list[float]:
    """Whatever the rules measure a certificate by."""
    found = []
    leaves = [
        leaf for one in world.machines.values() for leaf in (one.disk.client, one.disk.serving, one.served) if leaf
    ]
    for leaf in {*leaves, world.api}:
        found += [leaf.at(part) for part in (0.8, 0.9, 0.95, 1)]
        found += [leaf.not_before + 90 * DAY, leaf.not_after - 30 * DAY, leaf.not_after - 7 * DAY]
    for ca in (world.ca, world.requestheader_ca):
        found += [ca.not_after - days * DAY for days in (180, 90, 30, 0)]
    return found


def _first(world: World) -> Machine:
    return next(iter(world.machines.values()))


def _no_answer(world: World) -> None:
    world.silent_leases[Lease.KUBELET_SERVING_CSR_APPROVER] = world.now
    world.answers[SERVING_SIGNER] = Answer.NONE


def _answer(signer: str, answer: Answer, world: World) -> None:
    world.answers[signer] = answer


def _mute(world: World) -> None:
    for machine in world.machines.values():
        machine.mute = True


def _new_node_without_serving(world: World) -> None:
    world.note("hurt")
    world.boot("aks-nodepool1-vmss000007", "nodepool1", asks_for_serving=False)


def _hold_old(world: World) -> None:
    """The file is renewed, and the kubelet goes on serving what it has in memory until its end."""
    machine = _first(world)
    machine.holds_old = True
    served = machine.served
    assert served is not None
    world.happens("hurt", served.not_after, lambda: None)
    world.request(machine, Role.KUBELET_SERVING)


def _static(world: World) -> None:
    """A node from before TLS bootstrapping is first looked at."""
    name = "aks-agentpool-vmss000005"
    client = Leaf(Kind.CLIENT, name, world.ca, world.now - 0.4 * YEAR, world.now + 0.6 * YEAR)
    serving = Leaf(Kind.SELF_SIGNED_LINUX, name, world.ca, world.now - 0.4 * YEAR, world.now + 19.6 * YEAR)
    client = replace(client, not_before=client.not_after - 2 * YEAR)
    disk = Disk(name, world.ca, client, serving, client_static=True, serving_rotation=None, bootstrap=False)
    world.add_node(name, "agentpool", world.now, disk).label = False


def _static_and_unreadable(world: World) -> None:
    """The same, with a kubeconfig that the agent may not read: nothing tells what rotates."""
    _static(world)
    machine = world.machines["aks-agentpool-vmss000005"]
    world.change(machine, replace(machine.disk, kubeconfig_status=FileStatus.PERMISSION_DENIED))


def _windows(world: World) -> None:
    name = "akswin000005"
    begin = world.now - 0.6 * YEAR
    serving = Leaf(Kind.SELF_SIGNED_WINDOWS, name, world.ca, begin, begin + YEAR)
    world.add_node(name, "win", world.now, Disk(name, world.ca, None, serving, serving_rotation=None, windows=True))
    world.machines[name].label = False
    world.happens("hurt", serving.not_after, lambda: None)


def _never_offered(world: World) -> None:
    name = "aks-old-vmss000005"
    serving = Leaf(Kind.SELF_SIGNED_LINUX, name, world.ca, world.now - YEAR, world.now + 19 * YEAR)
    world.add_node(name, "old", world.now, Disk(name, world.ca, None, serving, serving_rotation=None)).label = False


def _opted_out(world: World) -> None:
    """Tag and nodes agree."""
    _tag(world)
    for machine in world.machines.values():
        machine.label = False
        tags = (("aks-disable-kubelet-serving-certificate-rotation", "true"),)
        serving = Leaf(Kind.SELF_SIGNED_LINUX, machine.name, world.ca, world.now - DAY, world.now + 20 * YEAR)
        machine.served = serving
        world.change(machine, replace(machine.disk, serving=serving, serving_rotation=False, tags=tags))


def _tag(world: World) -> None:
    pools = tuple(replace(pool, opted_out=True) for pool in world.azure.pools)
    world.azure = replace(world.azure, pools=pools)


def _api_ends(days: float, world: World) -> None:
    """Nobody renews it; it ends so many days after the beginning."""
    end = BEGIN + days * DAY
    world.api = replace(world.api, not_before=end - 2 * YEAR - 600, not_after=end)
    world.happens("hurt", end, lambda: None)


def _api_ends_without_rbac(world: World) -> None:
    world.azure = replace(world.azure, rbac=False)
    _api_ends(200, world)


def _young_api(world: World) -> None:
    world.api = replace(world.api, not_before=BEGIN + 30 * DAY)
    renew_api_server(world)


def _requestheader(world: World) -> None:
    renew_api_server(world)
    world.requestheader_ca = Ca(50, world.created, BEGIN + 150 * DAY)
    world.happens("hurt", world.requestheader_ca.not_after, lambda: None)


def _old_ca(world: World) -> None:
    world.api_days = 365
    renew_api_server(world)
    world.happens("hurt", world.ca.not_after, lambda: None)


def _without_azure(world: World) -> None:
    renew_api_server(world)
    world.azure_asked = False


def _drift(world: World) -> None:
    """Twenty seconds a day."""
    begin = world.now
    for hour in range(24 * 16):
        world.at(begin + hour * HOUR, partial(setattr, world, "clock_offset", 20 * hour / 24))
    for kind, seconds in (("skew", 60), ("much skew", 240), ("hurt", 300)):
        world.happens(kind, begin + seconds / 20 * DAY, lambda: None)


def _empty(world: World) -> None:
    machine = _first(world)
    world.change(machine, replace(machine.disk, client_status=FileStatus.EMPTY))


def _unbootstrapped(world: World) -> None:
    for machine in world.machines.values():
        world.change(machine, replace(machine.disk, bootstrap=False))


def _unobserved(world: World) -> None:
    world.stop_node_agent(list(world.machines.values())[-1])


def _all_unobserved(world: World) -> None:
    for machine in world.machines.values():
        world.stop_node_agent(machine)


def _no_cluster_agent(world: World) -> None:
    for pod in world.pods:
        if pod.mode is Mode.CLUSTER and pod.ended == FOREVER:
            pod.ended = world.now


def _foreign_api(world: World) -> None:
    """The API server comes up with a certificate of another CA, say from a restored backup."""
    world.note("hurt")
    world.api = replace(world.api, ca=Ca(9, world.now - YEAR, world.now + 29 * YEAR))


def _stopped_cluster(world: World) -> None:
    """Stopped while it should have rotated; AKS renews the control plane, the nodes stay as they were."""
    first = min(
        (one.disk.client for one in world.machines.values() if one.disk.client), key=lambda leaf: leaf.not_after
    )
    world.at(first.at(0.69), partial(_stop_cluster, world))
    world.happens("started again", first.at(0.93), partial(_start_cluster, world))


def _stop_cluster(world: World) -> None:
    world.note("stopped")
    _no_cluster_agent(world)
    for machine in world.machines.values():
        machine.mute = True
        world.stop(machine)
    world.api_up = False


def _start_cluster(world: World) -> None:
    world.api_up = True
    world.api = replace(world.api, not_before=world.now - 600, not_after=world.now + 2 * YEAR)
    for machine in world.machines.values():
        world.start(machine)
    world.restart_cluster_agent(60)


def _deallocated(world: World) -> None:
    """One node sleeps past the end of its certificate."""
    machine = list(world.machines.values())[-1]
    client = machine.disk.client
    assert client is not None
    world.stop(machine)
    world.happens("started again", client.not_after + 3 * DAY, partial(world.start, machine))


def _break_off(world: World) -> None:
    rotate_certificates(world, reached=1, ends="Failed")


def _azure_silent(world: World) -> None:
    world.azure_answers = False


def _unreachable(world: World) -> None:
    world.api_up = False


WARNING, CRITICAL, INFO = "warning", "critical", "info"


def _alerts(*named: str) -> frozenset[Alert]:
    """`Name/severity`, without the prefix that all have."""
    return frozenset(("AksCert" + name.split("/")[0], name.split("/")[1]) for name in named)


FAILURES = (
    Failure(
        "approver-gone",
        "The approver of serving certificates dies",
        _no_answer,
        "kubectl logs and exec fail when the first serving certificate ends",
        _alerts("Expired/critical", "SignerSilent/warning", "CsrPending/critical"),
        impact="end of kubelet-serving",
    ),
    Failure(
        "client-unanswered",
        "Requests for client certificates stay pending",
        partial(_answer, CLIENT_SIGNER, Answer.NONE),
        "the first node drops out when its client certificate ends",
        _alerts("Expired/critical", "CsrPending/warning", "CsrPending/critical"),
        impact="end of kubelet-client",
    ),
    Failure(
        "approved-not-issued",
        "Requests for client certificates are approved and never issued",
        partial(_answer, CLIENT_SIGNER, Answer.APPROVE),
        "the first node drops out when its client certificate ends",
        _alerts("Expired/critical", "CsrPending/warning", "CsrPending/critical"),
        impact="end of kubelet-client",
    ),
    Failure(
        "denied",
        "Another approver denies requests for serving certificates",
        partial(_answer, SERVING_SIGNER, Answer.DENY),
        "kubectl logs and exec fail when the first serving certificate ends",
        _alerts("Expired/critical", "CsrRejected/warning", "RotationOverdue/warning", "RotationOverdue/critical"),
        impact="end of kubelet-serving",
    ),
    Failure(
        "failed",
        "The signer fails requests for client certificates",
        partial(_answer, CLIENT_SIGNER, Answer.FAIL),
        "the first node drops out when its client certificate ends",
        _alerts("Expired/critical", "CsrRejected/warning", "RotationOverdue/warning", "RotationOverdue/critical"),
        impact="end of kubelet-client",
    ),
    Failure(
        "kubelet-mute",
        "Kubelets no longer ask for new certificates",
        _mute,
        "the first node drops out when its client certificate ends",
        _alerts("Expired/critical", "RotationOverdue/warning", "RotationOverdue/critical"),
        impact="end of kubelet-client",
    ),
    Failure(
        "serving-never-requested",
        "A new node's kubelet never asks for its serving certificate",
        _new_node_without_serving,
        "kubectl logs and exec fail on that node from its first minute",
        _alerts("RotationWaiting/warning"),
        impact="hurt",
    ),
    Failure(
        "old-certificate-served",
        "A kubelet goes on serving its old certificate after the file was renewed",
        _hold_old,
        "kubectl logs and exec fail on that node when the old one ends",
        _alerts("Expired/critical", "KubeletServesOldCertificate/warning"),
        impact="hurt",
    ),
    Failure(
        "static-client",
        "A node with a static client certificate of two years",
        _static,
        "the node drops out when it ends",
        _alerts(
            "Expired/critical",
            "RotationDisabled/warning",
            "RotationDisabled/info",
            "ExpiringWithoutRotation/warning",
            "ExpiringWithoutRotation/critical",
        ),
        impact="end of kubelet-client",
    ),
    Failure(
        "static-unreadable",
        "The same, and the agent cannot read the kubeconfig that says so",
        _static_and_unreadable,
        "the node drops out when it ends",
        _alerts(
            "FileUnreadable/warning",
            "RotationWaiting/warning",
            "RotationDisabled/info",
            "ExpiringWithoutRotation/warning",
            "ExpiringWithoutRotation/critical",
            "Expired/critical",
        ),
        impact="end of kubelet-client",
    ),
    Failure(
        "windows-self-signed",
        "A Windows node with the serving certificate that its kubelet signed for a year",
        _windows,
        "kubectl logs and exec fail on that node when it ends",
        _alerts(
            "Expired/critical",
            "RotationDisabled/info",
            "ExpiringWithoutRotation/warning",
            "ExpiringWithoutRotation/critical",
        ),
        impact="hurt",
    ),
    Failure(
        "serving-never-offered",
        "A pool not upgraded since serving rotation is there: self-signed for 20 years",
        _never_offered,
        "nobody can verify those kubelets",
        _alerts("RotationDisabled/info"),
    ),
    Failure(
        "opted-out",
        "A pool opts out of serving rotation by tag",
        _opted_out,
        "what mounts the old path breaks at the first reimage after the tag retires",
        _alerts("RotationDisabled/info", "ServingOptOutTag/info"),
        impact=TAG_RETIRES,
    ),
    Failure(
        "tag-without-reimage",
        "The opt-out tag is set and the pool not reimaged",
        _tag,
        "what mounts the old path breaks at the first reimage after the tag retires",
        _alerts("RotationEvidenceConflict/warning", "ServingOptOutTag/info"),
        impact=TAG_RETIRES,
    ),
    Failure(
        "old-cluster-ca",
        "A cluster CA near its end, which shortens every certificate that it signs",
        lambda _world: None,
        "everything fails when it ends",
        _alerts(
            "ClusterCaExpiring/warning", "ClusterCaExpiring/critical", "RotationOverdue/critical", "Expired/critical"
        ),
        impact="hurt",
        prepare=_old_ca,
        ca_years=3.9,
    ),
    Failure(
        "api-server-not-renewed",
        "AKS does not renew the API server's certificate",
        lambda _world: None,
        "nobody gets in when it ends",
        _alerts("Expired/critical", "ApiServerExpiring/warning", "ApiServerExpiring/critical"),
        impact="hurt",
        prepare=partial(_api_ends, 100),
    ),
    Failure(
        "rbac-off",
        "Kubernetes RBAC is off, so that nothing renews the API server's certificate",
        lambda _world: None,
        "nobody gets in when it ends",
        _alerts(
            "Expired/critical",
            "ExpiringWithoutRotation/warning",
            "ExpiringWithoutRotation/critical",
            "ApiServerExpiring/critical",
        ),
        impact="hurt",
        prepare=_api_ends_without_rbac,
    ),
    Failure(
        "api-server-untrusted",
        "The API server serves a certificate of another CA",
        _foreign_api,
        "clients refuse it from the first minute",
        _alerts("ApiServerUntrusted/critical"),
        impact="hurt",
    ),
    Failure(
        "request-header-ca",
        "The request-header CA nears its end",
        lambda _world: None,
        "aggregated APIs such as metrics fail when it ends",
        _alerts("RequestHeaderCaExpiring/warning"),
        impact="hurt",
        prepare=_requestheader,
    ),
    Failure(
        "rotation-failed",
        "az aks rotate-certs fails half-way: one node keeps the former CA",
        _break_off,
        "nodes drop out one by one",
        _alerts("ClusterRotationStuck/critical", "ClusterRotationRunning/info"),
    ),
    Failure(
        "rotation-failed-unasked",
        "The same, and the agent does not ask Azure",
        _break_off,
        "nodes drop out one by one",
        _alerts("ClusterCaMismatch/critical", "ApiServerUntrusted/critical"),
        prepare=_without_azure,
    ),
    Failure(
        "rotation-endless",
        "az aks rotate-certs does not come to an end",
        partial(rotate_certificates, ends=""),
        "no other operation on the cluster can begin",
        _alerts("ClusterRotationStuck/critical", "ClusterRotationRunning/info"),
    ),
    Failure(
        "webhook-left-behind",
        "A webhook keeps the former CA after az aks rotate-certs",
        partial(rotate_certificates, webhooks=False),
        "the webhook cannot be called from the rotation on",
        _alerts("CaBundleOutdated/warning", "ClusterRotationRunning/info"),
        impact="broken now",
    ),
    Failure(
        "clock-skew",
        "A node's clock loses 20 seconds a day",
        _drift,
        "new certificates are not yet valid on it when it is five minutes behind",
        _alerts("ClockSkew/warning", "ClockSkew/critical"),
        impact="hurt",
    ),
    Failure(
        "file-emptied",
        "A full disk empties a node's client certificate file",
        _empty,
        "the kubelet's next start fails",
        _alerts("FileUnreadable/warning"),
    ),
    Failure(
        "bootstrap-missing",
        "Somebody removes the bootstrap kubeconfig",
        _unbootstrapped,
        "a node that sleeps past the end of its certificate cannot come back",
        _alerts("BootstrapMissing/warning"),
    ),
    Failure(
        "cluster-stopped",
        "A cluster stopped while it should have rotated, and its nodes do not rotate after the start",
        _stopped_cluster,
        "the first node drops out when its client certificate ends",
        _alerts(
            "ExporterDown/warning", "NodePoolMissedRotation/warning", "RotationOverdue/critical", "Expired/critical"
        ),
        impact="end of kubelet-client",
    ),
    Failure(
        "node-deallocated",
        "A node deallocated past the end of its certificate",
        _deallocated,
        "it cannot come back",
        _alerts("NodeNotObserved/warning", "Expired/critical"),
        impact="started again",
    ),
    Failure(
        "policy",
        "Certificates become older than the 90 days that a policy asks for",
        lambda _world: None,
        "an audit fails",
        _alerts("OlderThanPolicy/warning"),
        prepare=_young_api,
        old=False,
        moment=90 * DAY - 300,
        recorded={"akscert:policy_max_age:seconds": 90 * DAY},
    ),
    Failure(
        "node-without-agent",
        "A node has no agent",
        _unobserved,
        "nobody would tell",
        _alerts("NodeNotObserved/warning"),
    ),
    Failure(
        "node-agents-gone",
        "No node has an agent any more",
        _all_unobserved,
        "nobody would tell",
        _alerts("ExporterDown/warning"),
    ),
    Failure(
        "cluster-agent-gone",
        "The cluster agent is gone",
        _no_cluster_agent,
        "nobody would tell",
        _alerts("ExporterDown/warning"),
    ),
    Failure(
        "api-server-unreachable",
        "A private cluster's name no longer leads to its API server",
        _unreachable,
        "nothing in the cluster is managed",
        _alerts("SourceDown/warning"),
    ),
    Failure(
        "azure-refused",
        "The right to read the cluster in Azure is taken away",
        _azure_silent,
        "a rotation would no longer be known as one",
        _alerts("SourceDown/warning"),
    ),
)
