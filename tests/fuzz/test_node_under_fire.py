"""The kubelet's swaps while the agent's parser is killed at random, for long."""

import sys
from pathlib import Path

import pytest

from tests.agents.test_node_under_fire import fire

SWAPS = 1000


@pytest.mark.timeout(1800)
@pytest.mark.skipif(sys.platform != "linux", reason="the sealed child is Linux's")
def test_a_thousand_swaps_while_the_parser_is_killed_give_no_wrong_answer(tmp_path: Path) -> None:
    """Each scrape tells the certificate that was put there before it."""
    fire(tmp_path, SWAPS)
