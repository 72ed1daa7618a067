"""What happened over time, counted once: the panels' expressions in a real Prometheus's evaluation (promtool)."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tools.dashboards.answers import filled, step_of
from tools.generated import ROOT

BEGAN = "akscert_certificate_not_before_timestamp_seconds"
ISSUED = {10_000: 1, 47_000: 3, 60_000: 2}
"""Seconds after the beginning at which so many kubelets have got a new certificate, and none since."""
MINUTE, LAG = 60, 300
NODES = sum(ISSUED.values())


def expression(title: str, span: float) -> tuple[str, int]:
    """A panel's query as Grafana asks it over so many seconds, and the seconds between its points."""
    panels = json.loads((ROOT / "dashboards/fleet.json").read_text(encoding="utf-8"))["panels"]
    (panel,) = (one for one in panels if one["title"] == title)
    step = step_of(panel, span, 800)
    chosen = {"cluster": ".*", "pool": ".*", "node": ".*"}
    return filled(panel["targets"][0]["expr"], chosen, step=step, span=span), round(step)


def series(end: int) -> list[dict[str, str]]:
    """Each kubelet's certificate, scraped each minute: the first from long ago, then dated back by five minutes."""
    found = []
    for number, moment in enumerate(at for at, count in ISSUED.items() for _ in range(count)):
        before = moment // MINUTE + 1
        labels = f'node="aks-{number}", role="kubelet-client", origin="file", rotation="enabled"'
        values = f"-1000000x{before} {moment - LAG}x{end // MINUTE - before}"
        found.append({"series": f"{BEGAN}{{{labels}}}", "values": values})
    return [*found, {"series": 'akscert_build_info{mode="node"}', "values": f"1x{end // MINUTE}"}]


@pytest.mark.parametrize("span", [6 * 3600, 86_400, 7 * 86_400], ids=["6h", "1d", "7d"])
def test_each_certificate_is_counted_in_one_step_of_time_whatever_the_range(span: int, tmp_path: Path) -> None:
    """E7: the same number of issued certificates is seen, in steps of five minutes as in steps of four hours."""
    asked, step = expression("Certificates issued to nodes", span)
    end = 80_000 // step * step + step
    moments = range(step, end + 1, step)
    counts = dict.fromkeys(moments, 0)
    for at, count in ISSUED.items():
        seen = at - LAG + 600  # the date in the certificate, and ten minutes
        counts[-(-seen // step) * step] += count
    cases = [
        {
            "expr": asked,
            "eval_time": f"{at}s",
            "exp_samples": [
                {"labels": f'{{role="{role}"}}', "value": counts[at] if role == "kubelet-client" else 0}
                for role in ("kubelet-client", "kubelet-serving")
            ],
        }
        for at in moments
    ]
    tests = {
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series(end), "promql_expr_test": cases}],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(tests), encoding="utf-8")
    promtool = shutil.which("promtool")
    assert promtool, "promtool is not installed (make tools)"
    ran = subprocess.run(
        [promtool, "test", "rules", "test.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert sum(counts.values()) == NODES
