"""The chart as a whole: lint, schemas of all objects, switches, names, the archive."""

import tarfile
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from exporter import __version__
from tests.chart.rendering import CHART, EVERYTHING, Helm, Object, Objects, container, merged, nested

CUSTOM = ("monitoring.coreos.com/", "azmonitoring.coreos.com/", "grafana.integreatly.org/")


def core(objects: Objects) -> list[Object]:
    """Objects of Kubernetes itself."""
    return [one for one in objects if not one["apiVersion"].startswith(CUSTOM)]


def test_helm_lint_finds_nothing_in_strict_mode(helm: Helm) -> None:
    for values in ({}, EVERYTHING):
        answer = helm.run("lint", "--strict", str(CHART), values=values)
        assert (answer.returncode, "[WARNING]" in answer.stdout) == (0, False), answer.stdout


def test_the_chart_has_the_version_of_the_project() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__


@pytest.mark.parametrize("which", ["defaults", "everything"])
def test_every_object_of_kubernetes_fits_its_schema_to_the_field(which: str, request: pytest.FixtureRequest) -> None:
    for one in core(request.getfixturevalue(which)):
        kubernetes_validate.validate(one, "1.37", strict=True)


def test_the_schemas_know_what_does_not_fit(defaults: Objects) -> None:
    broken = merged((defaults.one("Deployment"), {"spec": {"replica": 1}}))
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.37", strict=True)


def test_no_two_objects_share_kind_group_and_name(everything: Objects) -> None:
    keys = [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in everything]
    assert len(keys) == len(set(keys))


def test_every_object_carries_the_common_labels_beside_the_recommended_ones(helm: Helm) -> None:
    for one in helm.objects(merged((EVERYTHING, {"commonLabels": {"team": "sre"}}))):
        labels = one["metadata"]["labels"]
        assert labels["team"] == "sre"
        assert {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/version"} <= set(labels)


def test_every_namespaced_object_names_its_namespace(everything: Objects) -> None:
    """`helm template | kubectl apply` would put it into the current one otherwise."""
    for one in everything:
        if not one["kind"].startswith("ClusterRole"):
            allowed = {"monitoring", "kube-system"} if one["kind"] in {"Role", "RoleBinding"} else {"monitoring"}
            assert one["metadata"]["namespace"] in allowed, one


def test_a_namespace_of_one_s_own_replaces_the_release_s_everywhere(helm: Helm) -> None:
    objects = helm.objects(merged((EVERYTHING, {"namespaceOverride": "certs"})))
    found = {one["metadata"]["namespace"] for one in objects if "namespace" in one["metadata"]}
    assert found == {"certs", "kube-system"}
    for binding in (*objects.of("ClusterRoleBinding"), *objects.of("RoleBinding")):
        assert [subject["namespace"] for subject in binding["subjects"]] == ["certs"]
    assert "monitoring" not in repr([container(objects.pod("Deployment", "-cluster"))["args"], objects.one("Pod")])


def test_objects_of_one_s_own_are_created_with_their_templates_rendered(helm: Helm) -> None:
    extra = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "{{ .Release.Name }}-one"},
        "stringData": {"a": "b"},
    }
    text = 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ include "aks-cert-exporter.fullname" . }}-two\n'
    objects = helm.objects({"extraObjects": [extra, text]})
    assert {one["metadata"]["name"] for one in objects.of("Secret")} == {"x-one", "x-aks-cert-exporter-two"}


def test_names_stay_valid_for_the_longest_release_name(helm: Helm) -> None:
    for one in helm.objects(EVERYTHING, release="r" * 53):
        assert len(one["metadata"]["name"]) <= 63 or one["kind"] == "ConfigMap"
        for value in one["metadata"]["labels"].values():
            assert len(value) <= 63


def test_a_full_name_replaces_all_names(helm: Helm) -> None:
    for one in helm.objects({"fullnameOverride": "certs"}):
        assert one["metadata"]["name"].startswith(("certs", "monitoring-certs"))


def test_selectors_find_the_pods_they_are_for_and_no_others(everything: Objects) -> None:
    pods = {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"]
        for one in (*everything.of("DaemonSet"), *everything.of("Deployment"))
    }
    for one in everything:
        selector = one["spec"].get("selector") or one["spec"].get("podSelector") if "spec" in one else None
        if one["kind"] in {"PodMonitor", "ServiceMonitor", "PrometheusRule"} or selector is None:
            continue
        wanted = selector.get("matchLabels", selector)
        found = {name for name, labels in pods.items() if wanted.items() <= labels.items()}
        both = one["kind"] == "Service" and one["metadata"]["name"].endswith("-node")  # for Linux and Windows
        assert found == {one["metadata"]["name"], *([f"{one['metadata']['name']}-windows"] if both else [])}


