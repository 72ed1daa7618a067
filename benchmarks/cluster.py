"""The cluster agent as a process on a simulated API server: time to ready, memory, scrapes, events, and the probes.

    python -m benchmarks.cluster [--nodes 5000] [--csrs 10000] [--scrapes 300] [--events 20000]

The same web server with nothing behind it but a copy of the same bytes runs beside it; what a scrape costs is given as
a multiple of that.
"""

import argparse
import base64
import http.client
import json
import multiprocessing
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.node import Process, row, timed
from exporter.facts.kube.csr import csr
from exporter.facts.kube.csr_ledger import CsrLedger
from exporter.reason import Mode
from exporter.web.document import Reader
from exporter.web.exposition import Payload
from exporter.web.server import WebServer
from simulation.api import objects
from simulation.api.objects import CsrOrder
from simulation.api.server import ApiServer, write_kubeconfig
from simulation.csr_answer import CLIENT_SIGNER, SERVING_SIGNER, Answer
from simulation.pki import DAY, YEAR, Authority, certificate_request, new_key

NOW = float(int(time.time()))
PROMETHEUS = {
    "Accept": "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Accept-Encoding": "gzip",
}
IMAGES = [{"names": [f"mcr.microsoft.com/oss/kubernetes/image-{n}@sha256:{n:064}"], "sizeBytes": n} for n in range(60)]
"""What makes up most of a real Node: some 10 KiB."""


def name_of(number: int) -> str:
    return f"aks-nodepool{number // 1000}-12345678-vmss{number:06}"


def node(number: int, *, ready: bool = True, version: str = "v1.33.2") -> dict[str, Any]:
    labels = {
        "kubernetes.azure.com/agentpool": f"nodepool{number // 1000}",
        "kubernetes.azure.com/kubelet-serving-ca": "cluster",
        "kubernetes.azure.com/node-image-version": "AKSUbuntu-2204gen2containerd-202607.13.0",
    }
    name = f"aks-nodepool{number // 1000}-12345678-vmss{number % 100000:06}"
    found = objects.node_object(name, labels, NOW - DAY, ready=ready, windows=False, version=version)
    found["status"]["images"] = IMAGES
    return found


def requests(authority: Authority, nodes: int, count: int) -> Iterator[dict[str, Any]]:
    """Two issued ones of each node, the rest unanswered retries."""
    key, number = new_key(), 0
    pems: list[bytes] = []
    for index in range(nodes):
        name = node(index)["metadata"]["name"]
        pems.append(certificate_request(name, key))
        for signer, issue in ((CLIENT_SIGNER, authority.kubelet_client), (SERVING_SIGNER, authority.kubelet_serving)):
            if number < count:
                order = CsrOrder(
                    name=f"csr-{number:06}", node=name, signer_name=signer, username=f"system:node:{name}",
                    created=NOW - 3600, answer=Answer.ISSUED,
                )  # fmt: skip
                yield objects.csr_object(order, pems[-1], issue(name, NOW - 3600).certificate_pem)
                number += 1
    while number < count:
        name = node(number % nodes)["metadata"]["name"]
        order = CsrOrder(
            name=f"csr-{number:06}", node=name, signer_name=SERVING_SIGNER, username=f"system:node:{name}",
            created=NOW - 1800,
        )  # fmt: skip
        yield objects.csr_object(order, pems[number % nodes])
        number += 1


