"""Field and label selectors in, which objects they pick out: the forms that kubectl and the agents send."""

import json
import re
from typing import Any

from simulation.api.kinds import Kind

__all__ = ["SelectorError", "picks"]

_ALWAYS = ("metadata.name", "metadata.namespace")


class SelectorError(ValueError):
    """A field that the kind's API does not let one select by; the message is the API server's."""


def picks(encoded: bytes, fields: str, labels: str, kind: Kind) -> bool:
    """Whether an object's JSON satisfies both selectors. Raises SelectorError as a server refuses."""
    wanted = _terms(fields)
    for name, _, _ in wanted:
        if name not in (*_ALWAYS, *kind.selectable):
            raise SelectorError(f"field label not supported: {name}")
    if not wanted and not labels:
        return True
    item = json.loads(encoded)
    found = item.get("metadata", {}).get("labels") or {}
    return all(_holds(_value(item, name), operator, value) for name, operator, value in wanted) and all(
        name in found if operator == "exists" else _holds(str(found.get(name, "")), operator, value)
        for name, operator, value in _terms(labels)
    )


def _terms(text: str) -> list[tuple[str, str, str]]:
    terms = []
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"([^=!]+?)\s*(==|=|!=)\s*(.*)", part.strip())
        terms.append((match[1], "!=" if match[2] == "!=" else "=", match[3]) if match else (part.strip(), "exists", ""))
    return terms


def _holds(found: str, operator: str, value: str) -> bool:
    return (found != value) if operator == "!=" else found == value


def _value(item: dict[str, Any], path: str) -> str:
    value: Any = item
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
