"""Reading certificate files: six as on a node and a thousand, at first and from the cache, by each way of opening them.

Run as `python -m benchmarks.files`. Prints ratios to the plain way, which opens, reads and parses each file in every
scrape, and the medians in microseconds a file. Cold: nothing was parsed before. The page cache is warm throughout.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from exporter.facts.x509 import certificates
from exporter.reason import FileStatus
from exporter.sources.files import openat2
from exporter.sources.files.host_files import HostFiles
from exporter.sources.files.root import KernelRoot, Root, WalkedRoot
from simulation.pki import Authority, self_signed_linux

T0 = 1_800_000_000.0
PKI, CERTS = "/var/lib/kubelet/pki", "/etc/kubernetes/certs"
SIX = (
    f"{PKI}/kubelet-client-current.pem",
    f"{PKI}/kubelet-server-current.pem",
    f"{CERTS}/ca.crt",
    f"{CERTS}/apiserver.crt",
    f"{CERTS}/client.crt",
    f"{CERTS}/kubeletserver.crt",
)
MANY = tuple(f"/many/{number}.pem" for number in range(1000))
WAYS: dict[str, Callable[[str], Root]] = {
    "openat2": KernelRoot.by_descriptor,
    "walk by descriptors": WalkedRoot.by_descriptor,
    "walk by paths": WalkedRoot.by_path,
}


def node(root: Path) -> None:
    """A node's six files, and a thousand in a directory of their own."""
    for directory in (PKI, CERTS, "/many"):
        (root / directory[1:]).mkdir(parents=True)
    authority = Authority.cluster(T0)
    client, serving = authority.kubelet_client("node", T0), authority.kubelet_serving("node", T0)
    for name, content in (("client", client.pem), ("server", serving.pem)):
        dated = f"kubelet-{name}-2027-01-15-08-00-00.pem"
        (root / PKI[1:] / dated).write_bytes(content)
        (root / PKI[1:] / f"kubelet-{name}-current.pem").symlink_to(f"{PKI}/{dated}")
    certs = root / CERTS[1:]
    (certs / "ca.crt").write_bytes(authority.pem)
    (certs / "apiserver.crt").write_bytes(authority.apiserver(["node"], T0).certificate_pem)
    (certs / "client.crt").write_bytes(client.certificate_pem)
    (certs / "kubeletserver.crt").write_bytes(self_signed_linux("node", T0).certificate_pem)
    for number in range(1000):
        (root / "many" / f"{number}.pem").write_bytes(client.certificate_pem)


def microseconds(ask: Callable[[], object], files: int) -> float:
    """Of the median, for one file."""
    taken = []
    for _ in range(200 if files < 100 else 20):
        begin = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken) / files * 1e6


def plain(root: Path, paths: tuple[str, ...]) -> float:
    """Open, read and parse each file every time."""
    # The links of a node lead to places that exist only on the node: what is behind them is opened here.
    places = [root / path[1:].replace("current", "2027-01-15-08-00-00") for path in paths]
    return microseconds(lambda: [certificates(place.read_bytes()) for place in places], len(places))


def looks(root: Path, opener: Callable[[str], Root], paths: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """What each kind of look costs."""
    wanted = [(path, certificates) for path in paths]
    absent = [(f"{CERTS}/absent-{number}.crt", certificates) for number in range(len(paths))]
    files = HostFiles(root, opener=opener)
    if {read.status for read in files.read_all(wanted)} != {FileStatus.OK}:
        raise SystemExit("a file of the benchmark cannot be read")
    yield "cached", microseconds(lambda: files.read_all(wanted), len(paths))
    yield "cached, one by one", microseconds(lambda: [files.read(*one) for one in wanted], len(paths))
    yield "cold", microseconds(lambda: HostFiles(root, opener=opener).read_all(wanted), len(paths))
    yield "absent", microseconds(lambda: files.read_all(absent), len(paths))


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        node(root)
        time.sleep(2.1)  # younger files are not cached
        print(f"{'':20} {'':18} {'files':>5} {'of the plain way':>16} {'µs a file':>9}")
        for paths in (SIX, MANY):
            base = plain(root, paths)
            print(f"{'plain':20} {'':18} {len(paths):5} {'100%':>16} {base:9.1f}")
            for way, opener in WAYS.items():
                if way == "openat2" and not openat2.supported():
                    continue
                for what, cost in looks(root, opener, paths):
                    print(f"{way:20} {what:18} {len(paths):5} {cost / base:16.0%} {cost:9.1f}")


if __name__ == "__main__":
    main()
