"""The simulated control plane: a fleet in; API server addresses, a kubeconfig and a rotation of the CA out."""

import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from simulation.api.activity import Activity, RenewingNode
from simulation.api.cluster_objects import NAMESPACES, populate
from simulation.api.objects import endpoint_slice, root_ca_config
from simulation.api.server import ApiServer, write_kubeconfig
from simulation.node.simulated_node import SimulatedNode, former_authority
from simulation.pki import Authority

__all__ = ["AGENT_TOKEN", "NODE_AGENTS", "SimulatedCluster"]

HOST = "127.0.0.1"
AGENT_TOKEN = "simulated-service-account-token"  # noqa: S105 - of a simulation
"""What kubelets let in to their /metrics and /configz."""
NODE_AGENTS = ("monitoring", "aks-cert-exporter-node")
"""Namespace and name of the node agents' Service."""
CLUSTER_AGENT = ("monitoring", "aks-cert-exporter-cluster")
"""Likewise of the cluster agent's."""
NO_KUBELETS: Mapping[str, tuple[str, int]] = MappingProxyType({})
NAMES = (HOST, "kubernetes.default.svc")
TICK_SECONDS = 1.0


class SimulatedCluster:
    """A cluster right before `az aks rotate-certs`, and from `rotate` on one where that was left half finished.

    A context manager: its servers and threads end with it.
    """

    def __init__(
        self,
        nodes: Sequence[SimulatedNode],
        now: float,
        authority: Authority,
        kubelets: Mapping[str, tuple[str, int]] = NO_KUBELETS,
    ) -> None:
        """`authority`: the CA after the rotation, which all nodes but those left behind know already. `kubelets`: where
        each node's listens.
        """
        self._nodes, self._kubelets = nodes, kubelets
        self._now = now
        self._authority = authority
        self._former = former_authority(now)
        self._authority_file: Path | None = None
        self._stack = ExitStack()
        self.server = ApiServer(self._former.apiserver(NAMES, now))
        self.stray = ApiServer(self._former.apiserver(NAMES, now), store=self.server.store)
        """An address whose certificate the rotation does not reach."""

    def __enter__(self) -> Self:
        populate(self.server.store, self._nodes, self._now, self._authority, self._former, self._kubelets)
        self._stack.enter_context(self.server)
        self._stack.enter_context(self.stray)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def addresses(self) -> tuple[str, str]:
        """HOST:PORT of the API server, and of the address that is left behind."""
        return f"{HOST}:{self.server.port}", f"{HOST}:{self.stray.port}"

    def write_kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig whose CA is in a file beside it, which the rotation replaces as it does a Pod's."""
        self._authority_file = folder / "ca.crt"
        self._authority_file.write_bytes(self._former.pem)
        content = self.server.kubeconfig(self._former.pem, token=AGENT_TOKEN)
        for entry in content["clusters"]:
            del entry["cluster"]["certificate-authority-data"]
            entry["cluster"]["certificate-authority"] = str(self._authority_file)
        return write_kubeconfig(folder / "kubeconfig", content)

    def write_old_kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig as it lies on a laptop since before the rotation."""
        return write_kubeconfig(
            folder / "kubeconfig-of-before", self.server.kubeconfig(self._former.pem, token=AGENT_TOKEN)
        )

    def serve_node_agents(self, agents: Mapping[str, tuple[str, int]]) -> None:
        """The node agents' Service has these Pods: addresses and ports by node."""
        slices = [endpoint_slice(*NODE_AGENTS, node, *address) for node, address in agents.items()]
        self.server.store.put_all("endpointslices", slices)

    def serve_cluster_agent(self, url: str) -> None:
        """The cluster agent's Service leads to `url`, and so does the API server's proxy to it."""
        labels = {"app.kubernetes.io/name": "aks-cert-exporter", "app.kubernetes.io/component": "cluster"}
        metadata = {"namespace": CLUSTER_AGENT[0], "name": CLUSTER_AGENT[1], "labels": labels}
        spec = {"ports": [{"name": "metrics", "port": 9964}]}
        self.server.store.put("services", {"metadata": metadata, "spec": spec})

        def answer(namespace: str, name: str, path: str) -> tuple[int, str, bytes]:
            # The name in the path may have a scheme before it and a port behind it.
            if (namespace, name.split(":")[-2 if ":" in name else -1]) != CLUSTER_AGENT:
                raise ConnectionRefusedError("connection refused")
            with urllib.request.urlopen(f"{url}{path}", timeout=10) as found:  # noqa: S310 - the agent's own http
                return found.status, found.headers["Content-Type"], found.read()

        self.server.service_proxy = answer

    def rotate(self) -> None:
        """The control plane has the new CA: what clients trust, and what the API server serves."""
        if self._authority_file is not None:
            replacement = self._authority_file.with_suffix(".new")
            replacement.write_bytes(self._authority.pem)
            replacement.replace(self._authority_file)
        self.server.rotate(self._authority.apiserver(NAMES, self._now))
        self.server.store.put_all("configmaps", [root_ca_config(name, self._authority.pem) for name in NAMESPACES])
        self.server.sever()

    def go_on(self, lively: RenewingNode, refused: str) -> None:
        """From now on things happen in the cluster; the requests of the node `refused` are denied."""
        activity = Activity(self.server, NAMES, lively, self._authority, time.time(), refused=refused)
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(TICK_SECONDS):
                activity.tick(time.time())

        thread = threading.Thread(target=run, name="activity", daemon=True)
        thread.start()
        self._stack.callback(thread.join)
        self._stack.callback(stop.set)
