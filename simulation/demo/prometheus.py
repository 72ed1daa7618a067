"""A Prometheus that scrapes the demo with the rules of the chart: a folder and targets in, a process out."""

import shutil
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from simulation.demo.processes import Process

__all__ = ["alerts_page", "prometheus_process", "rule_files"]

CHART_RULES = Path(__file__).parents[2] / "helm/aks-cert-exporter/files/rules"
"""In a checkout; an installed package has no chart."""


def rule_files(folder: Path = CHART_RULES) -> tuple[str, ...]:
    """The chart's rule files, none where there is no checkout."""
    return tuple(sorted(str(path) for path in folder.glob("*.yaml")))


def prometheus_process(
    folder: Path, jobs: Mapping[str, Sequence[str]], rules: Sequence[str], binary: str = "prometheus"
) -> Process | None:
    """Start a Prometheus; None where there is none on this machine. `jobs`: the addresses (HOST:PORT) of each job."""
    found = shutil.which(binary)
    if found is None:
        return None
    config = {
        "global": {"scrape_interval": "5s", "evaluation_interval": "5s"},
        "rule_files": list(rules),
        "scrape_configs": [
            # As the chart's monitors have it: the cluster agent's `node` is not the one it runs on.
            {"job_name": job, "honor_labels": True, "static_configs": [{"targets": list(addresses)}]}
            for job, addresses in jobs.items()
        ],
    }
    folder.mkdir()
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{_free_port()}"
    command = [
        found,
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    return Process("Prometheus", ["other", *command], url=f"http://{address}", ready="/-/ready")


def alerts_page(process: Process) -> str:
    """Address of its page of alerts. Debian's builds have the classic pages, and the others under no name at all."""
    for path in ("/alerts", "/classic/alerts"):
        try:
            process.fetch(path)
        except OSError:
            continue
        return f"{process.url}{path}"
    return f"{process.url}/api/v1/alerts"


def _free_port() -> int:
    # Prometheus does not say which port it got when asked for any.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