def test_the_node_agents_service_has_no_address_and_the_cluster_agent_is_told_its_name(
    helm: Helm, defaults: Objects
) -> None:
    service = defaults.one("Service", "-node")
    assert (service["spec"]["clusterIP"], service["spec"]["publishNotReadyAddresses"]) == ("None", True)
    arguments = container(defaults.pod("Deployment", "-cluster"))["args"]
    assert f"--node-agents.service=monitoring/{service['metadata']['name']}" in arguments
    without = helm.objects({"node": {"enabled": False}})
    assert [one for one in container(without.pod("Deployment", "-cluster"))["args"] if "node-agents" in one] == []


SWITCHES: list[tuple[str, Any, set[str]]] = [
    ("node.enabled", False, {"DaemonSet", "NetworkPolicy", "Role", "RoleBinding", "Service", "ServiceAccount"}),
    (
        "cluster.enabled",
        False,
        {
            *("ClusterRole", "ClusterRoleBinding", "Deployment", "NetworkPolicy", "PodDisruptionBudget"),
            *("Role", "RoleBinding", "Service", "ServiceAccount"),
        },
    ),
    ("cluster.rbac.create", False, {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}),
    ("cluster.podDisruptionBudget.enabled", False, {"PodDisruptionBudget"}),
    ("cluster.serviceAccount.create", False, {"ServiceAccount"}),
    ("node.serviceAccount.create", False, {"ServiceAccount"}),
    ("networkPolicy.enabled", False, {"NetworkPolicy"}),
    ("monitors.prometheusOperator", True, {"PodMonitor", "ServiceMonitor"}),
    ("monitors.azureMonitor", True, {"PodMonitor", "ServiceMonitor"}),
    ("prometheusRule.enabled", True, {"PrometheusRule"}),
    ("alertmanagerConfig.enabled", True, {"AlertmanagerConfig"}),
    ("dashboards.enabled", True, {"ConfigMap"}),
    ("dashboards.grafanaOperator.enabled", True, {"ConfigMap", "GrafanaDashboard"}),
    ("tests.enabled", False, {"Pod"}),
    ("cluster.rbac.kubeSystemRole", False, {"Role", "RoleBinding"}),
    ("config", {"paths": {"preset": "aks-linux"}}, {"ConfigMap"}),
]


@pytest.mark.parametrize(("key", "value", "kinds"), SWITCHES, ids=[key for key, _, _ in SWITCHES])
def test_a_switch_adds_or_removes_just_the_objects_it_is_for(
    key: str, value: Any, kinds: set[str], helm: Helm, defaults: Objects
) -> None:
    changed = helm.objects(nested(key, value))
    assert {kind for kind, _ in changed.names ^ defaults.names} == kinds


def test_each_dashboard_becomes_a_config_map_for_the_sidecar_with_its_bytes(helm: Helm, sample: Path) -> None:
    objects = helm.objects(
        {"dashboards": {"enabled": True, "annotations": {"grafana_folder": "Certificates"}}}, chart=sample
    )
    shipped = sorted((sample / "files/dashboards").glob("*.json"))
    assert len(objects.of("ConfigMap")) == len(shipped) > 0
    for file in shipped:
        one = objects.one("ConfigMap", f"-{file.stem}")
        assert one["data"] == {file.name: file.read_text().rstrip("\n")}
        assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert one["metadata"]["annotations"] == {"grafana_folder": "Certificates"}


def test_grafana_s_operator_finds_each_dashboard_in_its_config_map(helm: Helm, sample: Path) -> None:
    operator = {"enabled": True, "instanceSelector": {"grafana": "sre"}, "folder": "Certificates"}
    objects = helm.objects({"dashboards": {"grafanaOperator": operator}}, chart=sample)
    maps = {one["metadata"]["name"]: one["data"] for one in objects.of("ConfigMap")}
    assert len(objects.of("GrafanaDashboard")) == len(maps) > 0
    for one in objects.of("GrafanaDashboard"):
        spec = one["spec"]
        assert spec["configMapRef"]["key"] in maps[spec["configMapRef"]["name"]]
        assert spec["allowCrossNamespaceImport"] is True  # else a Grafana of another namespace is never matched
        assert (spec["instanceSelector"], spec["folder"]) == ({"matchLabels": {"grafana": "sre"}}, "Certificates")


def test_the_archive_holds_the_schema_and_every_file_the_templates_read(helm: Helm, tmp_path: Path) -> None:
    answer = helm.run("package", str(CHART), "--destination", str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    (archive,) = tmp_path.glob("*.tgz")
    with tarfile.open(archive) as opened:
        packed = set(opened.getnames())
    read = [
        *CHART.glob("templates/**/*.*"),
        *CHART.glob("files/**/*.*"),
        CHART / "values.schema.json",
        CHART / "values-automatic.yaml",
    ]
    assert {f"aks-cert-exporter/{file.relative_to(CHART)}" for file in read} <= packed
