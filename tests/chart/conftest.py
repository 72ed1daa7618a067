"""The real helm, unpacked once, and what the chart renders to."""

import shutil
from pathlib import Path

import pytest

from tests.chart.rendering import CHART, EVERYTHING, Helm, Objects

RULES = """
groups:
  - name: sample
    rules:
      - {alert: AksCertServingOptOutTag, expr: 'up{a="{{ b }}"} == 0', annotations: {summary: "{{ $labels.node }}"}}
      - {record: sample, expr: up}
"""


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """The helm binary."""
    return Helm(tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def defaults(helm: Helm) -> Objects:
    """What the chart renders to without any values."""
    return helm.objects()


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart with one more rule file and one more dashboard."""
    chart = Path(shutil.copytree(CHART, tmp_path_factory.mktemp("chart") / "aks-cert-exporter"))
    for folder, name, text in (
        ("rules", "sample.yaml", RULES),
        ("dashboards", "sample.json", '{"title": "{{ node }}"}\n'),
    ):
        (chart / "files" / folder).mkdir(parents=True, exist_ok=True)
        (chart / "files" / folder / name).write_text(text)
    return chart


@pytest.fixture(scope="session")
def everything(helm: Helm, sample: Path) -> Objects:
    """What that chart renders to with all of it switched on."""
    return helm.objects(EVERYTHING, chart=sample)
