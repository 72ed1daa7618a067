"""A kubeconfig that leads to the simulated API server: what asking with it gives, and what is wrong with it."""

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from exporter.facts.source import Failure
from exporter.reason import Reason
from exporter.sources.kube.connection import Connection, Kubeconfig
from exporter.sources.kube.failure import ApiError
from exporter.sources.kube.resource import API_SERVICES
from tests.sources.kube.watching import decode

SECRET = "s3cr3t-t0k3n"


def user(config: dict[str, Any], **settings: object) -> dict[str, Any]:
    config["users"][0]["user"] = settings
    return config


def asked(file: Path, context: str = "") -> Failure | None:
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


def broken(file: Path, content: str, context: str = "") -> str:
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
