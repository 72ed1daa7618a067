"""A credential plugin is run: what it is told, what it may print, how it ends, and whether a person may be asked."""

import atexit
import gc
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter.facts.kube.kubeconfig_entries import Cluster, ExecPlugin, KubeconfigError
from exporter.sources.kube.exec_plugin import (
    LARGEST,
    PluginCredential,
    _end,
    _last,
    _line,
    _output,
    _read,
    run_plugin,
)
from tests.sources.forked import forked

V1, BETA = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"
SERVER = "https://contoso.example"
NAME = "exec: sh"


def answer(api_version: str = V1, kind: str = "ExecCredential", **status: object) -> str:
    return json.dumps({"apiVersion": api_version, "kind": kind, "status": status})


TOKEN = answer(token="abc")


def plugin(script: str, *arguments: str, command: str = "/bin/sh", **settings: Any) -> ExecPlugin:
    """A shell's script, by default one that may not ask."""
    usual: dict[str, Any] = {
        "environment": (),
        "api_version": V1,
        "install_hint": "",
        "provide_cluster_info": False,
        "interactive_mode": "Never",
    }
    return ExecPlugin(command=command, arguments=("-c", script, "sh", *arguments), **{**usual, **settings})


def ran(one: ExecPlugin, cluster: Cluster | None = None, patience: float = 20.0) -> PluginCredential:
    return run_plugin(one, cluster or Cluster(), SERVER, patience)


def printing(text: str, api_version: str = V1) -> PluginCredential:
    return ran(plugin('printf %s "$1"', text, api_version=api_version))


@pytest.mark.parametrize(
    ("text", "api_version", "found"),
    [
        (TOKEN, V1, PluginCredential("abc", b"", b"", None)),
        (answer(BETA, token="abc"), BETA, PluginCredential("abc", b"", b"", None)),
        (answer(token="abc", clientKeyData=None, unknown=7), V1, PluginCredential("abc", b"", b"", None)),
        (answer(clientCertificateData="c", clientKeyData="k"), V1, PluginCredential("", b"c", b"k", None)),
        (
            answer(
                token="abc",
                clientCertificateData="c",
                clientKeyData="k",
                expirationTimestamp="1970-01-01T00:01:40Z",
            ),
            V1,
            PluginCredential("abc", b"c", b"k", 100.0),
        ),
        (answer(token="abc", expirationTimestamp=""), V1, PluginCredential("abc", b"", b"", None)),
        (  # without a zone it is UTC, as every time of the API
            answer(token="abc", expirationTimestamp="1970-01-01T00:01:40"),
            V1,
            PluginCredential("abc", b"", b"", 100.0),
        ),
    ],
)
def test_what_it_prints_is_the_credential(text: str, api_version: str, found: PluginCredential) -> None:
    assert printing(text, api_version) == found


def test_a_credential_shows_no_secret_where_it_is_printed() -> None:
    assert repr(PluginCredential("abc", b"c", b"k", 1.0)) == "PluginCredential(expires=1.0)"


NO_PAIR = "gave a certificate without its key, or a key without its certificate"
NO_STRING = "gave a credential that is no string"
NO_TIME = "gave an expirationTimestamp that is no time"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "printed no JSON"),
        ("[" * 100_000, "printed no JSON"),
        ("7", "printed no ExecCredential"),
        ("[]", "printed no ExecCredential"),
        (answer(kind="Status", token="abc"), "printed no ExecCredential"),
        (answer(BETA, token="abc"), f"answers in another apiVersion than the kubeconfig's {V1}"),
        (json.dumps({"apiVersion": V1, "kind": "ExecCredential"}), "gave no status"),
        (json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": ["abc"]}), "gave no status"),
        (answer(token=7), NO_STRING),
        (answer(token="abc", clientCertificateData=7, clientKeyData="k"), NO_STRING),
        (answer(token="abc", clientCertificateData="c", clientKeyData=7), NO_STRING),
        (answer(token="abc", expirationTimestamp=7), NO_STRING),
        (answer(token="abc", clientCertificateData="c"), NO_PAIR),
        (answer(token="abc", clientKeyData="k"), NO_PAIR),
        (answer(), "gave neither a token nor a certificate with its key"),
        (answer(token="abc", expirationTimestamp="soon"), NO_TIME),
    ],
)
def test_what_is_no_credential_is_told(text: str, words: str) -> None:
    with pytest.raises(KubeconfigError) as raised:
        printing(text)
    assert str(raised.value) == f"{NAME} {words}"


CLUSTER = Cluster(
    "one",
    "https://as-it-is-written.example/",
    tls_server_name="aks.example",
    insecure=True,
    authority=b"PEM",
    proxy_url="http://10.0.0.9:3128",
    plugin_config={"audience": "x"},
)
TOLD = {
    "server": SERVER,
    "tls-server-name": "aks.example",
    "insecure-skip-tls-verify": True,
    "certificate-authority-data": "UEVN",
    "proxy-url": "http://10.0.0.9:3128",
    "config": {"audience": "x"},
}


