"""The cluster agent looking at what an API server calls: memory, processor and /healthz beyond what it costs without.

    python -m benchmarks.endpoints [--endpoints 200] [--definitions 2000] [--seconds 60]

Endpoints are TLS servers on loopback; a CustomResourceDefinition has 30 KB of schemas. The agent runs twice, without
and with looking; the figures are of its first minute, in which everything is listed and each endpoint looked at once.
"""

import argparse
import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.node import Process, get, text, timed
from simulation.api import objects
from simulation.api.server import ApiServer, write_kubeconfig
from simulation.node.kubelet import SimulatedKubelets
from simulation.pki import DAY, SERVER, YEAR, Authority, new_key

NOW = float(int(time.time()))
SCHEMA = {
    "type": "object",
    "properties": {f"field{number}": {"type": "string", "description": "x" * 250} for number in range(100)},
}
PAUSE = 0.05


@contextlib.contextmanager
def cluster(endpoints: int, definitions: int) -> Iterator[tuple[ApiServer, list[str]]]:
    """An API server with that many, and the flags that say where the Services are."""
    own = Authority("component-ca", NOW - YEAR, NOW + 9 * YEAR, number=5)
    key = new_key()
    with ApiServer(own.apiserver(("127.0.0.1",), NOW)) as server, SimulatedKubelets() as servers:
        flags = []
        for number in range(endpoints):
            name = f"hook-{number}"
            leaf = own.issue(name, NOW - DAY, NOW + 89 * DAY, names=(f"{name}.n.svc",), usages=(SERVER,), key=key)
            host, port = servers.start(leaf, own).address
            flags.append(f"--endpoints.resolve=n/{name}={host}:{port}")
            server.store.put("validatingwebhookconfigurations", objects.webhooks(name, own.pem, service=("n", name)))
        for number in range(definitions):
            one = objects.custom_resource_definition(f"kind{number}", "bench.example")
            one["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = SCHEMA
            server.store.put("customresourcedefinitions", one)
        yield server, flags


def run(folder: Path, server: ApiServer, flags: list[str], seconds: float, *, python: str) -> tuple[float, ...]:
    """Resident MiB, milliseconds of processor, the longest /healthz in milliseconds, and endpoints that were seen."""
    content = server.kubeconfig(Authority("component-ca", NOW - YEAR, NOW + 9 * YEAR, number=5).pem)
    path = write_kubeconfig(folder / "kubeconfig", content)
    arguments = [python, "-m", "exporter", "cluster", "--kubeconfig", str(path), "--azure.enabled", "false"]
    arguments += ["--web.listen-address", "127.0.0.1:0", "--kubelets.enabled", "false", *flags]
    agent = Process(arguments)
    try:
        longest, until, tick = 0.0, time.monotonic() + seconds, threading.Event()
        connection = agent.connect()
        while time.monotonic() < until:
            longest = max(longest, *timed(lambda: get(connection, "/healthz"), 2))
            tick.wait(PAUSE)
        lines = text(agent.connect()).splitlines()
        seen = sum(line.startswith("akscert_endpoint_trusted{") and line.endswith(" 1.0") for line in lines)
        return agent.resident, agent.processor, longest, float(seen)
    finally:
        agent.stop()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoints", type=int, default=200)
    parser.add_argument("--definitions", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=60.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, cluster(chosen.endpoints, chosen.definitions) as (server, flags):
        place = Path(folder)
        off = run(place, server, ["--endpoints.enabled", "false"], chosen.seconds, python=sys.executable)
        on = run(place, server, flags, chosen.seconds, python=sys.executable)
    for words, (resident, processor, longest, seen) in (("without", off), ("with", on)):
        print(
            f"{words}: {resident:.1f} MiB, {processor:.0f} ms of processor in {chosen.seconds:g} s, "
            f"longest /healthz {longest:.1f} ms, {seen:.0f} endpoints accepted"
        )
    print(f"more: {on[0] - off[0]:.1f} MiB, {on[1] - off[1]:.0f} ms")


if __name__ == "__main__":
    main()
