"""The cluster agent asking thousands of node agents: processor and memory beyond what it costs without.

    python -m benchmarks.node_agents [--nodes 5000] [--seconds 120]

Node agents are simulated on loopback by another process: an address each, a real node's document under each one's name,
304 where its ETag comes back, as agents of nodes on which nothing changes. The agent runs twice, without and with
asking. One node in a hundred changes its document with every question, which is more than a fleet's do.
"""

import argparse
import asyncio
import contextlib
import re
import resource
import statistics
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.kubelets import NOW, TOKEN, agent, name, processor, simulated
from benchmarks.node import Process, get, text, timed
from exporter.agents.node.agent import node_agent
from exporter.settings import Command, resolve
from simulation.api import objects
from simulation.api.server import ApiServer, write_kubeconfig
from simulation.node.scenarios import SCENARIOS
from simulation.node.simulated_node import build
from simulation.pki import DAY, YEAR, Authority

SERVICE = ("monitoring", "agents")
CHANGING = 100
"""Of so many nodes one never says the same twice."""


def address(number: int) -> str:
    """A loopback address of its own for each node."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


class Agents:
    """All node agents: which one is asked is told by the address that the question comes to."""

    def __init__(self, document: bytes, node: str) -> None:
        self._document, self._node = document, node.encode()
        self._asked = 0

    async def listen(self, count: int) -> int:
        """Begin, at the address of each of so many nodes. Returns the port."""
        first = await asyncio.start_server(self._answer, address(0), 0, backlog=64)
        port: int = first.sockets[0].getsockname()[1]
        others = [address(number) for number in range(1, count)]
        await asyncio.start_server(self._answer, others, port, backlog=64)
        return port

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        *_, block, last = (int(part) for part in writer.get_extra_info("sockname")[0].split("."))
        number = block * 250 + last - 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self._asked += number % CHANGING == 0
                etag = f'"{number}-{self._asked if number % CHANGING == 0 else 0}"'.encode()
                if etag in head:
                    writer.write(b"HTTP/1.1 304 Not Modified\r\nETag: " + etag + b"\r\n\r\n")
                else:
                    body = self._document.replace(self._node, name(number).encode())
                    length = str(len(body)).encode()
                    writer.write(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: " + etag
                        + b"\r\nContent-Length: " + length + b"\r\n\r\n" + body
                    )  # fmt: skip
                await writer.drain()
        writer.close()


def document(folder: Path, authority: Authority) -> tuple[bytes, str]:
    """What the agent of a well node says, and that node's name."""
    (well,) = (one for one in SCENARIOS if one.name == "healthy")
    node = build(well, folder / "node", NOW, authority)
    flags = {"host_root": str(node.root), "node_name": node.name, "kubelet_address": ""}
    facts = node_agent(resolve(Command.NODE, flags, {})).documents["/facts"]("", {})
    assert facts is not None
    return facts.body, node.name


def simulate(pipe: Connection, folder: str, nodes: int) -> None:
    """The API server and the node agents, in a process of their own, until told to end."""
    authority = Authority.cluster(NOW - 3 * YEAR)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    loop = asyncio.new_event_loop()
    port = loop.run_until_complete(Agents(*document(Path(folder), authority)).listen(nodes))
    threading.Thread(target=loop.run_forever, daemon=True).start()
    with ApiServer(authority.apiserver(("127.0.0.1",), NOW - 60)) as server:
        labels = {"kubernetes.azure.com/agentpool": "nodepool1", "kubernetes.azure.com/kubelet-serving-ca": "cluster"}
        numbers = range(nodes)
        server.store.put_all(
            "nodes",
            (
                objects.node_object(name(n), labels, NOW - DAY, ready=True, windows=False, version="v1.33.2")
                for n in numbers
            ),
        )
        slices = (objects.endpoint_slice(*SERVICE, name(n), address(n), port) for n in numbers)
        server.store.put_all("endpointslices", slices)
        server.store.put("namespaces", objects.namespace("kube-system", NOW - YEAR))
        server.store.put("configmaps", objects.root_ca_config("kube-system", authority.pem))
        server.store.put("configmaps", objects.authentication_config(authority.pem, authority.pem))
        write_kubeconfig(Path(folder) / "kubeconfig", server.kubeconfig(authority.pem, token=TOKEN))
        pipe.send("ready")
        pipe.recv()


def measure(folder: str, nodes: int, seconds: float) -> None:
    """Print the table."""
    with agent(folder, "--kubelets.enabled", "false") as process:
        time.sleep(15)
        get(process.connect())
        without, used = process.resident, processor(process)
        time.sleep(seconds / 2)
        idle = (processor(process) - used) / (seconds / 2)
    with agent(folder, "--kubelets.enabled", "false", "--node-agents.service", "/".join(SERVICE)) as process:
        began, connection = time.monotonic(), process.connect()
        while _told(process) < nodes and time.monotonic() - began < 300:
            time.sleep(2)
        first = time.monotonic() - began
        used, start, health = processor(process), time.monotonic(), []
        while time.monotonic() - start < seconds:
            health += timed(lambda: get(connection, "/healthz"), 20)
            time.sleep(0.5)
        share = (processor(process) - used) / (time.monotonic() - start) - idle
        told = _told(process)
        print(f"first round of all {nodes}: {first:.0f} s; {told} of them tell about their node")
        print(f"processor: {share:.1%} of a core more than without ({idle:.1%})")
        print(f"resident: {process.resident:.0f} MiB, {process.resident - without:.0f} more than without")
        print(
            f"/healthz meanwhile: p50 {statistics.median(health):.1f} ms, "
            f"p99 {statistics.quantiles(health, n=100)[98]:.1f} ms"
        )


def _told(process: Process) -> int:
    return len(re.findall(r'akscert_node_observed\{[^}]*by="node_agent"', text(process.connect())))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag, default in (("--nodes", 5000), ("--seconds", 120)):
        parser.add_argument(flag, type=int, default=default)
    options = parser.parse_args()
    with simulated(simulate, options.nodes) as folder:
        measure(folder, options.nodes, options.seconds)


if __name__ == "__main__":
    main()
