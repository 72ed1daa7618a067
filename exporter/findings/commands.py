"""Names of a cluster, a node pool and a machine in, the commands for them out: complete, each name quoted for a shell.

What is not known is a placeholder in upper case, and `step` says beside it what to put there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from shlex import quote

from exporter.findings import Step

__all__ = ["PLACEHOLDERS", "Machine", "Place", "drain", "filled", "machine", "step"]

_BOTH = "RESOURCE_GROUP and CLUSTER are the cluster's resource group and name (az aks list -o table)"
PLACEHOLDERS = {
    "RESOURCE_GROUP": "the cluster's resource group (az aks list -o table)",
    "CLUSTER": "the cluster's name (az aks list -o table)",
    "POOL": "the node pool's name (kubectl get nodes -L agentpool)",
    "NODE_RESOURCE_GROUP": "the resource group in the node's spec.providerID",
    "SCALE_SET": "the scale set in the node's spec.providerID",
    "INSTANCE_ID": "the last number in the node's spec.providerID",
    "VERSION": "the Kubernetes version to upgrade to",
    "DEPLOYMENT": "its Deployment",
    "NAMESPACE": "the component's namespace",
}
"""What to put in for each, in words that can be looked up."""

_PLACEHOLDER = re.compile(rf"\b(?:{'|'.join(PLACEHOLDERS)})\b")
_WORDS = "|".join(re.escape(words) for words in (*PLACEHOLDERS.values(), _BOTH.partition(" are ")[2]))
_EXPLANATION = re.compile(rf" (?:(?:[A-Z_]+ is|RESOURCE_GROUP and CLUSTER are) (?:{_WORDS})(?:; |\.))+$")


def step(text: str, command: str = "") -> Step:
    """A step whose sentence also says what to put in for the command's placeholders."""
    names = [*dict.fromkeys(_PLACEHOLDER.findall(command))]
    both = {"RESOURCE_GROUP", "CLUSTER"} <= {*names}
    told = [_BOTH] if both else []
    told += [
        f"{name} is {PLACEHOLDERS[name]}" for name in names if not (both and name in {"RESOURCE_GROUP", "CLUSTER"})
    ]
    return Step(f"{text} {'; '.join(told)}." if told else text, command)


def filled(one: Step, names: Mapping[str, str]) -> Step:
    """A step that somebody made who knew less: its placeholders replaced by the names that are known here."""
    text, command = one.text, one.command
    for explained in _EXPLANATION.findall(text):
        text = text.removesuffix(explained)
    known = {word: name for word, name in names.items() if name}
    command = _PLACEHOLDER.sub(lambda found: quote(known.get(found[0], found[0])), command)
    return step(text.rstrip(), command)


@dataclass(frozen=True, slots=True)
class Place:
    """A cluster in Azure; where Azure was not asked, placeholders."""

    resource_group: str = "RESOURCE_GROUP"
    cluster: str = "CLUSTER"

    def aks(self, verb: str, *rest: str) -> str:
        """`az aks VERB` for this cluster."""
        return " ".join(["az aks", verb, "-g", quote(self.resource_group), "-n", quote(self.cluster), *rest])

    def nodepool(self, verb: str, pool: str, *rest: str) -> str:
        """`az aks nodepool VERB` for one of its node pools."""
        names = ["-g", quote(self.resource_group), "--cluster-name", quote(self.cluster), "-n", quote(pool or "POOL")]
        return " ".join(["az aks nodepool", verb, *names, *rest])

    @property
    def get_credentials(self) -> str:
        """Writes the kubeconfig anew."""
        return self.aks("get-credentials", "--overwrite-existing")

    @property
    def rotate_certs(self) -> str:
        """Rotates every certificate of the cluster; its nodes are made anew."""
        return self.aks("rotate-certs")

    @property
    def state(self) -> str:
        """Prints Azure's word for what happens to the cluster."""
        return self.aks("show", "--query provisioningState", "-o tsv")


