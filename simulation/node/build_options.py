"""How a simulated node is built: a few words for what AKS and the kubelet did to it, and what went wrong since."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from simulation.node.file_contents import OPT_OUT_TAG

__all__ = ["OPT_OUT", "Bootstrap", "BuildOptions", "Client", "Damage", "OperatingSystem", "Serving"]

OPT_OUT: Mapping[str, str] = {OPT_OUT_TAG: "true"}


class OperatingSystem(StrEnum):
    """What the node runs; all Linux images use the same paths."""

    LINUX = "linux"
    WINDOWS = "windows"


class Bootstrap(StrEnum):
    """How the node is to obtain its first client certificate."""

    TOKEN = "token"  # noqa: S105 - the name of a method, not a token
    SECURE_TLS = "secure_tls_bootstrapping"
    NONE = "none"


class Client(StrEnum):
    """The kubelet's client certificate."""

    ROTATED = "rotated"
    STATIC = "static"
    """client.crt, written when the node was made, two years."""
    PENDING = "pending"
    """The first request was never answered: a key without a certificate."""


class Serving(StrEnum):
    """The kubelet's serving certificate."""

    ROTATED = "rotated"
    PENDING = "pending"
    """Rotation is configured and the first request was not answered: every handshake fails."""
    NEVER_OFFERED = "never_offered"
    """kubeletserver.crt, self-signed for 20 years; on Windows what the kubelet makes for itself, one year."""
    OPTED_OUT = "opted_out"
    """The same, because of the tag."""


class Damage(StrEnum):
    """What happened to the file behind kubelet-client-current.pem."""

    NONE = "none"
    REMOVED = "removed"
    UNREADABLE = "unreadable"
    """Mode 0000."""
    TRUNCATED = "truncated"
    """Cut off in mid-certificate."""
    EMPTIED = "emptied"
    """No byte left: a full disk."""
    ANOTHER_NODE = "another_node"
    """Another node's certificate and key: a machine made from a copy of another's disk."""
    ANOTHER_USE = "another_use"
    """A serving certificate, for this node, in the client's place."""
    KEY_LOST = "key_lost"
    """The certificate without its key: restored from a backup that leaves keys out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What `build` makes. The default is a healthy Linux node of today."""

    system: OperatingSystem = OperatingSystem.LINUX
    bootstrap: Bootstrap = Bootstrap.TOKEN
    component_config: bool = True
    """Whether the kubelet's settings are in kubeletconfig.json rather than all in its flags."""
    client: Client = Client.ROTATED
    client_gone: float = 0.4
    """The share of the client certificate's lifetime that is over; above 1 it has expired."""
    client_damage: Damage = Damage.NONE
    serving: Serving = Serving.ROTATED
    serving_gone: float = 0.35
    serves_previous: bool = False
    """On its port the kubelet still serves the certificate before the present one."""
    provisioning_tags: Mapping[str, str] = field(default_factory=dict)
    """The VM's tags in the instance metadata cached when the node was made."""
    former_authority: bool = False
    """The node was made before the cluster CA was rotated, and was left behind."""
    former_authority_kept: bool = False
    """The CA bundle still has the former cluster CA, long ended, in front of the present one."""
    leftovers: int = 0
    """Dated PEM files of former client certificates that the kubelet left lying about."""
    age_days: float = 400
    """How old the node is: what AKS wrote when it was made is that old."""
