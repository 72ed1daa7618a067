"""C10: every command that a finding tells is complete and can be pasted."""

import itertools
import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from exporter.agents.node.agent import node_agent
from exporter.facts.azure.managed_cluster import AzureFacts, azure_cluster
from exporter.facts.azure.resource_id import ResourceId
from exporter.facts.kube.kubeconfig_trust import KubeconfigTrust
from exporter.facts.kube.node import node
from exporter.facts.opt_out_tag import TAG
from exporter.facts.source import REASONS, Failure, SourceFacts
from exporter.facts.x509 import certificates
from exporter.findings import Finding
from exporter.findings.azure import azure_findings, azure_unanswered
from exporter.findings.cluster import cluster_findings
from exporter.findings.commands import PLACEHOLDERS, Place, drain, filled, machine, step
from exporter.findings.host import host_findings
from exporter.findings.kubeconfig import kubeconfig_findings
from exporter.reason import Reason, Source
from exporter.settings import Command, resolve
from simulation.azure.bodies import agent_pool, managed_cluster
from simulation.demo.azure_courses import azure_verdicts
from simulation.node.scenarios import SCENARIOS
from simulation.node.simulated_node import build
from simulation.pki import DAY, YEAR, Authority
from tests.commands.az import EXTENSIONS, Flag, recorded, version
from tests.commands.parser import faults, parts, unknown_placeholders
from tests.pages.example import NOW
from tests.pages.fleet import fleet
from tools.azure_cli import COMMANDS

NODE = "aks-nodepool1-12345678-vmss00000z"
PROVIDER = (
    "azure:///subscriptions/5ab0/resourceGroups/mc_rg_aks1_westeurope/providers/Microsoft.Compute"
    "/virtualMachineScaleSets/aks-nodepool1-12345678-vmss/virtualMachines/35"
)
UNKNOWN_TO_NO_ONE = frozenset(PLACEHOLDERS) | {"DAC_READ_SEARCH"}


def wrong(findings: Iterable[Finding]) -> list[str]:
    """Everything that is wrong with what the findings tell to type."""
    found: list[str] = []
    for one in findings:
        assert one.next, one
        for each in one.next:
            if not each.command:
                continue
            found += faults(each.command)
            found += [f"{word} is not explained: {each}" for word in unknown_placeholders(each.command)]
            found += [
                f"{word} is not explained: {each}"
                for word in PLACEHOLDERS
                if word in each.command and word not in each.text and f"_{word}" not in each.command
            ]
    return found


@pytest.mark.parametrize("name", [one.name for one in SCENARIOS])
def test_what_a_nodes_findings_tell_to_type(name: str, tmp_path: Path) -> None:
    """C10: of each node of the demo, today and when its certificates end, with its kubelet silent too."""
    (chosen,) = [one for one in SCENARIOS if one.name == name]
    simulated = build(chosen, tmp_path / "host", NOW, Authority.cluster(NOW - 3 * YEAR))
    flags = {"host_root": str(simulated.root), "node_name": simulated.name, "kubelet_address": ""}
    host = node_agent(resolve(Command.CHECK, flags, {})).look()
    silent = SourceFacts(Source.KUBELET, False, None, {}, "connection refused", Reason.REFUSED)
    late = [host_findings(host, [silent], NOW + days * DAY, max_age=90 * DAY) for days in (0, 200, 400)]
    assert late[0]
    assert [fault for found in late for fault in wrong(found)] == []


@pytest.mark.parametrize("broken", [False, True])
def test_what_a_clusters_findings_tell_to_type(broken: bool) -> None:
    """C10: of a fleet with each trouble there is."""
    facts = fleet(40, 4, broken=broken)
    found = cluster_findings(facts, [_down(source, reason) for source, reason in _reasons()], NOW)
    assert len(found) > 3
    assert wrong(found) == []


def _reasons() -> list[tuple[Source, Reason]]:
    return [(source, reason) for source in (Source.NODES, Source.LEASES) for reason in REASONS[source]]


def _down(source: Source, reason: Reason) -> SourceFacts:
    return SourceFacts(source, False, None, {}, "some words", reason)


