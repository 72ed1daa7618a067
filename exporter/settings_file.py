"""A YAML file of settings in, its values by flag out; or the one line that says what is wrong with it and where."""

from collections.abc import Set
from typing import Any, NoReturn

import yaml

__all__ = ["YAML_ERRORS", "SettingsError", "settings_file", "yaml_words"]

_TAGS = (LookupError, TypeError, AttributeError, ArithmeticError)
YAML_ERRORS = (yaml.YAMLError, ValueError, RecursionError, *_TAGS)
"""What PyYAML raises for text that is no YAML; the last ones for tags whose value does not fit them."""


class SettingsError(Exception):
    """A setting cannot be used; the message is one line that names where it was set and which one it is."""


def settings_file(name: str, flags: Set[str]) -> dict[str, Any]:
    """The values in a file by their flags, and its `paths` section. Raises SettingsError."""
    try:
        with open(name, encoding="utf-8") as stream:
            loaded = yaml.safe_load(stream)
    except OSError as error:
        raise SettingsError(f"{name}: {error.strerror}") from None
    except YAML_ERRORS as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f"{name}:{line + 1}" if line is not None else name
        raise SettingsError(f"{where}: not YAML: {yaml_words(error)}") from None
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise SettingsError(f"{name}: not a mapping of settings")
    return _flattened(name, loaded, flags)


def yaml_words(error: Exception) -> str:
    """One line for one of YAML_ERRORS."""
    words = " ".join(str(getattr(error, "problem", error)).split())
    # Of a number's tag Python's own words quote the value, which may be a password; those of a date's do not.
    quoted = isinstance(error, ValueError) and not isinstance(error, UnicodeDecodeError) and "'" in words
    if quoted or isinstance(error, _TAGS):  # the words of the others are about PyYAML
        return "a value does not fit its tag"
    return words


def _flattened(name: str, loaded: dict[Any, Any], flags: Set[str]) -> dict[str, Any]:
    """`web: {listen-address: …}` and `web.listen-address: …` are the same key; `paths` is a section of its own."""
    flat: dict[str, Any] = {}

    def unknown(key: str) -> NoReturn:
        raise SettingsError(f"{name}: unknown key {key}")

    def visit(prefix: str, mapping: dict[Any, Any]) -> None:
        for part, value in mapping.items():
            key = f"{prefix}{part}"
            if isinstance(value, dict) and any(flag.startswith(f"{key}.") for flag in flags) and key != "paths":
                visit(f"{key}.", value)
            elif key in flags or key == "paths":
                if key in flat:
                    raise SettingsError(f"{name}: {key} appears twice")
                flat[key] = value
            else:
                unknown(key)

    visit("", loaded)
    section = flat.get("paths")
    if isinstance(section, dict) and "preset" in section:
        flat["paths.preset"] = section["preset"]
        flat["paths"] = {key: value for key, value in section.items() if key != "preset"}
    elif section is not None and not isinstance(section, dict):
        raise SettingsError(f"{name}: paths: not a mapping")
    return flat
