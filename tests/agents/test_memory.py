"""What a long-lived process asks of the garbage collector."""

import subprocess
import sys

PROGRAM = """
import gc
from exporter.agents import memory

class Node:
    pass

memory.settle()
memory.collect_seldom()
full = gc.get_stats()[2]["collections"]
kept = [[number] for number in range(300_000)]
assert gc.get_stats()[2]["collections"] == full, "everything was collected"
for _ in range(5_000):
    one = Node()
    one.itself = one
assert sum(isinstance(each, Node) for each in gc.get_objects()) < 5_000, "young cycles stay"
memory.collect()
assert sum(isinstance(each, Node) for each in gc.get_objects()) == 1, "old cycles stay"
"""


def test_everything_is_collected_when_asked_alone_and_young_cycles_as_ever() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
