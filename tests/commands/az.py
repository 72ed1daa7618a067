"""The verbs of Azure's command line that findings, alerts and runbooks use: flags, those required, and the extension.

Recorded by hand, in the manner of the Azure CLI's reference (learn.microsoft.com/cli/azure): for each command its
required and optional parameters and whether an extension brings it. It was not checked against az itself.
"""

from dataclasses import dataclass

__all__ = ["GLOBAL", "VERBS", "Verb"]


@dataclass(frozen=True, slots=True)
class Verb:
    """One command. A flag's other spellings are joined by `|`; a value of None: it takes none."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    """Flags without a value."""
    lists: tuple[str, ...] = ()
    """Flags with any number of values."""
    extension: str = ""


GLOBAL = ("--query", "-o|--output", "--subscription")

_CLUSTER = ("-g|--resource-group", "-n|--name")
_POOL = ("-g|--resource-group", "--cluster-name", "-n|--name|--nodepool-name")

VERBS = {
    "account set": Verb(("-s|--subscription",)),
    "aks delete": Verb(_CLUSTER, switches=("-y|--yes", "--no-wait")),
    "aks get-credentials": Verb(
        _CLUSTER, ("-f|--file", "--context"), ("--overwrite-existing", "-a|--admin", "--only-show-errors")
    ),
    "aks get-upgrades": Verb(_CLUSTER),
    "aks list": Verb((), ("-g|--resource-group",)),
    "aks nodepool add": Verb(
        _POOL,
        ("-c|--node-count", "-s|--node-vm-size", "--mode", "--snapshot-id", "-k|--kubernetes-version"),
        ("--no-wait",),
    ),
    "aks nodepool delete": Verb(_POOL, (), ("--no-wait", "-y|--yes")),
    "aks nodepool delete-machines": Verb(_POOL, (), ("--no-wait",), ("--machine-names",)),
    "aks nodepool list": Verb(("-g|--resource-group", "--cluster-name")),
    "aks nodepool scale": Verb(_POOL, ("-c|--node-count",), ("--no-wait",)),
    "aks nodepool show": Verb(_POOL),
    "aks nodepool start": Verb(_POOL, (), ("--no-wait",)),
    "aks nodepool update": Verb(_POOL, (), ("--no-wait", "-y|--yes"), ("--tags", "--labels")),
    "aks nodepool upgrade": Verb(
        _POOL,
        ("-k|--kubernetes-version", "--max-surge", "--drain-timeout", "--snapshot-id"),
        ("--node-image-only", "-y|--yes", "--no-wait"),
    ),
    "aks operation show-latest": Verb(_CLUSTER, extension="aks-preview"),
    "aks operation-abort": Verb(_CLUSTER, (), ("--no-wait",)),
    "aks rotate-certs": Verb(_CLUSTER, (), ("-y|--yes", "--no-wait")),
    "aks show": Verb(_CLUSTER),
    "aks start": Verb(_CLUSTER, (), ("--no-wait",)),
    "aks stop": Verb(_CLUSTER, (), ("--no-wait",)),
    "aks update": Verb(
        _CLUSTER, ("--node-os-upgrade-channel", "--auto-upgrade-channel"), ("-y|--yes", "--no-wait"), ("--tags",)
    ),
    "aks upgrade": Verb(
        _CLUSTER, ("-k|--kubernetes-version",), ("--control-plane-only", "--node-image-only", "-y|--yes", "--no-wait")
    ),
    "extension add": Verb(("-n|--name",), ("--version",), ("-y|--yes", "--upgrade", "--allow-preview")),
    "feature show": Verb(("-n|--name", "--namespace")),
    "login": Verb((), ("-t|--tenant",), ("--use-device-code", "--identity")),
    "monitor activity-log list": Verb((), ("-g|--resource-group", "--offset", "--status")),
    "monitor alert-processing-rule create": Verb(
        ("-n|--name|--rule-name", "-g|--resource-group", "--rule-type", "--scopes"), extension="alertsmanagement"
    ),
    "network private-dns link vnet list": Verb(("-g|--resource-group", "-z|--zone-name")),
    "role assignment list": Verb((), ("--assignee", "--scope", "--role"), ("--all", "--include-inherited")),
    "role assignment create": Verb(("--role",), ("--assignee", "--scope")),
    "vm list": Verb((), ("-g|--resource-group",)),
    "vm run-command invoke": Verb(
        ("-g|--resource-group", "-n|--name|--vm-name", "--command-id"),
        (),
        ("--no-wait",),
        ("--scripts", "--parameters"),
    ),
    "vmss list-instances": Verb(("-g|--resource-group", "-n|--name")),
    "vmss list": Verb((), ("-g|--resource-group",)),
    "vmss reimage": Verb(("-g|--resource-group", "-n|--name"), (), ("--no-wait",), ("--instance-ids|--instance-id",)),
    "vmss restart": Verb(("-g|--resource-group", "-n|--name"), (), ("--no-wait",), ("--instance-ids",)),
    "vmss run-command invoke": Verb(
        ("-g|--resource-group", "-n|--name|--vmss-name", "--command-id", "--instance-id"),
        (),
        ("--no-wait",),
        ("--scripts", "--parameters"),
    ),
}
