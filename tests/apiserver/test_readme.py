"""The README's installation, pasted: on a real API server, with a stand-in for `az`."""

import itertools
import json
import os
import re
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.apiserver.controlplane import ControlPlane, free_port
from tools.helm import ROOT, binary

RELEASE = "aks-cert-exporter"
README = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Install it on your cluster")[2]
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
NAMES, BUILD, FULL, CLUSTER_ONLY = BLOCKS[:4]

KINDS = ("PodMonitor", "ServiceMonitor", "PrometheusRule")
MONITORS = {
    "monitoring.coreos.com": KINDS,
    "azmonitoring.coreos.com": ("PodMonitor", "ServiceMonitor"),
}
"""Custom resources that the operators bring to a cluster before this is installed on it."""


def definition(group: str, kind: str) -> dict[str, Any]:
    """A custom resource definition that takes every field."""
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


class Reader:
    """Somebody who pastes blocks into a shell, in the checkout."""

    def __init__(self, plane: ControlPlane, folder: Path, namespace: str) -> None:
        self.plane, self.folder, self.namespace = plane, folder, namespace
        # policy/v1 is of 1.21: no AKS is as old, but the API server that Debian's source makes is.
        old = " --set cluster.podDisruptionBudget.enabled=false" if plane.minor() < 21 else ""
        for name, text in (
            ("az", f'#!/bin/sh\nprintf "%s\\n" "$*" >>"{folder}/az.log"\n'),
            ("helm", f'#!/bin/sh\n[ "$1" = upgrade ] && set -- "$@"{old}\nexec "{binary("helm")}" "$@"\n'),
            ("kubectl", f'#!/bin/sh\nexec "{binary("kubectl")}" "$@"\n'),
        ):
            (folder / name).write_text(text)
            (folder / name).chmod(stat.S_IRWXU)

    def paste(self, *blocks: str) -> str:
        """Run blocks in one shell, with the namespace's name filled in; they must not fail."""
        environment = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "KUBECONFIG": str(self.plane.kubeconfig()),
        }
        script = re.sub(rf"(namespace) {RELEASE}\b", rf"\1 {self.namespace}", "\n".join(blocks))
        shell = ["bash", "-euo", "pipefail", "-c", script]
        answer = subprocess.run(shell, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    @property
    def built(self) -> set[str]:
        """References of the images that `az acr build` was told to make."""
        lines = (self.folder / "az.log").read_text().splitlines()
        found = [re.search(r"acr build -r (\S+) -t (\S+) --target (\S+)", line) for line in lines]
        return {f"{one[1]}.azurecr.io/{one[2]}" for one in found if one}

    def pods(self) -> dict[str, dict[str, Any]]:
        """The Pod that each workload makes, by the workload's name."""
        items = self.plane.objects("daemonsets,deployments", "--namespace", self.namespace)
        return {one["metadata"]["name"]: one["spec"]["template"] for one in items}

    def refusal(self, template: dict[str, Any], level: str) -> str:
        """Why the API server's admission refuses a Pod in the namespace, at a Pod Security level; empty where not."""
        label = f"pod-security.kubernetes.io/enforce={level}"
        self.plane.kubectl("label", "--overwrite", "namespace", self.namespace, label)
        metadata = {"name": "tried", "namespace": self.namespace, "labels": template["metadata"]["labels"]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        said = self.plane.kubectl(
            "create", "--dry-run=server", "-o", "name", "-f", "-", stdin=json.dumps(pod), check=False
        )
        return "" if said.strip() == "pod/tried" else said


@pytest.fixture(scope="module")
def custom(plane: ControlPlane) -> None:
    """The operators' custom resources are there. Skip where the API server cannot hold them; one that can (1.25) knows
    Pod Security admission, too.
    """
    if (found := plane.minor()) < 25:
        pytest.skip(f"this API server is of 1.{found}: that of 1.20 crashes on custom resources")
    for group, kinds in MONITORS.items():
        for kind in kinds:
            plane.apply(definition(group, kind))
            plane.kubectl("wait", "--for=condition=Established", f"crd/{kind.lower()}s.{group}", "--timeout=30s")


NUMBERS = itertools.count()


@pytest.fixture
def reader(plane: ControlPlane, custom: None, tmp_path: Path) -> Iterator[Reader]:
    """A reader with a namespace to fill. It stays when the installation goes: nobody here empties deleted ones."""
    found = Reader(plane, tmp_path, f"readme-{next(NUMBERS)}")
    yield found
    found.paste(f"helm uninstall {RELEASE} --namespace {RELEASE}")


def test_the_full_installation_arrives_with_the_images_that_were_built(reader: Reader) -> None:
    reader.paste(NAMES, BUILD, FULL)
    images = {one["image"] for pod in reader.pods().values() for one in pod["spec"]["containers"]}
    assert len(images) == 2
    assert images == reader.built
    monitors = reader.plane.kubectl(
        "get",
        ",".join(f"{kind.lower()}s.monitoring.coreos.com" for kind in KINDS),
        "-n",
        reader.namespace,
        "-o",
        "json",
    )
    found = json.loads(monitors)["items"]
    assert {one["kind"] for one in found} == set(KINDS)
    assert {one["metadata"]["labels"]["release"] for one in found} == {"kube-prometheus-stack"}


def test_the_namespace_of_the_full_installation_admits_its_pods_and_a_stricter_one_does_not(reader: Reader) -> None:
    reader.paste(NAMES, FULL)
    labels = json.loads(reader.plane.kubectl("get", "namespace", reader.namespace, "-o", "json"))["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"
    pods = reader.pods()
    assert {name: reader.refusal(pod, "privileged") for name, pod in pods.items()} == dict.fromkeys(pods, "")
    assert "hostPath volumes" in reader.refusal(pods[f"{RELEASE}-node"], "baseline")


def test_the_notes_of_an_upgrade_warn_of_a_namespace_that_refuses_the_node_agent(reader: Reader) -> None:
    reader.paste(NAMES, FULL)
    reader.plane.kubectl(
        *("label", "--overwrite", "namespace", reader.namespace, "pod-security.kubernetes.io/enforce=baseline")
    )
    upgrade = f"helm upgrade {RELEASE} helm/aks-cert-exporter --namespace {RELEASE} --reuse-values"
    assert 'the namespace enforces Pod Security level "baseline"' in reader.paste(upgrade)


def test_the_cluster_only_installation_is_admitted_under_the_restricted_standard(reader: Reader) -> None:
    reader.paste(NAMES, CLUSTER_ONLY)
    pods = reader.pods()
    assert set(pods) == {f"{RELEASE}-cluster"}
    assert {name: reader.refusal(pod, "restricted") for name, pod in pods.items()} == dict.fromkeys(pods, "")
    elsewhere = reader.plane.kubectl(
        *("get", "roles,rolebindings,services,configmaps", "--all-namespaces", "-o", "json"),
        *("-l", f"app.kubernetes.io/instance={RELEASE}"),
    )
    assert {one["metadata"]["namespace"] for one in json.loads(elsewhere)["items"]} == {reader.namespace}


@pytest.mark.parametrize("block", [FULL, CLUSTER_ONLY], ids=["full", "cluster-only"])
def test_the_installed_rights_are_enough_for_every_source_of_a_running_cluster_agent(
    block: str, reader: Reader, tmp_path: Path
) -> None:
    """The agent as the Deployment starts it, with its own service account's token, beside the real API server."""
    reader.paste(NAMES, block)
    token = reader.plane.kubectl("create", "token", f"{RELEASE}-cluster", "--namespace", reader.namespace).strip()
    (container,) = reader.pods()[f"{RELEASE}-cluster"]["spec"]["containers"]
    port = free_port()
    words = [one for one in container["args"] if not one.startswith("--web.listen-address")]
    command = [sys.executable, "-m", "exporter", *words, f"--web.listen-address=127.0.0.1:{port}"]
    command += [f"--kubeconfig={reader.plane.kubeconfig('', token=token)}"]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stderr=log, stdout=log) as agent:
        try:
            wanted = {"csrs", "nodes", "configmaps", "leases", "webhooks", "apiservices", "apiserver"}
            up = sources(port, wanted | ({"node_agents"} if block == FULL else set()))
            assert [name for name, value in up.items() if value != "1"] == [], (tmp_path / "log").read_text()
            assert ("node_agents" in up) == (block == FULL)
        finally:
            agent.terminate()


def sources(port: int, wanted: set[str]) -> dict[str, str]:
    """Which sources answer, once all that are wanted have been heard of, or the last word after a minute."""
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                found = dict(re.findall(r'akscert_source_up\{source="(\w+)"\} (\d)', answer.read().decode()))
        except OSError:
            found = {}
        if (wanted <= set(found) and set(found.values()) == {"1"}) or time.monotonic() > end:
            return found
        time.sleep(0.2)
