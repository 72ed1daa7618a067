"""Simulated clusters with real agents, and real Prometheuses that scrape them: broken, healthy, both, nothing."""

import contextlib
import logging
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from exporter.facts.azure.resource_id import NodeGroup
from simulation.api.cluster_objects import KUBELET_VERSION, LEFT_BEHIND, SILENT_APPROVER
from simulation.api.control_plane import NODE_AGENTS, SimulatedCluster
from simulation.api.objects import NODE_GROUP, SUBSCRIPTION, lease, webhooks
from simulation.azure.bodies import agent_pool, managed_cluster, node_resource_group
from simulation.azure.managed_cluster import RESOURCE
from simulation.azure.site import ArmSite
from simulation.demo.cluster_agent import start_demo_cluster
from simulation.demo.node_agents import START_SECONDS, Fleet
from simulation.demo.processes import Process, stop_all
from simulation.demo.prometheus import rule_files
from simulation.node.agentless import AGENTLESS
from simulation.node.scenarios import SCENARIOS, Scenario, scenario
from simulation.pki import YEAR, Authority
from tools.dashboards.answers import Prometheus

__all__ = ["SHOWN", "UNSEEN", "Fleets", "Running", "fleets", "hide_kubelet"]

UNSEEN, SHOWN = "serving-off-flags", "static-client"
"""The scenario whose agent is stopped, so that there is a blind spot; and the one whose node is looked at."""
SCRAPE_SECONDS = 5

Targets = Mapping[str, Sequence[str]]
"""Addresses (HOST:PORT) of each job."""


@dataclass(frozen=True, slots=True)
class Running:
    """Agents that run. `shown`: a node to look at; `healthy`: one without a fault; `unseen`: one without an agent."""

    targets: Targets
    shown: str
    healthy: str
    unseen: str


@dataclass(frozen=True, slots=True)
class Fleets:
    """Real Prometheuses. `both` has a `cluster` label: contoso is broken, fabrikam healthy. The others have none."""

    broken: Prometheus
    healthy: Prometheus
    both: Prometheus
    empty: Prometheus
    node: str
    """A node of the broken cluster, with faults."""
    healthy_node: str
    """One of the healthy cluster."""
    unseen: str
    """A node of the broken cluster without a node agent."""


def _well(number: int) -> Scenario:
    """One of the healthy nodes: the lifetime that is over differs from node to node, as it does in a real cluster."""
    good = scenario("healthy")
    options = replace(good.options, client_gone=0.08 * number, serving_gone=0.05 + 0.08 * number)
    return replace(good, name=f"well-{number}", node_name=f"aks-nodepool1-31415926-vmss{number:06d}", options=options)


@contextlib.contextmanager
def _broken(folder: Path, now: float, stop: threading.Event) -> Iterator[Running]:
    with Fleet(folder, now, Authority.cluster(now - 3 * YEAR)) as fleet:
        fleet.start(SCENARIOS, stop)
        fleet.add_agentless(AGENTLESS)
        control = start_demo_cluster(fleet, stop)
        control.go_on()
        unseen = next(member for member in fleet.members if member.node.scenario.name == UNSEEN)
        unseen.agent.ask_to_stop()
        hide_kubelet(control.cluster, unseen.node.name)
        nodes = [_address(member.agent) for member in fleet.members]
        targets = {"node-agents": nodes, "cluster-agent": [_address(control.agent)]}
        yield Running(targets, scenario(SHOWN).node_name, scenario("healthy").node_name, unseen.node.name)


