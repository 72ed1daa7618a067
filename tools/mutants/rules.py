"""Faults planted in the alerting rules, each tried with promtool and the cases of its alert only."""

import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from tools.mutants.mutant import Mutant
from tools.mutants.promql import text, variants
from tools.rule_answers import differences_of_each
from tools.rule_cases import prepare
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


def caught(mutants: Sequence[Mutant]) -> Iterator[str]:
    """Of each what is said where a state or a case of its alert fails with it in place; empty where all pass.

    The states are evaluated with all faults of a rule in one run of promtool, the cases with one fault at a time.
    """
    for place, found in groupby(mutants, lambda one: one.place):
        some = list(found)
        alert, severity = place.split("/")
        asked = [one.planted for one in some if not _about_time(one)]
        told = iter(differences_of_each(alert, severity, asked))
        for one in some:
            said = [] if _about_time(one) else next(told)
            yield "\n".join(said) or _failing_case(one, alert, severity)


def _about_time(mutant: Mutant) -> bool:
    return mutant.what.startswith("for ")


def _failing_case(mutant: Mutant, alert: str, severity: str) -> str:
    key = "for" if _about_time(mutant) else "expr"

    def planted(rule: dict[str, Any]) -> dict[str, Any]:
        return {**rule, key: mutant.planted} if rule["labels"]["severity"] == severity else rule

    with tempfile.TemporaryDirectory() as directory:
        for file in prepare(Path(directory), planted, alert):
            command = ["promtool", "test", "rules", file]
            tried = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
            if tried.returncode:
                return (tried.stdout + tried.stderr).strip()
    return ""
