"""Whether a credential plugin may ask a person, and what that person sees."""

import io
import json
import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.facts.kube.kubeconfig_entries import KubeconfigError
from tests.sources.kube.plugins import TOKEN, ended, plugin, printing, ran


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Standard input is a terminal, whose name this is."""
    ours, theirs = pty.openpty()
    kept = os.dup(0)
    os.dup2(theirs, 0)
    with open(theirs, closefd=False) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield os.ttyname(theirs)
    os.dup2(kept, 0)
    for descriptor in (ours, theirs, kept):
        os.close(descriptor)


WHERE = 'printf "%s %s" "$(readlink /proc/self/fd/0)" "$(cut -d" " -f6 /proc/$$/stat)" >"$1"; printf %s "$2"'


@pytest.mark.parametrize(("mode", "asks"), [("Never", False), ("IfAvailable", True), ("Always", True), ("", True)])
def test_where_a_person_is_there_the_plugin_may_ask(terminal: str, tmp_path: Path, mode: str, asks: bool) -> None:
    """It has the terminal, and stays in our session, away from which it could not read it."""
    script = f'{WHERE}; printf %s "$KUBERNETES_EXEC_INFO" >"$3"'
    told, info = tmp_path / "told", tmp_path / "info"
    assert ran(plugin(script, str(told), TOKEN, str(info), interactive_mode=mode)).token == "abc"
    stdin, session = told.read_text().split()
    assert stdin == (terminal if asks else "/dev/null")
    assert (int(session) == os.getsid(0)) is asks
    assert json.loads(info.read_text())["spec"] == {"interactive": asks}


@pytest.mark.parametrize("mode", ["Never", "IfAvailable", ""])
def test_where_nobody_is_there_it_may_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    for stdin in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stdin", stdin)
        told = tmp_path / "told"
        assert ran(plugin(WHERE, str(told), TOKEN, interactive_mode=mode)).token == "abc"
        found, session = told.read_text().split()
        assert found == "/dev/null"
        assert int(session) != os.getsid(0)


def test_one_that_shares_our_session_is_ended_by_itself(terminal: str, tmp_path: Path) -> None:
    """Its process group is ours."""
    file = tmp_path / "pid"
    with pytest.raises(KubeconfigError, match="did not end within 0 s"):
        ran(plugin('echo $$ >"$1"; exec sleep 600', str(file), interactive_mode="Always"), patience=0.5)
    assert ended(int(file.read_text()))


class Terminal(io.StringIO):
    """Standard error of a person, who sees what was flushed."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = ""

    def flush(self) -> None:
        self.seen = self.getvalue()

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stderr", "shown"), [(Terminal(), "enter ABC\n\ufffd"), (io.StringIO(), "")])
def test_what_it_complains_of_goes_on_to_a_terminal(
    monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO, shown: str
) -> None:
    """A device code to type, for one; never what it answers."""
    monkeypatch.setattr(sys, "stderr", stderr)
    assert ran(plugin('printf "enter ABC\\n\\377" >&2; printf %s "$1"', TOKEN)).token == "abc"
    assert stderr.getvalue() == getattr(stderr, "seen", "") == shown


def test_without_a_standard_error_it_runs_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert printing(TOKEN).token == "abc"
