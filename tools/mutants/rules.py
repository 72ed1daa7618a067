"""Faults planted in the alerting rules, each tried with promtool and the cases of its alert only."""

import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.mutants.mutant import Mutant
from tools.mutants.promql import text, variants
from tools.rule_cases import prepare
from tools.rule_states import differences
from tools.rules import Rule, groups, seconds

__all__ = ["caught", "mutants"]

ROOM = "rules"


def mutants() -> Iterator[Mutant]:
    """Every planted fault of every rule, each once."""
    for group in groups():
        for rule in group.rules:
            place, seen, named = f"{rule.alert}/{rule.severity}", {text(rule.expression)}, Counter[str]()
            for what, expression in variants(rule.expression):
                named[what] += 1
                if expression not in seen:
                    seen.add(expression)
                    again = f" ({named[what]})" if named[what] > 1 else ""
                    yield Mutant(ROOM, place, what + again, expression)
            if rule.hold:
                yield Mutant(ROOM, place, "for halved", _half(rule))
                yield Mutant(ROOM, place, "for doubled", f"{2 * seconds(rule.hold)}s")


def _half(rule: Rule) -> str:
    return f"{seconds(rule.hold) // 2}s"


def caught(mutant: Mutant) -> str:
    """What is said where a state or a case of the alert fails with the fault in place; empty where all pass."""
    alert, severity = mutant.place.split("/")
    key = "for" if mutant.what.startswith("for ") else "expr"

    def planted(rule: dict[str, Any]) -> dict[str, Any]:
        return {**rule, key: mutant.planted} if rule["labels"]["severity"] == severity else rule

    if key == "expr" and (told := differences(alert, planted)):
        return "\n".join(told)
    with tempfile.TemporaryDirectory() as directory:
        for file in prepare(Path(directory), planted, alert):
            command = ["promtool", "test", "rules", file]
            tried = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
            if tried.returncode:
                return (tried.stdout + tried.stderr).strip()
    return ""
