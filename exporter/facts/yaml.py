"""YAML bytes in, plain values out, as Kubernetes reads them: what is a number or a truth value there is one here.

Source: sigs.k8s.io/yaml, goyaml.v2/resolve.go. It is YAML 1.1 with differences: `y` is true, `1e3` is a number, `12:30`
and dates are strings, a tag that it does not know is passed over.
"""

import base64
import codecs
import math
import re
from typing import ClassVar

import yaml

__all__ = ["GoValues", "decoded", "document"]

MOST_REPEATED = 10_000
"""Values that aliases may stand for, all together: a page of them stands for millions."""

_QUOTED = re.compile(r"""(?s)'.*'|".*\"""")
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_STANDARD = "tag:yaml.org,2002:"


def _number(text: str) -> int | float | str:
    """strconv.ParseInt with base 0, else a float of YAML's form; what is neither, or beyond a float, is a string."""
    plain = text if text.startswith(".") else text.replace("_", "")
    if _INTEGER.fullmatch(plain):
        octal = re.sub(r"^([-+]?)0([0-7]+)$", r"\g<1>0o\2", plain)
        found = int(octal, 0)
        if -(2**63) <= found < 2**64:
            return found
    number = float(plain) if _FLOAT.fullmatch(plain) else math.inf
    return number if math.isfinite(number) else text


_TRUE = {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}
_FALSE = {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}
_FORMS = {
    "bool": ("yYnNtTfFoO", "|".join(sorted(_TRUE | _FALSE))),
    "null": ("~nN", "~|null|Null|NULL|"),
    "merge": ("<", "<<"),
    "infinite": ("+-.", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
    "number": ("+-.0123456789", "[-+.0-9].*"),
}
"""Kinds of plain scalars: the characters that they begin with, and their pattern. The first that fits counts."""


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """By the first character, as PyYAML wants them; an empty scalar is null."""
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {"": [(f"{_STANDARD}null", re.compile(r"\Z"))]}
    for name, (first, pattern) in _FORMS.items():
        for character in first:
            found.setdefault(character, []).append((_STANDARD + name, re.compile(rf"(?:{pattern})\Z")))
    return found


def _of_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> object:
    return _number(loader.construct_scalar(node))


def _of_truth(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> bool:
    text = loader.construct_scalar(node)
    if text not in _TRUE | _FALSE:
        raise yaml.YAMLError("neither true nor false")
    return text in _TRUE


def _of_binary(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return base64.b64decode("".join(loader.construct_scalar(node).split()), validate=True).decode(errors="replace")


def _of_infinity(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    raise yaml.YAMLError("infinity and NaN are not JSON")


def _of_any_tag(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node)


class GoValues:
    """For a loader of PyYAML's: what Go makes of plain scalars and of tags."""

    yaml_implicit_resolvers: ClassVar = _resolvers()
    yaml_constructors: ClassVar = {
        f"{_STANDARD}null": yaml.SafeLoader.yaml_constructors[f"{_STANDARD}null"],
        **{_STANDARD + name: _of_number for name in ("number", "int", "float")},
        f"{_STANDARD}bool": _of_truth,
        f"{_STANDARD}binary": _of_binary,
        f"{_STANDARD}infinite": _of_infinity,
    }
    yaml_multi_constructors: ClassVar = {"": _of_any_tag}


class _Loader(GoValues, yaml.SafeLoader):  # type: ignore[misc]  # what it inherits is untyped
    """The pure Python loader: on deep nesting it raises, where a compiled one may exhaust the C stack."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._open: set[str] = set()
        self._repeated = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        anchor: str | None = self.peek_event().anchor  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            if anchor in self._open:
                raise yaml.YAMLError("an anchor holds itself")
            node = super().compose_node(parent, index)
            self._repeated += _values(node)
            if self._repeated > MOST_REPEATED:
                raise yaml.YAMLError("too much is repeated by aliases")
            return node
        if anchor is None:
            return super().compose_node(parent, index)
        self.anchors.pop(anchor, None)  # another may have had the name: the last one counts
        self._open.add(anchor)
        node = super().compose_node(parent, index)
        self._open.discard(anchor)
        return node


def _values(node: yaml.Node | None) -> int:
    """How many values a node stands for, its aliases written out; some more than MOST_REPEATED where there are more."""
    left, found = [node], 0
    while left and found <= MOST_REPEATED:
        one = left.pop()
        found += 1
        if isinstance(one, yaml.SequenceNode):
            left.extend(one.value)
        elif isinstance(one, yaml.MappingNode):
            left.extend(side for pair in one.value for side in pair)
    return found


def decoded(content: bytes) -> str:
    """The text: UTF-8, or UTF-16 where it says so, which is what `>` of PowerShell writes. UnicodeDecodeError."""
    utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if utf_16 else "utf-8-sig")


def document(content: bytes) -> object:
    """The first document of YAML or JSON bytes. Raises ValueError with a one-line message that quotes none of them.

    What follows it is not looked at, as in the kubelet: a `---` at the end begins another one.
    """
    try:
        documents = yaml.load_all(decoded(content), Loader=_Loader)
        return next(documents, None)
    except UnicodeDecodeError:
        raise ValueError("neither UTF-8 nor UTF-16") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        words = _QUOTED.sub("…", " ".join(problem.split()))  # a token may be where an anchor or a tag would
        raise ValueError(f"not YAML: {where}{words}") from None
    except (ValueError, OverflowError, TypeError):  # such as !!binary that is none, or an unhashable key
        raise ValueError("not YAML: a value cannot be one") from None
