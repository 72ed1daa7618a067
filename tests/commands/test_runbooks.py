"""Every command of every runbook can be pasted, and what has to be put in is explained on the page."""

import re
from pathlib import Path

import pytest

from tests.commands.az import EXTENSIONS
from tests.commands.parser import faults, parts, unknown_placeholders
from tools.generated import ROOT
from tools.runbooks import PLACES

PAGES = sorted((ROOT / "docs/runbooks").glob("*.md"))
WORDS = frozenset(PLACES) | {"AUTH", "HOLDER", "RENEWED", "POLICY", "USER", "SIGNER", "DAC_READ_SEARCH"}
"""Placeholders, and headings of a table's columns."""


def blocks(page: Path) -> list[str]:
    """The commands of a page, a line each."""
    found = re.findall(r"^ *```console\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line.strip() for block in found for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_command_of_a_runbook_is_one_that_az_and_kubectl_take(page: Path) -> None:
    """az by its recorded parser, kubectl by the real program."""
    assert [fault for command in blocks(page) for fault in faults(command)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_word_in_upper_case_is_explained_on_its_page(page: Path) -> None:
    explained = set(re.findall(r"^\* `([A-Z_]+)`: ", page.read_text(encoding="utf-8"), re.MULTILINE))
    used = {word for command in blocks(page) for word in unknown_placeholders(command, frozenset())} & set(PLACES)
    assert used <= explained
    assert {word for command in blocks(page) for word in unknown_placeholders(command, WORDS)} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_needs_a_kubelet_comes_with_what_does_not(page: Path) -> None:
    """D: through the port that fails nobody can debug; a drain ends also where the kubelet is dead."""
    text = page.read_text(encoding="utf-8")
    if re.search(r"kubectl debug node/|restart the kubelet|on the node, through Azure", text, re.IGNORECASE):
        assert "az vmss run-command invoke" in text
        assert "spec.providerID" in text
        assert "kubectl delete pod POD" in text
    for command in blocks(page):
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
