"""A module's source in, its planted faults out: each the whole source with one place changed.

Comparisons and their bounds, `and` and `or` and their sides, `not`, conditions, arithmetic, numbers, words, True and
False; two arguments that change places, arguments by name left out, calls whose result nobody takes left out, results
that become None, members of literals left out, `break` and `continue`. Prose is left alone: a test that holds a
sentence to the letter says little about what it means. So are logs, annotations, assertions, f-strings inside, and what
is said of how a record or a result is kept (frozen, slots, the size of a cache), which nobody sees from outside.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

__all__ = ["Planted", "planted"]

_COMPARED = {
    ast.Lt: ("<=", ">"),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<"),
    ast.GtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
}
_COMPUTED = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
    ast.BitOr: "&",
    ast.BitAnd: "|",
    ast.LShift: ">>",
    ast.RShift: "<<",
}
_UNTOLD = {"debug", "info", "warning", "error", "exception", "log"}
"""Methods of a logger."""


@dataclass(frozen=True, slots=True)
class Planted:
    """One fault of a module."""

    function: str
    """Qualified name of the function or class it is in; empty at the top."""
    what: str
    line: int
    source: str
    """The whole module with the fault."""


@dataclass(frozen=True, slots=True)
class _Edit:
    node: ast.AST
    """What is replaced, from its beginning to its end."""
    by: str


def planted(source: str) -> Iterator[Planted]:
    """Every fault of a module's source, in its order; faults that do not compile are left out."""
    seen = {source}
    counted: dict[tuple[str, str], int] = {}
    text = _Text(source)
    for function, edit in _edits(ast.parse(source), "", text):
        before, after = text.of(edit.node), edit.by
        changed = text.replaced(edit)
        if changed in seen or not _compiles(changed):
            continue
        seen.add(changed)
        what = f"{_short(before)} → {_short(after) or 'nothing'}"
        counted[function, what] = number = counted.get((function, what), 0) + 1
        again = f" ({number})" if number > 1 else ""
        yield Planted(function, what + again, getattr(edit.node, "lineno", 1), changed)


def _short(text: str) -> str:
    """A piece of source as part of a name: on one line, and not for ever."""
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= 100 else f"{line[:60]}…{line[-39:]}"


