"""docs/runbooks/: what many pages share, so that each is whole by itself at night: how to get at a node, what to put in
for words in upper case.
"""

import re
from functools import partial

from exporter.findings.commands import PLACEHOLDERS, Machine, drain
from tools.generated import ROOT, Generated

__all__ = ["GENERATED", "PLACES", "placeholders", "replace_a_node", "work_on_a_node"]

PLACES = {
    **PLACEHOLDERS,
    "NODE": "the node that the alert names",
    "POD": "the debugging Pod that the line before lists",
    "CSR": "the name of the request (kubectl get csr)",
    "COUNT": "how many nodes the node pool is to have",
    "NEW_POOL": "a name for the new node pool",
    "ADDRESS": "the alert's address",
    "PATH": "the alert's path",
    "ROLE": "the alert's role",
    "NAME": "the alert's name",
    "SOURCE": "the alert's source",
    "SERVICEACCOUNT": "the agent's ServiceAccount",
}
"""Every word in upper case of the runbooks' commands, and what to put in."""

_MACHINE = Machine("NODE")
_REACH = r"""
The machine behind a node is in its providerID, which ends in
`resourceGroups/NODE_RESOURCE_GROUP/…/virtualMachineScaleSets/SCALE_SET/virtualMachines/INSTANCE_ID`:

```console
kubectl get node NODE -o jsonpath='{.spec.providerID}'
```

Without the API server the node's name tells: it is the scale set's name and six digits in base 36, of which Azure wants
the decimal number. `aks-nodepool1-12345678-vmss00000z` is instance 35 of `aks-nodepool1-12345678-vmss`, in node pool
`nodepool1`:

```console
echo $((36#00000z))
az aks show -g RESOURCE_GROUP -n CLUSTER --query nodeResourceGroup -o tsv
```

While the kubelet answers, a debugging Pod is enough. It stays behind: delete it afterwards.

```console
kubectl debug node/NODE -it --image=mcr.microsoft.com/cbl-mariner/busybox:2.0 --profile=sysadmin -- chroot /host bash
kubectl get pods -o name | grep node-debugger
kubectl delete pod POD
```

When it does not answer (no valid serving certificate, NotReady), `kubectl debug`, `exec` and `logs` fail with it. Azure
reaches the machine without it:

```console
{log}
{restart}
```

On Windows it is `--command-id RunPowerShellScript --scripts 'Restart-Service kubelet'`. A providerID without a scale
set (availability set, node auto-provisioning) takes `az vm run-command invoke -g NODE_RESOURCE_GROUP -n NODE` instead.
Where the node resource group is locked down, as on AKS Automatic, both are denied: replace the node.
""".replace("{log}", _MACHINE.kubelet_log).replace("{restart}", _MACHINE.restart_kubelet)

_REPLACE = f"""
`kubectl drain` waits for ever on a kubelet that is dead, so give it limits. `delete-machines` takes the machine away
through AKS, also where the node resource group is locked down and `az vmss reimage` and `delete-instances` are denied.
The new machine has new certificates. Without an autoscaler scale the node pool up to COUNT nodes again.

```console
{drain("NODE")}
az aks nodepool delete-machines -g RESOURCE_GROUP --cluster-name CLUSTER -n POOL --machine-names NODE
az aks nodepool scale -g RESOURCE_GROUP --cluster-name CLUSTER -n POOL --node-count COUNT
```
"""


def placeholders(page: str) -> str:
    """What to put in for the words in upper case of one page's commands, in the order in which they come."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```(?:console|promql)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    used = dict.fromkeys(word for block in blocks for word in re.findall(r"\b[A-Z][A-Z_]{2,}\b", block))
    return "\n".join(f"* `{word}`: {PLACES[word]}" for word in used if word in PLACES)


def work_on_a_node() -> str:
    """How to run a command on a node, whether its kubelet answers or not."""
    return _REACH.strip()


def replace_a_node() -> str:
    """How to get rid of a node and have another."""
    return _REPLACE.strip()


def _pages(block: str) -> list[str]:
    return [
        str(page.relative_to(ROOT))
        for page in sorted((ROOT / "docs/runbooks").glob("*.md"))
        if f"<!-- generated: {block} -->" in page.read_text(encoding="utf-8")
    ]


GENERATED = (
    *(Generated(page, work_on_a_node, "work on a node") for page in _pages("work on a node")),
    *(Generated(page, replace_a_node, "replace a node") for page in _pages("replace a node")),
    *(Generated(page, partial(placeholders, page), "placeholders") for page in _pages("placeholders")),
)
