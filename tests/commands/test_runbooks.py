"""Every command of every runbook can be pasted, and what has to be put in is explained on the page."""

import re
from pathlib import Path

import promql_parser
import pytest

from exporter.families.catalogue import catalogue
from tests.commands.az import EXTENSIONS
from tests.commands.parser import faults, parts, unknown_placeholders
from tests.commands.runbooks import PAGES, commands, queries
from tools.runbooks import PLACES

WORDS = frozenset(PLACES) | {"AUTH", "HOLDER", "RENEWED", "POLICY", "USER", "SIGNER", "DAC_READ_SEARCH"}
"""Placeholders, and headings of a table's columns."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_command_of_a_runbook_is_one_that_az_and_kubectl_take(page: Path) -> None:
    """az by its recorded parser, kubectl by the real program."""
    assert [fault for command in commands(page) for fault in faults(command)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_word_in_upper_case_is_explained_on_its_page(page: Path) -> None:
    explained = set(re.findall(r"^\* `([A-Z_]+)`: ", page.read_text(encoding="utf-8"), re.MULTILINE))
    used = {word for command in commands(page) for word in unknown_placeholders(command, frozenset())} & set(PLACES)
    assert used <= explained
    assert {word for command in commands(page) for word in unknown_placeholders(command, WORDS)} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_needs_a_kubelet_comes_with_what_does_not(page: Path) -> None:
    """D: through the port that fails nobody can debug; a drain ends also where the kubelet is dead."""
    text = page.read_text(encoding="utf-8")
    if re.search(r"kubectl debug node/|restart the kubelet|on the node, through Azure", text, re.IGNORECASE):
        assert "az vmss run-command invoke" in text
        assert "spec.providerID" in text
        assert "kubectl delete pod POD" in text
    for command in commands(page):
        for words in parts(command):
            if words[:2] == ["kubectl", "drain"]:
                assert {"--force", "--timeout=10m", "--skip-wait-for-delete-timeout=60"} <= set(words)
    assert ("az aks operation show-latest" in text) <= ("az extension add --name aks-preview" in text)
    assert not re.search(r"\| grep -vc? Issued", text.replace("--no-headers | grep", ""))


def test_a_command_that_needs_an_extension_says_so() -> None:
    """D: `az aks operation show-latest` is not part of az itself."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for name, extension in EXTENSIONS.items():
            if f"az {name} " in text:
                assert f"az extension add --name {extension.name}" in text, page.stem


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_query_of_a_runbook_is_one_that_prometheus_takes(page: Path) -> None:
    """Of series that there are; that each gives data in the demo is shown with a real Prometheus."""
    known = {metric.name for metrics in catalogue().values() for metric in metrics} | {
        "up",
        "akscert:policy_max_age:seconds",
    }
    for query in queries(page):
        promql_parser.parse(query)
        assert {*re.findall(r"\bakscert[a-z_:0-9]+", query)} <= known, query
        assert unknown_placeholders(query, WORDS) <= set(), query
