"""Access from a kubeconfig or a service account; what is wrong with it is one line that holds no secret."""

import base64
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.access import ServiceAccount
from exporter.sources.kube.connection import Connection, Kubeconfig
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.resource import API_SERVICES
from simulation.api.server import ApiServer, write_kubeconfig
from simulation.pki import Authority
from tests.sources.kube.watching import T0, Pod, decode

SECRET = "s3cr3t-t0k3n"


@pytest.fixture
def config(apiserver: ApiServer, authority: Authority) -> dict[str, Any]:
    """A kubeconfig's content: one cluster, one context, a user without credentials."""
    apiserver.tokens = {SECRET}
    return apiserver.kubeconfig(authority.pem)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kubeconfig"


def user(config: dict[str, Any], **settings: object) -> dict[str, Any]:
    config["users"][0]["user"] = settings
    return config


def asked(file: Path, context: str | None = None) -> Failure | None:
    """What asking with this kubeconfig gives."""
    found = Connection(Kubeconfig(file, context)).list_all(API_SERVICES.path, decode)
    return found if isinstance(found, Failure) else None


def plugin(folder: Path, body: str) -> Path:
    script = folder / "plugin"
    script.write_text(f"#!{sys.executable}\n{body}")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


def exec_settings(script: Path) -> dict[str, Any]:
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "interactiveMode": "Never"}


def credential(**status: str) -> str:
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})


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


def broken(file: Path, content: str, context: str | None = None) -> str:
    """The one line about a kubeconfig that cannot be used."""
    file.write_text(content)
    with pytest.raises(ApiError) as raised:
        Connection(Kubeconfig(file, context))
    assert raised.value.reason is Reason.CREDENTIALS
    words = raised.value.failure.words
    assert "\n" not in words
    assert SECRET not in words
    assert words.startswith(f"kubeconfig {file}: ")
    return words.removeprefix(f"kubeconfig {file}: ")


def test_a_kubeconfig_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(ApiError, match=rf"kubeconfig {file}: no such file"):
        Connection(Kubeconfig(file))


def test_what_is_wrong_with_a_kubeconfig_is_one_line(file: Path, config: dict[str, Any]) -> None:
    text = yaml.safe_dump(user(config, token=SECRET))
    assert broken(file, "a: b\nc: d: e") == "not YAML in line 2"
    assert broken(file, "\x00") == "not YAML"
    assert broken(file, "[" * 100_000) == "nested too deep"
    assert broken(file, "") == "it names no cluster and no context"
    assert broken(file, "- a list") == "the document is not a mapping"
    assert broken(file, f"just {SECRET}") == "the document is not a mapping"
    assert broken(file, "apiVersion: v1") == "it names no cluster and no context"
    assert broken(file, text, "simulate") == "no context 'simulate'. Did you mean 'simulated'? Contexts: simulated"
    assert broken(file, text.replace("https://", "ftp://")) == "the cluster's server is not an https:// URL"
    config["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(b"no CA").decode()
    assert broken(file, yaml.safe_dump(config)) == "the CA holds no certificate that can be read"


def test_a_kubeconfig_that_names_an_absent_file_says_which(file: Path, config: dict[str, Any]) -> None:
    assert str(file.parent / "absent") in broken(file, yaml.safe_dump(user(config, tokenFile="absent")))
    names = {"client-certificate": "absent.crt", "client-key": "absent.key"}
    assert str(file.parent / "absent.crt") in broken(file, yaml.safe_dump(user(config, **names)))


def test_a_user_without_its_settings_is_an_error_that_quotes_nothing(file: Path, config: dict[str, Any]) -> None:
    config["users"] = [{"name": "reader", "user": [{"token": SECRET}]}]
    assert broken(file, yaml.safe_dump(config)) == "user 'reader': its user is not a mapping"


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


@pytest.mark.parametrize("server", ["https://:6443", "https://host:0", "https://host:65536", "https://host:x"])
def test_a_server_that_nobody_can_connect_to_is_one_line(file: Path, config: dict[str, Any], server: str) -> None:
    config["clusters"][0]["cluster"]["server"] = server
    assert broken(file, yaml.safe_dump(config)) == "the cluster's server has no host, or an impossible port"


def test_a_ca_that_is_not_base64_is_not_replaced_by_the_systems(file: Path, config: dict[str, Any]) -> None:
    config["clusters"][0]["cluster"]["certificate-authority-data"] = "@@@"
    assert broken(file, yaml.safe_dump(config)) == "cluster 'simulated': certificate-authority-data is not base64"


@pytest.mark.parametrize("key", ["client-certificate-data", "client-key-data"])
def test_a_client_certificate_that_is_not_base64_is_named(file: Path, config: dict[str, Any], key: str) -> None:
    assert broken(file, yaml.safe_dump(user(config, **{key: f"{SECRET}@"}))) == f"user 'reader': {key} is not base64"


@given(st.binary(max_size=200))
def test_no_bytes_make_a_kubeconfig_end_in_anything_but_its_error(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        path.write_bytes(content)
        with pytest.raises(ApiError):
            Kubeconfig(path).read()


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
KEYS = st.sampled_from(
    ["name", "cluster", "user", "context", "server", "token", "exec", "command", "clusters", "users"]
)
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))


@given(st.fixed_dictionaries({"clusters": TREES, "contexts": TREES, "users": TREES, "current-context": SCALARS}))
def test_no_shape_of_a_kubeconfig_ends_in_anything_but_its_error(content: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        path.write_text(yaml.safe_dump(content))
        with pytest.raises(ApiError):
            Kubeconfig(path).read()


def test_a_pod_without_a_service_account_says_what_is_missing(tmp_path: Path, pod: Pod) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    with pytest.raises(ApiError, match="service account: Service host/port is not set"):
        ServiceAccount(pod.folder, {}).read()
    with pytest.raises(ApiError, match="service account: Service token file does not exist"):
        ServiceAccount(tmp_path, environment).read()
    pod.mount(b"", SECRET)
    with pytest.raises(ApiError, match="Cert file exists but empty"):
        ServiceAccount(pod.folder, environment).read()


def test_a_token_is_not_shown_where_access_is_printed(pod: Pod) -> None:
    pod.mount((pod.folder / "ca.crt").read_bytes(), SECRET)
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    environment |= {"HTTPS_PROXY": "http://me:pa55word@10.0.0.2:3128"}
    access = ServiceAccount(pod.folder, environment).read()
    assert [(name, value.lower()) for name, value in access.headers] == [("Authorization", f"bearer {SECRET}")]
    assert (access.proxy and access.proxy.password) == "pa55word"
    assert not [secret for secret in (SECRET, "pa55word", "headers=", "identity=") if secret in repr(access)]


def test_a_token_or_a_ca_that_is_swapped_gives_another_stamp(pod: Pod) -> None:
    """By which it is read again before the old one is refused."""
    account = ServiceAccount(pod.folder, {})
    stamps = [account.stamp()]
    for name in ("token", "ca.crt"):
        (pod.folder / name).write_text("more than there was" * 999)
        stamps += [account.stamp(), account.stamp()]
    assert stamps == [stamps[0], stamps[1], stamps[1], stamps[3], stamps[3]]
    assert len(set(stamps)) == 3
