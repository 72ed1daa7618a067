"""The real kubectl beside ours, for every form of a kubeconfig: where it connects we do, and nowhere else."""

import os
import pty
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.facts.kube.kubeconfig_entries import KubeconfigError
from exporter.facts.source import Failure
from exporter.sources.kube.connection import Connection, Kubeconfig
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.kubeconfig import read_kubeconfig
from simulation.api.server import ApiServer
from tests.agents.clusters import CA, populate, serving
from tests.kubectl import clusters, files, proxied, users
from tests.kubectl.forms import FAR, FORMS, Form, Lab
from tests.proxies import Proxy
from tools.helm import binary

PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
assert all((files, clusters, users, proxied))  # each adds its forms
QUESTION = ["get", "--raw", "/api/v1/nodes", "--request-timeout=5s"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with ApiServer(serving(CA, "127.0.0.1", "localhost", FAR)) as server, ApiServer(None) as plain:
        assert server.context is not None
        # As a real one, it asks for a client certificate: a key that does not fit is seen.
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(CA.pem)
            file.flush()
            server.context.load_verify_locations(file.name)
        server.context.verify_mode = ssl.CERT_OPTIONAL
        for one in (server, plain):
            populate(one)
        there = ("127.0.0.1", server.port)
        with Proxy(there) as http, Proxy(("127.0.0.1", plain.port)) as forward, Proxy(there, socks=True) as socks:
            yield Lab(tmp_path_factory.mktemp("lab"), server, plain, http, forward, socks)


def kubectl(form: Form, home: Path) -> tuple[bool, str]:
    """Whether the real one is answered, and its last line where it is not."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": form.kubeconfig, **form.environment}
    command = [str(binary("kubectl")), *QUESTION, *([f"--context={form.context}"] if form.context else [])]
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"somebody\nsecret\n")
        stdin = theirs if form.asks else subprocess.DEVNULL
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, stdin=stdin, check=False, timeout=60
        )
    finally:
        os.close(ours)
        os.close(theirs)
    said = done.stderr.strip().splitlines()
    return done.returncode == 0 and '"NodeList"' in done.stdout, said[-1] if said else ""


def own(form: Form, monkeypatch: pytest.MonkeyPatch) -> tuple[bool, str]:
    """Whether we are answered, and our one line where we are not."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in form.environment.items():
        monkeypatch.setenv(name, value)
    try:
        choice = read_kubeconfig(form.kubeconfig, form.context)
        connection = Connection(Kubeconfig(form.kubeconfig, chosen=choice, patience=10.0), timeout=5.0)
    except KubeconfigError as error:
        return False, str(error)
    except ApiError as error:
        return False, error.failure.words
    try:
        found = connection.get("/api/v1/nodes", bytes)
    finally:
        connection.close()
    return not isinstance(found, Failure), found.words if isinstance(found, Failure) else ""


@pytest.mark.parametrize("name", FORMS)
def test_we_connect_where_kubectl_does(name: str, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A9, B2, B3, B7, B9, B10, B11: each form beside the real kubectl; what cannot be is one line, without a secret."""
    form = FORMS[name](lab)
    connected, complaint = kubectl(form, tmp_path)
    assert connected is form.connects, f"kubectl: {complaint}"
    ours, words = own(form, monkeypatch)
    assert ours is form.connects, words
    if not ours:
        assert words
        assert "\n" not in words
        assert "PRIVATE KEY" not in words


def test_a_scheme_that_no_proxy_has_is_one_line(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """B7: where kubectl would talk HTTP to it."""
    form = Form(False, lab.file(lab.config(lab.far)), {"HTTPS_PROXY": f"ftp://{lab.http}"})
    assert own(form, monkeypatch) == (
        False,
        f"kubeconfig {form.kubeconfig}: HTTPS_PROXY: a proxy of the scheme ftp:// is not supported: "
        "http, https or socks5",
    )