def hide_kubelet(cluster: SimulatedCluster, node: str) -> None:
    """Let the cluster agent find nobody where the node's kubelet should be."""
    (found,) = (one for one in cluster.server.store.objects("nodes") if one["metadata"]["name"] == node)
    found["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] = 1
    cluster.server.store.put("nodes", found)


@contextlib.contextmanager
def _healthy(folder: Path, now: float, stop: threading.Event) -> Iterator[Running]:
    with Fleet(folder, now, Authority.cluster(now - 3 * YEAR)) as fleet, contextlib.ExitStack() as stack:
        fleet.start([_well(number) for number in range(8)], stop)
        nodes = [member.node for member in fleet.members]
        kubelets = {member.node.name: member.kubelet.address for member in fleet.members if member.kubelet}
        cluster = stack.enter_context(SimulatedCluster(nodes, now, fleet.authority, kubelets))
        cluster.serve_node_agents({member.node.name: member.agent.address for member in fleet.members})
        kubeconfig = cluster.write_kubeconfig(folder)
        cluster.rotate()
        cluster.server.store.put("mutatingwebhookconfigurations", webhooks(LEFT_BEHIND, fleet.authority.pem))
        cluster.server.store.put("leases", lease(SILENT_APPROVER, now))
        version = KUBELET_VERSION.lstrip("v")
        pool = agent_pool("nodepool1", mode="System", version=version, image=_well(0).image, count=len(nodes))
        azure = ArmSite(folder / "azure")
        azure.arm.put(node_resource_group(NodeGroup(SUBSCRIPTION, NODE_GROUP), RESOURCE))
        azure.arm.put(managed_cluster(RESOURCE, [pool], version=version))
        stack.enter_context(azure.arm)
        arguments = ["cluster", "--kubeconfig", str(kubeconfig), "--apiserver-address", cluster.addresses[0]]
        arguments += ["--azure.enabled", "true", "--azure.endpoint", azure.arm.endpoint]
        arguments += ["--node-agents.service", "/".join(NODE_AGENTS), "--web.listen-address", "127.0.0.1:0"]
        agent = Process("the healthy cluster's agent", arguments, environment=azure.environment)
        fleet.own(agent)
        agent.wait_ready(START_SECONDS, stop)
        targets = {
            "node-agents": [_address(member.agent) for member in fleet.members],
            "cluster-agent": [_address(agent)],
        }
        yield Running(targets, nodes[0].name, nodes[1].name, "")


@contextlib.contextmanager
def fleets(minutes: float = 1.0) -> Iterator[Fleets]:
    """All of them, once Prometheus has watched for so many minutes. Needs Prometheus (make tools)."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # the simulated servers lose clients in all ways
    now, stop = time.time(), threading.Event()
    with tempfile.TemporaryDirectory(prefix="grafana-") as name, contextlib.ExitStack() as stack:
        folder = Path(name).resolve()
        broken = stack.enter_context(_broken(folder / "broken", now, stop))
        healthy = stack.enter_context(_healthy(folder / "healthy", now, stop))
        started = [
            _prometheus(folder / "p-broken", {"": broken.targets}),
            _prometheus(folder / "p-healthy", {"": healthy.targets}),
            _prometheus(folder / "p-both", {"contoso": broken.targets, "fabrikam": healthy.targets}),
            _prometheus(folder / "p-empty", {}),
        ]
        stack.callback(stop_all, started)
        for process in started:
            process.wait_ready(60, stop)
        stop.wait(60 * minutes)
        urls = [Prometheus(process.url) for process in started]
        yield Fleets(
            broken=urls[0],
            healthy=urls[1],
            both=urls[2],
            empty=urls[3],
            node=broken.shown,
            healthy_node=healthy.shown,
            unseen=broken.unseen,
        )


def _address(agent: Process) -> str:
    return agent.url.removeprefix("http://")


def _prometheus(folder: Path, clusters: Mapping[str, Targets]) -> Process:
    """A Prometheus with the chart's rules. `clusters`: the `cluster` label, empty for none, and what it stands for."""
    binary = shutil.which("prometheus")
    if binary is None:
        raise SystemExit("Prometheus is not installed (make tools)")
    jobs = [
        # As the chart's monitors have it: the cluster agent's `node` is not the one it runs on.
        {
            "job_name": f"{job}-{cluster}".rstrip("-"),
            "honor_labels": True,
            "static_configs": [{"targets": list(addresses), "labels": {"cluster": cluster} if cluster else {}}],
        }
        for cluster, targets in clusters.items()
        for job, addresses in targets.items()
    ]
    pace = {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"}
    folder.mkdir()
    configuration = {"global": pace, "rule_files": list(rule_files()), "scrape_configs": jobs}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listener:  # Prometheus does not say which port it got
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    command = [binary, f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address={address}", "--log.level=warn"]
    return Process(f"the Prometheus in {folder.name}", ["other", *command], url=f"http://{address}", ready="/-/ready")
