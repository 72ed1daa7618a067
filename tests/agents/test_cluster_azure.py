"""The cluster agent with Azure: the real SDK asks a simulated Resource Manager while the agent follows its cluster."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from exporter.agents.cluster.agent import cluster_agent
from exporter.agents.cluster.kube_sources import KUBE_SOURCES
from exporter.facts.azure.resource_id import NodeGroup
from exporter.facts.opt_out_tag import TAG
from exporter.families.catalogue import catalogue
from exporter.reason import Source
from exporter.settings import Command, resolve
from exporter.sources.azure.managed_cluster import AzureSource
from simulation.api.server import ApiServer, write_kubeconfig
from simulation.azure import bodies
from simulation.azure.bodies import JSON, agent_pool, managed_cluster
from simulation.azure.faults import FAULTS, TOKEN_FAULTS
from simulation.azure.resource_manager import Route, SimulatedArm
from simulation.azure.site import ArmSite
from simulation.demo.azure_courses import CLUSTER, OLD_IMAGE, SNAPSHOT
from tests.agents.clusters import CA, LABELS, NODE, OFTEN, Cluster, cluster, node, populate, serving

OFTEN_TOO = {"azure": 0.05, "azure_operating": 0.05, "azure_without_nodes": 0.02}
NODE_GROUP = NodeGroup(CLUSTER.subscription, "MC_contoso_aks1_westeurope")
ROTATING = "RotatingClusterCertificates"


@dataclass
class Scene:
    """A cluster that is followed, and its Azure side."""

    cluster: Cluster
    arm: SimulatedArm

    def put(self, *pools: JSON, state: str = "Succeeded", rbac: bool = True, power: str = "Running") -> None:
        """From the next look on Azure says this."""
        self.arm.put(managed_cluster(CLUSTER, pools or [agent_pool("nodepool1")], state=state, rbac=rbac, power=power))

    def findings(self) -> str:
        """The agent's page."""
        return self.cluster.agent.page({})


@contextlib.contextmanager
def scene(folder: Path, *pools: JSON, given: bool = True, prepare: bool = True, **options: object) -> Iterator[Scene]:
    """`given`: the resource id is set; else it is found from a node. `prepare`: the API server has objects."""
    site = ArmSite(folder / "azure")
    with site.arm:
        site.arm.put(managed_cluster(CLUSTER, pools or [agent_pool("nodepool1")], **options))  # type: ignore[arg-type]
        site.arm.put(bodies.node_resource_group(NODE_GROUP, CLUSTER))
        source = AzureSource(site.arm.endpoint, site.environment, whole=5.0)
        with cluster(
            folder,
            prepare=populate if prepare else lambda _: None,
            intervals=replace(OFTEN, **OFTEN_TOO),
            azure=source,
            azure_id=CLUSTER if given else None,
        ) as found:
            yield Scene(found, site.arm)


def test_a_cluster_in_mid_rotation_shows_every_series_of_azure(tmp_path: Path) -> None:
    """The whole catalogue of the subject, with Azure's own words."""
    pools = [
        agent_pool("nodepool1", mode="System"),
        agent_pool("golden", snapshot=SNAPSHOT, tags={TAG: "true"}, power="Stopped"),
    ]
    with scene(tmp_path, *pools, state=ROTATING) as found:
        found.arm.put(bodies.snapshot(SNAPSHOT, OLD_IMAGE))
        values = found.cluster.values
        found.cluster.until_value(1.0, "akscert_azure_agentpool_info", snapshot_image_version=OLD_IMAGE)
        names = {name for name, _ in found.cluster.series()}
        assert {metric.name for metric in catalogue()["azure"]} <= names
        assert values("akscert_azure_provisioning_state", resource="cluster", name="aks1", state=ROTATING) == [1.0]
        assert values("akscert_azure_provisioning_state", resource="agentpool", state="Succeeded") == [1.0, 1.0]
        assert values("akscert_azure_power_state", name="golden", state="Stopped") == [1.0]
        assert values("akscert_azure_cluster_info", cluster_name="aks1", resource_group="contoso", rbac="true") == [1.0]
        assert values("akscert_azure_agentpool_info", agentpool="golden", serving_rotation_opt_out="true") == [1.0]
        assert values("akscert_source_up", source="azure") == [1.0]
        assert values("akscert_source_errors_total", source="azure", reason="conflict") == [0.0]
        assert "AksCertClusterRotationRunning" in found.findings()


