"""The cluster agent asking thousands of kubelets: processor and memory beyond what it costs without, and a whole round.

    python -m benchmarks.kubelets [--nodes 5000] [--seconds 120] [--interval 60]

Kubelets are simulated on loopback by another process: one address each, real certificates of their own, a /metrics of
300 KB; one in ten is dead (nothing listens), one in twenty hangs. The agent runs twice, without and with asking. What
is printed for the five-minute interval is the processor time of one look times the looks of five minutes. Then `check`
asks all that answer through the API server's node proxy.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import re
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.node import Process, get, text, timed
from simulation.api import objects
from simulation.api.server import ApiServer, write_kubeconfig
from simulation.node.kubelet_api import KubeletApi
from simulation.pki import DAY, YEAR, Authority, new_key

NOW = float(int(time.time()))
TOKEN = "benchmark"
INTERVAL = 300.0
"""Seconds between two looks by default, for which the share of a core is given."""


def name(number: int) -> str:
    """A node's name."""
    return f"aks-nodepool1-12345678-vmss{number:06d}"


def dead(number: int) -> bool:
    """One in ten."""
    return number % 10 == 7


def hung(number: int) -> bool:
    """One in twenty."""
    return number % 20 == 3


class Kubelets:
    """All kubelets of the fleet, each on a port of its own."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._key = new_key()
        self._api = KubeletApi(client_not_after=NOW + 200 * DAY, server_not_after=NOW + 200 * DAY)
        self._api.rights = {TOKEN: frozenset({"metrics", "configz"})}
        self._told: dict[str, tuple[int, tuple[int, str, bytes]]] = {}
        self.ports: list[int] = []

    def proxied(self, _node: str, path: str) -> tuple[int, str, bytes]:
        """What the API server passes on of any of them."""
        return self._now(path)

    def _now(self, path: str) -> tuple[int, str, bytes]:
        """Any of them in this second: the seconds that are left count down, or each look would see another end."""
        second, kept = int(time.time()), self._told.get(path)
        if kept is None or kept[0] != second:
            kept = self._told[path] = (second, self._api.answer(path, TOKEN))
        return kept[1]

    def _context(self, number: int) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        credential = self._authority.kubelet_serving(name(number), NOW - DAY, key=self._key)
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(credential.pem)
            file.flush()
            context.load_cert_chain(file.name)
        return context

    async def listen(self, count: int) -> None:
        """Open the ports; a dead kubelet has one where nothing listens."""
        for number in range(count):
            if dead(number):
                self.ports.append(1)
                continue
            answer = self._hang if hung(number) else self._answer
            context = None if hung(number) else self._context(number)
            server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
            self.ports.append(server.sockets[0].getsockname()[1])

    @staticmethod
    async def _hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other side has had enough
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                status, kind, body = self._now(head.split(b" ", 2)[1].decode())
                fields = f"Content-Type: {kind}\r\nContent-Length: {len(body)}"
                writer.write(f"HTTP/1.1 {status} OK\r\n{fields}\r\n\r\n".encode() + body)
                await writer.drain()
        writer.close()


def simulate(pipe: Connection, folder: str, nodes: int) -> None:
    """The API server and the kubelets, in a process of their own, until told to end."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    authority = Authority.cluster(NOW - 3 * YEAR)
    kubelets = Kubelets(authority)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(kubelets.listen(nodes))
    threading.Thread(target=loop.run_forever, daemon=True).start()
    with ApiServer(authority.apiserver(("127.0.0.1",), NOW - 60)) as server:
        labels = {"kubernetes.azure.com/agentpool": "nodepool1", "kubernetes.azure.com/kubelet-serving-ca": "cluster"}
        server.store.put_all(
            "nodes",
            (
                objects.node_object(
                    name(number), labels, NOW - DAY, ready=True, windows=False, version="v1.33.2",
                    kubelet=("127.0.0.1", port),
                )
                for number, port in enumerate(kubelets.ports)
            ),
        )  # fmt: skip
        server.node_proxy = kubelets.proxied
        server.store.put("namespaces", objects.namespace("kube-system", NOW - YEAR))
        server.store.put("configmaps", objects.root_ca_config("kube-system", authority.pem))
        server.store.put("configmaps", objects.authentication_config(authority.pem, authority.pem))
        write_kubeconfig(Path(folder) / "kubeconfig", server.kubeconfig(authority.pem, token=TOKEN))
        pipe.send("ready")
        pipe.recv()


