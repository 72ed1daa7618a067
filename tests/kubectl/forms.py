"""A simulated cluster with its proxies, and forms of a kubeconfig that lead there or do not."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from simulation.api.server import ApiServer
from tests.agents.clusters import CA
from tests.proxies import Proxy

__all__ = [
    "FAR",
    "FORMS",
    "V1",
    "Form",
    "Lab",
    "b64",
    "of_cluster",
    "of_content",
    "of_proxy",
    "of_several",
    "of_user",
    "printing",
    "without",
]

FAR = "aks.example.test"
"""A name that no name service has: only a proxy leads there."""
V1 = "client.authentication.k8s.io/v1"


@dataclass
class Form:
    """One kubeconfig, or several, in an environment."""

    connects: bool
    kubeconfig: str
    """As in KUBECONFIG."""
    environment: dict[str, str] = field(default_factory=dict)
    context: str = ""
    asks: bool = False
    """kubectl asks a person for a name and a password, where other clients are anonymous."""


class Lab:
    """A folder, a simulated API server with TLS and one without, and proxies that lead to the first."""

    def __init__(
        self, folder: Path, server: ApiServer, plain: ApiServer, http: Proxy, forward: Proxy, socks: Proxy
    ) -> None:
        self.folder, self.server, self.plain = folder, server, plain
        self.http, self.forward, self.socks = http.place, forward.place, socks.place
        self.cluster = {"server": server.url, "certificate-authority-data": b64(CA.pem)}
        self.far = {**self.cluster, "server": f"https://{FAR}:6443"}
        self._number = 0

    def file(self, content: object, name: str = "") -> str:
        """A file with this text, or this YAML; its path."""
        self._number += 1
        path = self.folder / (name or f"config-{self._number}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return str(path)

    def config(self, cluster: object = None, user: object = None, **other: object) -> dict[str, Any]:
        """A kubeconfig's content: one cluster, one user with a token, one context."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": self.cluster if cluster is None else cluster}],
            "users": [{"name": "u", "user": {"token": "t"} if user is None else user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
            **other,
        }

    def plugin(self, script: str, name: str) -> str:
        """A credential plugin."""
        path = Path(self.file(f"#!/bin/sh\n{script}\n", name))
        path.chmod(0o755)
        return str(path)

    def by_plugin(self, **other: object) -> dict[str, Any]:
        """A user who asks a good plugin."""
        settings = {"apiVersion": V1, "command": self.plugin(printing(), "good"), "interactiveMode": "Never", **other}
        return self.config(user={"exec": {key: value for key, value in settings.items() if value is not None}})


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def printing(version: str = V1, kind: str = "ExecCredential", **status: str) -> str:
    found = {"apiVersion": version, "kind": kind, "status": status or {"token": "t"}}
    return f"cat <<'END'\n{json.dumps(found)}\nEND"


FORMS: dict[str, Callable[[Lab], Form]] = {}


def of_content(name: str, connects: bool, content: Callable[[Lab], object], **more: Any) -> None:
    """One kubeconfig of this content."""
    FORMS[name] = lambda lab: Form(connects, lab.file(content(lab)), **more)


def of_cluster(name: str, connects: bool, cluster: Callable[[Lab], object]) -> None:
    of_content(name, connects, lambda lab: lab.config(cluster(lab)))


def of_user(name: str, connects: bool, user: Callable[[Lab], object]) -> None:
    of_content(name, connects, lambda lab: lab.config(user=user(lab)))


def of_several(name: str, connects: bool, contents: Callable[[Lab], list[object]], context: str = "") -> None:
    FORMS[name] = lambda lab: Form(connects, ":".join(lab.file(one) for one in contents(lab)), context=context)


def of_proxy(name: str, connects: bool, cluster: Callable[[Lab], object], **environment: str) -> None:
    """HTTP, FORWARD and SOCKS in the environment's values stand for the proxies."""

    def form(lab: Lab) -> Form:
        places = {"HTTP": lab.http, "FORWARD": lab.forward, "SOCKS": lab.socks}
        values = dict(environment)
        for word, place in places.items():
            values = {key: value.replace(f"<{word}>", place) for key, value in values.items()}
        return Form(connects, lab.file(lab.config(cluster(lab))), values)

    FORMS[name] = form


def without(config: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != key}