def test_the_state_is_followed_and_its_beginning_kept(tmp_path: Path) -> None:
    """A rotation begins and fails: one state at a time, and since moves only with it."""
    with scene(tmp_path) as found:
        values, state, since = (
            found.cluster.values,
            "akscert_azure_provisioning_state",
            "akscert_azure_provisioning_state_since_timestamp_seconds",
        )
        found.cluster.until_value(1.0, state, resource="cluster", state="Succeeded")
        pool = values(since, resource="agentpool")
        (at_rest,) = values(since, resource="cluster")
        found.put(state=ROTATING)
        found.cluster.until_value(1.0, state, resource="cluster", state=ROTATING)
        (rotating,) = values(since, resource="cluster")
        found.put(state="Failed")
        found.cluster.until_value(1.0, state, resource="cluster", state="Failed")
        (failed,) = values(since, resource="cluster")
        assert at_rest < rotating < failed
        assert values(since, resource="agentpool") == pool
        assert len(values(state, resource="cluster")) == 1
        assert "AksCertClusterRotationStuck" in found.findings()


def test_the_cluster_is_found_from_its_nodes(tmp_path: Path) -> None:
    """By a node's providerID and the node resource group's managedBy, without a resource id."""
    with scene(tmp_path, given=False) as found:
        found.cluster.until_value(1.0, "akscert_azure_cluster_info", cluster_name="aks1")
        assert [request.route for request in found.arm.requests][:3] == [Route.TOKEN, Route.GROUP, Route.CLUSTER]


def test_without_nodes_the_agent_becomes_ready_and_says_what_is_missing(tmp_path: Path) -> None:
    """Nothing is asked of Azure, and the failure is reported instead of waited out."""
    with scene(tmp_path, given=False, prepare=False) as found:
        found.cluster.until_value(0.0, "akscert_source_up", source="azure")
        assert found.cluster.values("akscert_source_errors_total", source="azure", reason="not_found") == [1.0]
        assert "set --azure.resource-id" in found.findings()
        assert found.arm.requests == ()
        found.cluster.server.store.put("nodes", node())
        found.cluster.until_value(1.0, "akscert_azure_cluster_info", cluster_name="aks1")


def test_nodes_elsewhere_are_a_failure(tmp_path: Path) -> None:
    """A cluster of another cloud, or of none."""
    with scene(tmp_path, given=False, prepare=False) as found:
        stranger = node()
        stranger["spec"] = {"providerID": "kind://docker/kind/worker"}
        found.cluster.server.store.put("nodes", stranger)
        found.cluster.until(lambda: "none of Azure" in found.findings(), "the finding")
        # One of Azure's is enough, wherever it stands among them.
        for name in ("zz", "zzz"):
            other = node(name)
            if name == "zzz":
                other["spec"] = stranger["spec"]
            found.cluster.server.store.put("nodes", other)
        found.cluster.until_value(1.0, "akscert_azure_cluster_info", cluster_name="aks1")


def test_azures_names_of_the_api_server_are_looked_at(tmp_path: Path) -> None:
    """Both of them, beside the address the agent talks to; they do not resolve here, which is said."""
    fqdn, private = "aks1.nowhere.invalid", "aks1.privatelink.invalid"
    with scene(tmp_path, fqdn=fqdn, private_fqdn=private) as found:
        found.cluster.until(lambda: all(f"{name}:443" in found.findings() for name in (fqdn, private)), "both names")
        assert found.cluster.values("akscert_source_errors_total", source="apiserver", reason="dns")[0] >= 2
        own = f"127.0.0.1:{found.cluster.server.port}"
        assert found.cluster.values("akscert_apiserver_trusted", address=own) == [1.0]


