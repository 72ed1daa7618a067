"""Beside the demo a Prometheus runs the chart's rules on its agents, where there is one."""

import json
import threading
from pathlib import Path

import yaml

from simulation.demo.processes import stop_all
from simulation.demo.prometheus import alerts_page, prometheus_process, rule_files

RULE = """
groups:
- name: demo
  rules:
  - alert: AlwaysThere
    expr: vector(1)
"""


def test_without_a_prometheus_there_is_none(tmp_path: Path) -> None:
    assert prometheus_process(tmp_path / "p", {}, (), binary="no-such-program") is None
    assert not (tmp_path / "p").exists()


def test_without_a_checkout_there_are_no_rules(tmp_path: Path) -> None:
    assert rule_files(tmp_path) == ()


def test_prometheus_scrapes_the_agents_and_reads_the_rules(tmp_path: Path) -> None:
    (tmp_path / "rule.yaml").write_text(RULE)
    jobs = {"node-agents": ["127.0.0.1:1", "127.0.0.1:2"]}
    process = prometheus_process(tmp_path / "prometheus", jobs, rule_files(tmp_path))
    assert process is not None
    try:
        process.wait_ready(30, threading.Event())
        (group,) = json.loads(process.fetch("/api/v1/rules"))["data"]["groups"]
        assert [rule["name"] for rule in group["rules"]] == ["AlwaysThere"]
        config = yaml.safe_load(json.loads(process.fetch("/api/v1/status/config"))["data"]["yaml"])
        (scraped,) = config["scrape_configs"]
        assert scraped["static_configs"] == [{"targets": jobs["node-agents"]}]
        assert scraped["honor_labels"] is True
        page = alerts_page(process)
        assert "AlwaysThere" in process.fetch(page.removeprefix(process.url)), page
    finally:
        stop_all([process])
    assert not process.running
