"""Words after `az` in, what az's parser says against them out: by the flags recorded from az itself.

`make record-az` takes them from the newest azure-cli (tools/azure_cli.py). az builds its parser of argparse, so what is
recorded is made into argparse again: the same rules for values, for what is required and for what is not known.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["EXTENSIONS", "Flag", "az_faults", "recorded", "version"]

RECORD = Path(__file__).with_name("az.json")


@dataclass(frozen=True, slots=True)
class Flag:
    """One parameter of a command."""

    names: tuple[str, ...]
    """Its spellings; none for what is given by its place."""
    values: int | str
    """argparse's nargs; 1: one value, 0: a switch."""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Extension:
    """A command that no record holds, since an extension brings it: written by hand after its reference page."""

    name: str
    flags: tuple[Flag, ...]


_NAMES = (Flag(("-g", "--resource-group"), 1, True), Flag(("-n", "--name"), 1, True))
_SHOWN = (Flag(("--query",), 1), Flag(("-o", "--output"), 1))
EXTENSIONS = {
    "aks operation show-latest": Extension("aks-preview", (*_NAMES, Flag(("--nodepool-name",), 1), *_SHOWN)),
    "monitor alert-processing-rule create": Extension(
        "alertsmanagement",
        (*_NAMES, Flag(("--rule-type",), 1, True), Flag(("--scopes",), "+", True), *_SHOWN),
    ),
}


@cache
def _record() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def version() -> str:
    """The azure-cli that was recorded."""
    return str(_record()["version"])


@cache
def recorded() -> dict[str, tuple[Flag, ...]]:
    """Every command that is known, with its flags."""
    return {
        name: tuple(Flag(tuple(one["names"]), one["values"], one.get("required", False)) for one in flags)
        for name, flags in _record()["commands"].items()
    } | {name: one.flags for name, one in EXTENSIONS.items()}


class _Refusal(Exception):
    """What argparse says in place of ending the process."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Refusal(message)


@cache
def _parser(name: str) -> _Parser:
    parser = _Parser(prog=f"az {name}", add_help=False, allow_abbrev=False)
    for number, flag in enumerate(recorded()[name]):
        if flag.values == 0:
            parser.add_argument(*flag.names, action="store_true", required=flag.required, dest=f"flag{number}")
        elif flag.names:
            nargs = None if flag.values == 1 else flag.values
            parser.add_argument(*flag.names, nargs=nargs, required=flag.required, dest=f"flag{number}")
        else:
            parser.add_argument(f"place{number}", nargs=None if flag.values == 1 else flag.values)
    return parser


def az_faults(words: list[str]) -> Iterator[str]:
    """One, or none where az would run it."""
    name = next((n for n in (" ".join(words[:at]) for at in range(len(words), 0, -1)) if n in recorded()), "")
    if not name:
        yield f"az has no {' '.join(words[:3])} that is recorded"
        return
    try:
        _parser(name).parse_args(words[len(name.split()) :])
    except _Refusal as refusal:
        yield f"az {name}: {refusal}"
