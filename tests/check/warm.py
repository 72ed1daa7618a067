"""`python -m exporter` without the second that it takes to import: forked off a process that has imported it.

Arguments, environment, exit status and both streams are a process's own, as in a fresh one. What Python reads when it
starts, such as PYTHONIOENCODING, is not: those are for `subprocess`.
"""

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """
import json, os, sys
import exporter.__main__, exporter.cli
import exporter.check.command, exporter.check.cluster_look, exporter.check.render
import exporter.sources.azure.access, exporter.sources.kube.connection
for line in sys.stdin.buffer:
    asked = json.loads(line)
    child = os.fork()
    if not child:
        for name, number in (("/dev/null", 0), (asked["out"], 1), (asked["err"], 2)):
            os.dup2(os.open(name, os.O_RDWR), number)
        os.environ.clear()
        os.environ.update(asked["environment"])
        sys.argv = ["exporter", *asked["arguments"]]
        sys.exit(exporter.__main__.main())
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.stdout.write(f"{status}\\n")
    sys.stdout.flush()
"""


@functools.cache
def _imported() -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def end() -> None:
        with process:
            assert process.stdin is not None
            process.stdin.close()

    atexit.register(end)
    return process


def run(arguments: list[str], environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """The command's exit status and what it printed."""
    process = _imported()
    assert process.stdin is not None
    assert process.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        for file in (out, err):
            file.touch()
        asked = {"arguments": arguments, "environment": environment, "out": str(out), "err": str(err)}
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        process.stdin.flush()
        status = int(process.stdout.readline())
        return subprocess.CompletedProcess(arguments, status, out.read_text(), err.read_text())


def can_be_forked(environment: dict[str, str]) -> bool:
    """Whether nothing of it is read when Python starts."""
    return hasattr(os, "fork") and not any(name.startswith(("PYTHON", "LC_", "LANG")) for name in environment)
