"""The runbooks in, what they tell to type out: commands for a shell, and queries for Prometheus."""

import re
from collections.abc import Iterator
from pathlib import Path

from tools.generated import ROOT

__all__ = ["PAGES", "commands", "queries"]

PAGES = tuple(sorted((ROOT / "docs/runbooks").glob("*.md")))


def _lines(page: Path, language: str) -> Iterator[str]:
    blocks = rf"^ *```{language}\n(.*?)^ *```"
    for block in re.findall(blocks, page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        yield from (line.strip() for line in block.splitlines() if line.strip())


def commands(page: Path) -> list[str]:
    """The commands of a page, a line each."""
    return [*_lines(page, "console")]


def queries(page: Path) -> list[str]:
    """The queries of a page, a line each, without the words beside them."""
    return [re.sub(r"\s+#.*$", "", line) for line in _lines(page, "promql")]
