"""The values of the chart as a table: every key with its type, default and the comment above it (`# -- …`)."""

import json
from collections.abc import Iterator

import yaml

from tools.generated import ROOT, Generated

__all__ = ["GENERATED", "values_table"]

CHART = "helm/aks-cert-exporter"


def values_table(text: str = "") -> str:
    """One row for each documented value. Raises ValueError naming a leaf that has no comment."""
    text = text or (ROOT / CHART / "values.yaml").read_text(encoding="utf-8")
    lines = ["| value | type | default | meaning |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in _rows(yaml.compose(text), text.splitlines(), ())]
    return "\n".join(lines)


def _rows(node: yaml.Node | None, lines: list[str], above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not isinstance(node, yaml.MappingNode):
        raise ValueError(f"{'.'.join(above) or 'the file'}: neither documented nor a mapping")
    for key, value in node.value:
        path = (*above, key.value)
        meaning = _comment(lines, key.start_mark.line)
        if not meaning:
            yield from _rows(value, lines, path)
            continue
        default = yaml.safe_load(yaml.serialize(value))
        cell = json.dumps(default, ensure_ascii=False).replace("|", "\\|")
        yield f"`{'.'.join(path)}`", _type(default), f"`{cell}`", meaning.replace("|", "\\|")


def _comment(lines: list[str], number: int) -> str:
    """The comment that ends right above a line and begins with `# --`; empty where there is none."""
    words: list[str] = []
    for line in reversed(lines[:number]):
        text = line.strip()
        if text.startswith("# -- "):
            return " ".join([text.removeprefix("# -- "), *words])
        if not text.startswith("# "):
            break
        words.insert(0, text.removeprefix("# "))
    return ""


def _type(default: object) -> str:
    names = {bool: "bool", int: "int", str: "string", list: "list", dict: "object"}
    return names[type(default)]


GENERATED = (Generated(f"{CHART}/README.md", values_table, "values"),)
