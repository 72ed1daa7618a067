"""`python -m benchmarks.imports`: what each import costs in resident memory and time, each in a process of its own."""

import statistics
import subprocess
import sys

TIMES = 5

IMPORTS = (
    ("the bare interpreter", ""),
    ("ctypes", "import ctypes"),
    ("logging, argparse", "import argparse, logging"),
    ("asyncio, with ssl", "import asyncio"),
    ("ssl", "import ssl"),
    ("h11", "import h11"),
    ("yaml", "import yaml"),
    ("prometheus_client", "import prometheus_client"),
    ("cryptography.x509 (only in the child)", "from cryptography import x509"),
    ("all of the node agent", "import exporter.cli, exporter.agents.node.agent"),
    ("all of the child that parses", "import exporter.sources.parsing.child"),
    ("all of the cluster agent", "import exporter.cli, exporter.agents.cluster.agent"),
)

MEASURE = """
import time
begin = time.perf_counter()
{code}
took = (time.perf_counter() - begin) * 1000
with open("/proc/self/smaps_rollup") as lines:
    found = {{line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.rstrip().endswith("kB")}}
print(found["Rss"], found["Private_Dirty"] + found["Private_Clean"], took)
"""


def measured(code: str) -> tuple[float, float, float]:
    """Medians: resident and private MiB, and milliseconds."""
    rows = []
    for _ in range(TIMES):
        ran = subprocess.run(
            [sys.executable, "-c", MEASURE.format(code=code)], capture_output=True, text=True, check=True
        )
        rows.append([float(one) for one in ran.stdout.split()])
    resident, private, took = (statistics.median(column) for column in zip(*rows, strict=True))
    return resident, private, took


def table() -> None:
    """Print it in Markdown."""
    print("| import | resident | of it private | beyond the bare interpreter | time |")
    print("|---|---|---|---|---|")
    bare = measured("")[0]
    for name, code in IMPORTS:
        resident, private, took = measured(code)
        print(f"| {name} | {resident:.1f} MiB | {private:.1f} MiB | {resident - bare:+.1f} MiB | {took:.0f} ms |")


if __name__ == "__main__":
    table()
