"""A PromQL expression in, its planted faults out: each a text that differs from the expression in one place.

    variants("max by (node) (x{role='a'}) < 5")   # ("drop label node", "max (x{role='a'}) < 5"), …

What is planted: comparisons turned round or dropped, numbers times and divided by 1.5, labels of `by` and `on` dropped
one at a time, matchers and single words of theirs dropped, sides of `and`, `or`, `unless` dropped, aggregations
swapped, look-backs and offsets dropped and tripled, plus for minus.
"""

import operator
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import promql_parser

__all__ = ["text", "variants"]

Node = Any
"""Of promql_parser, which publishes no types for what its nodes hold."""
Variant = tuple[str, str]
"""What was done, and the whole expression after it."""

_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "!=", "!=": "=="}
_SETS = {"and", "or", "unless"}
_SWAPPED = {"max": "min", "min": "max", "sum": "max", "count": "sum", "avg": "max", "topk": "bottomk"}
_SIGNS = {"+": "-", "-": "+"}
_MATCHES = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}
_FOLDED: dict[str, Callable[[float, float], float]] = {"*": operator.mul, "/": operator.truediv, "+": operator.add}


def variants(expression: str) -> Iterator[Variant]:
    """Every planted fault of an expression, in its order."""
    yield from _variants(promql_parser.parse(expression))


def text(expression: str) -> str:
    """The expression as this module writes it: what the variants are variants of."""
    return _text(promql_parser.parse(expression))


def _number(node: Node) -> float | None:
    """The value of an expression that has only numbers, such as 20 * 60."""
    if isinstance(node, promql_parser.NumberLiteral):
        return float(node.val)
    if isinstance(node, promql_parser.BinaryExpr) and str(node.op) in _FOLDED:
        left, right = _number(node.lhs), _number(node.rhs)
        return None if left is None or right is None else _FOLDED[str(node.op)](left, right)
    return None


def _duration(span: timedelta) -> str:
    left, written = round(span.total_seconds()), ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        written += f"{count}{unit}" if count else ""
    return written


def _matching(node: Node, labels: list[str] | None = None) -> str:
    """What follows a binary operator: bool, on, group_left."""
    modifier = node.modifier
    if modifier is None:
        return ""
    words = " bool" if modifier.return_bool else ""
    if modifier.matching is not None:
        kept = modifier.matching.labels if labels is None else labels
        words += f" {'on' if 'Include' in repr(modifier.matching.type) else 'ignoring'} ({', '.join(kept)})"
    card = str(modifier.card).rsplit(".", maxsplit=1)[-1]
    side = {"ManyToOne": "group_left", "OneToMany": "group_right"}.get(card)
    return words + (f" {side} ({', '.join(modifier.group_labels or [])})" if side else "")


def _selector(node: Node, matchers: list[str], span: str = "", offset: str | None = None) -> str:
    shift = f" offset {_duration(node.offset)}" if node.offset else ""
    return f"{node.name or ''}{{{','.join(matchers)}}}{span}{shift if offset is None else offset}"


def _matchers(node: Node) -> list[str]:
    return [f"{one.name}{_MATCHES[str(one.op)]}{_quoted(one.value)}" for one in node.matchers.matchers]


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _aggregate(node: Node, inside: str, word: str | None = None, labels: list[str] | None = None) -> str:
    kept = list(node.modifier.labels) if node.modifier and labels is None else labels
    by = f" by ({', '.join(kept)})" if kept else ""
    param = f"{_text(node.param)}, " if node.param is not None else ""
    return f"{word or node.op}{by} ({param}{inside})"


def _text(node: Node) -> str:
    match type(node).__name__:
        case "NumberLiteral":
            return f"{node.val:.12g}"
        case "StringLiteral":
            return _quoted(node.val)
        case "ParenExpr":
            return f"({_text(node.expr)})"
        case "UnaryExpr":
            return f"-{_text(node.expr)}"
        case "VectorSelector":
            return _selector(node, _matchers(node))
        case "MatrixSelector":
            return _selector(node.vector_selector, _matchers(node.vector_selector), f"[{_duration(node.range)}]")
        case "SubqueryExpr":
            return f"{_text(node.expr)}[{_duration(node.range)}:{_duration(node.step) if node.step else ''}]"
        case "Call":
            return f"{node.func.name}({', '.join(map(_text, node.args))})"
        case "AggregateExpr":
            return _aggregate(node, _text(node.expr))
        case "BinaryExpr":
            return f"{_text(node.lhs)} {node.op}{_matching(node)} {_text(node.rhs)}"
        case kind:
            raise ValueError(f"cannot write a {kind}")


