"""The chart as a whole: lint, schemas of all objects, switches, names, the archive."""

import tarfile
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from exporter import __version__
from tests.chart.rendering import CHART, EVERYTHING, Helm, Object, Objects, merged, nested

MONITORING = ("monitoring.coreos.com/v1", "azmonitoring.coreos.com/v1")


def core(objects: Objects) -> list[Object]:
    """Objects of Kubernetes itself."""
    return [one for one in objects if one["apiVersion"] not in MONITORING]


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
    elsewhere = {"Role": "kube-system", "RoleBinding": "kube-system"}
    for one in everything:
        if not one["kind"].startswith("ClusterRole"):
            assert one["metadata"]["namespace"] == elsewhere.get(one["kind"], "monitoring"), one


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
        assert found == {one["metadata"]["name"]}


SWITCHES: list[tuple[str, Any, set[str]]] = [
    ("node.enabled", False, {"DaemonSet", "NetworkPolicy", "ServiceAccount"}),
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


def test_the_archive_holds_the_schema_and_every_file_the_templates_read(helm: Helm, tmp_path: Path) -> None:
    answer = helm.run("package", str(CHART), "--destination", str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    (archive,) = tmp_path.glob("*.tgz")
    with tarfile.open(archive) as opened:
        packed = set(opened.getnames())
    read = [*CHART.glob("templates/*"), *CHART.glob("files/**/*.*"), CHART / "values.schema.json"]
    assert {f"aks-cert-exporter/{file.relative_to(CHART)}" for file in read} <= packed
