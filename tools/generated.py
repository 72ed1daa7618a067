"""A generated text and its place: a whole file, or a block between two markers of one that people write."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Generated"]

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Generated:
    """One generated text. Without a block's name it is the whole file."""

    path: str
    """Below the root of the project."""
    text: Callable[[], str]
    block: str = ""

    def written(self) -> str:
        """What the file holds now; empty where it does not exist."""
        file = ROOT / self.path
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def wanted(self) -> str:
        """What the file should hold. Raises ValueError where the block's markers are missing."""
        text = self.text().rstrip("\n") + "\n"
        if not self.block:
            return text
        begin, end = f"<!-- generated: {self.block} -->", "<!-- end of generated -->"
        pattern = re.compile(f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", re.DOTALL)
        written = self.written()
        if not pattern.search(written):
            raise ValueError(f"{self.path} has no block {begin} … {end}")
        return pattern.sub(lambda _: f"\n{text}\n", written, count=1)
