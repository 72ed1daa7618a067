"""Families at one moment in, which alerts are pending or firing then out: promtool evaluates the shipped rules.

Each case is a cluster of its own in one Prometheus: rules never mix clusters up, and all cases are evaluated at once.
"""

import ast
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from exporter.metric import Family
from tests.year.selectors import METRICS, picked
from tools.rules import RULES

__all__ = ["Alerts", "Scrape", "alerts"]

STEP, STEPS = 2, 40
"""Minutes between two scrapes, and how many: everything has been as it is for longer than any `for`."""
AT_ONCE = 40
"""Cases together: promtool evaluates no query over more than 10,000 samples."""
Alerts = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one target exposes at a moment."""

    families: Iterable[Family]
    now: float
    """Unix seconds."""
    instance: str = ""


def alerts(cases: Mapping[str, Iterable[Scrape]], folder: Path) -> dict[str, Alerts]:
    """By case, the labels of each alert with its state in `alertstate`.

    promtool's clock begins at 0, so points in time are shifted to it.
    """
    numbered = [(f"case{number}", scrapes) for number, scrapes in enumerate(cases.values())]
    tests = [_test(numbered[at : at + AT_ONCE]) for at in range(0, len(numbered), AT_ONCE)]
    path = folder / "judgement.yaml"
    rules = [str(path) for path in sorted(RULES.glob("*.yaml"))]
    document = {"rule_files": rules, "evaluation_interval": f"{STEP}m", "tests": tests}
    path.write_text(yaml.dump(document, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)), encoding="utf-8")
    done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, check=False)
    found = _read(done.stdout + done.stderr)
    return {name: found.get(f"case{number}", []) for number, name in enumerate(cases)}


def _test(cases: Sequence[tuple[str, Iterable[Scrape]]]) -> dict[str, Any]:
    series = []
    for name, scrapes in cases:
        for scrape in scrapes:
            target = {"cluster": name, "instance": scrape.instance}
            shift = scrape.now - 60 * STEP * STEPS
            series += [
                _series(sample, target, shift)
                for family in scrape.families
                for sample in family.samples
                if sample.name in METRICS and picked(sample.name, dict(sample.labels))
            ]
    return {
        "interval": f"{STEP}m",
        "input_series": series,
        "promql_expr_test": [{"expr": "ALERTS", "eval_time": f"{STEP * STEPS}m", "exp_samples": []}],
    }


def _series(sample: Any, target: Mapping[str, str], shift: float) -> dict[str, str]:
    labels = ",".join(f"{name}={_quoted(str(value))}" for name, value in {**sample.labels, **target}.items())
    value = sample.value - shift if sample.name.endswith("_timestamp_seconds") else sample.value
    return {"series": f"{sample.name}{{{labels}}}", "values": f"{value!r}x{STEPS + 1}"}


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"") + '"'


def _read(output: str) -> dict[str, Alerts]:
    """What promtool got where it was told to expect nothing."""
    found: dict[str, Alerts] = {}
    assert "err:" not in output, output[:2000]
    for labels in re.findall(r'\{(__name__="ALERTS".*?)\} 1E', output):
        pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)
        one = {name: str(ast.literal_eval(f'"{value}"')) for name, value in pairs}
        found.setdefault(one.get("cluster", ""), []).append(one)
    return found
