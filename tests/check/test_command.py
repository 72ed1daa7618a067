"""`check` itself (exporter.check.command): what it looks at, what it prints where, how often, and its exit status."""

import contextlib
import io
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import ANY

import pytest

from exporter.check.command import SERVICE_ACCOUNT, cluster_meant, look_at_host, run
from exporter.check.output import OutputError
from exporter.check.report import NotLookedAt
from exporter.settings import Command, Settings, SettingsError, resolve
from simulation.api.server import ApiServer
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import build
from simulation.pki import DAY, Authority
from tests.agents.clusters import populate, serving
from tests.check.test_cluster_look import kubeconfig

NOW = time.time()


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nobody's home and environment; logging and warnings are as they were afterwards."""
    for name in os.environ:
        if name.startswith(("KUBE", "AKSCERT_", "AZURE_", "HOST_IP", "COLUMNS")):
            monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TERM", "dumb")
    root, hooks = logging.getLogger(), (threading.excepthook, sys.unraisablehook)
    handlers, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    yield
    root.handlers[:], logging.raiseExceptions = handlers, raising
    threading.excepthook, sys.unraisablehook = hooks
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a healthy node."""
    authority = Authority.cluster(NOW - 1000 * DAY)
    return build(scenario("healthy"), tmp_path_factory.mktemp("node"), NOW, authority, name="n1").root


def settings(**flags: str) -> Settings:
    return resolve(Command.CHECK, flags, {})


def of_node(root: Path, **flags: str) -> Settings:
    """One finding: a certificate is older than a policy."""
    given = {"host_root": str(root), "node_name": "n1", "kubelet_address": "", "max_age": "1m"}
    return settings(**given, **flags)


def often(given: Settings, watch: float = 0.02) -> Settings:
    return Settings({**vars(given)["_values"], "watch": watch}, given.paths, given.explicit)


BOTH = "check looks at a node (--host-root) or at a cluster (--kubeconfig), not at both at once"
NOBODY = "no --kubeconfig, no KUBECONFIG, no ~/.kube/config, and this is no Pod"


@pytest.mark.parametrize("there", [True, False])
def test_a_machine_with_any_of_a_nodes_files_is_one(there: bool, root: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.yml"
    place = root / ("etc/kubernetes/certs/ca.crt" if there else "nosuch")
    file.write_text(f"paths: {{certificates: {{cluster-ca: ['{place}']}}}}\n")
    given = settings(config_file=str(file), node_name="n1", kubelet_address="")
    if there:
        assert look_at_host(given).subject == "node n1"
    else:
        with pytest.raises(SettingsError):
            look_at_host(given)


@pytest.mark.parametrize("pod", [True, False])
@pytest.mark.parametrize(
    ("flags", "usual", "meant"),
    [
        ({}, False, None),
        ({}, True, True),
        ({"kubeconfig": "/c"}, False, True),
        ({"kubeconfig": "/c", "context": "x"}, False, True),
        ({"context": "x"}, True, True),
        ({"context": "x"}, False, NOBODY),
        ({"kubeconfig": ""}, False, NOBODY),
        ({"kubeconfig": ""}, True, True),
        ({"host_root": "/"}, True, False),
        ({"kubelet_address": ""}, True, False),
        ({"host_root": "/", "kubelet_address": ""}, False, False),
        ({"host_root": "/", "kubeconfig": "/c"}, False, BOTH),
        ({"kubelet_address": "", "context": "x"}, False, BOTH),
    ],
)
def test_what_is_looked_at_follows_from_what_is_given_and_what_is_there(
    flags: dict[str, str],
    usual: bool,
    pod: bool,
    meant: bool | str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A Pod with a service account can ask its cluster without any kubeconfig."""
    token = tmp_path / "token"
    if pod:
        token.touch()
    if usual:
        monkeypatch.setenv("KUBECONFIG", "/usual")
    if meant is BOTH or (meant is NOBODY and not pod):
        with pytest.raises(SettingsError) as raised:
            cluster_meant(settings(**flags), token)
        assert str(raised.value) == meant
    else:
        expected = meant if isinstance(meant, bool) else pod
        assert cluster_meant(settings(**flags), token) is expected
    assert str(SERVICE_ACCOUNT) == "/var/run/secrets/kubernetes.io/serviceaccount/token"


