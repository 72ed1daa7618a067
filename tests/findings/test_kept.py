"""What is wrong, to the last field: severity, subject, alert, dates, why, and each step in its order."""

import pytest

from tests.findings.kept import FOLDER, texts

WRITTEN = texts()


@pytest.mark.parametrize("name", WRITTEN)
def test_findings_are_those_that_are_kept(name: str) -> None:
    """`python -m tests.findings.kept` writes them again, for a review to read."""
    kept = (FOLDER / name).read_text(encoding="utf-8").split("\n== ")
    assert WRITTEN[name].split("\n== ") == kept


@pytest.mark.parametrize("name", ["healthy", "healthy-secure-tls", "windows-healthy"])
def test_a_healthy_node_has_no_findings(name: str) -> None:
    assert f"== {name}, now\nnothing\n" in WRITTEN["scenarios.txt"]


def test_a_healthy_node_that_answers_and_a_kubeconfig_that_is_well_have_none() -> None:
    assert WRITTEN["nodes.txt"].startswith("== healthy\nnothing\n")
    assert WRITTEN["kubeconfigs.txt"].startswith("== served: good\nnothing\n")
