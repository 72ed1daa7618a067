"""The node agent as a process on a simulated node: latency, memory, and how soon a rotation is seen.

    python -m benchmarks.node [--scrapes 1000] [--peer BINARY [--peer-url URL] -- PEER ARGUMENTS with {root}]

A peer is another exporter's binary run on the same tree; its answer is timed in the same run, alternating.
"""

import argparse
import contextlib
import gzip
import http.client
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from simulation.node.kubelet import SimulatedKubelets
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import SimulatedNode, build
from simulation.pki import YEAR, Authority

MIB = 1024 * 1024
PROMETHEUS = {
    "Accept": "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "Accept-Encoding": "gzip",
}
BUDGET_MIB, GROWTH_MIB = 33, 1


class Process:
    """A server process under measurement."""

    def __init__(self, arguments: Sequence[str], url: str = "") -> None:
        self.process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=_environment())
        self.address = urlsplit(url or self._announced())
        threading.Thread(target=self._drain, daemon=True).start()
        self.ready = float("nan")
        """Seconds from the start to the end of the first scrape."""

    def _announced(self) -> str:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"listening on (http\S+)", line):
                return found[1]
        raise SystemExit("the agent did not start")

    def _drain(self) -> None:
        assert self.process.stderr is not None
        for _ in self.process.stderr:
            pass

    def connect(self) -> http.client.HTTPConnection:
        """A kept connection."""
        return http.client.HTTPConnection(self.address.hostname or "127.0.0.1", self.address.port, timeout=30)

    @property
    def processor(self) -> float:
        """Milliseconds of processor time used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    @property
    def resident(self) -> float:
        """MiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", text)
        return int(found[1]) / 1024 if found else float("nan")

    def stop(self) -> None:
        """End it as Kubernetes would."""
        self.process.terminate()
        self.process.wait(10)


def _environment() -> dict[str, str]:
    # As in the image: modules are compiled beforehand, and compiling at the start leaves holes in the heap.
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONWARNINGS": "default"}


@contextlib.contextmanager
def agent(
    root: Path, *extra: str, kubelet: str = "", around: Callable[[Sequence[str]], list[str]] = list
) -> Iterator[Process]:
    """A node agent on a tree, warmed up by one scrape. `around` makes another command of the one that starts it."""
    command = [sys.executable, "-m", "exporter", "node", "--host-root", str(root), "--node-name", "aks-1"]
    command += ["--kubelet-address", kubelet, "--web.listen-address", "127.0.0.1:0", *extra]
    begin = time.perf_counter()
    process = Process(around(command))
    try:
        get(process.connect())
        process.ready = time.perf_counter() - begin
        yield process
    finally:
        process.stop()


def get(connection: http.client.HTTPConnection, path: str = "/metrics") -> bytes:
    """One answer on a kept connection, as Prometheus asks for it."""
    connection.request("GET", path, headers=PROMETHEUS)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise SystemExit(f"{path}: {response.status}")
    return body


def text(connection: http.client.HTTPConnection) -> str:
    """A scrape, unpacked."""
    return gzip.decompress(get(connection)).decode()


def timed(action: Callable[[], object], times: int) -> list[float]:
    """Milliseconds of each call."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        action()
        found.append((time.perf_counter() - begin) * 1000)
    return found


def row(name: str, found: Sequence[float], base: Sequence[float] | None = None) -> None:
    """One line: ratio of the medians to the base first, then p50 and p99."""
    ratio = f"{statistics.median(found) / statistics.median(base):6.2f}x" if base else "      -"
    p99 = statistics.quantiles(found, n=100)[98]
    print(f"{ratio}  {name:<44} p50 {statistics.median(found):8.2f} ms   p99 {p99:8.2f} ms   n {len(found)}")


def touch_all(root: Path) -> None:
    """Make every cached version of the tree's files stale."""
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            os.utime(path)


def settled(root: Path) -> None:
    """Give all files an age at which the agent trusts their versions."""
    old = time.time() - 3600
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            os.utime(path, (old, old))
    time.sleep(2.5)  # ctime cannot be set: it has to grow old by itself