def test_what_azures_findings_tell_to_type(tmp_path: Path) -> None:
    """C10: of each course of the demo, each failure of Azure, each kind of node pool."""
    found = [one for verdict in azure_verdicts(tmp_path, NOW) for one in verdict.findings]
    found += [azure_unanswered(Failure(reason, "some words")) for reason in REASONS[Source.AZURE]]
    cluster = ResourceId("5ab0", "my group", "managedClusters", "aks-1")
    pools = [agent_pool("p", tags={TAG: "true"}), agent_pool("q", version="1.26.3"), agent_pool("r", power="Stopped")]
    named = {"name": NODE, "labels": {"kubernetes.azure.com/agentpool": "p"}, "uid": "1"}
    one = node(json.dumps({"metadata": {**named, "creationTimestamp": "2026-01-01T00:00:00Z"}}).encode())
    for state in ("Failed", "RotatingClusterCertificates", "RotatingServiceAccountSigningKeysInternal"):
        facts = AzureFacts(azure_cluster(managed_cluster(cluster, pools, state=state, rbac=False), cluster))
        found += azure_findings(facts, [one], NOW)
    assert wrong(found) == []
    assert any("-g 'my group' -n aks-1" in each.command for finding in found for each in finding.next)


def test_what_a_kubeconfigs_findings_tell_to_type() -> None:
    """C10: with Azure's names where they are known."""
    old = Authority("ca", NOW - 700 * DAY, NOW + 20 * DAY)
    client = certificates(old.issue("c", NOW - 700 * DAY, NOW + 3 * DAY).certificate_pem)
    authority = certificates(old.pem)
    chains = [
        certificates(issuer.apiserver(names, NOW).certificate_pem)
        for issuer in (old, Authority("Inspection", NOW, NOW + DAY, number=1))
        for names in ((), ("aks.example",))
    ]
    reasons = (Reason.CERTIFICATE_UNTRUSTED, Reason.CERTIFICATE_HOSTNAME, Reason.CERTIFICATE_EXPIRED)
    for place in (None, Place("rg", "aks1")):
        for chain, reason in itertools.product(chains, reasons):
            trust = KubeconfigTrust(
                "x",
                "https://aks.example",
                "aks.example",
                through="http://proxy:3128",
                authorities=authority,
                client=client,
                chain=chain,
                untrusted=reason,
            )
            found = list(kubeconfig_findings(trust, NOW, max_age=90 * DAY, place=place))
            assert len(found) == 4
            assert wrong(found) == []
        for trust in (
            KubeconfigTrust("x", "http://localhost", "localhost", tls=False),
            KubeconfigTrust("x", "https://aks.example", "aks.example", insecure=True, chain=chains[0]),
        ):
            assert wrong(list(kubeconfig_findings(trust, NOW, place=place))) == []


@pytest.mark.parametrize(
    ("name", "windows", "scale_set", "instance", "pool"),
    [
        ("aks-nodepool1-12345678-vmss000000", False, "aks-nodepool1-12345678-vmss", "0", "nodepool1"),
        ("aks-nodepool1-12345678-vmss00000z", False, "aks-nodepool1-12345678-vmss", "35", "nodepool1"),
        ("aks-np-1-vmss000010", False, "aks-np-1-vmss", "36", "np"),
        ("aksnpwin00000a", True, "aksnpwin", "10", "npwin"),
        ("aks-system-surge-abc12", False, "SCALE_SET", "INSTANCE_ID", "POOL"),
        ("virtual-node-aci-linux", False, "SCALE_SET", "INSTANCE_ID", "POOL"),
    ],
)
def test_a_nodes_name_tells_its_scale_set_and_number(
    name: str, windows: bool, scale_set: str, instance: str, pool: str
) -> None:
    """The name's suffix is base 36, the number that az wants decimal."""
    found = machine(name, windows=windows)
    assert (found.scale_set, found.instance_id, found.pool) == (scale_set, instance, pool)


