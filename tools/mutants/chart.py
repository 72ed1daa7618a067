"""Faults planted in the chart: lines that confine, mount, select, name a port, give a right or let traffic pass.

A line is dropped with what is nested below it, and of a list in brackets each member by itself.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tools.generated import ROOT
from tools.mutants.mutant import Located, Mutant

__all__ = ["TESTS", "mutants"]

TEMPLATES = ROOT / "helm/aks-cert-exporter/templates"
TESTS = [
    f"tests/chart/test_{name}.py" for name in ("exact", "cluster", "node", "chart", "monitoring", "presets", "commands")
]
"""Those that notice, soonest first; the other two are about documents and values."""

_KINDS: dict[str, tuple[str, ...]] = {
    "confinement": (
        *("securityContext", "aks-cert-exporter.profiles", "automountServiceAccountToken", "hostUsers", "hostNetwork"),
        "aks-cert-exporter.hostUsers",
    ),
    "mount flag": ("readOnly", "recursiveReadOnly", "mountPropagation", "hostPath"),
    "selector": (
        "selector",
        "matchLabels",
        "podSelector",
        "aks-cert-exporter.selector",
        "aks-cert-exporter.nodeAgentLabel",
    ),
    "port": ("port", "targetPort", "containerPort", "ports"),
}
_FILES = {"rbac.yaml": "right", "networkpolicies.yaml": "network policy"}


def mutants() -> Iterator[Located]:
    """Every planted fault of the templates."""
    for file in sorted(TEMPLATES.glob("*.*")):
        counted: dict[str, int] = {}
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        for kind, at, end, what, instead in _faults(file.name, lines):
            key = f"{kind}: {what}"
            counted[key] = number = counted.get(key, 0) + 1
            name = key + (f" ({number})" if number > 1 else "")
            source = "".join([*lines[:at], *instead, *lines[end:]])
            yield Located(Mutant("chart", file.name, name, source), _relative(file), at + 1)


def _relative(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def _faults(name: str, lines: list[str]) -> Iterator[tuple[str, int, int, str, list[str]]]:
    """Kind, first line and line after the last, what is done, and what is there then."""
    above: list[tuple[int, str]] = []
    define = ""
    for at, line in enumerate(lines):
        if match := re.match(r'\{\{-? define "([^"]+)"', line):
            define, above = match[1], []
        indent = len(line) - len(line.lstrip())
        if (kind := _included(line)) is not None:
            yield kind, at, at + 1, f"drop {_short(line)} of {'.'.join(key for _, key in above[-3:])}", []
        if not line.strip() or line.lstrip().startswith("{{"):
            continue
        above = [(depth, key) for depth, key in above if depth < indent]
        key = re.match(r"\s*(?:- )?([\w./-]+):", line)
        path = [define, *(key for _, key in above), key[1] if key else ""]
        if key:
            above.append((indent, key[1]))
        if line.lstrip().startswith("#") or (kind := _kind(name, path)) is None:
            continue
        end = _end(lines, at, indent)
        block = "".join(lines[at:end])
        if block.count("{{- if") + block.count("{{- with") + block.count("{{- range") == block.count("{{- end"):
            place = ".".join(key for key in path[-3:] if key)
            yield kind, at, end, f"drop {_short(line)} of {place}", []
        if members := re.search(r"\[([^\]]*,[^\]]*)\]", line):
            words = [word.strip() for word in members[1].split(",")]
            for word in words:
                rest = ", ".join(each for each in words if each != word)
                fewer = line.replace(members[0], f"[{rest}]")
                yield kind, at, at + 1, f"drop {word} of {_short(line)}", [fewer]


def _included(line: str) -> str | None:
    """The kind of a line that puts a template's output here."""
    match = re.match(r"\s*\{\{-? (?:include \"aks-cert-exporter\.(\w+)\"|\$(readOnly) \|)", line)
    if match is None or "nindent" not in line:
        return None
    kinds = {"readOnly": "mount flag", "selector": "selector", "nodeAgentLabel": "selector", "profiles": "confinement"}
    return {**kinds, "kubeSystemRules": "right", "subjects": "right"}.get(match[1] or match[2])


def _short(line: str) -> str:
    return line.strip()[:70]


def _kind(name: str, path: list[str]) -> str | None:
    if name in _FILES and any(
        key in {"rules", "roleRef", "subjects", "spec"} or key.endswith(("subjects", "kubeSystemRules", "callers"))
        for key in path
    ):
        return _FILES[name]
    return next((kind for kind, keys in _KINDS.items() if set(keys) & set(path)), None)


def _end(lines: list[str], at: int, indent: int) -> int:
    """The line after the last that is nested below one."""
    end = at + 1
    depth = 0
    while end < len(lines):
        line = lines[end]
        if not line.strip():
            break
        inner = len(line) - len(line.lstrip())
        if inner <= indent and not (line.lstrip().startswith("{{") and depth > 0):
            break
        depth += bool(re.match(r"\s*\{\{- (if|with|range)", line)) - bool(re.match(r"\s*\{\{- end", line))
        if depth < 0:
            break
        end += 1
    return end
