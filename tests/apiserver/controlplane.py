"""A real control plane on this machine: etcd, kube-apiserver and kube-controller-manager with an AKS-like PKI."""

import base64
import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from simulation.pki import YEAR, Authority, Credential
from tools.apiserver import Binaries
from tools.generated import ROOT
from tools.helm import binary

NODE = "aks-nodepool1-12345678-vmss000000"
BOOTSTRAP = "system:bootstrap:abc123"
SERVICE_CIDR = "10.96.0.0/16"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


START_SECONDS = 120.0
"""For the first lease: a controller manager that starts beside other work takes its time."""


class ControlPlane:
    """A context manager: inside it the control plane runs, and everybody's kubeconfig is at hand."""

    def __init__(self, binaries: Binaries, folder: Path) -> None:
        self.binaries, self.folder = binaries, folder
        self.port, self._etcd_port, self._peer_port = free_port(), free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.began = time.time()
        self.authority = Authority.cluster(self.began)
        self.front_proxy = Authority("front-proxy-ca", self.began - 600, self.began + 10 * YEAR, number=3)
        self.tokens = {
            BOOTSTRAP: (secrets.token_hex(8), "system:bootstrappers"),
            f"system:node:{NODE}": (secrets.token_hex(8), "system:nodes"),
            "admin": (secrets.token_hex(8), "system:masters"),
            "nobody": (secrets.token_hex(8), ""),
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "ControlPlane":
        try:
            self._write()
            self._run("etcd", self._etcd())
            self.start_apiserver()
            self._allow_kubelets()
            if self.binaries.controller_manager:
                self._run("kube-controller-manager", self._controller_manager(self.binaries.controller_manager))
                leases = ("get", "leases", "-n", "kube-system")
                wait(lambda: "kube-controller-manager" in self.kubectl(*leases), "a lease", START_SECONDS)
                wait(lambda: "kube-root-ca.crt" in self.kubectl("get", "configmaps", "-n", "kube-system"), "root CA")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(list(self._processes)):
            self._stop(name)

    def kubeconfig(self, user: str = "admin", *, token: str = "") -> Path:
        """A kubeconfig of one of the users, or of whoever has this token."""
        name = user.replace(":", "-") or "token"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "real", "cluster": {"server": self.url, **self._trusted()}}],
            "users": [{"name": name, "user": {"token": token or self.tokens[user][0]}}],
            "contexts": [{"name": "real", "context": {"cluster": "real", "user": name}}],
            "current-context": "real",
        }
        return self._file(f"{name}.kubeconfig", yaml.safe_dump(content))

    def minor(self) -> int:
        """The minor version of the API server."""
        return int(re.sub(r"\D", "", json.loads(self.kubectl("version", "-o", "json"))["serverVersion"]["minor"]))

    def kubectl(self, *arguments: str, user: str = "admin", stdin: str = "", check: bool = True) -> str:
        """What kubectl says as one of the users."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "KUBECONFIG": str(self.kubeconfig(user))}
        done = subprocess.run(
            [binary("kubectl"), *arguments],
            input=stdin,
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout + ("" if check else done.stderr)

    def objects(self, *arguments: str) -> list[dict[str, Any]]:
        """Objects as kubectl gets them."""
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", *arguments, "-o", "json"))["items"]
        return found

    def apply(self, item: dict[str, Any], *, user: str = "admin") -> None:
        """Create an object as one of the users."""
        self.kubectl("create", "-f", "-", user=user, stdin=json.dumps(item))

    def start_apiserver(self) -> None:
        """Start the API server and wait until it is ready."""
        self._run("kube-apiserver", self._apiserver())
        wait(self._ready, "the API server is ready", 90)

    def stop_apiserver(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it: with SIGKILL as in a crash."""
        self._stop("kube-apiserver", how)

    def rotate(self, authority: Authority) -> None:
        """Another CA signs the API server's certificate from now on; both are trusted for clients' tokens' sake."""
        self.authority = authority
        self._write_serving()

    def compact(self) -> None:
        """Forget every version but the present one, as etcd does every five minutes."""
        revision = self._etcd_call("kv/range", {"key": base64.b64encode(b"/").decode()})["header"]["revision"]
        self._etcd_call("kv/compaction", {"revision": revision, "physical": True})

    def _etcd_call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self._etcd_port}/v3/{method}"
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode()), timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def _trusted(self) -> dict[str, str]:
        return {"certificate-authority-data": base64.b64encode(self.authority.pem).decode()}

    def _ready(self) -> bool:
        assert self._processes["kube-apiserver"].poll() is None, self.log("kube-apiserver")
        return self.kubectl("get", "--raw", "/readyz", check=False).startswith("ok")

    def log(self, name: str) -> str:
        """The end of a process's log."""
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def _file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.touch(0o600)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def _write(self) -> None:
        issuer = Authority("sa", self.began - 600, self.began + YEAR, number=4)
        self._file("sa.key", Credential(issuer.certificate, issuer.key).key_pem)
        self._file("ca.crt", self.authority.pem)
        self._file("ca.key", Credential(self.authority.certificate, self.authority.key).key_pem)
        self._file("front-proxy-ca.crt", self.front_proxy.pem)
        rows = [f'{token},{user},{user},"{group}"' for user, (token, group) in self.tokens.items()]
        self._file("tokens.csv", "\n".join(rows) + "\n")
        self._write_serving()

    def _write_serving(self) -> None:
        serving = self.authority.apiserver(("127.0.0.1", "localhost", "10.96.0.1", "kubernetes"), self.began)
        self._file("apiserver.crt", serving.certificate_pem)
        self._file("apiserver.key", serving.key_pem)

    def _etcd(self) -> list[str]:
        clients, peers = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{self._peer_port}"
        return [
            str(self.binaries.etcd),
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",  # the data lives as long as the tests
        ]

    def _apiserver(self) -> list[str]:
        folder = self.folder
        return [
            str(self.binaries.apiserver),
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--etcd-compaction-interval=0",  # compact() does it when a test wants it
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--cert-dir={folder}",
            f"--tls-cert-file={folder / 'apiserver.crt'}",
            f"--tls-private-key-file={folder / 'apiserver.key'}",
            f"--client-ca-file={folder / 'ca.crt'}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={folder / 'sa.key'}",
            f"--service-account-key-file={folder / 'sa.key'}",
            f"--requestheader-client-ca-file={folder / 'front-proxy-ca.crt'}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--shutdown-delay-duration=0s",
            # Later versions do not start with an address of this machine only: nobody needs their endpoints here.
            "--endpoint-reconciler-type=none",
        ]

    def _controller_manager(self, program: Path) -> list[str]:
        folder = self.folder
        return [
            str(program),
            f"--kubeconfig={self.kubeconfig('admin')}",
            "--bind-address=127.0.0.1",
            f"--secure-port={free_port()}",
            f"--cert-dir={folder}",
            f"--cluster-signing-cert-file={folder / 'ca.crt'}",
            f"--cluster-signing-key-file={folder / 'ca.key'}",
            f"--root-ca-file={folder / 'ca.crt'}",
            f"--service-account-private-key-file={folder / 'sa.key'}",
            "--controllers=csrsigning,csrapproving,csrcleaner,root-ca-cert-publisher,serviceaccount,serviceaccount-token",
            "--use-service-account-credentials=false",
            "--leader-elect=true",
            # It ends when it cannot renew its lease for so long; tests take the API server away for less.
            "--leader-elect-lease-duration=180s",
            "--leader-elect-renew-deadline=170s",
        ]

    def _allow_kubelets(self) -> None:
        """The bindings by which kubelets may ask for certificates and get them, as AKS and kubeadm make them."""
        for role, group in (
            ("system:node-bootstrapper", "system:bootstrappers"),
            ("system:certificates.k8s.io:certificatesigningrequests:nodeclient", "system:bootstrappers"),
            ("system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", "system:nodes"),
        ):
            name = f"{role.rpartition(':')[2]}-{group.rpartition(':')[2]}"
            self.kubectl("create", "clusterrolebinding", name, f"--clusterrole={role}", f"--group={group}")

    def _run(self, name: str, command: list[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            # They end with these tests, however those end.
            tied = [sys.executable, "-m", "simulation.demo.child_process", str(os.getpid()), "other", *command]
            self._processes[name] = subprocess.Popen(tied, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=ROOT)

    def _stop(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(4)  # an API server with open watches takes a minute; etcd is gone at once
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait(true: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Look until something has come about that nothing here can be told of."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


@contextlib.contextmanager
def stopped(plane: ControlPlane, how: signal.Signals) -> Iterator[None]:
    """The API server is down in here."""
    plane.stop_apiserver(how)
    try:
        yield
    finally:
        plane.start_apiserver()
