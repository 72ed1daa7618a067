"""One mapping of a YAML file in, its values out key by key; what is wrong or left over is a one-line error."""

import re
import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

from exporter.settings import SettingsError
from exporter.values import HALF

__all__ = ["YamlMapping", "clean", "shown", "text", "texts", "truth"]

T = TypeVar("T")

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 2, 80, 80, 80


class YamlMapping:
    """One mapping of the file, whose keys are taken one by one. A key that is left over is unknown."""

    def __init__(self, file: Path, name: str, content: object) -> None:
        self.file, self.name = file, name
        if not isinstance(content, dict):
            self.fail("", f"not a mapping: {shown(content)}")
        for key in content:
            if not isinstance(key, str):
                self.fail("", f"a key is not a string: {shown(key)}")
        self.content: dict[str, object] = {**content}

    def fail(self, key: str, words: str) -> NoReturn:
        """Raise the one-line error for a key."""
        where = ".".join(part for part in (self.name, key) if part)
        raise SettingsError(f"{self.file}: {where}: {words}" if where else f"{self.file}: {words}")

    def take(self, key: str, parse: Callable[[object], T], default: T) -> T:
        """The key's value through `parse`, which raises ValueError; the default where the key is absent.

        A key without a value is what a file cut off while it was written ends with.
        """
        if key not in self.content:
            return default
        value = self.content.pop(key)
        if value is None:
            self.fail(key, "has no value")
        try:
            return parse(value)
        except ValueError as error:
            self.fail(key, str(error))

    def mapping(self, key: str) -> "YamlMapping":
        """The mapping under a key; empty where the key is absent. One that is there and empty protects nothing."""
        there = key in self.content
        content = self.content.pop(key, {})
        if there and content in (None, {}):
            self.fail(key, "is there and empty: fill it in or leave it out")
        return YamlMapping(self.file, ".".join(part for part in (self.name, key) if part), content)

    def end(self) -> None:
        """Raise for the first key that nobody took."""
        for key in self.content:
            where = f"{self.name}.{key}" if self.name else key
            raise SettingsError(f"{self.file}: unknown key {clean(where)}")


def text(value: object) -> str:
    """A string of one line."""
    if not isinstance(value, str):
        raise ValueError(f"not a string: {shown(value)}")
    if re.search("[\x00-\x1f\x7f]", value):
        raise ValueError("holds a control character")
    if HALF.search(value):
        raise ValueError("holds half of a character")
    return value


def texts(value: object) -> tuple[str, ...]:
    """A list of strings."""
    if not isinstance(value, list):
        raise ValueError(f"not a list: {shown(value)}")
    return tuple(text(item) for item in value)


def truth(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"not true or false: {shown(value)}")
    return value


def shown(value: object) -> str:
    """A value as part of an error: one line, not long."""
    text = clean(_SHORT.repr(value))  # repr() itself would write out what anchors and aliases fold a million times
    return text if len(text) <= 60 else f"{text[:59]}…"


def clean(text: str) -> str:
    """The text on one line, without characters that print nothing."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