@dataclass(frozen=True, slots=True)
class Machine:
    """The virtual machine behind a node; what is not known is a placeholder."""

    node: str
    pool: str = "POOL"
    resource_group: str = "NODE_RESOURCE_GROUP"
    scale_set: str = "SCALE_SET"
    """Empty: the node is a machine of its own (availability set, node auto-provisioning)."""
    instance_id: str = "INSTANCE_ID"
    windows: bool = False
    place: Place = field(default_factory=Place)

    def run(self, script: str) -> str:
        """Runs a script on it through Azure, which works when its kubelet does not answer."""
        kind = "RunPowerShellScript" if self.windows else "RunShellScript"
        which = (
            f"az vmss run-command invoke -g {quote(self.resource_group)} -n {quote(self.scale_set)} "
            f"--instance-id {quote(self.instance_id)}"
            if self.scale_set
            else f"az vm run-command invoke -g {quote(self.resource_group)} -n {quote(self.node)}"
        )
        return f"{which} --command-id {kind} --scripts {quote(script)}"

    @property
    def names(self) -> dict[str, str]:
        """What is known of it, by the placeholder that takes its place where it is not."""
        return {
            "POOL": self.pool,
            "NODE_RESOURCE_GROUP": self.resource_group,
            "SCALE_SET": self.scale_set,
            "INSTANCE_ID": self.instance_id,
            "RESOURCE_GROUP": self.place.resource_group,
            "CLUSTER": self.place.cluster,
        }

    @property
    def restart_kubelet(self) -> str:
        """Restarts its kubelet."""
        return self.run("Restart-Service kubelet" if self.windows else "systemctl restart kubelet")

    @property
    def kubelet_log(self) -> str:
        """Prints what its kubelet last said about certificates."""
        if self.windows:
            return self.run(r"Select-String -Path C:\k\kubelet.err.log -Pattern certificate | Select-Object -Last 20")
        return self.run("journalctl -u kubelet --no-pager | grep -i certificate | tail -n 20")

    @property
    def replace(self) -> tuple[Step, Step]:
        """Takes the machine away and makes another: its certificates are made anew with it."""
        return (
            step("Drain the node.", drain(self.node)),
            step(
                "Delete its machine; where no autoscaler does it, scale the node pool up again afterwards.",
                self.place.nodepool("delete-machines", self.pool, f"--machine-names {quote(self.node)}"),
            ),
        )


_LINUX = re.compile(r"(?P<scale_set>aks-(?P<pool>[a-z0-9]+)-\d+-vmss)(?P<number>[0-9a-z]{6})")
_WINDOWS = re.compile(r"(?P<scale_set>aks(?P<pool>[a-z0-9]{1,6}))(?P<number>[0-9a-z]{6})")
_PROVIDER_ID = re.compile(
    r"azure:///subscriptions/[^/]+/resourceGroups/(?P<group>[^/]+)/providers/Microsoft\.Compute/"
    r"(?:virtualMachineScaleSets/(?P<scale_set>[^/]+)/virtualMachines/(?P<number>\d+)|virtualMachines/[^/]+)",
    re.IGNORECASE,
)


def machine(
    node: str, *, provider_id: str = "", pool: str = "", windows: bool = False, place: Place | None = None
) -> Machine:
    """The machine of a node, from its providerID, else as far as the name says.

    A scale set's node has a name that ends in its number in base 36, six digits long; Azure's command line wants it
    decimal (cloud-provider-azure, `getScaleSetVMInstanceID`). The names of Windows nodes have no dashes.
    """
    at, known = place or Place(), _PROVIDER_ID.fullmatch(provider_id)
    named = _LINUX.fullmatch(node) or (_WINDOWS.fullmatch(node) if windows else None)
    pool = pool or (named["pool"] if named else "POOL")
    if known is not None:
        return Machine(node, pool, known["group"], known["scale_set"] or "", known["number"] or "", windows, at)
    if named is not None:
        scale_set, number = named["scale_set"], str(int(named["number"], 36))
        return Machine(node, pool, scale_set=scale_set, instance_id=number, windows=windows, place=at)
    return Machine(node, pool, windows=windows, place=at)


def drain(node: str) -> str:
    """Drains a node, and ends also where its kubelet no longer answers."""
    return (
        f"kubectl drain {quote(node)} --ignore-daemonsets --delete-emptydir-data --force "
        "--skip-wait-for-delete-timeout=60 --timeout=10m"
    )
