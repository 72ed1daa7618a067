"""Access from a kubeconfig, to a server that lets in whom it knows."""

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from exporter.reason import Reason
from exporter.sources.kube.connection import Connection, Kubeconfig
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.resource import API_SERVICES
from simulation.api.server import ApiServer, write_kubeconfig
from simulation.pki import Authority
from tests.sources.kube.kubeconfigs import SECRET, asked, user
from tests.sources.kube.watching import T0, decode


def test_a_token_in_the_kubeconfig_lets_in(file: Path, config: dict[str, Any]) -> None:
    write_kubeconfig(file, user(config, token=SECRET))
    assert asked(file) is None


def test_a_token_file_is_read_again_when_it_changes(apiserver: ApiServer, file: Path, config: dict[str, Any]) -> None:
    (file.parent / "token").write_text(SECRET)
    write_kubeconfig(file, user(config, tokenFile="token"))
    connection = Connection(Kubeconfig(file))
    assert connection.list_all(API_SERVICES.path, decode) == []
    apiserver.tokens = {"another-one"}
    (file.parent / "token").write_text("another-one")
    assert connection.list_all(API_SERVICES.path, decode) == []


def test_a_client_certificate_is_taken_from_the_file_or_the_text(
    apiserver: ApiServer, file: Path, config: dict[str, Any], authority: Authority
) -> None:
    apiserver.tokens = None
    leaf = authority.kubelet_client("reader", T0)
    (file.parent / "tls.pem").write_bytes(leaf.pem)
    write_kubeconfig(file, user(config, **{"client-certificate": "tls.pem", "client-key": "tls.pem"}))
    assert asked(file) is None
    inline = {
        "client-certificate-data": base64.b64encode(leaf.certificate_pem).decode(),
        "client-key-data": base64.b64encode(leaf.key_pem).decode(),
    }
    write_kubeconfig(file, user(config, **inline))
    assert asked(file) is None


READ = """
import os, sys
from exporter.sources.kube.connection import Kubeconfig

opened = set()

def hook(event, arguments):
    if event == "open" and str(arguments[0]).startswith(sys.argv[2]) and os.path.isfile(arguments[0]):
        opened.add((os.path.basename(arguments[0]), oct(os.stat(arguments[0]).st_mode & 0o777)))

sys.addaudithook(hook)
Kubeconfig(sys.argv[1]).read()
print(os.listdir(sys.argv[2]), sorted(opened))
"""


def test_keys_in_a_kubeconfig_leave_nothing_on_disk(file: Path, config: dict[str, Any], authority: Authority) -> None:
    leaf = authority.kubelet_client("reader", T0)
    inline = {
        "client-certificate-data": base64.b64encode(leaf.certificate_pem).decode(),
        "client-key-data": base64.b64encode(leaf.key_pem).decode(),
    }
    write_kubeconfig(file, user(config, **inline))
    assert Kubeconfig(file).read().context is not None
    (scratch := file.parent / "scratch").mkdir()
    command = [sys.executable, "-c", READ, str(file), str(scratch)]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    ran = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert ran.stdout == "[] [('certificate', '0o600'), ('key', '0o600')]\n", "nor may others read them meanwhile"


def test_the_context_chooses_the_cluster(file: Path, config: dict[str, Any]) -> None:
    user(config, token=SECRET)
    config["clusters"].append({"name": "gone", "cluster": {"server": "https://127.0.0.1:1"}})
    config["contexts"].append({"name": "other", "context": {"cluster": "gone", "user": "reader"}})
    write_kubeconfig(file, config)
    assert asked(file) is None
    other = asked(file, "other")
    assert other is not None
    assert other.reason is Reason.REFUSED


def test_the_server_its_name_and_its_ca_are_known(
    apiserver: ApiServer, file: Path, config: dict[str, Any], authority: Authority
) -> None:
    config["clusters"][0]["cluster"]["tls-server-name"] = "localhost"
    write_kubeconfig(file, user(config, token=SECRET))
    connection = Connection(Kubeconfig(file))
    assert connection.server == (apiserver.host, apiserver.port)
    assert connection.server_name == "localhost"
    assert connection.authorities == authority.pem
    assert connection.list_all(API_SERVICES.path, decode) == []


def test_impersonation_is_passed_on_or_refused_but_never_ignored(file: Path, config: dict[str, Any]) -> None:
    write_kubeconfig(file, user(config, token=SECRET, **{"as": "auditor"}))
    assert ("Impersonate-User", "auditor") in Kubeconfig(file).read().headers
    more = {"as-groups": ["readers", "writers"], "as-uid": "7", "as-user-extra": {"Scopes/x": ["a", "b"]}}
    write_kubeconfig(file, user(config, token=SECRET, **{"as": "auditor"}, **more))
    assert Kubeconfig(file).read().headers[1:] == (
        ("Impersonate-User", "auditor"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "readers"),
        ("Impersonate-Group", "writers"),
        ("Impersonate-Extra-scopes%2Fx", "a"),
        ("Impersonate-Extra-scopes%2Fx", "b"),
    )
    assert asked(file) is None
    write_kubeconfig(file, user(config, token=SECRET, **{"as-groups": ["readers"]}))
    with pytest.raises(ApiError, match="as-uid, as-groups and as-user-extra need as"):
        Kubeconfig(file).read()