def _compiles(source: str) -> bool:
    try:
        compile(source, "planted", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


class _Text:
    """Source by the places that a syntax tree gives: lines from 1, columns in bytes."""

    def __init__(self, source: str) -> None:
        self._whole = source.encode()
        self._begins = [0, *accumulate(len(line) for line in self._whole.splitlines(keepends=True))]

    def _offset(self, line: int, column: int) -> int:
        return self._begins[line - 1] + column

    def _span(self, node: ast.AST) -> tuple[int, int]:
        place = {key: getattr(node, key) for key in ("lineno", "col_offset", "end_lineno", "end_col_offset")}
        return (
            self._offset(place["lineno"], place["col_offset"]),
            self._offset(place["end_lineno"], place["end_col_offset"]),
        )

    def of(self, node: ast.AST) -> str:
        begin, end = self._span(node)
        return self._whole[begin:end].decode()

    def replaced(self, edit: _Edit) -> str:
        begin, end = self._span(edit.node)
        return (self._whole[:begin] + edit.by.encode() + self._whole[end:]).decode()


def _edits(node: ast.AST, function: str, text: _Text) -> Iterator[tuple[str, _Edit]]:
    """Every edit at and below a node, with the qualified name of what it is in."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        function = f"{function}.{node.name}".lstrip(".")
    for edit in _at(node, text):
        yield function, edit
    for child in _children(node):
        yield from _edits(child, function, text)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """What is below a node and is neither annotation, prose, nor a part of an f-string, whose places nobody knows."""
    passed: list[ast.AST] = []
    if isinstance(node, ast.AnnAssign):
        passed.append(node.annotation)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        passed += [each for each in (node.returns,) if each]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        passed += [each for each in node.decorator_list if isinstance(each, ast.Call) and _keeps(each.func)]
    if isinstance(node, ast.ClassDef):
        passed += [each for each in node.keywords if each.arg == "frozen"]
    if isinstance(node, ast.Assign) and (_exports(node) or _names_a_type(node)):
        return
    if isinstance(node, ast.Call) and _casts(node):
        passed += node.args[:1]
    for child in ast.iter_child_nodes(node):
        prose = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        unmoved = isinstance(child, ast.JoinedStr | ast.Assert | ast.Import | ast.ImportFrom | ast.arg) or _logs(child)
        if child not in passed and not prose and not unmoved:
            yield child


def _casts(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "cast"


def _exports(node: ast.Assign) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "__all__" for one in node.targets)


def _names_a_type(node: ast.Assign) -> bool:
    """Whether it is `Rows = Mapping[str, int]` or `T = TypeVar("T")`, which only a type checker reads."""
    (target, *_), value = node.targets, node.value
    named = (
        isinstance(target, ast.Name)
        and not re.fullmatch(r"_?[A-Z][A-Z0-9_]+", target.id)
        and target.id.strip("_")[:1].isupper()
    )
    made = (
        isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in {"TypeVar", "ParamSpec"}
    )
    return named and (made or isinstance(value, ast.Subscript | ast.BinOp))


def _keeps(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Name) and decorator.id in {"dataclass", "lru_cache"}


def _logs(node: ast.AST) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _UNTOLD


def _at(node: ast.AST, text: _Text) -> Iterator[_Edit]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            for word in _COMPARED[type(op)]:
                yield _Edit(node, f"{text.of(left)} {word} {text.of(right)}")
        case ast.BoolOp(op=op, values=values):
            word = "or" if isinstance(op, ast.And) else "and"
            yield _Edit(node, f" {word} ".join(f"({text.of(each)})" for each in values))
            kept = "and" if isinstance(op, ast.And) else "or"
            for at in range(len(values)):
                rest = [f"({text.of(each)})" for each in [*values[:at], *values[at + 1 :]]]
                yield _Edit(node, f" {kept} ".join(rest))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield _Edit(node, text.of(operand))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            yield _Edit(node, text.of(operand))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMPUTED:
            yield _Edit(node, f"{text.of(left)} {_COMPUTED[type(op)]} {text.of(right)}")
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            if not isinstance(test, ast.Compare | ast.UnaryOp):  # those are turned round by themselves
                yield _Edit(test, f"not ({text.of(test)})")
        case ast.comprehension(ifs=[*tests]):
            for test in tests:
                yield _Edit(test, "True")
        case ast.Constant(value=value):
            yield from _of_constant(node, value)
        case ast.Call(args=args, keywords=keywords) if not _casts(node):
            yield from _of_call(node, args, keywords, text)
        case ast.Return(value=ast.expr() as value) if text.of(value) != "None":
            yield _Edit(value, "None")
        case ast.Expr(value=ast.Call() | ast.Await() | ast.YieldFrom() | ast.Yield()):
            yield _Edit(node, "pass")
        case ast.AugAssign(op=op, target=target, value=value) if type(op) in _COMPUTED:
            yield _Edit(node, f"{text.of(target)} {_COMPUTED[type(op)]}= {text.of(value)}")
        case ast.Break():
            yield _Edit(node, "continue")
        case ast.Continue():
            yield _Edit(node, "break")
        case ast.Raise():
            yield _Edit(node, "pass")
        case ast.Set(elts=elts) | ast.Tuple(elts=elts, ctx=ast.Load()) | ast.List(elts=elts, ctx=ast.Load()):
            yield from _of_members(node, elts, text)
        case ast.Dict(values=values) if len(values) > 1:
            for at, (key, value) in enumerate(zip(node.keys, values, strict=True)):
                if key is not None:
                    rest = [
                        f"{text.of(one)}: {text.of(other)}" if one is not None else f"**{text.of(other)}"
                        for other_at, (one, other) in enumerate(zip(node.keys, values, strict=True))
                        if other_at != at
                    ]
                    del value
                    yield _Edit(node, "{" + ", ".join(rest) + "}")
        case _:
            return


def _of_constant(node: ast.Constant, value: object) -> Iterator[_Edit]:
    if value is True or value is False:
        yield _Edit(node, str(not value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield _Edit(node, repr(value + 1))
        if value > 2:
            yield _Edit(node, repr(value / 2 if isinstance(value, float) else value // 2))
    elif isinstance(value, str) and value and not re.search(r"\s", value) and len(value) <= 60:
        yield _Edit(node, repr(f"XX{value}"))


def _of_call(node: ast.Call, args: list[ast.expr], keywords: list[ast.keyword], text: _Text) -> Iterator[_Edit]:
    plain = [each for each in args if not isinstance(each, ast.Starred)]
    if len(plain) == len(args) > 1:
        for at in range(len(args) - 1):
            turned = [*args[:at], args[at + 1], args[at], *args[at + 2 :]]
            yield _Edit(node, _called(node, turned, keywords, text))
    for at, keyword in enumerate(keywords):
        if keyword.arg is not None:
            yield _Edit(node, _called(node, args, [*keywords[:at], *keywords[at + 1 :]], text))


def _called(node: ast.Call, args: list[ast.expr], keywords: list[ast.keyword], text: _Text) -> str:
    return f"{text.of(node.func)}({', '.join([*map(text.of, args), *map(text.of, keywords)])})"


def _of_members(node: ast.expr, members: list[ast.expr], text: _Text) -> Iterator[_Edit]:
    if not 1 < len(members) <= 12:
        return
    opening, closing = {ast.Set: ("{", "}"), ast.Tuple: ("(", ")"), ast.List: ("[", "]")}[type(node)]
    for at in range(len(members)):
        rest = ", ".join(map(text.of, [*members[:at], *members[at + 1 :]]))
        yield _Edit(node, f"{opening}{rest}{',' if isinstance(node, ast.Tuple) else ''}{closing}")