def test_configured_addresses_are_looked_at_alone(tmp_path: Path) -> None:
    """Azure's names add nothing where somebody has said what to look at."""
    site = ArmSite(tmp_path / "azure")
    with site.arm:
        site.arm.put(managed_cluster(CLUSTER, [agent_pool("nodepool1")], fqdn="aks1.nowhere.invalid"))
        source = AzureSource(site.arm.endpoint, site.environment)
        with cluster(tmp_path, addresses=(("127.0.0.1", 1),), azure=source, azure_id=CLUSTER) as found:
            found.until_value(1.0, "akscert_azure_cluster_info")
            refused = {"source": "apiserver", "reason": "refused"}
            (before,) = found.values("akscert_source_errors_total", **refused)
            found.until(lambda: found.values("akscert_source_errors_total", **refused)[0] >= before + 2, "two looks")
            assert "nowhere.invalid" not in found.agent.page({})


@pytest.mark.parametrize(("rbac", "rotation"), [(True, "enabled"), (False, "disabled")])
def test_rbac_decides_on_the_rotation_of_the_api_servers_certificate(tmp_path: Path, rbac: bool, rotation: str) -> None:
    """AKS renews it on clusters with Kubernetes RBAC only; before Azure has told, it is unknown."""
    with scene(tmp_path, rbac=rbac, fqdn="aks1.nowhere.invalid") as found:
        name = "akscert_apiserver_certificate_not_after_timestamp_seconds"
        found.cluster.until(lambda: found.cluster.values(name, rotation=rotation), rotation)
        assert found.cluster.values(name, rotation="unknown") == []


def test_a_tag_and_nodes_that_disagree_are_evidence(tmp_path: Path) -> None:
    """The pool's tag says off, the node's label on; when the tag goes, so does its word."""
    with scene(tmp_path, agent_pool("nodepool1", tags={TAG: "true"})) as found:
        labels = {"node": NODE, "role": "kubelet-serving"}
        found.cluster.until_value(0.0, "akscert_rotation_evidence", evidence="agentpool_tag", **labels)
        assert found.cluster.values("akscert_rotation_evidence", evidence="node_label", **labels) == [1.0]
        assert "AksCertRotationEvidenceConflict" in found.findings()
        found.put(agent_pool("nodepool1"))
        found.cluster.until(
            lambda: not found.cluster.values("akscert_rotation_evidence", evidence="agentpool_tag"), "the tag's end"
        )
        assert LABELS["kubernetes.azure.com/agentpool"] == "nodepool1"


@pytest.mark.parametrize(
    ("route", "fault", "reason"),
    [
        (Route.CLUSTER, "forbidden", "forbidden"),
        (Route.CLUSTER, "server_error", "server_error"),
        (Route.CLUSTER, "html", "decode"),
        (Route.CLUSTER, "reset", "reset"),
        (Route.TOKEN, "no_federated_credential", "credentials"),
    ],
)
def test_an_azure_that_fails_leaves_the_last_facts_and_everything_else(
    tmp_path: Path, route: Route, fault: str, reason: str
) -> None:
    """The source is down with its reason, what was known stays, and it comes back by itself."""
    with scene(tmp_path) as found:
        # That it answers is told at once, what it says with the next rendering.
        found.cluster.until_value(1.0, "akscert_azure_cluster_info", cluster_name="aks1")
        found.cluster.until_value(1.0, "akscert_source_up", source="azure")
        if route is Route.TOKEN:
            found.arm.revoke()
        found.arm.faults[route] = {**FAULTS, **TOKEN_FAULTS}[fault]
        found.cluster.until_value(0.0, "akscert_source_up", source="azure")
        assert found.cluster.values("akscert_source_errors_total", source="azure", reason=reason)[0] >= 1
        assert found.cluster.values("akscert_azure_cluster_info", cluster_name="aks1") == [1.0]
        assert found.cluster.values("akscert_source_up", source="nodes") == [1.0]
        assert "docs/azure" in found.findings()
        found.arm.faults.clear()
        found.cluster.until_value(1.0, "akscert_source_up", source="azure")


def test_retry_after_is_obeyed(tmp_path: Path) -> None:
    """Azure asks for a quarter of an hour: not one request more, however often the agent would look else."""
    with scene(tmp_path) as found:
        found.cluster.until_value(1.0, "akscert_source_up", source="azure")
        found.arm.faults[Route.CLUSTER] = FAULTS["throttled"]
        found.cluster.until_value(0.0, "akscert_source_up", source="azure")
        asked = len(found.arm.requests)
        for _ in range(3):
            found.cluster.until_told()
        assert len(found.arm.requests) == asked


