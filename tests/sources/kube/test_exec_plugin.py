"""A credential plugin is run: what it is told, what it may print, how it fails."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from exporter.facts.kube.kubeconfig_entries import Cluster, ExecPlugin, KubeconfigError
from exporter.sources.kube.exec_plugin import (
    LARGEST,
    PluginCredential,
    _last,
    _line,
    _read,
)
from tests.sources.kube.plugins import BETA, NAME, SERVER, TOKEN, V1, answer, plugin, printing, ran


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
        (answer(token="abc\ud800"), NO_STRING),
        (answer(clientCertificateData="\udfff", clientKeyData="k"), NO_STRING),
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


def test_of_an_answer_without_an_end_no_more_than_the_bound_is_kept() -> None:
    """The rest is read all the same: who prints it would wait otherwise."""
    found = bytearray()
    with subprocess.Popen(["head", "-c", str(LARGEST + 300_000), "/dev/zero"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        _read(process.stdout, found, None)
        assert process.stdout.closed
        assert process.wait() == 0
    assert LARGEST <= len(found) < LARGEST + 65536


def test_no_part_is_kept_beyond_the_bound(tmp_path: Path) -> None:
    with (tmp_path / "answer").open("w+b") as file:
        file.truncate(LARGEST + 100)
        found = bytearray()
        _read(file, found, None)
    assert len(found) == LARGEST


def test_an_answer_just_within_the_bound_is_whole() -> None:
    assert LARGEST == 1 << 20
    padded = TOKEN + " " * (LARGEST - len(TOKEN))
    script = 'printf %s "$1"; head -c "$2" /dev/zero | tr "\\0" " "'
    assert ran(plugin(script, TOKEN, str(len(padded) - len(TOKEN)))).token == "abc"


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