KUBELET = NotLookedAt(
    "what the kubelet serves on its port", "--kubelet-address HOST:10250, or HOST_IP in the environment"
)
NAME = NotLookedAt("whether the certificates are this node's own: its name is not known", "--node-name NAME")
CLUSTER = NotLookedAt(
    "the cluster: its API server, CAs, certificate requests, signers and Azure's state", "check --kubeconfig FILE"
)


@pytest.mark.parametrize(
    ("flags", "apart"),
    [
        ({}, (KUBELET, NAME, CLUSTER)),
        ({"node_name": "n1"}, (KUBELET, CLUSTER)),
        ({"kubelet_address": "127.0.0.1:1"}, (NAME, CLUSTER)),
    ],
)
def test_a_node_is_looked_at_with_its_port_and_what_is_not_seen_is_named(
    flags: dict[str, str], apart: tuple[NotLookedAt, ...], root: Path
) -> None:
    found = look_at_host(settings(host_root=str(root), max_age="1m", **flags))
    assert found.not_looked_at == apart
    if "node_name" in flags:
        assert found.subject == "node n1"
    assert found.generated == pytest.approx(time.time(), abs=60)
    assert {"AksCertOlderThanPolicy"} <= {one.alert for one in found.findings}
    sources = next(one.rows for one in found.sections if one.title == "Sources")
    asked = {"kubelet_address": "no"}
    assert [row[1] for row in sources] == [next((asked[one] for one in flags if one in asked), "not looked at")]
    assert (found.document["agent"], found.document["node"]) == ("node", found.subject.removeprefix("node "))


def test_below_a_root_that_was_named_there_may_be_nothing(tmp_path: Path) -> None:
    """And this machine, where nobody named it, is asked about only where it has the files of a node."""
    found = look_at_host(settings(host_root=str(tmp_path)))
    assert found.exit_status == 3
    with pytest.raises(SettingsError) as raised:
        look_at_host(settings())
    assert str(raised.value) == (
        "no --kubeconfig, no KUBECONFIG, no ~/.kube/config, and this machine has none of an AKS node's files: "
        "give --kubeconfig FILE for a cluster, or --host-root DIR for a node"
    )


class Terminal(io.StringIO):
    """A stream that says whether it is a terminal, and after how many reports somebody interrupts."""

    def __init__(self, terminal: bool, most: int) -> None:
        super().__init__()
        self.terminal, self.most = terminal, most

    def isatty(self) -> bool:
        return self.terminal

    def flush(self) -> None:
        self.most -= 1
        if not self.most:
            raise KeyboardInterrupt


def printed(given: Settings, *, terminal: bool = False, most: int = -1) -> tuple[int, str]:
    with contextlib.redirect_stdout(Terminal(terminal, most)) as stream:
        status = run(given)
    return status, stream.getvalue()


@pytest.mark.parametrize(
    ("form", "first"),
    [("table", "node n1\nLooked at "), ("markdown", "# node n1: "), ("json", '{\n  "schema": 1,')],
)
def test_the_report_is_printed_in_the_form_that_is_wanted(form: str, first: str, root: Path) -> None:
    whole = printed(of_node(root, output=form))
    assert whole == (1, ANY)
    assert whole[1].startswith(first)
    assert "Certificates" in whole[1]
    assert "Certificates" not in printed(of_node(root, output=form, quiet="true"))[1]
    # Nothing is severe enough to be shown; JSON is an object all the same.
    status, text = printed(of_node(root, output=form, quiet="true", severity="critical"))
    assert status == 1
    assert (json.loads(text)["findings"] if form == "json" else text) in ([], "")


def test_a_cluster_is_looked_at_where_its_kubeconfig_is_given(tmp_path: Path) -> None:
    with ApiServer(serving()) as server:
        populate(server)
        status, text = printed(settings(kubeconfig=str(kubeconfig(tmp_path, server)), kubelets="false"))
    assert status == 0
    assert text.startswith(f"cluster simulated at 127.0.0.1:{server.port}\n")


