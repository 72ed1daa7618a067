"""What people expect of a command line: help with examples, short flags, completion, a kubectl plugin, watching."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from exporter import __version__
from exporter.cli import parser, printed
from exporter.examples import EXAMPLES
from simulation.api.server import ApiServer
from simulation.csr_answer import Answer
from simulation.pki import DAY
from tests.agents.clusters import NOW, csr, node, populate, serving
from tests.check.test_cluster_look import check, kubeconfig
from tools.helm import ROOT, binary

PLUGIN = "import sys; from exporter.__main__ import kubectl_plugin; sys.exit(kubectl_plugin())"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        timeout=60,
    )


@pytest.mark.parametrize("command", EXAMPLES)
def test_every_help_has_examples_that_parse(command: str) -> None:
    """And a version."""
    top = parser()
    one = top.of_command[command] if command else top
    told = one.format_help()
    assert "--version" in told
    for line, what in EXAMPLES[command]:
        assert f"  # {what}\n  aks-cert-exporter {line}" in told
        words = line.replace("~", "/root").partition("|")[0].partition(">")[0].split()
        parsed, unknown = top.parse_known_args(words)
        assert (parsed.command, unknown) == (words[0], [])


@pytest.mark.parametrize("command", [[], ["check"], ["node"], ["cluster"], ["metrics"], ["completion"]])
def test_every_command_tells_its_version(command: list[str]) -> None:
    """Of one program."""
    done = run("-m", "exporter", *command, "--version")
    assert (done.returncode, done.stdout) == (0, f"aks-cert-exporter {__version__}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_gets_its_completion(shell: str) -> None:
    """For both names of the program."""
    done = run("-m", "exporter", "completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert "aks-cert-exporter" in done.stdout
    assert "kubectl-akscert" in done.stdout


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("aks-cert-exporter ch", {"check"}),
        ("aks-cert-exporter check --outp", {"--output"}),
        ("aks-cert-exporter check --output ", {"table", "json", "markdown"}),
        ("aks-cert-exporter check --context ", {"simulated"}),
        ("aks-cert-exporter completion ", {"bash", "zsh", "fish", "powershell"}),
    ],
)
def test_a_shell_that_asks_is_told_what_may_come_next(line: str, expected: set[str], tmp_path: Path) -> None:
    """The contexts are those of the kubeconfig."""
    with ApiServer(serving()) as server:
        path = kubeconfig(tmp_path, server)
    answer = tmp_path / "answer"
    done = run(
        "-m",
        "exporter",
        _ARGCOMPLETE="1",
        _ARGCOMPLETE_STDOUT_FILENAME=str(answer),
        _ARGCOMPLETE_IFS="\n",
        COMP_LINE=line,
        COMP_POINT=str(len(line)),
        KUBECONFIG=str(path),
    )
    assert done.stderr == ""
    words = {word.strip() for word in answer.read_text().split("\n")} - {""}
    assert {word for word in words if not word.startswith("-") or word in expected} == expected


def test_it_is_a_kubectl_plugin(tmp_path: Path) -> None:
    """Without a command it looks at the cluster of the current context; with one it is the same program."""
    with ApiServer(serving()) as server:
        populate(server)
        path = kubeconfig(tmp_path, server)
        for arguments in (["-o", "json"], ["check", "-o", "json"]):
            done = run("-c", PLUGIN, *arguments, KUBECONFIG=str(path))
            assert json.loads(done.stdout)["exit_status"] == done.returncode == 0
    assert "usage: kubectl akscert [-h] [--version] COMMAND" in (help_text := run("-c", PLUGIN, "--help").stdout)
    assert run("-c", PLUGIN, "-h").stdout == help_text
    assert run("-c", PLUGIN, "metrics", "-o", "json").stdout.startswith("[")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["check", "--help"], ["node", "--version"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_help_that_cannot_be_written_is_no_success(arguments: list[str], unbuffered: str) -> None:
    """C5: on a full disk, and where there is no output at all; as unbuffered as in a container."""
    for redirected, why in ((">/dev/full", "No space left on device"), (">&-", "standard output is closed")):
        done = subprocess.run(
            ["bash", "-c", f'"$@" {redirected}', "bash", sys.executable, "-m", "exporter", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
        assert done.returncode == 3
        assert done.stderr.startswith("aks-cert-exporter: standard output")
        assert done.stderr.endswith(f"{why}\n")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ch"], {"check", ":4"}),
        (["check", "--outp"], {"--output", ":4"}),
        (["--outp"], {"--output", ":4"}),
        (["--severity", ""], {"info", "warning", "critical", ":4"}),
        (["check", "--context", ""], {"simulated", ":4"}),
        (["--kubeconfig", ""], {":0"}),
    ],
)
def test_the_real_kubectl_completes_it_as_a_plugin(words: list[str], expected: set[str], tmp_path: Path) -> None:
    """kubectl asks `kubectl_complete-akscert`; `:0` lets the shell offer files."""
    with ApiServer(serving()) as server:
        path = kubeconfig(tmp_path, server)
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for name in ("kubectl-akscert", "kubectl_complete-akscert"):
        module, function = scripts[name].split(":")
        call = f"import sys; from {module} import {function}; sys.exit({function}())"
        (tmp_path / name).write_text(f"#!/bin/sh\nexec {sys.executable} -c '{call}' \"$@\"\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [binary("kubectl"), "__complete", "akscert", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "KUBECONFIG": str(path)},
    )
    assert set(done.stdout.split()) == expected


def test_severity_hides_what_is_less_and_never_the_verdict(tmp_path: Path) -> None:
    """And quiet leaves the tables out; nothing is printed where nothing is to be shown."""
    with ApiServer(serving()) as server:
        populate(server)
        old = node("aks-old-12345678-vmss000000", version="v1.26.3", labels={"kubernetes.azure.com/agentpool": "old"})
        server.store.put("nodes", old)
        path = str(kubeconfig(tmp_path, server))
        done = check("--kubeconfig", path, "--severity", "warning", "-q")
        assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
        server.store.put("certificatesigningrequests", csr("csr-1", Answer.PENDING, created=NOW - DAY))
        done = check("--kubeconfig", path, "--severity", "critical", "--quiet")
        assert done.returncode == 2
        assert "AksCertCsrPending" in done.stdout
        assert "AksCertRotationDisabled" not in done.stdout
        assert "less severe not shown" in done.stdout
        assert "Node pools" not in done.stdout
        found = json.loads(check("--kubeconfig", path, "--severity", "critical", "-q", "-o", "json").stdout)
        assert {one["severity"] for one in found["findings"]} == {"critical"}
        assert (found["verdict"], found["sections"]) == ("critical", [])
        server.forbidden.add("leases")
        assert "unknown" in check("--kubeconfig", path, "--severity", "critical", "-q").stdout, "never hidden"


def test_watching_looks_again_until_it_is_interrupted(tmp_path: Path) -> None:
    """Its status is the last verdict."""
    with ApiServer(serving()) as server:
        populate(server)
        command = [sys.executable, "-m", "exporter", "check", f"--kubeconfig={kubeconfig(tmp_path, server)}"]
        # Whoever started this test in the background may have had SIGINT ignored, which a child inherits.
        with subprocess.Popen(
            [*command, "--watch", "1s"],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one thread
        ) as watching:
            assert watching.stdout is not None
            heads = 0
            for line in watching.stdout:
                heads += line.startswith("cluster simulated")
                if heads == 2:
                    watching.send_signal(signal.SIGINT)
                    break
            watching.stdout.read()
    assert watching.returncode == 0


def test_a_flag_is_not_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    """Else a new flag could change what a former one meant."""
    with pytest.raises(SystemExit):
        parser().parse_args(["check", "--kubeconf", "x"])
    assert "unrecognized arguments: --kubeconf" in capsys.readouterr().err


def test_what_is_interrupted_ends_with_130() -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert printed(interrupted) == 130
