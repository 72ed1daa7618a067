"""A kubeconfig that leads nowhere, what is read of it, and what is trusted then."""

import base64
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.file_state import PathState, path_state
from exporter.reason import Reason
from exporter.sources.kube.access import Access, Kubeconfig, ServiceAccount
from exporter.sources.kube.failure import ApiError
from simulation.pki import Authority, Credential
from tests.sources.kube.watching import T0

CA = Authority.cluster(T0)
LEAF = CA.kubelet_client("reader", T0)
OTHER = Authority.cluster(T0, number=1)
SERVER = "https://127.0.0.1:6443"
V1 = "client.authentication.k8s.io/v1"


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def by_plugin(**status: str) -> dict[str, Any]:
    """A user whose plugin prints this status."""
    answer = json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": status})
    script = ["-c", 'printf %s "$ANSWER"']
    variables = [{"name": "ANSWER", "value": answer}]
    settings = {"apiVersion": V1, "command": "/bin/sh", "args": script, "env": variables, "interactiveMode": "Never"}
    return {"exec": settings}


def kubeconfig(folder: Path, user: object = None, **cluster: object) -> Path:
    file = folder / "kubeconfig"
    content = {
        "clusters": [{"name": "one", "cluster": {"server": SERVER, **cluster}}],
        "users": [{"name": "me", "user": user or {}}],
        "contexts": [{"name": "here", "context": {"cluster": "one", "user": "me"}}],
        "current-context": "here",
    }
    file.write_text(yaml.safe_dump(content))
    return file


def read(folder: Path, user: object = None, **cluster: object) -> Access:
    return Kubeconfig(kubeconfig(folder, user, **cluster)).read()


def words(credentials: Kubeconfig | ServiceAccount) -> str:
    with pytest.raises(ApiError) as raised:
        credentials.read()
    assert raised.value.reason is Reason.CREDENTIALS
    return raised.value.failure.words


BEARER = (("Authorization", "Bearer abc"),)


def certified(leaf: Credential = LEAF, key: bytes = b"") -> dict[str, Any]:
    return {"client-certificate-data": b64(leaf.certificate_pem), "client-key-data": b64(key or leaf.key_pem)}


def ders(context: ssl.SSLContext | None) -> list[bytes]:
    assert context is not None
    return sorted(context.get_ca_certs(binary_form=True))


def der(authority: Authority) -> bytes:
    return ssl.PEM_cert_to_DER_cert(authority.pem.decode())


def stamped(*files: Path) -> tuple[tuple[str, PathState], ...]:
    return tuple((str(file), path_state(file)) for file in files)
