"""A seal that the kernel refuses: in a process of its own, since a seal cannot be taken off."""

import subprocess
import sys

import pytest

from exporter.sources.seal import landlock_abi

TOO_OFTEN = """
from exporter.sources.seal import seal
said = [seal(()) for _ in range(20)]
print(said[0].filesystem, said[0].detail)
print(said[-1].filesystem, said[-1].detail)
"""


@pytest.mark.skipif(landlock_abi() < 4, reason="this kernel's Landlock does not cover the network")
def test_what_the_kernel_refuses_is_left_open_and_said_in_its_words() -> None:
    """It takes sixteen seals, one upon the other (landlock(7), E2BIG)."""
    ran = subprocess.run([sys.executable, "-c", TOO_OFTEN], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("sealed \nopen Landlock: Argument list too long\n", "")
