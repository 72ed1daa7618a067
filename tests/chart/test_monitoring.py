"""Monitors and rules: what makes a Prometheus scrape and judge the agents."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from cloudcoil.models.prometheus_operator import v1, v1alpha1

from exporter.findings import runbook_url
from tests.chart.rendering import CHART, EVERYTHING, Helm, Object, Objects, merged

OPERATOR, AZURE = "monitoring.coreos.com/v1", "azmonitoring.coreos.com/v1"
ALPHA = "monitoring.coreos.com/v1alpha1"
MODELS: dict[str, Any] = {
    "PodMonitor": v1.PodMonitor,
    "ServiceMonitor": v1.ServiceMonitor,
    "PrometheusRule": v1.PrometheusRule,
    "AlertmanagerConfig": v1alpha1.AlertmanagerConfig,
}


def monitors(objects: Objects, version: str) -> list[Object]:
    """Both monitors of an API version."""
    return [
        one for kind in ("PodMonitor", "ServiceMonitor") for one in objects.of(kind) if one["apiVersion"] == version
    ]


def endpoint(monitor: Object) -> Object:
    """A monitor's only endpoint."""
    spec = monitor["spec"]
    (only,) = spec.get("podMetricsEndpoints") or spec["endpoints"]
    found: Object = only
    return found


def test_every_monitor_and_rule_fits_the_operator_s_schema_to_the_field(everything: Objects) -> None:
    """The model drops what it does not know, so what comes back must be all there was."""
    checked = [one for one in everything if one["apiVersion"] in {OPERATOR, ALPHA}]
    assert {one["kind"] for one in checked} == set(MODELS)
    for one in checked:
        assert MODELS[one["kind"]].model_validate(one).model_dump(by_alias=True, exclude_none=True, mode="json") == one


def test_the_schema_knows_a_field_that_does_not_exist(everything: Objects) -> None:
    wrong = merged((everything.one("PrometheusRule"), {"spec": {"group": []}}))
    assert v1.PrometheusRule.model_validate(wrong).model_dump(by_alias=True, exclude_none=True, mode="json") != wrong


def test_azure_monitor_s_are_the_operator_s_with_the_limits_that_its_pipeline_has(everything: Objects) -> None:
    limits = {"labelLimit": 63, "labelNameLengthLimit": 511, "labelValueLengthLimit": 1023}
    for one, other in zip(monitors(everything, OPERATOR), monitors(everything, AZURE), strict=True):
        assert {**one, "apiVersion": AZURE, "spec": {**one["spec"], **limits}} == other


@pytest.mark.parametrize("version", [OPERATOR, AZURE])
def test_no_scrape_overwrites_the_label_node(version: str, everything: Objects) -> None:
    """A metric's own label becomes exported_node where the target has it too, unless told otherwise."""
    for one in monitors(everything, version):
        assert endpoint(one)["honorLabels"] is True
        assert "relabelings" not in endpoint(one)