@pytest.mark.parametrize(
    ("cluster", "wanted", "told"),
    [
        (CLUSTER, False, {}),
        (CLUSTER, True, {"cluster": TOLD}),
        (Cluster(), True, {"cluster": {"server": SERVER}}),
        (
            Cluster(authority_path="{folder}/ca.pem"),
            True,
            {"cluster": {"server": SERVER, "certificate-authority-data": "RklMRQ=="}},
        ),
    ],
)
def test_it_is_told_this_of_the_cluster(
    tmp_path: Path, cluster: Cluster, wanted: bool, told: dict[str, object]
) -> None:
    """KUBERNETES_EXEC_INFO, beside the variables of the kubeconfig and our own."""
    (tmp_path / "ca.pem").write_bytes(b"FILE")
    if cluster.authority_path:
        cluster = Cluster(authority_path=str(tmp_path / "ca.pem"))
    script = 'printf "%s\\n%s\\n%s" "$KUBERNETES_EXEC_INFO" "$GIVEN" "$HOME" >"$1"; printf %s "$2"'
    variables = (("GIVEN", "of the kubeconfig"), ("KUBERNETES_EXEC_INFO", "not this"))
    one = plugin(script, str(tmp_path / "told"), TOKEN, environment=variables, provide_cluster_info=wanted)
    assert ran(one, cluster).token == "abc"
    info, given, home = (tmp_path / "told").read_text().split("\n")
    assert json.loads(info) == {"apiVersion": V1, "kind": "ExecCredential", "spec": {"interactive": False, **told}}
    assert (given, home) == ("of the kubeconfig", os.environ.get("HOME", ""))


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (plugin("exit 3"), f"{NAME} ended with status 3"),
        (
            plugin("echo first >&2; echo ' last  words ' >&2; echo >&2; exit 1"),
            f"{NAME} ended with status 1: last words",
        ),
        (plugin("kill -9 $$"), f"{NAME} ended by signal 9"),
        (plugin(f"printf %s '{TOKEN}'; exit 1"), f"{NAME} ended with status 1"),
        (plugin("", command="/absent/login"), "exec: /absent/login is not there."),
        (plugin("", command="absent-login"), "exec: absent-login is not in PATH."),
        (plugin("", command="absent-login", install_hint="Get\n it."), "exec: absent-login is not in PATH. Get it."),
        (plugin("", command="absent-login", install_hint="x" * 300), f"exec: absent-login is not in PATH. {'x' * 300}"),
        (
            plugin("", command="absent-login", install_hint="x" * 301),
            f"exec: absent-login is not in PATH. {'x' * 299}…",
        ),
        (plugin("", command="/"), "exec: / cannot be run: Permission denied"),
        (plugin("", command="a\0b"), "exec: a\0b cannot be run: embedded null byte"),
        (
            plugin("", interactive_mode="Always"),
            f"{NAME} wants to ask a person, and standard input is no terminal",
        ),
    ],
)
def test_how_it_fails_is_told(one: ExecPlugin, words: str) -> None:
    with pytest.raises(KubeconfigError) as raised:
        ran(one)
    assert str(raised.value) == words


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("", "did not end within 1 s"),
        ('echo enter ABC >&2; : >"$1"; ', "did not end within 1 s. It said last: enter ABC"),
    ],
)
def test_one_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path, complaint: str, words: str) -> None:
    """C4: what it started is in its process group, and would wait for ever."""
    pids = tmp_path / "pids"
    script = f'{complaint}sleep 600 & echo $! $$ >"$2"; wait'
    with pytest.raises(KubeconfigError) as raised:
        ran(plugin(script, str(tmp_path / "said"), str(pids)), patience=1.0)
    assert str(raised.value) == f"{NAME} {words}"
    for pid in map(int, pids.read_text().split()):
        assert ended(pid)