def simulate(pipe: Connection, folder: str, nodes: int, csrs: int) -> None:
    """The API server, in a process of its own; does what the pipe says."""
    authority = Authority.cluster(NOW - 3 * YEAR)
    with ApiServer(authority.apiserver(("127.0.0.1",), NOW - 60)) as server:
        store = server.store
        store.put_all("nodes", map(node, range(nodes)))
        store.put_all("certificatesigningrequests", requests(authority, nodes, csrs))
        store.put("namespaces", objects.namespace("kube-system", NOW - YEAR))
        store.put("configmaps", objects.root_ca_config("kube-system", authority.pem))
        store.put("configmaps", objects.authentication_config(authority.pem, authority.pem))
        for lease in ("kube-controller-manager", "kubelet-serving-csr-approver"):
            store.put("leases", objects.lease(lease, NOW))
        write_kubeconfig(Path(folder) / "kubeconfig", server.kubeconfig(authority.pem))
        pipe.send("ready")
        while (order := pipe.recv()) != "end":
            match order:
                case "expire":
                    store.expire()
                    server.sever()
                case ("flip", int(count)):
                    flips = [node(number % nodes, ready=bool(number // nodes % 2)) for number in range(count)]
                    pipe.send("begin")
                    for start in range(0, count, 50):
                        store.put_all("nodes", flips[start : start + 50])
                        time.sleep(0)
                    store.put("nodes", node(99_999, version="v0.0.0-mark"))
            pipe.send("done")


class Bare:
    """An agent that copies so many bytes: what only the web server costs."""

    mode = Mode.CLUSTER

    def __init__(self, size: int) -> None:
        self._body = bytearray(size)

    def exposition(self, accept: str, gzip: bool) -> Payload:
        """See Agent, like the others."""
        return Payload(bytes(self._body), "text/plain", "gzip")

    def at_once(self, accept: str, gzip: bool) -> Payload | None:
        """Never, as the cluster agent."""
        return None

    def unanswered(self) -> tuple[str, ...]:
        """Nobody."""
        return ()

    @property
    def documents(self) -> Mapping[str, Reader]:
        """None."""
        return {}


def send(pipe: Connection, size: int) -> None:
    """The bare server."""
    WebServer(Bare(size), ("127.0.0.1", 0), on_listening=lambda host, port: pipe.send((host, port))).run()


def get(connection: http.client.HTTPConnection, path: str = "/metrics") -> bytes:
    connection.request("GET", path, headers=PROMETHEUS)
    response = connection.getresponse()
    return response.read()


class Health:
    """Asks /healthz every 20 ms, whatever else goes on."""

    def __init__(self, process: Process) -> None:
        self._process, self._end = process, threading.Event()
        self.found: list[float] = []
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> "Health":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _ask(self) -> None:
        connection = self._process.connect()
        while not self._end.wait(0.02):
            self.found += timed(lambda: get(connection, "/healthz"), 1)


def status(process: Process, key: str) -> float:
    """MiB."""
    text = Path(f"/proc/{process.process.pid}/status").read_text(encoding="ascii")
    found = re.search(rf"{key}:\s+(\d+) kB", text)
    return int(found[1]) / 1024 if found else float("nan")


def cpu(process: Process) -> float:
    """Seconds of processor time."""
    fields = Path(f"/proc/{process.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def together(connect: Callable[[], http.client.HTTPConnection], clients: int, times: int) -> list[float]:
    """Milliseconds of scrapes by so many clients at once."""
    found: list[list[float]] = [[] for _ in range(clients)]

    def scrape(into: list[float]) -> None:
        connection = connect()
        into += timed(lambda: get(connection), times)

    threads = [threading.Thread(target=scrape, args=(into,)) for into in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for into in found for one in into]


def until(true: Callable[[], bool], seconds: float = 120.0) -> float:
    """Seconds until it is so."""
    begin = time.perf_counter()
    while not true():
        if time.perf_counter() - begin > seconds:
            raise SystemExit("not in time")
        time.sleep(0.02)
    return time.perf_counter() - begin


def a_day_of_retries() -> None:
    """A node whose kubelet asks every 15 minutes, each request collected after 24 hours: three simulated days."""
    ledger, key = CsrLedger(), new_key()
    pem = base64.b64encode(certificate_request(name_of(0), key)).decode()
    raws = []
    for number in range(3 * 96):
        created = NOW + 900 * number
        content = {
            "metadata": {"name": f"csr-{number}", "uid": f"{number}", "creationTimestamp": objects.time_text(created)},
            "spec": {"signerName": SERVING_SIGNER, "username": f"system:node:{name_of(0)}", "request": pem},
        }
        raws.append((created, json.dumps(content).encode()))
    begin = time.perf_counter()
    for number, (created, raw) in enumerate(raws):
        ledger.put(csr(raw), created, live=True)
        if number >= 96:
            ledger.delete(f"{number - 96}", created)
        (waiting,) = ledger.totals().nodes
        assert waiting.pending_since == NOW
    took = (time.perf_counter() - begin) * 1000
    print(
        f"      -  72 hours of a stuck kubelet: {took:.1f} ms, first time kept, {waiting.pending_objects} open at last"
    )


def measure(process: Process, pipe: Connection, options: argparse.Namespace, began: float) -> None:
    probe = process.connect()
    until(lambda: get(probe, "/readyz") == b"ok\n", 600)
    ready = time.perf_counter() - began
    until(lambda: b"akscert_node_ready" in _plain(probe), 60)
    print(
        f"      -  {options.nodes} nodes, {options.csrs} CSRs: ready in {ready:.1f} s, peak RSS "
        f"{status(process, 'VmHWM'):.0f} MiB, now {status(process, 'VmRSS'):.0f} MiB, CPU {cpu(process):.1f} s"
    )
    get(probe)
    size = len(get(probe))
    plain = len(_plain(probe))
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    bare = context.Process(target=send, args=(theirs, size), daemon=True)
    bare.start()
    host, port = ours.recv()

    def bare_connect() -> http.client.HTTPConnection:
        return http.client.HTTPConnection(host, port, timeout=30)

    base_connection = bare_connect()
    base = timed(lambda: get(base_connection), options.scrapes)
    row(f"bare server, {size / 1024:.0f} KiB (of {plain / 1048576:.1f} MiB plain)", base)
    with Health(process) as health:
        row("scrape, gzip", timed(lambda: get(probe), options.scrapes), base)
    row("  /healthz meanwhile", health.found)
    ten_base = together(bare_connect, 10, max(20, options.scrapes // 10))
    row("bare server, ten clients at once", ten_base)
    with Health(process) as health:
        row("scrape, ten scrapers at once", together(process.connect, 10, max(20, options.scrapes // 10)), ten_base)
    row("  /healthz meanwhile", health.found)
    with Health(process) as health:
        pipe.send("expire")
        pipe.recv()
        found: list[float] = []
        end = time.perf_counter() + 8
        while time.perf_counter() < end:
            found += timed(lambda: get(probe), 1)
        row("scrape, during a new list of everything", found, base)
    row("  /healthz meanwhile", health.found)
    events(process, pipe, options, probe, base)
    print(f"      -  at the end: peak RSS {status(process, 'VmHWM'):.0f} MiB, CPU {cpu(process):.1f} s")


def events(
    process: Process,
    pipe: Connection,
    options: argparse.Namespace,
    probe: http.client.HTTPConnection,
    base: Sequence[float],
) -> None:
    with Health(process) as health:
        before = cpu(process)
        pipe.send(("flip", options.events))
        pipe.recv()
        begin = time.perf_counter()
        found: list[float] = []

        def marked() -> bool:
            body = b""

            def scrape() -> None:
                nonlocal body
                body = _plain(probe)

            found.extend(timed(scrape, 1))
            return b"v0.0.0-mark" in body

        until(marked, 300)
        took = time.perf_counter() - begin
        pipe.recv()
    spent = cpu(process) - before
    print(
        f"      -  {options.events} changes of nodes: {options.events / took:.0f} a second until all are exposed, "
        f"{1000 * spent / options.events:.2f} ms CPU each"
    )
    row("  plain scrape meanwhile", found, base)
    row("  /healthz meanwhile", health.found)


def _plain(connection: http.client.HTTPConnection) -> bytes:
    connection.request("GET", "/metrics", headers={"Accept-Encoding": "identity", "Accept": PROMETHEUS["Accept"]})
    return connection.getresponse().read()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for flag, default in (("--nodes", 5000), ("--csrs", 10_000), ("--scrapes", 300), ("--events", 20_000)):
        parser.add_argument(flag, type=int, default=default)
    options = parser.parse_args()
    a_day_of_retries()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = context.Pipe()
        server = context.Process(target=simulate, args=(theirs, folder, options.nodes, options.csrs), daemon=True)
        server.start()
        ours.recv()
        began = time.perf_counter()
        command = [sys.executable, "-m", "exporter", "cluster", "--kubeconfig", f"{folder}/kubeconfig"]
        command += ["--web.listen-address", "127.0.0.1:0", "--azure.enabled", "false", "--kubelets.enabled", "false"]
        process = Process(command)
        try:
            measure(process, ours, options, began)
        finally:
            process.stop()
            ours.send("end")
            server.join(10)


if __name__ == "__main__":
    main()
