"""What the benchmarks printed when they were last kept, in docs/benchmarks.md."""

from benchmarks.__main__ import MEASURED, names
from tools.generated import Generated

__all__ = ["GENERATED"]


def _block(name: str) -> Generated:
    def shown() -> str:
        printed = (MEASURED / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")
        return f"```text\n{printed}\n```"

    return Generated("docs/benchmarks.md", shown, name)


GENERATED: tuple[Generated, ...] = tuple(_block(name) for name in names())