def ended(pid: int) -> bool:
    """Whether a process that was told to end has done so, or is about to: nobody may have reaped it yet."""
    for _ in range(1000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        os.sched_yield()
    return False


def test_a_child_that_is_left_behind_keeps_nobody_waiting() -> None:
    """It holds the pipes open after the plugin has ended."""
    began = time.monotonic()
    assert ran(plugin('printf %s "$1"; sleep 3 & ', TOKEN), patience=0.2).token == "abc"
    assert time.monotonic() - began < 2.0


EXITS = """
import sys, threading, time
from pathlib import Path
from exporter.facts.kube.kubeconfig_entries import Cluster, ExecPlugin
from exporter.sources.kube.exec_plugin import run_plugin

script, file, answer = sys.argv[1:]
plugin = ExecPlugin("/bin/sh", ("-c", script, "sh", file, answer), (), "client.authentication.k8s.io/v1", "", False, "")
if "&" in script:
    run_plugin(plugin, Cluster(), "", 0.2)
else:
    threading.Thread(target=run_plugin, args=(plugin, Cluster(), "", 60.0), daemon=True).start()
    while not Path(file).exists() or not Path(file).read_text():
        time.sleep(0.005)
"""


def exited(folder: Path, script: str) -> int:
    """What a program's plugin wrote to its file; the program exits then, and there is nobody to ask."""
    file = folder / "file"
    command = [sys.executable, "-c", EXITS, script, str(file), TOKEN]
    subprocess.run(command, check=True, timeout=15, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return int(file.read_text())


def test_a_program_that_exits_ends_its_plugin(tmp_path: Path) -> None:
    """With what that started."""
    started = """sh -c 'echo $$ >"$1"; exec sleep 600' sh "$1"; true"""
    assert ended(exited(tmp_path, started))


def test_its_group_ends_with_whoever_exits_meanwhile(tmp_path: Path) -> None:
    """In a fork, which does what a program does at its exit."""
    file = tmp_path / "file"
    one = plugin("""sh -c 'echo $$ >"$1"; exec sleep 600' sh "$1"; true""", str(file))

    def work() -> object:
        atexit._clear()
        threading.Thread(target=ran, args=(one,), daemon=True).start()
        while not file.exists() or not file.read_text():
            time.sleep(0.001)
        atexit._run_exitfuncs()
        return int(file.read_text())

    pid = forked(work)
    assert isinstance(pid, int)
    assert ended(pid)


def test_a_program_exits_whatever_its_plugin_left_behind(tmp_path: Path) -> None:
    os.kill(exited(tmp_path, 'sleep 20 & printf %s "$2"; echo $! >"$1"'), signal.SIGKILL)


def test_one_that_has_ended_is_not_remembered() -> None:
    """A credential is had anew every hour or so, for weeks."""
    before = [id(one) for one in gc.get_objects() if isinstance(one, subprocess.Popen)]
    assert printing(TOKEN).token == "abc"
    with pytest.raises(KubeconfigError):
        ran(plugin("exec sleep 600"), patience=0.0)
    gc.collect()
    assert [one for one in gc.get_objects() if isinstance(one, subprocess.Popen) and id(one) not in before] == []


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


def test_of_an_answer_without_an_end_no_more_than_the_bound_is_kept() -> None:
    """The rest is read all the same: who prints it would wait otherwise."""
    found = bytearray()
    with subprocess.Popen(["head", "-c", str(LARGEST + 300_000), "/dev/zero"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        _read(process.stdout, found, None)
        assert process.stdout.closed
        assert process.wait() == 0
    assert LARGEST <= len(found) < LARGEST + 65536


def test_an_answer_just_within_the_bound_is_whole() -> None:
    assert LARGEST == 1 << 20
    padded = TOKEN + " " * (LARGEST - len(TOKEN))
    script = 'printf %s "$1"; head -c "$2" /dev/zero | tr "\\0" " "'
    assert ran(plugin(script, TOKEN, str(len(padded) - len(TOKEN)))).token == "abc"


def test_whoever_is_interrupted_meanwhile_ends_it() -> None:
    """Ctrl+C, say: the plugin is not left behind."""

    class Interrupted(subprocess.Popen[bytes]):
        waits: tuple[float | None, ...] = ()

        def wait(self, timeout: float | None = None) -> int:
            self.waits += (timeout,)
            if len(self.waits) == 1:
                raise KeyboardInterrupt
            return super().wait(timeout)

    process = Interrupted(["sleep", "600"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    with pytest.raises(KeyboardInterrupt):
        _output(process, "sleep", 20.0, whole_group=True)
    assert (process.returncode, process.waits) == (-signal.SIGKILL, (20.0, 1))


def test_one_that_has_ended_already_is_ended_without_a_word() -> None:
    for whole_group in (True, False):
        with subprocess.Popen(["true"], start_new_session=True) as process:
            process.wait()
            _end(process, whole_group=whole_group)
            assert process.returncode == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("\n \n", ""),
        ("one\ntwo\n\n", "two"),
        ("\x1b[31mplease\x1b[0m  log\tin\n", "please log in"),
        ("\x1b[?25h\x1b[1;31m\x1b[2 qx", "x"),
        ("bell\x07\u200b", "bell"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        ("\udcff", "\ufffd\ufffd\ufffd"),
    ],
)
def test_the_last_line_is_shown_without_what_a_terminal_would_do(text: str, line: str) -> None:
    assert _last(bytearray(text.encode(errors="surrogatepass"))) == line


def test_a_line_is_as_long_as_it_may_be() -> None:
    assert [_line("abcd", 4), _line("abcde", 4)] == ["abcd", "abc…"]
