"""A kubeconfig that leads to the simulated API server, and a system without proxies and CAs."""

import os
from pathlib import Path
from typing import Any

import pytest

from simulation.api.server import ApiServer
from simulation.pki import Authority
from tests.sources.kube.kubeconfigs import SECRET


@pytest.fixture
def config(apiserver: ApiServer, authority: Authority) -> dict[str, Any]:
    """A kubeconfig's content: one cluster, one context, a user without credentials."""
    apiserver.tokens = {SECRET}
    return apiserver.kubeconfig(authority.pem)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kubeconfig"


@pytest.fixture
def nothing_of_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, and no CAs, of which it takes long to read all."""
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
