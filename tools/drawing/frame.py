"""A table panel and the answers to its queries in, columns and lines as Grafana's transformations make them out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.dashboards.answers import Answer

__all__ = ["Cells", "Field", "fields_of", "table"]

Json = Mapping[str, Any]
Line = dict[str, float | str]


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its title and its configuration, the defaults with the overrides of its name laid over them."""

    title: str
    config: Json

    @property
    def width(self) -> int:
        """In pixels; 0: what is left."""
        return int(self.config.get("custom.width", 0))

    @property
    def cell(self) -> str:
        """Grafana's kind of cell."""
        return str(self.config.get("custom.cellOptions", {}).get("type", "auto"))


@dataclass(frozen=True, slots=True)
class Cells:
    """The table."""

    fields: tuple[Field, ...]
    lines: tuple[Line, ...]


def table(panel: Json, answers: Sequence[Answer]) -> Cells:
    """The lines of all answers, merged where the labels they share agree, sorted as the panel says."""
    several = len(answers) > 1
    lines: list[Line] = []
    for number, answer in enumerate(answers):
        name = f"Value #{chr(ord('A') + number)}" if several else "Value"
        for series in answer.series:
            new: Line = {**series.labels, name: series.last}
            for line in lines:
                if name not in line and _agree(line, new):
                    line.update(new)
                    break
            else:
                lines.append(new)
    organize = next(one["options"] for one in panel["transformations"] if one["id"] == "organize")
    names = sorted(organize["indexByName"], key=lambda name: int(organize["indexByName"][name]))
    there = [name for name in names if any(name in line for line in lines)]
    titles = {name: organize["renameByName"].get(name, name) for name in there}
    shown = [{titles[name]: line[name] for name in there if name in line} for line in lines]
    (sorting,) = panel["options"]["sortBy"]
    shown.sort(key=lambda line: _rank(line.get(sorting["displayName"])), reverse=sorting["desc"])
    return Cells(tuple(fields_of(panel, titles[name]) for name in there), tuple(shown))


def fields_of(panel: Json, title: str) -> Field:
    """The configuration of the field of this name."""
    config = dict(panel["fieldConfig"]["defaults"])
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == title:
            config |= {one["id"]: one["value"] for one in override["properties"]}
    return Field(title, config)


def _agree(line: Line, other: Line) -> bool:
    labels = {name for name in line.keys() | other.keys() if not name.startswith("Value")}
    return all(line.get(name) == other.get(name) for name in labels)


def _rank(value: float | str | None) -> tuple[int, float, str]:
    if value is None:
        return (2, 0.0, "")
    return (1, 0.0, value) if isinstance(value, str) else (0, value, "")
