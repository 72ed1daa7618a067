"""Commands that can be pasted as they are: exporter/findings/commands.py."""

from dataclasses import replace

import pytest

from exporter.findings import Step
from exporter.findings.commands import PLACEHOLDERS, Machine, Place, drain, filled, machine, step

HERE = Place("rg 1", "aks1")
GROUP = "/subscriptions/5ab0/resourceGroups/MC_rg/providers/Microsoft.Compute"
BOTH = "RESOURCE_GROUP and CLUSTER are the cluster's resource group and name (az aks list -o table)"
POOL = "POOL is the node pool's name (kubectl get nodes -L agentpool)"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("", ""),
        ("kubectl get nodes", ""),
        ("-g RESOURCE_GROUP -n CLUSTER", f" {BOTH}."),
        ("-n CLUSTER -g RESOURCE_GROUP -n POOL -n POOL", f" {BOTH}; {POOL}."),
        ("-n POOL", f" {POOL}."),
        ("-g RESOURCE_GROUP", " RESOURCE_GROUP is the cluster's resource group (az aks list -o table)."),
        ("-n CLUSTER -n POOL", f" CLUSTER is the cluster's name (az aks list -o table); {POOL}."),
        ("-g NODE_RESOURCE_GROUP", " NODE_RESOURCE_GROUP is the resource group in the node's spec.providerID."),
        ("XPOOL POOLS cluster", ""),
    ],
)
def test_a_step_says_what_to_put_in_for_each_placeholder(command: str, told: str) -> None:
    """Each once, in the order of the command."""
    assert step("Do it.", command) == Step(f"Do it.{told}", command)


@pytest.mark.parametrize(
    "placeholder",
    [
        "RESOURCE_GROUP",
        "CLUSTER",
        "POOL",
        "NODE_RESOURCE_GROUP",
        "SCALE_SET",
        "INSTANCE_ID",
        "VERSION",
        "DEPLOYMENT",
        "NAMESPACE",
    ],
)
def test_a_placeholder_that_is_known_by_now_is_filled_in_and_no_longer_explained(placeholder: str) -> None:
    """Of a finding of a node agent, which knows nothing of Azure; with each name quoted for a shell."""
    one = step("Do it.", f"az x -a {placeholder} -b {placeholder} POOLS")
    assert one.text == f"Do it. {placeholder} is {PLACEHOLDERS[placeholder]}."
    assert filled(one, {placeholder: "a b"}) == Step("Do it.", "az x -a 'a b' -b 'a b' POOLS")
    for unknown in ({}, {placeholder: ""}, {placeholder: placeholder}):
        assert filled(one, unknown) == one


def test_what_is_known_is_filled_in_and_the_rest_still_explained() -> None:
    one = step("Do it.", "az x -g RESOURCE_GROUP -n CLUSTER -p POOL")
    assert filled(one, {"RESOURCE_GROUP": "rg", "POOL": "p"}) == step("Do it.", "az x -g rg -n CLUSTER -p p")
    assert filled(one, {"RESOURCE_GROUP": "rg", "CLUSTER": "c"}) == step("Do it.", "az x -g rg -n c -p POOL")
    said = Step("POOL is full. Look at it.", "az x -p POOL")
    assert filled(said, {"POOL": "p"}) == Step("POOL is full. Look at it.", "az x -p p"), "no explanation of ours"


def test_a_cluster_has_its_commands() -> None:
    assert HERE.aks("show", "-o", "tsv") == "az aks show -g 'rg 1' -n aks1 -o tsv"
    assert HERE.nodepool("x", "p 1", "--y") == "az aks nodepool x -g 'rg 1' --cluster-name aks1 -n 'p 1' --y"
    assert HERE.nodepool("x", "") == "az aks nodepool x -g 'rg 1' --cluster-name aks1 -n POOL"
    assert HERE.get_credentials == "az aks get-credentials -g 'rg 1' -n aks1 --overwrite-existing"
    assert HERE.rotate_certs == "az aks rotate-certs -g 'rg 1' -n aks1"
    assert HERE.state == "az aks show -g 'rg 1' -n aks1 --query provisioningState -o tsv"
    assert Place().rotate_certs == "az aks rotate-certs -g RESOURCE_GROUP -n CLUSTER"


def of_a_set(name: str, windows: bool, identifier: str = "") -> Machine:
    return machine(name, provider_id=identifier, windows=windows, place=HERE)


