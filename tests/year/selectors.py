"""The selectors of the shipped rules in, whether any of them picks a series out."""

import re
from collections.abc import Mapping
from functools import cache

from tools.rules import groups

__all__ = ["METRICS", "picked"]

_SELECTOR = re.compile(r"\b(akscert[a-z_:0-9]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')

Matcher = tuple[str, str, str]


@cache
def _selectors() -> dict[str, tuple[tuple[Matcher, ...], ...]]:
    found: dict[str, dict[tuple[Matcher, ...], None]] = {}
    for group in groups():
        for rule in group.rules:
            for name, matchers in _SELECTOR.findall(rule.expression):
                found.setdefault(name, {})[tuple(_MATCHER.findall(matchers))] = None
    return {name: tuple(selectors) for name, selectors in found.items()}


METRICS = frozenset(_selectors())
"""The metrics that rules read."""


def picked(name: str, labels: Mapping[str, str]) -> bool:
    """Whether a rule reads the series."""
    return any(
        all(_matches(labels.get(label, ""), operator, value) for label, operator, value in selector)
        for selector in _selectors().get(name, ())
    )


def _matches(found: str, operator: str, value: str) -> bool:
    if operator in {"=", "!="}:
        return (found == value) is (operator == "=")
    return (re.fullmatch(value, found) is not None) is (operator == "=~")
