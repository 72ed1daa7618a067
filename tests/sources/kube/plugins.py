"""A credential plugin that is a shell's script: what it prints, and the running of it."""

import json
import os
from pathlib import Path
from typing import Any

from exporter.facts.kube.kubeconfig_entries import Cluster, ExecPlugin
from exporter.sources.kube.exec_plugin import (
    PluginCredential,
    run_plugin,
)

V1, BETA = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"
SERVER = "https://contoso.example"
NAME = "exec: sh"


def answer(api_version: str = V1, kind: str = "ExecCredential", **status: object) -> str:
    return json.dumps({"apiVersion": api_version, "kind": kind, "status": status})


TOKEN = answer(token="abc")


def plugin(script: str, *arguments: str, command: str = "/bin/sh", **settings: Any) -> ExecPlugin:
    """A shell's script, by default one that may not ask."""
    usual: dict[str, Any] = {
        "environment": (),
        "api_version": V1,
        "install_hint": "",
        "provide_cluster_info": False,
        "interactive_mode": "Never",
    }
    return ExecPlugin(command=command, arguments=("-c", script, "sh", *arguments), **{**usual, **settings})


def ran(one: ExecPlugin, cluster: Cluster | None = None, patience: float = 20.0) -> PluginCredential:
    return run_plugin(one, cluster or Cluster(), SERVER, patience)


def printing(text: str, api_version: str = V1) -> PluginCredential:
    return ran(plugin('printf %s "$1"', text, api_version=api_version))


def ended(pid: int) -> bool:
    """Whether a process that was told to end has done so, or is about to: nobody may have reaped it yet."""
    for _ in range(1000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state in "ZX":
            return True
        os.sched_yield()
    return False
