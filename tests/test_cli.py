"""The command line, in processes of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "exporter", *arguments], capture_output=True, text=True, check=False, timeout=60, cwd=cwd
    )


def test_a_setting_that_cannot_be_used_is_one_line_and_status_2(tmp_path: Path) -> None:
    """No traceback, nothing on standard output."""
    file = tmp_path / "settings.yaml"
    file.write_text("log.lvel: debug")
    ended = run("node", "--config.file", str(file))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"aks-cert-exporter: {file}: unknown key log.lvel\n"


def test_a_web_configuration_that_cannot_be_used_is_one_line_and_status_2(tmp_path: Path) -> None:
    """Found out before anything is begun or logged."""
    file = tmp_path / "web.yaml"
    ended = run("node", "--host-root", str(tmp_path), "--kubelet-address", "", "--web.config.file", str(file))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"aks-cert-exporter: {file}: No such file or directory\n"


def test_an_unknown_command_is_answered_with_the_known_ones() -> None:
    """By their names."""
    shown = run("nod").stderr.replace("'", "")  # Python 3.14 leaves the quotes out
    assert "(choose from node, cluster, check, metrics)" in shown


@pytest.mark.parametrize("arguments", [(), ("nod",), ("node", "--nosuch"), ("metrics", "--format", "xml")])
def test_an_unknown_command_or_flag_is_status_2(arguments: tuple[str, ...]) -> None:
    """With the usage, as argparse prints it."""
    ended = run(*arguments)
    assert ended.returncode == 2
    assert "usage: aks-cert-exporter" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_catalogue_is_printed_as_markdown_and_json() -> None:
    """The two list the same metrics."""
    listed = json.loads(run("metrics", "--format", "json").stdout)
    names = {metric["name"] for metric in listed}
    text = run("metrics").stdout
    assert "akscert_certificate_not_after_timestamp_seconds" in names
    assert all(f"`{name}`" in text for name in names)
    assert all(metric["help"] and metric["type"] in {"gauge", "counter", "histogram"} for metric in listed)