def test_a_provider_id_tells_everything() -> None:
    """Scale sets and machines of their own are asked by different commands."""
    command = machine(NODE, provider_id=PROVIDER, pool="nodepool1").restart_kubelet
    assert command == (
        "az vmss run-command invoke -g mc_rg_aks1_westeurope -n aks-nodepool1-12345678-vmss --instance-id 35 "
        "--command-id RunShellScript --scripts 'systemctl restart kubelet'"
    )
    assert list(faults(command)) == []
    alone = PROVIDER.replace("virtualMachineScaleSets/aks-nodepool1-12345678-vmss/", "").rpartition("/")[0] + "/vm-1"
    command = machine("vm-1", provider_id=alone).restart_kubelet
    assert command.startswith("az vm run-command invoke -g mc_rg_aks1_westeurope -n vm-1 ")
    assert list(faults(command)) == []


@pytest.mark.parametrize("name", ["x'; rm -rf / #", "$(reboot)", "a b", "`id`", "\n", "-n"])
def test_a_name_from_outside_is_one_word_of_the_command(name: str) -> None:
    """Whoever may create a request chooses its name."""
    (words,) = parts(drain(name))
    assert words[2] == name


def test_a_step_explains_each_placeholder_once() -> None:
    one = step("Rotate.", Place().rotate_certs)
    assert one.text == (
        "Rotate. RESOURCE_GROUP and CLUSTER are the cluster's resource group and name (az aks list -o table)."
    )
    assert step("Rotate.", Place("rg", "aks1").rotate_certs).text == "Rotate."


def test_what_a_node_agent_could_not_know_is_filled_in_by_who_knows() -> None:
    """C10: the cluster agent passes a node's findings on with the names that Azure and the providerID tell."""
    known = machine(NODE, provider_id=PROVIDER, pool="nodepool1", place=Place("my rg", "aks1"))
    for one in (*machine(NODE).replace, step("Look.", machine("odd").kubelet_log), step("Wait.")):
        done = filled(one, known.names)
        assert not unknown_placeholders(done.command), done
        assert " is the " not in done.text
        assert not done.command or list(faults(done.command)) == []
    upgrade = step("Upgrade.", Place().nodepool("upgrade", "p", "--kubernetes-version VERSION"))
    assert filled(upgrade, known.names) == step(
        "Upgrade.", Place("my rg", "aks1").nodepool("upgrade", "p", "--kubernetes-version VERSION")
    )
    assert filled(upgrade, machine(NODE).names) == upgrade


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("az aks show", "required: --name/-n, --resource-group/-g"),
        ("az aks rotate-certs -g RG -n X --force", "unrecognized arguments: --force"),
        ("az aks frobnicate -g RG", "that is recorded"),
        ("kubectl get csr --no-such-flag", "unknown flag"),
        ("kubectl frobnicate csr", "frobnicate"),
        ("kubectl get csr.", "full stop"),
        ("az aks nodepool update -g a --cluster-name b -n c --tags …", "not whole"),
        ("rm -rf /", "no program"),
        ("kubectl get 'csr", "quotation"),
        ("az aks get-credentials -g a -n b --overwrite-existing yes", "unrecognized arguments: yes"),
        ("az aks show -g a b -n c", "unrecognized arguments: b"),
        ("az aks show -g -n c", "expected one argument"),
        ("az aks nodepool delete-machines -g a --cluster-name b -n c --machine-names", "at least one argument"),
        ("az aks upgrade -g a -n b --kubernetes 1.33", "unrecognized arguments"),
    ],
)
def test_the_parser_finds_what_is_wrong(command: str, words: str) -> None:
    assert any(words in fault for fault in faults(command)), list(faults(command))


def test_every_command_that_is_recorded_was_found_in_az() -> None:
    """The record is az's own, of a version that is told, and holds all that is asked for."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", version())
    assert set(COMMANDS) <= set(recorded())
    assert not set(COMMANDS) & set(EXTENSIONS)
    assert Flag(("--machine-names",), "+", True) in recorded()["aks nodepool delete-machines"]
    assert Flag(("--resource-group", "-g"), 1, True) in recorded()["vmss run-command invoke"], (
        "az asks for it or for --ids"
    )
