"""D: every kubectl command of the runbooks does what it says, by the real kubectl, against the simulated cluster."""

import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulation.api.control_plane import SimulatedCluster
from simulation.node.scenarios import scenario
from simulation.node.simulated_node import build
from simulation.pki import YEAR, Authority
from tests.commands.parser import parts
from tests.commands.runbooks import PAGES, commands
from tools.helm import binary

ASIDE = {
    "debug": "it starts a Pod on the node",
    "edit": "it opens an editor",
    "logs": "it reads what a kubelet keeps",
    "rollout": "a Deployment's Pods are nothing that the simulation has",
    "run": "it starts a Pod",
}
"""Verbs that are only parsed (tests/commands/test_runbooks.py), and why."""
NOT_SERVED = frozenset({"certificates", "certificaterequests", "podmonitors", "servicemonitors", "pdb"})
"""Kinds that others install: where nobody did, the real API server says the same. And budgets, which are about Pods."""
ONLY_READ = frozenset({"clusterrolebinding", "validatingwebhookconfiguration"})
"""Kinds that the simulation has to be looked at: that far kubectl gets with a change of one."""


@dataclass(frozen=True, slots=True)
class Lab:
    """The simulated cluster, and what stands for each placeholder in it."""

    kubeconfig: Path
    names: dict[str, str]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    now, folder = time.time(), tmp_path_factory.mktemp("lab")
    authority = Authority.cluster(now - YEAR)
    nodes = [build(scenario(name), folder / name, now, authority) for name in ("healthy", "expiring")]
    with SimulatedCluster(nodes, now, authority) as cluster:
        cluster.server.rotate(authority.apiserver(("127.0.0.1",), now))
        path = folder / "kubeconfig"
        path.write_text(json.dumps(cluster.server.kubeconfig(authority.pem, token="demo")))
        store = cluster.server.store
        store.put("pods", {"metadata": {"name": "node-debugger-1", "namespace": "default"}, "spec": {}})
        asked = store.objects("certificatesigningrequests")[0]
        store.put("certificatesigningrequests", {**asked, "metadata": {"name": "csr-new"}, "status": {}})
        names = {
            "NODE": nodes[0].name,
            "POOL": "nodepool1",
            "CSR": "csr-new",
            "NAME": store.names("validatingwebhookconfigurations")[0],
            "NAMESPACE": "kube-system",
            "SERVICEACCOUNT": "default",
            "DEPLOYMENT": "coredns",
            "POD": "node-debugger-1",
        }
        yield Lab(path, names)


def kubectl_commands() -> list[str]:
    """Each once, what changes something last."""
    each = {
        shlex.join(words[1:])
        for page in PAGES
        for command in commands(page)
        for words in parts(command)
        if words[:1] == ["kubectl"]
    }
    return sorted(each, key=lambda one: (one.split()[0] in {"cordon", "delete", "drain"}, one))


RUN = [one for one in kubectl_commands() if one.split()[0] not in ASIDE]


@pytest.mark.parametrize("command", RUN)
def test_a_command_of_a_runbook_runs(command: str, lab: Lab, tmp_path: Path) -> None:
    words = []
    for word in shlex.split(command):
        for placeholder, name in lab.names.items():
            word = word.replace(placeholder, name) if not word.startswith("custom-columns") else word  # noqa: PLW2901
        words.append(word)
    done = subprocess.run(
        [str(binary("kubectl")), "--kubeconfig", str(lab.kubeconfig), *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        check=False,
    )
    if NOT_SERVED.intersection(words[1].split(",")):
        assert "the server doesn't have a resource type" in done.stderr
    elif words[0] in {"create", "delete"} and words[1] in ONLY_READ:
        assert "the simulation only reads these" in done.stderr
    else:
        assert done.returncode == 0, done.stderr


def test_most_of_what_runbooks_tell_is_run() -> None:
    aside = [one for one in kubectl_commands() if one.split()[0] in ASIDE]
    assert len(RUN) > 50
    assert {one.split()[0] for one in aside} <= set(ASIDE)
