"""The chart on a real API server: installed, looked at, upgraded, removed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from exporter.sources.kube.resource import RESOURCES
from tests.apiserver.controlplane import ControlPlane
from tests.chart.rendering import CHART, EVERYTHING, Helm, merged

RELEASE, NAMESPACE = "certs", "certs"
KINDS = (
    *("daemonsets", "deployments", "services", "serviceaccounts", "configmaps", "networkpolicies"),
    *("clusterroles", "clusterrolebindings", "roles", "rolebindings"),
)
VALUES = merged(
    (
        EVERYTHING,
        # The API server of the tests may be older than any of AKS: policy/v1 is of 1.21, HostProcess of 1.22.
        {"cluster": {"podDisruptionBudget": {"enabled": False}}, "node": {"windows": {"enabled": False}}},
        # Monitors and rules are custom resources of operators that are not there; their schemas are tried elsewhere.
        {"monitors": {"prometheusOperator": False, "azureMonitor": False}, "prometheusRule": {"enabled": False}},
        {"alertmanagerConfig": {"enabled": False}, "dashboards": {"grafanaOperator": {"enabled": False}}},
    )
)


class Release:
    """The chart's release on a control plane."""

    def __init__(self, plane: ControlPlane, helm: Helm) -> None:
        self.plane, self.helm = plane, helm

    def run(self, *words: str, values: dict[str, Any] | None = None) -> str:
        """A helm command on the cluster."""
        common = ("--kubeconfig", str(self.plane.kubeconfig()), "--namespace", NAMESPACE)
        answer = self.helm.run(*words, *common, values=values)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def manifest(self) -> list[dict[str, Any]]:
        """What helm has sent."""
        return [one for one in yaml.safe_load_all(self.run("get", "manifest", RELEASE)) if one]

    def live(self) -> dict[tuple[str, str], dict[str, Any]]:
        """What the API server has of it, by kind and name."""
        found = json.loads(
            self.plane.kubectl("get", "-f", "-", "-o", "json", stdin=json.dumps(listed(self.manifest())))
        )
        return {(one["apiVersion"] + one["kind"], one["metadata"]["name"]): one for one in found["items"]}

    def can(self, account: str, *words: str) -> bool:
        """Whether a service account of the release may do something."""
        user = f"system:serviceaccount:{NAMESPACE}:{RELEASE}-aks-cert-exporter-{account}"
        return self.plane.kubectl("auth", "can-i", *words, f"--as={user}", check=False).startswith("yes")


def listed(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Objects as one."""
    return {"apiVersion": "v1", "kind": "List", "items": items}


@pytest.fixture(scope="module")
def release(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """The installed release."""
    found = Release(plane, Helm(tmp_path_factory.mktemp("helm")))
    found.run("install", RELEASE, str(CHART), "--create-namespace", values=VALUES)
    yield found
    found.run("uninstall", RELEASE)
    left = plane.kubectl(
        "get", ",".join(KINDS), "--all-namespaces", "-l", f"app.kubernetes.io/instance={RELEASE}", "-o", "name"
    )
    assert left == ""


def missing(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Where an object lacks something that was sent, or has it otherwise."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            one
            for key, value in wanted.items()
            if value is not None
            for one in missing(value, found.get(key), f"{path}.{key}")
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [one for index, value in enumerate(wanted) for one in missing(value, found[index], f"{path}[{index}]")]
    return [] if wanted == found else [f"{path}: {wanted!r} became {found!r}"]


def test_every_object_arrives_and_no_field_is_dropped(release: Release) -> None:
    live = release.live()
    sent = release.manifest()
    assert {one["kind"].lower() for one in sent} == {
        kind.replace("policies", "policy").removesuffix("s") for kind in KINDS
    }
    assert len(live) == len(sent)
    dropped = {
        one["kind"]: lost
        for one in sent
        if (lost := missing(one, live[one["apiVersion"] + one["kind"], one["metadata"]["name"]]))
    }
    assert dropped == {}


def test_the_cluster_agent_may_do_what_is_declared(release: Release) -> None:
    for resource in RESOURCES:
        kind = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
        scope = ["--namespace", resource.namespace] if resource.namespace else []
        for verb in resource.verbs:
            for name in resource.names or ("",):
                assert release.can("cluster", verb, f"{kind}/{name}" if name else kind, *scope), (verb, kind, name)


@pytest.mark.parametrize(
    "words",
    [("get", "secrets"), ("list", "pods"), ("get", "nodes/proxy"), ("update", "nodes"), ("delete", "csr")],
    ids=" ".join,
)
def test_the_cluster_agent_may_do_nothing_else(release: Release, words: tuple[str, ...]) -> None:
    assert not release.can("cluster", *words, "--all-namespaces")


@pytest.mark.parametrize(
    "words", [("list", "nodes"), ("list", "csr"), ("get", "secrets"), ("get", "configmaps")], ids=" ".join
)
def test_the_node_agent_s_account_may_do_nothing_at_all(release: Release, words: tuple[str, ...]) -> None:
    assert not release.can("node", *words, "--namespace", NAMESPACE)


def test_an_upgrade_rolls_the_pods_only_when_their_settings_changed(release: Release) -> None:
    def generation() -> int:
        name = f"{RELEASE}-aks-cert-exporter-node"
        return int(release.plane.kubectl("get", "ds", name, "-n", NAMESPACE, "-o", "jsonpath={.metadata.generation}"))

    before = generation()
    release.run("upgrade", RELEASE, str(CHART), values=VALUES)
    assert generation() == before
    release.run("upgrade", RELEASE, str(CHART), values=merged((VALUES, {"config": {"paths": {"preset": "aks-linux"}}})))
    assert generation() == before + 1


def test_the_notes_say_what_to_look_at_next(release: Release) -> None:
    notes = release.run("get", "notes", RELEASE)
    assert f"kubectl -n {NAMESPACE} rollout status daemonset/{RELEASE}-aks-cert-exporter-node" in notes
    assert "Nothing alerts yet" in notes
