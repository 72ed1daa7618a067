"""A fault planted in a process that has long imported the module: the code of its functions is changed where they are.

That is exact for what is in the body of a function. What a module does while it is imported (constants, classes,
defaults, decorators) has then been done: such a fault needs a process that imports the module anew.
"""

import functools
import gc
import inspect
import types
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Change", "Live", "caches", "changes", "live"]

Key = tuple[str, str, int]
"""File, qualified name and first line of a function."""
Live = Mapping[Key, Sequence[types.FunctionType]]
Change = tuple[types.FunctionType, types.CodeType]


def live(below: Path) -> Live:
    """Every function of this process whose code is in a file below a directory."""
    found: dict[Key, list[types.FunctionType]] = defaultdict(list)
    for one in gc.get_objects():
        if isinstance(one, types.FunctionType) and one.__code__.co_filename.startswith(str(below)):
            code = one.__code__
            found[code.co_filename, code.co_qualname, code.co_firstlineno].append(one)
    return found


def caches() -> list[Any]:
    """Every cache of a function of the project and its tests: what they hold was computed without the fault."""
    kept = type(functools.lru_cache(maxsize=1)(len))
    ours = ("exporter", "simulation", "tests")
    return [one for one in gc.get_objects() if isinstance(one, kept) and str(one.__module__).startswith(ours)]


def changes(file: Path, before: str, after: str, functions: Live) -> list[Change] | None:
    """What to give which function so that a module is as another source says; nothing where that takes an import."""
    pairs = list(_pairs(compile(before, str(file), "exec"), compile(after, str(file), "exec")))
    found: list[Change] = []
    for old, new, outermost in pairs:
        if _plain(old) == _plain(new):
            continue
        if not _is_function(old):
            return None
        holders = functions.get((old.co_filename, old.co_qualname, old.co_firstlineno), ())
        if outermost and not holders:
            return None
        if any(len(one.__code__.co_freevars) != len(new.co_freevars) for one in holders):
            return None
        found += [(one, new) for one in holders]
    return found or None


def _pairs(
    old: types.CodeType, new: types.CodeType, *, outermost: bool = False
) -> Iterator[tuple[types.CodeType, types.CodeType, bool]]:
    """Two versions of each piece of code, and whether it is a function of a module or a class."""
    yield old, new, outermost
    inner = [[each for each in code.co_consts if isinstance(each, types.CodeType)] for code in (old, new)]
    if [each.co_qualname for each in inner[0]] != [each.co_qualname for each in inner[1]]:
        return  # the outer one differs then, and brings the inner ones with it
    for one, other in zip(*inner, strict=True):
        yield from _pairs(one, other, outermost=_is_function(one) and not _is_function(old))


def _is_function(code: types.CodeType) -> bool:
    """Rather than a module or the body of a class."""
    return bool(code.co_flags & inspect.CO_OPTIMIZED)


def _plain(code: types.CodeType) -> tuple[object, ...]:
    """Code without its places in the file; of what is inside only the names, where an import runs it."""
    inner = _plain if _is_function(code) else (lambda one: one.co_qualname)
    constants = [
        inner(each) if isinstance(each, types.CodeType) else (type(each), repr(each)) for each in code.co_consts
    ]
    return (
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_flags,
        tuple(constants),
    )
