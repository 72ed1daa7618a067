"""The simulated fleet as a table: for each node what is wrong with it, how it is built, and what must be concluded."""

from dataclasses import dataclass, field

from exporter.reason import BootstrapMethod, FileStatus, Role, RotationReason, RotationState
from simulation.csr_answer import CLIENT_SIGNER, SERVING_SIGNER, Answer
from simulation.node.build_options import OPT_OUT, Bootstrap, BuildOptions, Client, Damage, OperatingSystem, Serving

__all__ = [
    "MISSING",
    "SCENARIOS",
    "SELF_SIGNED",
    "UNDETERMINED",
    "Expected",
    "Scenario",
    "Sent",
    "State",
    "scenario",
    "unanswered",
    "vmss",
]

State = tuple[RotationState, RotationReason]

ROTATING: State = (RotationState.ENABLED, RotationReason.ROTATING)
STATIC: State = (RotationState.DISABLED, RotationReason.STATIC)
OPTED_OUT: State = (RotationState.DISABLED, RotationReason.OPTED_OUT)
SELF_SIGNED: State = (RotationState.DISABLED, RotationReason.SELF_SIGNED)
MISSING: State = (RotationState.WAITING, RotationReason.CERTIFICATE_MISSING)
STUCK: State = (RotationState.WAITING, RotationReason.CERTIFICATE_MISSING)
UNDETERMINED: State = (RotationState.UNKNOWN, RotationReason.UNDETERMINED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a node agent must conclude. The default is a node without faults."""

    client: State = ROTATING
    serving: State = ROTATING
    bootstrap: BootstrapMethod = BootstrapMethod.TOKEN
    files: frozenset[tuple[Role, FileStatus]] = frozenset()
    """Every status that is neither ok nor not_expected, with the role of the file that has it."""
    alerts: frozenset[str] = frozenset()
    """The alerts that the node's findings name."""
    fleet_alerts: frozenset[str] = frozenset()
    """Those that show only beside the other nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A certificate signing request that the node has sent, as the API server still has it."""

    signer_name: str
    minutes_ago: float
    answer: Answer = Answer.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One node of the fleet."""

    name: str
    node_name: str
    sentence: str
    """What is the matter with it, in words for the table."""
    options: BuildOptions = field(default_factory=BuildOptions)
    expected: Expected = field(default_factory=Expected)
    reachable: bool = True
    """Whether the kubelet can be reached over the network."""
    joined: bool = True
    """Whether the cluster has a Node object of it."""
    ready: bool = True
    requests: tuple[Sent, ...] = ()
    client_renew_errors: int = 0
    """How often the kubelet has failed to renew its client certificate, by its own counter."""
    pool: str = "nodepool1"
    image: str = "AKSUbuntu-2204gen2containerd-202607.13.0"


def unanswered(signer_name: str, *, hours: float) -> tuple[Sent, ...]:
    """A kubelet asks anew about every 15 minutes (client-go, util/certificate/certificate_manager.go)."""
    return tuple(Sent(signer_name=signer_name, minutes_ago=ago) for ago in range(int(hours * 60), 0, -15))


def vmss(pool: str, number: int) -> str:
    """The name of a scale set's node."""
    return f"aks-{pool}-26535897-vmss{number:06d}"


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="healthy",
        node_name=vmss("nodepool1", 0),
        sentence="well: both certificates rotate, bootstrap token",
        options=BuildOptions(leftovers=2, age_days=800),
    ),
    Scenario(
        name="healthy-secure-tls",
        node_name=vmss("nodepool1", 1),
        sentence="well: both certificates rotate, secure TLS bootstrapping",
        options=BuildOptions(bootstrap=Bootstrap.SECURE_TLS, client_gone=0.1, serving_gone=0.1, age_days=36),
        expected=Expected(bootstrap=BootstrapMethod.SECURE_TLS_BOOTSTRAPPING),
    ),
    Scenario(
        name="overdue",
        node_name=vmss("nodepool1", 2),
        sentence="the client certificate was not renewed by 90 % of its lifetime",
        options=BuildOptions(client_gone=0.93),
        requests=unanswered(CLIENT_SIGNER, hours=2),
        expected=Expected(alerts=frozenset({"AksCertRotationOverdue"})),
    ),
    Scenario(
        name="expiring",
        node_name=vmss("nodepool1", 3),
        sentence="the client certificate was not renewed and ends within four days",
        options=BuildOptions(client_gone=0.99),
        requests=(Sent(signer_name=CLIENT_SIGNER, minutes_ago=20, answer=Answer.DENIED),),
        expected=Expected(alerts=frozenset({"AksCertRotationOverdue"})),
    ),
    Scenario(
        name="expired",
        node_name=vmss("nodepool1", 4),
        sentence="the client certificate expired two days ago",
        options=BuildOptions(client_gone=1 + 2 / 365),
        ready=False,
        expected=Expected(alerts=frozenset({"AksCertExpired"})),
    ),
    Scenario(
        name="serving-off",
        node_name=vmss("older", 0),
        pool="older",
        image="AKSUbuntu-2204gen2containerd-202411.12.0",
        sentence="serving rotation was never offered: a self-signed certificate for 20 years",
        options=BuildOptions(serving=Serving.NEVER_OFFERED, age_days=900),
        expected=Expected(serving=STATIC, alerts=frozenset({"AksCertRotationDisabled"})),
    ),
    Scenario(
        name="serving-off-flags",
        node_name=vmss("older", 1),
        pool="older",
        image="AKSUbuntu-2204gen2containerd-202411.12.0",
        sentence="the same, with the kubelet's settings all in its flags",
        options=BuildOptions(serving=Serving.NEVER_OFFERED, component_config=False, age_days=900),
        expected=Expected(serving=STATIC, alerts=frozenset({"AksCertRotationDisabled"})),
    ),
    Scenario(
        name="opted-out",
        node_name=vmss("optout", 0),
        pool="optout",
        sentence="serving rotation switched off by the tag, node reimaged since",
        options=BuildOptions(serving=Serving.OPTED_OUT, provisioning_tags=OPT_OUT),
        expected=Expected(serving=OPTED_OUT, alerts=frozenset({"AksCertRotationDisabled"})),
    ),
    Scenario(
        name="tagged-not-reimaged",
        node_name=vmss("optout", 1),
        pool="optout",
        sentence="the tag says off, the node still rotates its serving certificate: not reimaged",
        options=BuildOptions(provisioning_tags=OPT_OUT),
        expected=Expected(alerts=frozenset({"AksCertRotationEvidenceConflict"})),
    ),
    Scenario(
        name="serves-old",
        node_name=vmss("nodepool1", 5),
        sentence="the serving certificate was renewed, the kubelet still serves the one before it",
        options=BuildOptions(serving_gone=0.02, serves_previous=True),
        expected=Expected(alerts=frozenset({"AksCertKubeletServesOldCertificate"})),
    ),
    Scenario(
        name="static-client",
        node_name=vmss("legacy", 0),
        pool="legacy",
        image="AKSUbuntu-1804gen2containerd-2022.02.15",
        sentence="a client certificate from before TLS bootstrapping: two years, nothing renews it",
        options=BuildOptions(
            bootstrap=Bootstrap.NONE,
            component_config=False,
            client=Client.STATIC,
            client_gone=0.83,
            serving=Serving.NEVER_OFFERED,
            age_days=606,
        ),
        expected=Expected(
            client=STATIC,
            serving=STATIC,
            bootstrap=BootstrapMethod.NONE,
            alerts=frozenset({"AksCertRotationDisabled", "AksCertExpiringWithoutRotation"}),
        ),
    ),
    Scenario(
        name="broken-link",
        node_name=vmss("nodepool1", 6),
        sentence="kubelet-client-current.pem leads to a file that is gone",
        options=BuildOptions(client_damage=Damage.REMOVED),
        expected=Expected(
            client=UNDETERMINED,
            files=frozenset({(Role.KUBELET_CLIENT, FileStatus.BROKEN_SYMLINK)}),
            alerts=frozenset({"AksCertFileUnreadable"}),
        ),
    ),
    Scenario(
        name="unreadable",
        node_name=vmss("nodepool1", 7),
        sentence="the client certificate's file may not be read",
        options=BuildOptions(client_damage=Damage.UNREADABLE),
        expected=Expected(
            client=UNDETERMINED,
            files=frozenset({(Role.KUBELET_CLIENT, FileStatus.PERMISSION_DENIED)}),
            alerts=frozenset({"AksCertFileUnreadable"}),
        ),
    ),
    Scenario(
        name="malformed",
        node_name=vmss("nodepool1", 8),
        sentence="the client certificate's file is cut off in the middle",
        options=BuildOptions(client_damage=Damage.TRUNCATED),
        expected=Expected(
            client=UNDETERMINED,
            files=frozenset({(Role.KUBELET_CLIENT, FileStatus.MALFORMED)}),
            alerts=frozenset({"AksCertUnusable", "AksCertFileUnreadable"}),
        ),
    ),
    Scenario(
        name="emptied",
        node_name=vmss("nodepool1", 9),
        sentence="the client certificate's file is empty, as after a full disk",
        options=BuildOptions(client_damage=Damage.EMPTIED),
        expected=Expected(
            client=UNDETERMINED,
            files=frozenset({(Role.KUBELET_CLIENT, FileStatus.EMPTY)}),
            alerts=frozenset({"AksCertUnusable", "AksCertFileUnreadable"}),
        ),
    ),
    Scenario(
        name="waiting-serving",
        node_name=vmss("nodepool1", 10),
        sentence="the first serving certificate was never issued",
        options=BuildOptions(serving=Serving.PENDING, client_gone=0.01, age_days=3),
        requests=unanswered(SERVING_SIGNER, hours=8),
        expected=Expected(
            serving=MISSING,
            files=frozenset({(Role.KUBELET_SERVING, FileStatus.NOT_FOUND)}),
            alerts=frozenset({"AksCertRotationWaiting"}),
        ),
    ),
    Scenario(
        name="stuck-bootstrap",
        node_name=vmss("nodepool1", 11),
        sentence="the first client certificate was never issued: the node cannot join",
        options=BuildOptions(client=Client.PENDING, serving=Serving.PENDING, age_days=1),
        joined=False,
        requests=unanswered(CLIENT_SIGNER, hours=1),
        expected=Expected(
            client=STUCK,
            serving=MISSING,
            files=frozenset(
                {(Role.KUBELET_CLIENT, FileStatus.NOT_FOUND), (Role.KUBELET_SERVING, FileStatus.NOT_FOUND)}
            ),
            alerts=frozenset({"AksCertRotationWaiting"}),
        ),
    ),
    Scenario(
        name="former-ca",
        node_name=vmss("nodepool1", 12),
        sentence="left behind by a half-finished rotate-certs: it knows the former cluster CA",
        options=BuildOptions(former_authority=True),
        expected=Expected(fleet_alerts=frozenset({"AksCertClusterCaMismatch"})),
    ),
    Scenario(
        name="another-node",
        node_name=vmss("nodepool1", 13),
        sentence="its client certificate is another node's: the machine was made from a copied disk",
        options=BuildOptions(client_damage=Damage.ANOTHER_NODE),
        expected=Expected(alerts=frozenset({"AksCertUnusable"})),
    ),
    Scenario(
        name="another-use",
        node_name=vmss("nodepool1", 14),
        sentence="a serving certificate is in the client certificate's place",
        options=BuildOptions(client_damage=Damage.ANOTHER_USE),
        expected=Expected(alerts=frozenset({"AksCertUnusable"})),
    ),
    Scenario(
        name="key-lost",
        node_name=vmss("nodepool1", 15),
        sentence="the client certificate was restored without its private key",
        options=BuildOptions(client_damage=Damage.KEY_LOST),
        expected=Expected(client=UNDETERMINED, alerts=frozenset({"AksCertUnusable"})),
    ),
    Scenario(
        name="former-ca-kept",
        node_name=vmss("nodepool1", 16),
        sentence="well: its CA bundle still has the former cluster CA, which has ended and signed nothing in use",
        options=BuildOptions(former_authority_kept=True),
    ),
    Scenario(
        name="windows-healthy",
        node_name="akswin000000",
        pool="win",
        image="AKSWindows-2022-containerd-20348.4405.260714",
        sentence="Windows, well: both certificates rotate",
        options=BuildOptions(system=OperatingSystem.WINDOWS),
    ),
    Scenario(
        name="windows-self-signed",
        node_name="akswin000001",
        pool="win",
        image="AKSWindows-2022-containerd-20348.4405.260714",
        sentence="Windows, serving rotation off: the kubelet's own certificate, one year, soon over",
        options=BuildOptions(
            system=OperatingSystem.WINDOWS, serving=Serving.NEVER_OFFERED, serving_gone=0.9, client_gone=0.2
        ),
        expected=Expected(
            serving=SELF_SIGNED,
            alerts=frozenset({"AksCertRotationDisabled", "AksCertExpiringWithoutRotation"}),
        ),
    ),
)


def scenario(name: str) -> Scenario:
    """The scenario of this name. Raises KeyError."""
    for one in SCENARIOS:
        if one.name == name:
            return one
    raise KeyError(name)
