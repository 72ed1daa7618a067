"""The command line, in processes of its own."""

import json
import os
import re
import signal
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


def test_a_file_of_settings_is_utf8_whatever_the_system_takes_for_text(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("log.format: t\u00e9xt", encoding="utf-8")
    command = [sys.executable, "-m", "exporter", "node", "--config.file", str(file)]
    environment = {**os.environ, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    ended = subprocess.run(command, capture_output=True, env=environment, check=False, timeout=60)
    words = f"aks-cert-exporter: {file}: log.format: not one of text, json: 't\\xe9xt'\n"
    assert (ended.returncode, ended.stderr.decode()) == (2, words)


def test_a_web_configuration_that_cannot_be_used_is_one_line_and_status_2(tmp_path: Path) -> None:
    """Found out before anything is begun or logged."""
    file = tmp_path / "web.yaml"
    ended = run("node", "--host-root", str(tmp_path), "--kubelet-address", "", "--web.config.file", str(file))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"aks-cert-exporter: {file}: No such file or directory\n"


def test_an_unknown_command_is_answered_with_the_known_ones() -> None:
    """By their names."""
    shown = run("nod").stderr.replace("'", "")  # Python 3.14 leaves the quotes out
    assert "(choose from node, cluster, check, metrics, completion)" in shown


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


def test_a_sighup_while_it_starts_ends_no_server(tmp_path: Path) -> None:
    """C8: from the first line of the program's own on, until the web configuration is there to be read again."""
    command = [sys.executable, "-m", "exporter", "node", "--host-root", str(tmp_path), "--kubelet-address", ""]
    with subprocess.Popen(
        [*command, "--web.listen-address", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True
    ) as started:
        try:
            ignored = Path(f"/proc/{started.pid}/status")
            hangup = 1 << (signal.SIGHUP - 1)
            while not _mask(ignored, "SigIgn") & hangup:
                assert started.poll() is None
            assert not _mask(ignored, "SigCgt") & hangup  # nobody listens yet
            for _ in range(50):
                started.send_signal(signal.SIGHUP)
            assert started.stderr is not None
            while "listening on" not in (line := started.stderr.readline()):
                assert line
                started.send_signal(signal.SIGHUP)
            started.send_signal(signal.SIGHUP)
            started.terminate()
            assert started.wait(20) == 0
        finally:
            started.kill()


def _mask(status: Path, name: str) -> int:
    """One of the signal masks of a process (proc(5))."""
    (line,) = (line for line in status.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1], 16)


@pytest.mark.parametrize(
    ("words", "status"), [(("cluster",), 2), (("metrics",), 2), (("check", "--kubeconfig", "absent"), 3)]
)
def test_what_the_node_agent_s_image_leaves_out_is_said_in_one_line(words: tuple[str, ...], status: int) -> None:
    """That image holds neither Kubernetes nor Azure libraries."""
    script = (
        "import sys\n"
        "for name in ('azure', 'kubernetes', 'msgspec'): sys.modules[name] = None\n"
        "from exporter.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    answer = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    assert answer.returncode == status
    assert re.fullmatch(r"aks-cert-exporter: \w+ needs the Python package (kubernetes|msgspec), .*\n", answer.stderr)
