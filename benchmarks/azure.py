"""What asking Azure costs the cluster agent: its memory without and with Azure, on a simulated cluster.

    python -m benchmarks.azure [--nodes 1000] [--pools 50] [--scrapes 200]

Without Azure the SDK must not even be imported, so the first figure is the cluster agent's own.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.node import Process, get, text
from exporter.facts.kube.node import SERVING_LABEL
from simulation.api.objects import authentication_config, lease, namespace, node_object, root_ca_config
from simulation.api.server import ApiServer, write_kubeconfig
from simulation.azure.bodies import agent_pool, managed_cluster
from simulation.azure.site import ArmSite
from simulation.demo.azure_courses import CLUSTER
from simulation.pki import YEAR, Authority

BUDGET_MIB = 110


def fill(server: ApiServer, authority: Authority, nodes: int, pools: int, now: float) -> None:
    """Nodes as large as real ones (AKS lists some fifty images in each), and what else the agent reads."""
    images = [{"names": [f"mcr.microsoft.com/oss/image-{n}@sha256:{n:064x}"], "sizeBytes": n} for n in range(50)]

    def one(number: int) -> dict[str, object]:
        pool = f"pool{number % pools}"
        labels = {"kubernetes.azure.com/agentpool": pool, SERVING_LABEL: "cluster"}
        name = f"aks-{pool}-26535897-vmss{number // pools:06d}"
        found = node_object(name, labels, now, ready=True, windows=False, version="v1.33.5")
        found["status"]["images"] = images
        return found

    server.store.put_all("nodes", map(one, range(nodes)))
    server.store.put("namespaces", namespace("kube-system", now - YEAR))
    for name in ("default", "kube-system"):
        server.store.put("configmaps", root_ca_config(name, authority.pem))
    server.store.put("configmaps", authentication_config(authority.pem, authority.pem))
    server.store.put_all("leases", [lease(name, now) for name in ("kube-controller-manager",)])


def resident(kubeconfig: Path, arguments: Sequence[str], scrapes: int, wanted: str) -> float:
    """MiB after so many scrapes, the first of which has the wanted series."""
    command = [sys.executable, "-m", "exporter", "cluster", "--kubeconfig", str(kubeconfig)]
    process = Process([*command, "--web.listen-address", "127.0.0.1:0", *arguments])
    try:
        connection = process.connect()
        until = time.monotonic() + 60
        while wanted not in text(connection):
            if time.monotonic() > until:
                raise SystemExit(f"no {wanted} within a minute")
            time.sleep(0.2)
        for _ in range(scrapes):
            get(connection)
        return process.resident
    finally:
        process.stop()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--pools", type=int, default=50)
    parser.add_argument("--scrapes", type=int, default=200)
    options = parser.parse_args()
    now = time.time()
    authority = Authority.cluster(now - YEAR)
    with tempfile.TemporaryDirectory() as directory, ApiServer(authority.apiserver(("127.0.0.1",), now)) as server:
        fill(server, authority, options.nodes, options.pools, now)
        kubeconfig = write_kubeconfig(Path(directory) / "kubeconfig", server.kubeconfig(authority.pem))
        site = ArmSite(Path(directory) / "azure")
        with site.arm:
            site.arm.put(managed_cluster(CLUSTER, [agent_pool(f"pool{n}") for n in range(options.pools)]))
            without = resident(kubeconfig, ["--azure.enabled", "false"], options.scrapes, "akscert_node_info{")
            os.environ.update(site.environment)
            arguments = ["--azure.endpoint", site.arm.endpoint, "--azure.resource-id", CLUSTER.path]
            with_azure = resident(kubeconfig, arguments, options.scrapes, "akscert_azure_agentpool_info{")
    shown = f"{options.nodes} nodes in {options.pools} pools, {options.scrapes} scrapes"
    print(f"     -   RSS without Azure: {without:.1f} MiB ({shown})")
    print(f"{with_azure / BUDGET_MIB:6.2f}x  RSS with Azure: {with_azure:.1f} MiB (budget {BUDGET_MIB})")
    print(f"{with_azure / without:6.2f}x  what Azure adds: {with_azure - without:+.1f} MiB")


if __name__ == "__main__":
    main()
