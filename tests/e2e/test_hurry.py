"""Hurrying the rule files changes how long a condition must hold and nothing about the condition."""

import re
import subprocess
from pathlib import Path

import yaml

from tests.e2e.hurry import LOOKBACK, hurried
from tools.rules import RULES


def test_hurried_rules_are_rules_with_the_same_alerts_and_thresholds(tmp_path: Path) -> None:
    for file in sorted(RULES.glob("*.yaml")):
        (tmp_path / file.name).write_text(hurried(file.read_text()))
        before, after = (yaml.safe_load(text)["groups"] for text in (file.read_text(), hurried(file.read_text())))
        for former, latter in zip(before[0]["rules"], after[0]["rules"], strict=True):
            assert (former["alert"], former["labels"], former["annotations"]) == (
                latter["alert"],
                latter["labels"],
                latter["annotations"],
            )
            assert ("for" in former) == ("for" in latter)
            assert latter.get("for", "2s") == "2s"
            assert re.sub(r"\[[^\]]*\]", "", former["expr"]) == re.sub(r"\[[^\]]*\]", "", latter["expr"])
            assert "[5m]" not in latter["expr"]
            assert former["expr"].count("[5m]") <= latter["expr"].count(f"[{LOOKBACK}]")
    checked = subprocess.run(
        ["promtool", "check", "rules", *map(str, sorted(tmp_path.glob("*.yaml")))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
