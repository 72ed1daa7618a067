"""The cases in tests/rules made ready for promtool: with other rules, for one alert only."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tools.generated import ROOT

__all__ = ["CASES", "Edit", "prepare"]

HERE = ROOT / "tests/rules"
CASES = tuple(sorted(HERE.glob("*.test.yaml")))

Edit = Callable[[dict[str, Any]], dict[str, Any]]
"""A rule as in a rule file, and what is in its place."""


def prepare(directory: Path, edit: Edit, alert: str) -> list[str]:
    """Write test files into an empty directory; their names, as arguments for `promtool test rules` run there.

    They hold only the alert's rules, without annotations, and only the cases that ask for it.
    """
    written = (_prepared(directory, number, file, edit, alert) for number, file in enumerate(CASES))
    return [name for name in written if name]


def _prepared(directory: Path, number: int, file: Path, edit: Edit, alert: str) -> str:
    # As text: YAML reads 0x60, sixty times nothing, as the number 96.
    content = yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - builds text only
    for test in content["tests"]:
        test["promql_expr_test"] = [case for case in test["promql_expr_test"] if f'alertname="{alert}"' in case["expr"]]
        for case in test["promql_expr_test"]:
            for sample in case.get("exp_samples", ()):
                sample["value"] = float(sample["value"])
    content["tests"] = [test for test in content["tests"] if test["promql_expr_test"]]
    if not content["tests"]:
        return ""
    groups = [
        group for name in content["rule_files"] for group in yaml.safe_load((HERE / name).read_text("utf-8"))["groups"]
    ]
    for group in groups:
        group["rules"] = [
            edit({key: value for key, value in copy.deepcopy(rule).items() if key != "annotations"})
            for rule in group["rules"]
            if rule.get("alert") == alert
        ] + [rule for rule in group["rules"] if "record" in rule]
    content["rule_files"] = [f"{number}.rules.yaml"]
    (directory / f"{number}.rules.yaml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    (directory / f"{number}.{file.name}").write_text(yaml.safe_dump(content), encoding="utf-8")
    return f"{number}.{file.name}"