PROGRAM = """
import gc, sys, threading
from exporter.agents.cluster.agent import cluster_agent, run
from exporter.settings import Command, resolve
settings = {"kubeconfig": sys.argv[1], "web_listen_address": sys.argv[2], "log_format": "json", "log_level": "error"}
agent = cluster_agent(resolve(Command.CLUSTER, settings, {}))
agent.start(); agent.exposition("", False); agent.page({}); agent.stop()
print(sorted({"azure", "msal"} & set(sys.modules)), "azure" in agent.unanswered())
print(run(resolve(Command.CLUSTER, settings, {})), sys.getswitchinterval(), gc.get_threshold()[2])
print(gc.get_freeze_count() > 0, "facts" in {thread.name for thread in threading.enumerate()})
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> "subprocess.CompletedProcess[str]":
    """A process in which an agent looked for a moment, and another was to listen where somebody else does."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
    with ApiServer(serving()) as server, socket.create_server(("127.0.0.1", 0)) as taken:
        path = write_kubeconfig(tmp_path_factory.mktemp("run") / "kubeconfig", server.kubeconfig(CA.pem))
        program = [sys.executable, "-c", PROGRAM, str(path), f"127.0.0.1:{taken.getsockname()[1]}"]
        return subprocess.run(program, capture_output=True, text=True, env=environment, timeout=60, check=False)


def test_the_azure_sdk_is_not_imported_where_azure_is_not_asked(ended: "subprocess.CompletedProcess[str]") -> None:
    """Its 30 MiB are paid for by those who use it."""
    assert (ended.stdout.splitlines()[:1], ended.returncode) == (["[] False"], 0), ended.stderr


def test_a_running_agent_logs_and_shares_its_time_as_it_should(ended: "subprocess.CompletedProcess[str]") -> None:
    """Where its address is taken, that is one line in the form that was asked for."""
    assert ended.stdout.splitlines()[1:] == ["1 0.0005 1000000", "True True"]
    line = json.loads(ended.stderr.splitlines()[-1])
    assert (line["level"], line["message"].partition(" on ")[0]) == ("error", "cannot listen")


@pytest.mark.parametrize(
    ("flags", "asked"),
    [
        ({}, False),
        ({"azure_enabled": "true"}, True),
        ({"azure_resource_id": CLUSTER.path}, True),
        ({"azure_enabled": "false", "azure_resource_id": CLUSTER.path}, False),
    ],
)
def test_the_settings_decide_whether_azure_is_a_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: dict[str, str], asked: bool
) -> None:
    """auto, true and false, with and without a resource id."""
    monkeypatch.delenv("AZURE_FEDERATED_TOKEN_FILE", raising=False)
    with ApiServer(serving()) as server:
        path = write_kubeconfig(tmp_path / "kubeconfig", server.kubeconfig(CA.pem))
        agent = cluster_agent(resolve(Command.CLUSTER, {"kubeconfig": str(path), **flags}, {}))
        assert ("azure" in agent.unanswered()) is asked


USUAL = {Source.KUBELETS, Source.ENDPOINTS}


@pytest.mark.parametrize(
    ("flags", "more"),
    [
        ({}, USUAL),
        ({"kubelets_enabled": "false"}, {Source.ENDPOINTS}),
        ({"node_agents_service": "monitoring/certs-node"}, {*USUAL, Source.NODE_AGENTS}),
        ({"endpoints_enabled": "false"}, {Source.KUBELETS}),
        ({"workloads_enabled": "true"}, {*USUAL, Source.WORKLOADS}),
        ({"preflight_enabled": "true"}, {*USUAL, Source.PREFLIGHT}),
    ],
)
def test_each_setting_adds_its_own_source_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: dict[str, str], more: set[Source]
) -> None:
    """What is not wanted is no source, and so never missed."""
    monkeypatch.delenv("AZURE_FEDERATED_TOKEN_FILE", raising=False)
    with ApiServer(serving()) as server:
        path = write_kubeconfig(tmp_path / "kubeconfig", server.kubeconfig(CA.pem))
        agent = cluster_agent(resolve(Command.CLUSTER, {"kubeconfig": str(path), **flags}, {}))
        assert {one.source for one in agent.sources()} == {*KUBE_SOURCES, *more}
