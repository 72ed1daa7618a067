"""The documents: what they name exists."""

import re
from pathlib import Path

import pytest

from exporter.families.catalogue import catalogue
from exporter.settings import SETTINGS

ROOT = Path(__file__).parents[2]
PLACES = ("*.md", "docs/**/*.md", "helm/*/README.md", "azure/*.md")
PAGES = sorted(page for place in PLACES for page in ROOT.glob(place))
METRICS = {metric.name for metrics in catalogue().values() for metric in metrics}


def anchors(page: Path) -> set[str]:
    """The anchors GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page: Path) -> None:
    """Files, pictures and headings of the project itself."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_metric_that_is_named_exists(page: Path) -> None:
    """Whole names; a histogram's parts count as it."""
    for name in re.findall(r"\bakscert_[a-z0-9_]+[a-z0-9](?![\w*])", page.read_text(encoding="utf-8")):
        assert name in METRICS or re.sub(r"_(bucket|count|sum)$", "", name) in METRICS, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_an_environment_variable_of_ours_exists(page: Path) -> None:
    """As a setting declares it; the image's revision is the one that is none."""
    known = {setting.variable for setting in SETTINGS} | {"AKSCERT_REVISION"}
    for name in re.findall(r"\bAKSCERT_[A-Z_]*[A-Z]\b", page.read_text(encoding="utf-8")):
        assert name in known, name