LINUX, WINDOWS = "aks-pool1-12345678-vmss00000a", "akswin000010"
SET = f"azure://{GROUP}/virtualMachineScaleSets/aks-x-vmss/virtualMachines/7"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (machine("n1"), Machine("n1")),
        (machine("n1", pool="p", windows=True), Machine("n1", "p", windows=True)),
        (machine("n1", pool="p", place=HERE), Machine("n1", "p", place=HERE)),
        (
            of_a_set(LINUX, windows=False),
            Machine(LINUX, "pool1", scale_set="aks-pool1-12345678-vmss", instance_id="10", place=HERE),
        ),
        (
            of_a_set(LINUX, windows=True),
            Machine(LINUX, "pool1", scale_set="aks-pool1-12345678-vmss", instance_id="10", windows=True, place=HERE),
        ),
        (of_a_set(WINDOWS, windows=False), Machine(WINDOWS, place=HERE)),
        (
            of_a_set(WINDOWS, windows=True),
            Machine(WINDOWS, "win", scale_set="akswin", instance_id="36", windows=True, place=HERE),
        ),
        (machine(LINUX, pool="p").pool, "p"),
        (of_a_set("n1", False, SET), Machine("n1", "POOL", "MC_rg", "aks-x-vmss", "7", place=HERE)),
        (of_a_set(LINUX, True, SET), Machine(LINUX, "pool1", "MC_rg", "aks-x-vmss", "7", True, HERE)),
        (
            machine("n1", provider_id=SET.upper().replace("AZURE:", "azure:")),
            Machine("n1", "POOL", "MC_RG", "AKS-X-VMSS", "7"),
        ),
        (
            of_a_set("n1", False, f"azure://{GROUP}/virtualMachines/n1"),
            Machine("n1", "POOL", "MC_rg", "", "", place=HERE),
        ),
        (of_a_set("n1", False, "kind://docker/n1"), Machine("n1", place=HERE)),
    ],
)
def test_a_machine_is_known_from_its_provider_id_or_its_name(found: object, expected: object) -> None:
    """The number in a scale set's name is in base 36; a command wants it decimal."""
    assert found == expected


KNOWN = Machine("n1", "p", "MC rg", "set 1", "7", place=HERE)
SINGLE, ON_WINDOWS = replace(KNOWN, scale_set=""), replace(KNOWN, windows=True)


def test_a_script_runs_through_azure_whatever_the_kubelet_does() -> None:
    assert KNOWN.run("ls 'a b'") == (
        "az vmss run-command invoke -g 'MC rg' -n 'set 1' --instance-id 7 --command-id RunShellScript "
        """--scripts 'ls '"'"'a b'"'"''"""
    )
    assert SINGLE.run("ls") == "az vm run-command invoke -g 'MC rg' -n n1 --command-id RunShellScript --scripts ls"
    assert "--command-id RunPowerShellScript --scripts dir" in ON_WINDOWS.run("dir")
    assert (KNOWN.restart_kubelet, ON_WINDOWS.restart_kubelet) == (
        KNOWN.run("systemctl restart kubelet"),
        ON_WINDOWS.run("Restart-Service kubelet"),
    )
    assert (KNOWN.kubelet_log, ON_WINDOWS.kubelet_log) == (
        KNOWN.run("journalctl -u kubelet --no-pager | grep -i certificate | tail -n 20"),
        ON_WINDOWS.run(r"Select-String -Path C:\k\kubelet.err.log -Pattern certificate | Select-Object -Last 20"),
    )


def test_a_machine_is_replaced_after_its_node_is_drained() -> None:
    """Draining ends also where the kubelet does not answer."""
    drained, deleted = KNOWN.replace
    assert drained == Step("Drain the node.", drain("n1"))
    assert drain("n 1") == (
        "kubectl drain 'n 1' --ignore-daemonsets --delete-emptydir-data --force --skip-wait-for-delete-timeout=60 "
        "--timeout=10m"
    )
    names = "-g 'rg 1' --cluster-name aks1 -n p --machine-names n1"
    assert deleted.command == f"az aks nodepool delete-machines {names}"
    assert Machine("n1").replace[1].text.endswith(f" {BOTH}; {POOL}.")


def test_what_is_known_of_a_machine_stands_for_its_placeholders() -> None:
    assert KNOWN.names == {
        "POOL": "p",
        "NODE_RESOURCE_GROUP": "MC rg",
        "SCALE_SET": "set 1",
        "INSTANCE_ID": "7",
        "RESOURCE_GROUP": "rg 1",
        "CLUSTER": "aks1",
    }
    assert Machine("n1").names == {name: name for name in KNOWN.names}
