"""Access by a credential plugin; how it fails is one line that holds no secret."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.connection import Connection, Kubeconfig
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.resource import API_SERVICES
from simulation.api.server import ApiServer, write_kubeconfig
from simulation.pki import Authority
from tests.sources.kube.kubeconfigs import SECRET, asked, broken, credential, exec_settings, plugin, user
from tests.sources.kube.watching import T0, decode


def test_a_plugin_gives_a_token_and_is_asked_again_after_a_401(
    apiserver: ApiServer, file: Path, config: dict[str, Any]
) -> None:
    log = file.parent / "runs"
    token = file.parent / "token"
    token.write_text(SECRET)
    body = f"open({str(log)!r}, 'a').write('run ')\ntoken = open({str(token)!r}).read()\n"
    script = plugin(file.parent, body + f"print({credential(token='TOKEN')!r}.replace('TOKEN', token))")
    write_kubeconfig(file, user(config, exec=exec_settings(script)))
    now = T0
    connection = Connection(Kubeconfig(file), clock=lambda: now)
    assert connection.list_all(API_SERVICES.path, decode) == []
    assert connection.list_all(API_SERVICES.path, decode) == []
    assert log.read_text() == "run "
    apiserver.tokens = {"another-one"}
    token.write_text("another-one")
    refused = connection.list_all(API_SERVICES.path, decode)
    assert isinstance(refused, Failure), "it ran a moment ago, and may take long or ask a person"
    assert refused.reason is Reason.UNAUTHORIZED
    now += 11
    assert connection.list_all(API_SERVICES.path, decode) == []
    assert log.read_text() == "run run "


def test_a_plugins_credential_is_renewed_before_it_expires(file: Path, config: dict[str, Any]) -> None:
    log = file.parent / "runs"
    status = credential(token=SECRET, expirationTimestamp="2040-01-01T00:00:00Z")
    script = plugin(file.parent, f"open({str(log)!r}, 'a').write('run ')\nprint({status!r})")
    write_kubeconfig(file, user(config, exec=exec_settings(script)))
    expiry = 2208988800.0
    now = expiry - 3600
    connection = Connection(Kubeconfig(file), clock=lambda: now)
    assert connection.list_all(API_SERVICES.path, decode) == []
    for left, runs in ((30, "run "), (29.5, "run run ")):
        now = expiry - left
        assert connection.list_all(API_SERVICES.path, decode) == []
        assert log.read_text() == runs


def test_a_plugin_may_give_a_client_certificate(file: Path, config: dict[str, Any], authority: Authority) -> None:
    leaf = authority.kubelet_client("reader", T0)
    status = credential(
        token=SECRET, clientCertificateData=leaf.certificate_pem.decode(), clientKeyData=leaf.key_pem.decode()
    )
    write_kubeconfig(file, user(config, exec=exec_settings(plugin(file.parent, f"print({status!r})"))))
    assert asked(file) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "import sys; sys.exit('first\\n\\x1b[31mplease log in\\n')",
            "exec: plugin ended with status 1: please log in",
        ),
        ("import sys; sys.exit('x' * 200)", f"exec: plugin ended with status 1: {'x' * 200}"),
        ("import sys; sys.exit('x' * 201)", f"exec: plugin ended with status 1: {'x' * 199}…"),
        ("import os; os.kill(os.getpid(), 9)", "exec: plugin ended by signal 9"),
        ("print('no JSON')", "exec: plugin printed no JSON"),
        ("print('{}')", "exec: plugin printed no ExecCredential"),
        (f"print({credential()!r})", "exec: plugin gave neither a token nor a certificate with its key"),
        (f"print({credential(token='a', clientKeyData='b')!r})", "exec: plugin gave a certificate without its key"),
        (f"print({credential(token='a', expirationTimestamp='b')!r})", "exec: plugin gave an expirationTimestamp"),
    ],
)
def test_a_plugin_that_fails_is_one_line(file: Path, config: dict[str, Any], body: str, words: str) -> None:
    settings = exec_settings(plugin(file.parent, body))
    assert broken(file, yaml.safe_dump(user(config, exec=settings))).startswith(words)


def test_a_plugin_that_is_not_installed_is_named(file: Path, config: dict[str, Any]) -> None:
    settings = exec_settings(Path("/absent/kubelogin"))
    assert broken(file, yaml.safe_dump(user(config, exec=settings))) == "exec: /absent/kubelogin is not there"
    settings |= {"command": "absent-kubelogin", "installHint": "It is needed.\n\nSee https://aka.ms/aks/kubelogin\n"}
    assert broken(file, yaml.safe_dump(user(config, exec=settings))) == (
        "exec: absent-kubelogin is not in PATH. It is needed. See https://aka.ms/aks/kubelogin"
    )


def test_a_plugin_is_told_of_its_cluster_where_it_wants_that(
    file: Path, config: dict[str, Any], authority: Authority
) -> None:
    """With the CA itself, also where the kubeconfig names its file (client-go, pkg/apis/clientauthentication)."""
    told = file.parent / "told.json"
    answer = credential(token=SECRET)
    body = f"import os\nopen({str(told)!r}, 'w').write(os.environ['KUBERNETES_EXEC_INFO'])\nprint({answer!r})"
    cluster = config["clusters"][0]["cluster"]
    data = cluster["certificate-authority-data"]
    cluster["extensions"] = [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}]
    settings = {**exec_settings(plugin(file.parent, body)), "provideClusterInfo": True}
    for embedded in (True, False):
        if not embedded:
            del cluster["certificate-authority-data"]
            cluster["certificate-authority"] = "ca.pem"
            (file.parent / "ca.pem").write_bytes(authority.pem)
        write_kubeconfig(file, user(config, exec=settings))
        assert asked(file) is None
        found = json.loads(told.read_text())["spec"]
        assert found["interactive"] is False
        assert found["cluster"] == {
            "server": cluster["server"],
            "certificate-authority-data": data,
            "config": {"audience": "x"},
        }
    (file.parent / "ca.pem").unlink()
    assert "No such file or directory" in broken(file, file.read_text())


def test_a_plugin_that_must_ask_a_person_is_not_run_without_one(file: Path, config: dict[str, Any]) -> None:
    """C4: standard input is no terminal here."""
    settings = {**exec_settings(plugin(file.parent, "open('ran', 'w')")), "interactiveMode": "Always"}
    words = "exec: plugin wants to ask a person, and standard input is no terminal"
    assert broken(file, yaml.safe_dump(user(config, exec=settings))) == words
    assert not (file.parent / "ran").exists()


def test_a_plugin_that_cannot_be_run_is_named(file: Path, config: dict[str, Any]) -> None:
    script = plugin(file.parent, "")
    script.write_text("#!/absent/interpreter\n")
    assert broken(file, yaml.safe_dump(user(config, exec=exec_settings(script)))).startswith(f"exec: {script} ")
    script.chmod(0o644)
    said = broken(file, yaml.safe_dump(user(config, exec=exec_settings(script))))
    assert said == f"exec: {script} cannot be run: Permission denied"


def test_a_plugin_that_waits_for_a_person_ends_in_time_and_its_last_line_is_told(
    file: Path, config: dict[str, Any]
) -> None:
    """C4: and so does what it started."""
    body = "import subprocess, sys, time\nprint('To sign in, enter the code ABC', file=sys.stderr, flush=True)\n"
    body += "subprocess.run(['sleep', '600'])"
    write_kubeconfig(file, user(config, exec=exec_settings(plugin(file.parent, body))))
    began = time.monotonic()
    with pytest.raises(ApiError) as raised:
        Kubeconfig(file, patience=1.0).read()
    assert time.monotonic() - began < 10
    assert raised.value.failure.words == (
        f"kubeconfig {file}: exec: plugin did not end within 1 s. It said last: To sign in, enter the code ABC"
    )