def latency_and_memory(node: SimulatedNode, authority: Authority, kubelet: str, scrapes: int) -> None:
    settled(node.root)
    with agent(node.root, kubelet=kubelet) as process:
        connection = process.connect()
        baseline = timed(lambda: get(connection, "/healthz"), 200)
        row("GET /healthz (what only HTTP costs)", baseline)
        get(connection)
        first = process.resident
        used = process.processor
        cached = timed(lambda: get(connection), scrapes)
        row("scrape, every file as it was", cached, baseline)
        print(f"        {(process.processor - used) / scrapes:.2f} ms of processor time a scrape")
        last = process.resident
        row("scrape, one certificate changed", one_changed(node, authority, lambda: get(connection)), cached)

        def cold() -> None:
            get(connection)

        found = []
        for _ in range(100):
            touch_all(node.root)
            found += timed(cold, 1)
        row("scrape, every file changed", found, baseline)
        growth = last - first
        print(
            f"{last / BUDGET_MIB:6.2f}x  RSS after {scrapes} scrapes: {last:.1f} MiB (budget {BUDGET_MIB}); "
            f"growth {growth:+.2f} MiB (budget {GROWTH_MIB})"
        )


def one_changed(
    node: SimulatedNode, authority: Authority, scrape: Callable[[], object], times: int = 50
) -> list[float]:
    """Milliseconds of scrapes each of which meets another client certificate in its place."""
    link = node.root / "var/lib/kubelet/pki/kubelet-client-current.pem"
    target = link.parent / link.readlink().name
    renewed = [authority.kubelet_client("aks-1", time.time() - 3600 * number).pem for number in range(times)]
    found = []
    for pem in renewed:
        target.write_bytes(pem)
        found += timed(scrape, 1)
    return found


def swapped(node: SimulatedNode, authority: Authority, number: int) -> float:
    """Rotate the client certificate as a kubelet does; the notAfter of the new one, in Unix seconds."""
    pki = node.root / "var/lib/kubelet/pki"
    renewed = authority.kubelet_client("aks-1", time.time() - 3600 * (number + 2))
    dated = pki / f"kubelet-client-2026-01-01-00-{number // 60:02}-{number % 60:02}.pem"
    dated.write_bytes(renewed.pem)
    (pki / "kubelet-client-current.pem").unlink()
    (pki / "kubelet-client-current.pem").symlink_to(f"/var/lib/kubelet/pki/{dated.name}")
    return renewed.not_after


def lag(node: SimulatedNode, authority: Authority, swaps: int = 50) -> None:
    """Scrapes from the kubelet's swap to the new notAfter: always the next one."""
    worst = 0
    with agent(node.root) as process:
        connection = process.connect()
        for number in range(swaps):
            not_after = swapped(node, authority, number)
            needed = 1
            while f'role="kubelet-client",rotation="enabled"}} {_float(not_after)}' not in text(connection):
                needed += 1
                if needed > 100:
                    raise SystemExit("the swap is not seen")
            worst = max(worst, needed)
    print(f"{worst:6.2f}x  scrapes until a swap is seen, worst of {swaps} (1 is the very next)")


def _float(value: float) -> str:
    from prometheus_client.utils import floatToGoString

    return str(floatToGoString(value))  # type: ignore[no-untyped-call]  # prometheus_client has no types


def many_files(node: SimulatedNode, count: int = 1000) -> None:
    assert node.client is not None
    directory = node.root / "srv"
    directory.mkdir()
    for number in range(count):
        (directory / f"{number}.pem").write_bytes(node.client.pem)
    settings = node.root.parent / "settings.yaml"
    paths = "\n".join(f"      - /srv/{number}.pem" for number in range(count))
    settings.write_text(f"paths:\n  certificates:\n    kubelet-client:\n{paths}\n")
    settled(node.root)
    with agent(node.root, "--config.file", str(settings)) as process:
        connection = process.connect()
        found = timed(lambda: get(connection), 50)
        row(f"scrape of {count} files, cached", found)
        touch_all(node.root)
        changed = timed(lambda: get(connection), 1)
        print(f"{changed[0] / statistics.median(found):6.2f}x  with every file changed: {changed[0]:.2f} ms")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scrapes", type=int, default=1000)
    parser.add_argument("--peer", metavar="BINARY")
    parser.add_argument("--peer-url", default="http://127.0.0.1:9793")
    parser.add_argument("peer_arguments", nargs="*")
    options = parser.parse_args()
    now = time.time()
    authority = Authority.cluster(now - 3 * YEAR)
    with tempfile.TemporaryDirectory() as directory, SimulatedKubelets() as kubelets:
        node = build(scenario("healthy"), Path(directory) / "host", now, authority)
        host, port = kubelets.start(node.serving, authority).address
        latency_and_memory(node, authority, f"{host}:{port}", options.scrapes)
        lag(node, authority)
        if options.peer:
            from benchmarks.peer import peer

            peer(node, authority, f"{host}:{port}", options)
        many_files(node)


if __name__ == "__main__":
    main()