def test_a_relabeling_of_one_s_own_cannot_take_that_away(helm: Helm) -> None:
    relabelings = [{"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}]
    values = {"monitors": {"prometheusOperator": True, "endpoint": {"relabelings": relabelings}}}
    for one in monitors(helm.objects(values), OPERATOR):
        assert (endpoint(one)["honorLabels"], endpoint(one)["relabelings"]) == (True, relabelings)


def test_the_pod_monitor_selects_the_agents_on_nodes_and_the_service_monitor_the_other(everything: Objects) -> None:
    pods = {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"] for one in everything.of("DaemonSet")
    }
    (pod_monitor, service_monitor) = monitors(everything, OPERATOR)
    selector = pod_monitor["spec"]["selector"]
    (expression,) = selector["matchExpressions"]
    for labels in pods.values():
        assert selector["matchLabels"].items() <= labels.items()
    assert {labels[expression["key"]] for labels in pods.values()} == set(expression["values"])
    wanted = service_monitor["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= everything.one("Service", "-cluster")["metadata"]["labels"].items()
    assert not wanted.items() <= everything.one("Service", "-node")["metadata"]["labels"].items()
    assert wanted["app.kubernetes.io/component"] not in expression["values"]


def test_the_port_that_is_scraped_exists(everything: Objects) -> None:
    for workload in (*everything.of("DaemonSet"), *everything.of("Deployment")):
        (only,) = workload["spec"]["template"]["spec"]["containers"]
        assert [port["name"] for port in only["ports"]] == ["metrics"]
    for service in everything.of("Service"):
        assert [port["name"] for port in service["spec"]["ports"]] == ["metrics"]
    assert {endpoint(one)["port"] for one in monitors(everything, OPERATOR)} == {"metrics"}


def test_monitors_speak_tls_where_the_exporter_does(helm: Helm, everything: Objects) -> None:
    assert {endpoint(one)["scheme"] for one in monitors(everything, OPERATOR)} == {"https"}
    plain = helm.objects({"monitors": {"prometheusOperator": True}})
    assert [one for one in monitors(plain, OPERATOR) if "scheme" in endpoint(one)] == []


def test_both_agents_have_one_job(everything: Objects) -> None:
    for one in monitors(everything, OPERATOR):
        assert one["spec"]["jobLabel"] == "app.kubernetes.io/name"


def groups(folder: Path) -> list[Any]:
    """The groups of all rule files, in the order of their names."""
    return [
        group
        for file in sorted(folder.glob("files/rules/*.yaml"))
        for group in yaml.safe_load(file.read_text())["groups"]
    ]


def test_the_rules_reach_the_cluster_as_they_stand_in_their_files(helm: Helm, sample: Path) -> None:
    """Prometheus's own templates in annotations look like Helm's; neither may touch the other's."""
    rendered = helm.objects({"prometheusRule": {"enabled": True}}, chart=sample).one("PrometheusRule")
    assert rendered["spec"]["groups"] == groups(sample)


def test_an_alert_can_be_left_out_by_name(helm: Helm, sample: Path) -> None:
    values = {"prometheusRule": {"enabled": True, "disabledAlerts": ["AksCertServingOptOutTag"]}}
    rendered = helm.objects(values, chart=sample).one("PrometheusRule")
    names = [rule.get("alert") for group in rendered["spec"]["groups"] for rule in group["rules"]]
    wanted = [rule.get("alert") for group in groups(sample) for rule in group["rules"]]
    assert names == [name for name in wanted if name != "AksCertServingOptOutTag"] != wanted


RUNBOOKS = "https://wiki.example/runbooks"


def alerts(helm: Helm, **settings: Any) -> list[Any]:
    """The alerts as rendered, each a row of the rule files with what the settings changed."""
    runbooks = settings.pop("runbooks", "")
    values = {"prometheusRule": {"enabled": True, **settings}, "runbooks": {"url": runbooks}}
    found = helm.objects(values).one("PrometheusRule")["spec"]["groups"]
    return [rule for group in found for rule in group["rules"] if "alert" in rule]


def test_labels_of_one_s_own_stand_on_every_alert_beside_its_severity(helm: Helm) -> None:
    for changed, shipped in zip(alerts(helm, alertLabels={"team": "sre"}), alerts(helm), strict=True):
        assert changed == {**shipped, "labels": {**shipped["labels"], "team": "sre"}}


@pytest.mark.parametrize("address", [RUNBOOKS, f"{RUNBOOKS}/"])
def test_every_runbook_is_looked_for_at_the_base_that_is_set(address: str, helm: Helm) -> None:
    changed, shipped = alerts(helm, runbooks=address), alerts(helm)
    assert [rule["annotations"].pop("runbook_url") for rule in changed] == [
        runbook_url(rule["alert"], RUNBOOKS) for rule in shipped if rule["annotations"].pop("runbook_url")
    ]
    assert changed == shipped


@pytest.mark.parametrize("address", [RUNBOOKS, f"{RUNBOOKS}/"])
def test_the_dashboards_lead_to_the_runbooks_at_the_base_that_is_set(address: str, helm: Helm) -> None:
    shipped, changed = (
        [
            one["data"]
            for one in helm.objects({"dashboards": {"enabled": True}, **more}).of("ConfigMap")
            if "data" in one
        ]
        for more in ({}, {"runbooks": {"url": address}})
    )
    theirs = "https://github.com/aks-cert-exporter/aks-cert-exporter/blob/main/docs/runbooks"
    assert theirs in str(shipped)
    assert str(changed) == str(shipped).replace(theirs, RUNBOOKS)


PENDING = "AksCertCsrPending"


@pytest.mark.parametrize(
    ("override", "wanted"),
    [
        ({"for": "45m"}, [{"for": "45m"}, {"for": "45m"}]),
        ({"critical": {"for": "1d"}, "for": "45m"}, [{"for": "45m"}, {"for": "1d"}]),
        ({"severity": "info"}, [{"labels": {"severity": "info"}}, {"labels": {"severity": "info"}}]),
        ({"critical": {"severity": "warning"}}, [{}, {"labels": {"severity": "warning"}}]),
        ({"labels": {"team": "sre"}}, [{"labels": {"team": "sre"}}, {"labels": {"team": "sre"}}]),
        ({"warning": {"disabled": True}}, [None, {}]),
        ({"disabled": True}, [None, None]),
        ({"disabled": True, "critical": {"disabled": False}}, [None, {}]),
    ],
    ids=str,
)
def test_an_override_changes_the_alert_it_names_and_no_other(override: Any, wanted: list[Any], helm: Helm) -> None:
    shipped = alerts(helm)
    forms = {"warning": wanted[0], "critical": wanted[1]}
    expected = []
    for rule in shipped:
        change = forms[rule["labels"]["severity"]] if rule["alert"] == PENDING else {}
        if change is not None:
            expected.append(merged((rule, change)))
    assert alerts(helm, overrides={PENDING: override}) == expected


@pytest.mark.parametrize("settings", [{"overrides": {"AksCertOther": {}}}, {"disabledAlerts": ["AksCertOther"]}])
def test_an_alert_that_does_not_exist_is_refused_by_name(settings: Any, helm: Helm) -> None:
    refusal = helm.refusal({"prometheusRule": {"enabled": True, **settings}})
    assert "the alert AksCertOther, which does not exist; there are AksCert" in refusal


def test_the_inhibition_rules_reach_the_operator_as_alertmanager_reads_them(everything: Objects) -> None:
    rendered = everything.one("AlertmanagerConfig")["spec"]["inhibitRules"]
    shipped = yaml.safe_load((CHART / "files/alertmanager/inhibit_rules.yaml").read_text())["inhibit_rules"]

    def written(matchers: Any) -> list[str]:
        return [f'{one["name"]}{one["matchType"]}"{one["value"]}"' for one in matchers]

    assert [
        {
            "source_matchers": written(rule["sourceMatch"]),
            "target_matchers": written(rule["targetMatch"]),
            "equal": rule["equal"],
        }
        for rule in rendered
    ] == shipped
    assert len(shipped) > 10


def test_a_maximum_age_of_your_policy_becomes_the_series_that_its_rule_compares_with(
    helm: Helm, defaults: Objects
) -> None:
    rendered = helm.objects({"prometheusRule": {"enabled": True, "maxAgeDays": 90}}).one("PrometheusRule")
    (last,) = rendered["spec"]["groups"][-1]["rules"]
    assert last == {"record": "akscert:policy_max_age:seconds", "expr": "vector(90 * 86400)"}
    without = helm.objects(merged((EVERYTHING, {"prometheusRule": {"maxAgeDays": 0}}))).one("PrometheusRule")
    assert "akscert:policy_max_age:seconds" not in {
        rule.get("record") for g in without["spec"]["groups"] for rule in g["rules"]
    }


def test_labels_by_which_a_prometheus_selects_stand_on_monitors_and_rules(helm: Helm) -> None:
    labels = {"labels": {"release": "kube-prometheus-stack"}}
    objects = helm.objects(merged((EVERYTHING, {"monitors": labels, "prometheusRule": labels})))
    for one in (*monitors(objects, OPERATOR), *monitors(objects, AZURE), objects.one("PrometheusRule")):
        assert one["metadata"]["labels"]["release"] == "kube-prometheus-stack"