CLEAR = "\x1b[H\x1b[2J"


@pytest.mark.parametrize(("terminal", "before"), [(True, CLEAR), (False, "")])
def test_it_looks_again_and_again_until_it_is_interrupted(terminal: bool, before: str, root: Path) -> None:
    """On a terminal each report takes the place of the one before."""
    began = time.monotonic()
    status, text = printed(often(of_node(root)), terminal=terminal, most=3)
    assert status == 1
    assert time.monotonic() - began >= 0.04
    assert text.count("\nLooked at ") == 3
    assert text.count(CLEAR) == (3 if terminal else 0)
    assert text.startswith(f"{before}node n1\n")
    quiet = often(of_node(root, quiet="true", severity="critical"))
    if terminal:
        assert printed(quiet, terminal=True, most=2) == (1, f"{CLEAR}\n{CLEAR}\n")
    assert CLEAR not in printed(of_node(root), terminal=True)[1]


class Gone(Terminal):
    """Nobody reads any more."""

    def write(self, _text: str) -> int:
        self.flush()
        raise BrokenPipeError


def test_it_looks_no_more_once_nobody_reads(root: Path) -> None:
    """C5: `check --watch | head` would never end."""
    with contextlib.redirect_stdout(Gone(terminal=False, most=3)) as stream:
        assert run(often(of_node(root))) == 1
    assert stream.most == 2


def test_an_interruption_of_a_single_look_is_one(root: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        printed(settings(host_root=str(root)), most=1)


class Interrupting(io.StringIO):
    """Who waits for the first look interrupts it."""

    def isatty(self) -> bool:
        raise KeyboardInterrupt


def test_of_looks_of_which_the_first_was_interrupted_none_is_ok(root: Path) -> None:
    with contextlib.redirect_stderr(Interrupting()), pytest.raises(KeyboardInterrupt):
        printed(often(of_node(root)))


def test_where_nothing_can_be_printed_nothing_is_looked_at(root: Path) -> None:
    with contextlib.redirect_stdout(None), pytest.raises(OutputError, match="standard output is closed"):
        run(of_node(root))


@pytest.mark.parametrize(
    ("flags", "logged"),
    [({}, []), ({"log_level": "warning"}, ["careful"]), ({"log_level": "info"}, ["so", "careful"])],
)
def test_only_errors_are_logged_where_nothing_else_is_wanted(
    flags: dict[str, str], logged: list[str], root: Path
) -> None:
    """The report says the rest in its own words."""
    with contextlib.redirect_stderr(io.StringIO()) as lines:
        printed(settings(host_root=str(root), log_format="json", **flags))
        logger = logging.getLogger("exporter.x")
        logger.info("so")
        logger.warning("careful")
        logger.error("wrong")
    records = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [one["message"] for one in records if one["logger"] == "exporter.x"] == [*logged, "wrong"]


def test_on_a_terminal_it_is_said_what_is_waited_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    with contextlib.redirect_stderr(Terminal(True, -1)) as lines:
        look_at_host(of_node(root))
    assert "Waiting for the node's files…" in lines.getvalue()


class Releasing(Terminal):
    """A terminal; once it is said there that the kubelet is waited for, the kubelet ends the connection."""

    def __init__(self, kubelet: socket.socket) -> None:
        super().__init__(True, -1)
        self.kubelet = kubelet

    def write(self, text: str) -> int:
        if "Waiting for the kubelet…" in text and self.kubelet.fileno() >= 0:
            self.kubelet.shutdown(socket.SHUT_RDWR)
            self.kubelet.close()
        return super().write(text)


def test_a_kubelet_is_named_while_it_is_waited_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    with socket.create_server(("127.0.0.1", 0)) as kubelet, contextlib.redirect_stderr(Releasing(kubelet)) as lines:
        host, port = kubelet.getsockname()
        found = look_at_host(settings(host_root=str(root), node_name="n1", kubelet_address=f"{host}:{port}"))
    assert "Waiting for the kubelet…" in lines.getvalue()
    assert next(one.rows for one in found.sections if one.title == "Sources")[0][1] == "no"
