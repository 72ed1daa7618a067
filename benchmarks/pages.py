"""What the cluster agent's page costs: milliseconds of one core, and KiB as sent, plain and gzipped.

    python -m benchmarks.pages [--repeat 15]

For 20, 1,000 and 5,000 nodes of which some are broken, and for 5,000 of which all are; as the page opens, and the
longest way to look at it. Time: from facts to bytes, the median; gzip is on top of that.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

from exporter.facts.cluster import ClusterFacts
from exporter.findings.cluster import cluster_findings
from exporter.pages.cluster_page import cluster_page
from exporter.web.exposition import compressed
from tests.pages.example import NOW
from tests.pages.fleet import fleet

BUDGET_MS, BUDGET_KIB = 250.0, 150.0
"""At 1,000 nodes: what nobody waits for, and what loads at once over any line, before it is gzipped."""


def page(cluster: ClusterFacts, query: Mapping[str, str]) -> bytes:
    """As the agent makes it."""
    return cluster_page(cluster, cluster_findings(cluster, (), NOW), (), NOW, server="a:443", query=query).encode()


def median_ms(repeat: int, work: Callable[[], object]) -> float:
    """The median of so many runs, in milliseconds."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table; 1 where 1,000 nodes are over budget."""
    parser = argparse.ArgumentParser(description="what the cluster page costs")
    parser.add_argument("--repeat", type=int, default=15)
    repeat: int = parser.parse_args(arguments).repeat
    over = False
    print(f"{'':46}{'page':>10}{'gzip':>10}{'plain':>12}{'gzipped':>12}")
    for words, cluster, nodes in (
        ("20 nodes", fleet(20, 3), 20),
        ("1,000 nodes in 8 pools", fleet(1000), 1000),
        ("5,000 nodes in 100 pools", fleet(5000, 100), 5000),
        ("5,000 nodes in 100 pools, none well", fleet(5000, 100, broken=True), 5000),
    ):
        for look, query in (("", {}), (", all, page 2", {"state": "all", "page": "2"})):
            body = page(cluster, query)
            spent = median_ms(repeat, lambda cluster=cluster, query=query: page(cluster, query))  # type: ignore[misc]
            zipped = median_ms(repeat, lambda body=body: compressed(body))  # type: ignore[misc]
            kib, kib_zipped = len(body) / 1024, len(compressed(body)) / 1024
            print(f"{words + look:46}{spent:7.1f} ms{zipped:7.2f} ms{kib:8.1f} KiB{kib_zipped:8.1f} KiB")
            over = over or (nodes <= 1000 and (spent > BUDGET_MS or kib > BUDGET_KIB))
    return int(over)


if __name__ == "__main__":
    raise SystemExit(main())