def processor(process: Process) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def agent(folder: str, *extra: str) -> Iterator[Process]:
    """The cluster agent, ready."""
    command = [sys.executable, "-m", "exporter", "cluster", "--kubeconfig", f"{folder}/kubeconfig", *extra]
    command += ["--web.listen-address", "127.0.0.1:0", "--azure.enabled", "false", "--endpoints.enabled", "false"]
    process = Process(command)
    try:
        yield process
    finally:
        process.stop()


def statuses(process: Process) -> dict[str, int]:
    """How many kubelets have each status."""
    found = re.findall(r'akscert_kubelet_status\{[^}]*status="(\w+)"', text(process.connect()))
    return dict(Counter(found))


def measure(folder: str, nodes: int, seconds: float, interval: int) -> None:
    """Print the table."""
    with agent(folder, "--kubelets.enabled", "false") as process:
        time.sleep(10)
        without, used = process.resident, processor(process)
        time.sleep(seconds / 2)
        idle = (processor(process) - used) / (seconds / 2)
    with agent(folder, "--kubelets.interval", f"{interval}s") as process:
        began, connection = time.monotonic(), process.connect()
        while sum(statuses(process).values()) < nodes and time.monotonic() - began < 600:
            time.sleep(2)
        first = time.monotonic() - began
        used, start, health = processor(process), time.monotonic(), []
        while time.monotonic() - start < seconds:
            health += timed(lambda: get(connection, "/healthz"), 20)
            time.sleep(0.5)
        share = (processor(process) - used) / (time.monotonic() - start) - idle
        scaled = share * interval / INTERVAL
        print(f"first round of all {nodes}: {first:.0f} s; then {statuses(process)}")
        print(f"processor: {share:.1%} of a core at every {interval} s; {scaled:.1%} at every {INTERVAL:.0f} s")
        print(f"resident: {process.resident:.0f} MiB, {process.resident - without:.0f} more than without")
        print(
            f"/healthz meanwhile: p50 {statistics.median(health):.1f} ms, "
            f"p99 {statistics.quantiles(health, n=100)[98]:.1f} ms"
        )


def measure_check(folder: str) -> None:
    """Print how long a look at the whole cluster takes from a laptop."""
    command = [sys.executable, "-m", "exporter", "check", "--kubeconfig", f"{folder}/kubeconfig", "--kubelets", "true"]
    began = time.monotonic()
    done = subprocess.run([*command, "--azure.enabled", "false"], capture_output=True, text=True, check=False)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = [line.strip() for line in done.stdout.splitlines() if " nodes of " in line]
    print(f"check: {time.monotonic() - began:.0f} s, of any child at most {used.ru_maxrss >> 10} MiB: {lines[:2]}")


@contextlib.contextmanager
def simulated(simulate: Callable[[Connection, str, int], None], nodes: int) -> Iterator[str]:
    """The folder of a fleet that a process of its own simulates until the end."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = context.Pipe()
        fleet = context.Process(target=simulate, args=(theirs, folder, nodes), daemon=True)
        fleet.start()
        ours.recv()
        try:
            yield folder
        finally:
            ours.send("end")
            fleet.join(10)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag, default in (("--nodes", 5000), ("--seconds", 120), ("--interval", 60)):
        parser.add_argument(flag, type=int, default=default)
    options = parser.parse_args()
    with simulated(simulate, options.nodes) as folder:
        measure_check(folder)
        measure(folder, options.nodes, options.seconds, options.interval)


if __name__ == "__main__":
    main()