def _variants(node: Node) -> Iterator[Variant]:
    if (number := _number(node)) is not None:
        if number:
            yield f"{number:g} times 1.5", f"{number * 1.5:.12g}"
            yield f"{number:g} divided by 1.5", f"{number / 1.5:.12g}"
        return
    match type(node).__name__:
        case "ParenExpr":
            yield from ((what, f"({inner})") for what, inner in _variants(node.expr))
        case "UnaryExpr":
            yield from ((what, f"-{inner}") for what, inner in _variants(node.expr))
        case "VectorSelector":
            yield from _of_selector(node, "")
        case "MatrixSelector":
            span = f"[{_duration(node.range)}]"
            yield from _of_selector(node.vector_selector, span)
            tripled = f"[{_duration(3 * node.range)}]"
            yield (
                f"triple {span} of {node.vector_selector.name}",
                _selector(node.vector_selector, _matchers(node.vector_selector), tripled),
            )
        case "SubqueryExpr":
            span = f"[{_duration(node.range)}:{_duration(node.step) if node.step else ''}]"
            yield from ((what, f"{inner}{span}") for what, inner in _variants(node.expr))
            yield f"triple {span}", f"{_text(node.expr)}[{_duration(3 * node.range)}:{_duration(node.step)}]"
        case "Call":
            yield from _of_call(node)
        case "AggregateExpr":
            yield from _of_aggregate(node)
        case "BinaryExpr":
            yield from _of_binary(node)


def _of_selector(node: Node, span: str) -> Iterator[Variant]:
    matchers = _matchers(node)
    for at, one in enumerate(node.matchers.matchers):
        rest = matchers[:at], matchers[at + 1 :]
        yield f"drop {matchers[at]} of {node.name}", _selector(node, [*rest[0], *rest[1]], span)
        words = _alternatives(one.value) if str(one.op) in {"MatchOp.Re", "MatchOp.NotRe"} else []
        for word in words if len(words) > 1 else []:
            fewer = "|".join(each for each in words if each != word)
            kept = f"{one.name}{_MATCHES[str(one.op)]}{_quoted(fewer)}"
            yield f"drop {word} of {matchers[at]} of {node.name}", _selector(node, [*rest[0], kept, *rest[1]], span)
    if node.offset:
        yield f"drop offset of {node.name}", _selector(node, matchers, span, "")
        tripled = f" offset {_duration(3 * node.offset)}"
        yield f"triple offset of {node.name}", _selector(node, matchers, span, tripled)


def _alternatives(pattern: str) -> list[str]:
    """The words of a regular expression that are divided by | outside parentheses."""
    return re.findall(r"(?:[^|()]|\([^)]*\))+", pattern)


def _of_call(node: Node) -> Iterator[Variant]:
    name, args = node.func.name, [_text(each) for each in node.args]
    for at, arg in enumerate(node.args):
        for what, inner in _variants(arg):
            yield what, f"{name}({', '.join([*args[:at], inner, *args[at + 1 :]])})"
    if name == "last_over_time":
        inside = node.args[0]
        bare = inside.vector_selector if isinstance(inside, promql_parser.MatrixSelector) else inside.expr
        yield f"drop look-back of {getattr(bare, 'name', 'a subquery')}", _text(bare)


def _of_aggregate(node: Node) -> Iterator[Variant]:
    word, inside = str(node.op), _text(node.expr)
    labels = list(node.modifier.labels) if node.modifier else []
    for label in labels:
        kept = [each for each in labels if each != label]
        yield f"drop {label} of {word} by ({', '.join(labels)})", _aggregate(node, inside, labels=kept)
    yield f"{word} by ({', '.join(labels)}) becomes {_SWAPPED[word]}", _aggregate(node, inside, _SWAPPED[word])
    yield from ((what, _aggregate(node, inner)) for what, inner in _variants(node.expr))


def _of_binary(node: Node) -> Iterator[Variant]:
    word, left, right, matching = str(node.op), _text(node.lhs), _text(node.rhs), _matching(node)
    yield from ((what, f"{inner} {word}{matching} {right}") for what, inner in _variants(node.lhs))
    yield from ((what, f"{left} {word}{matching} {inner}") for what, inner in _variants(node.rhs))
    if word in _SETS:
        yield f"only the left of {word}", left
        yield f"only the right of {word}", right
    if word in _TURNED:
        yield f"{word} becomes {_TURNED[word]}", f"{left} {_TURNED[word]}{matching} {right}"
        if not matching.startswith(" bool"):
            yield f"drop {word} {right[:20]}", left
    if word in _SIGNS:
        yield f"{word} becomes {_SIGNS[word]}", f"{left} {_SIGNS[word]}{matching} {right}"
    if node.modifier is not None and node.modifier.matching is not None:
        labels = list(node.modifier.matching.labels)
        for label in labels:
            kept = [each for each in labels if each != label]
            yield f"drop {label} of {word} on ({', '.join(labels)})", f"{left} {word}{_matching(node, kept)} {right}"
