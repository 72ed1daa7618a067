"""The runbooks' names and their Markdown, as they lie beside this package in a wheel, or in a checkout's docs/runbooks.

They are in the wheel, not fetched: the node that needs one may be in a cluster that reaches nothing else. They are kept
as Markdown and rendered when somebody opens one: rendering takes a few milliseconds, and rendered at build time they
could differ from the files that people read in the repository.
"""

import re
from functools import lru_cache
from pathlib import Path

__all__ = ["runbook_names", "runbook_text"]

_NAME = re.compile(r"AksCert[A-Za-z]+")
_COMMENT = re.compile(r"^<!-- .* -->\n\n?", re.MULTILINE)
"""Marks where generated parts begin and end: for who writes the pages, not for who reads them."""


@lru_cache(maxsize=1)
def _directory() -> Path:
    inside = Path(__file__).parent / "runbooks"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "docs" / "runbooks"


def runbook_names() -> tuple[str, ...]:
    """The alerts that have one, sorted."""
    return tuple(sorted(file.stem for file in _directory().glob("*.md") if _NAME.fullmatch(file.stem)))


def runbook_text(name: str) -> str | None:
    """The Markdown of an alert's runbook, also where the name ends in `.md`; None: there is none."""
    alert = name.removesuffix(".md")
    if not _NAME.fullmatch(alert):
        return None
    file = _directory() / f"{alert}.md"
    return _COMMENT.sub("", file.read_text(encoding="utf-8")) if file.is_file() else None
