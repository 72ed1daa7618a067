"""The values: documented, checked to the key, and each of them does something."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.facts.host.evidence_file import EvidenceFile
from exporter.facts.host.paths import Means, NamedBy
from exporter.reason import Role
from exporter.settings import AGENTS, SETTINGS
from tests.chart.rendering import CHART, EVERYTHING, Helm, Objects, merged, nested
from tools.values import GENERATED, values_table

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())

REFUSED: list[tuple[str, Any, str]] = [
    ("nodes", {}, "additional properties 'nodes'"),
    ("global.imageRegistry", "https://contoso.azurecr.io", "/global/imageRegistry"),
    ("image.registry", "no spaces", "/image/registry"),
    ("namespaceOverride", "No", "/namespaceOverride"),
    ("extraObjects", [1], "/extraObjects/0"),
    ("runbooks.url", "wiki.example", "/runbooks/url"),
    ("grafana.url", "grafana.example", "/grafana/url"),
    ("node.image.digest", "sha256:short", "/node/image/digest"),
    ("node.hostUsers", "no", "/node/hostUsers"),
    ("node.recursiveReadOnly", True, "/node/recursiveReadOnly"),
    ("node.seccompProfile", {"type": "Localhost"}, "/node/seccompProfile"),
    ("node.appArmorProfile", {"type": "Other"}, "/node/appArmorProfile/type"),
    ("node.extraVolumes", [{"configMap": {}}], "missing property 'name'"),
    ("node.extraVolumeMounts", [{"name": "x", "mountPath": "/host/etc"}], "/node/extraVolumeMounts/0/mountPath"),
    ("cluster.extraVolumeMounts", [{"name": "x"}], "missing property 'mountPath'"),
    ("cluster.kubelets.interval", "often", "/cluster/kubelets/interval"),
    ("cluster.kubelets.port", 0, "/cluster/kubelets/port"),
    ("cluster.endpoints.enabled", "auto", "/cluster/endpoints/enabled"),
    ("cluster.workloads.enabled", "auto", "/cluster/workloads/enabled"),
    ("cluster.preflight.enabled", "auto", "/cluster/preflight/enabled"),
    ("prometheusRule.alertLabels", {"severity": "page"}, "/prometheusRule/alertLabels"),
    ("prometheusRule.alertLabels", {"a-b": "c"}, "additional properties 'a-b'"),
    ("prometheusRule.overrides", {"AksCertExpired": {"expr": "up"}}, "additional properties 'expr'"),
    ("prometheusRule.overrides", {"AksCertExpired": {"for": "soon"}}, "/prometheusRule/overrides/AksCertExpired/for"),
    ("prometheusRule.overrides", {"Other": {"disabled": True}}, "additional properties 'Other'"),
    ("alertmanagerConfig.enabled", "yes", "/alertmanagerConfig/enabled"),
    ("dashboards.grafanaOperator.folder", 1, "/dashboards/grafanaOperator/folder"),
    ("tests.enabled", "yes", "/tests/enabled"),
    ("image.digest", "sha256:short", "/image/digest"),
    ("image.repository", "no spaces", "/image/repository"),
    ("image.pullPolicy", "Sometimes", "/image/pullPolicy"),
    ("imagePullSecrets", ["name"], "/imagePullSecrets/0"),
    ("port", "9964", "/port"),
    ("port", 70000, "/port"),
    ("log.level", "verbose", "/log/level"),
    ("log.format", "xml", "/log/format"),
    ("config.host-root", "/", "additional properties 'host-root'"),
    ("config.paths", {"certificates": {"kubelet": []}}, "additional properties 'kubelet'"),
    ("config.paths", {"certificates": {"cluster-ca": ["relative"]}}, "/config/paths/certificates/cluster-ca/0"),
    ("config.paths", {"preset": "eks"}, "/config/paths/preset"),
    ("webConfig.tls", True, "/webConfig/secretName"),
    ("webConfig", {"secretName": "web", "clientCertificates": True}, "/webConfig/tls"),
    ("azure.enabled", "maybe", "/azure/enabled"),
    ("azure.resourceId", "aks1", "/azure/resourceId"),
    ("azure.endpoint", "http://plain.example", "/azure/endpoint"),
    ("azure.workloadIdentity.clientId", "mine", "/azure/workloadIdentity/clientId"),
    ("node.kubeletDirectory", "all", "/node/kubeletDirectory"),
    ("node.extraHostPaths", ["relative"], "/node/extraHostPaths/0"),
    ("node.capabilities", ["SYS_ADMIN"], "/node/capabilities/0"),
    ("node.resources", {"limits": {"memory": "lots"}}, "/node/resources/limits/memory"),
    ("node.tolerations", [{"operator": "Always"}], "/node/tolerations/0/operator"),
    ("node.updateStrategy.rollingUpdate.maxUnavailable", "ten", "/node/updateStrategy/rollingUpdate/maxUnavailable"),
    ("node.extraArgs", ["cluster"], "/node/extraArgs/0"),
    ("node.extraEnv", [{"value": "x"}], "missing property 'name'"),
    ("node.windows.enabled", True, "/node/windows/image/repository"),
    ("cluster.replicas", 2, "additional properties 'replicas'"),
    ("cluster.apiserverAddresses", ["https://example.com"], "/cluster/apiserverAddresses/0"),
    ("cluster.podDisruptionBudget.minAvailable", 1, "additional properties 'minAvailable'"),
    ("networkPolicy.scrapers", [{"labels": {}}], "additional properties 'labels'"),
    ("monitors.interval", "1 minute", "/monitors/interval"),
    ("monitors.endpoint", {"honorLabels": False}, "additional properties 'honorLabels'"),
    ("prometheusRule.maxAgeDays", -1, "/prometheusRule/maxAgeDays"),
    ("prometheusRule.disabledAlerts", ["Watchdog"], "/prometheusRule/disabledAlerts/0"),
    ("dashboards.labels", {"grafana_dashboard": 1}, "/dashboards/labels/grafana_dashboard"),
]


@pytest.mark.parametrize(("key", "value", "named"), REFUSED, ids=[f"{key}={value}" for key, value, _ in REFUSED])
def test_a_value_that_cannot_be_used_is_refused_at_its_key(key: str, value: Any, named: str, helm: Helm) -> None:
    assert named in helm.refusal(nested(key, value))


def test_each_part_of_the_values_has_a_refused_value_above() -> None:
    assert {key.split(".")[0] for key, _, _ in REFUSED} >= set(VALUES) - {
        "nameOverride",
        "fullnameOverride",
        "commonLabels",
    }


def closed(schema: Any) -> list[Any]:
    """Every schema of an object with named properties."""
    found = [schema] if isinstance(schema, dict) and schema.get("type") == "object" and "properties" in schema else []
    children = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    return found + [one for child in children for one in closed(child)]


def test_no_object_of_the_schema_takes_unknown_keys() -> None:
    """But for `global`, where a parent chart's own keys are, and for whole volumes of Kubernetes."""
    objects = closed(SCHEMA)
    assert len(objects) > 30
    opened = [one for one in objects if one.get("additionalProperties") is not False]
    assert opened == [SCHEMA["properties"]["global"], SCHEMA["definitions"]["volume"]]


def leaves(values: Any, schema: Any, path: str = "") -> list[str]:
    """Paths of values that the schema describes further than the values go, or not at all."""
    wrong = []
    for key, value in values.items():
        known = schema.get("properties", {}).get(key)
        if known is None:
            wrong.append(f"{path}{key}")
        elif isinstance(value, dict) and known.get("properties") and key != "config":
            wrong += [f"{path}{key}.{one}" for one in known["properties"] if one not in value and value]
            wrong += leaves(value, known, f"{path}{key}.")
    return wrong


def test_schema_and_values_have_the_same_keys() -> None:
    optional = {"node.updateStrategy.rollingUpdate.maxSurge"}
    optional |= {
        f"monitors.endpoint.{key}" for key in SCHEMA["properties"]["monitors"]["properties"]["endpoint"]["properties"]
    }
    assert set(leaves(VALUES, SCHEMA)) <= optional
    assert set(SCHEMA["properties"]) == set(VALUES)


def test_the_settings_file_takes_every_setting_that_has_no_value_of_its_own() -> None:
    own = {
        *("config.file", "web.listen-address", "web.config.file", "log.level", "log.format", "host-root"),
        *("node-name", "kubelet-address"),  # each node has its own
        *("kubeconfig", "context", "apiserver-address", "azure.enabled", "azure.resource-id", "azure.endpoint"),
        *("kubelets.enabled", "kubelets.interval", "kubelets.port", "endpoints.enabled", "workloads.enabled"),
        "preflight.enabled",
        *("node-agents.service", "node-agents.client-config", "runbooks.url", "grafana.url"),
        "endpoints.resolve",  # for an agent outside the cluster
    }
    flags = {setting.flag for setting in SETTINGS if setting.commands & AGENTS}
    assert own <= flags
    sections = {flag.split(".")[0] if flag.startswith("paths.") else flag for flag in flags - own}
    assert set(SCHEMA["properties"]["config"]["properties"]) == sections


def test_the_settings_file_takes_the_words_that_the_path_table_knows() -> None:
    paths = SCHEMA["properties"]["config"]["properties"]["paths"]["properties"]
    entry = SCHEMA["definitions"]["candidate"]["oneOf"][1]["properties"]
    assert set(paths["certificates"]["properties"]) == set(Role)
    assert set(paths["evidence"]["properties"]) == set(EvidenceFile)
    assert set(entry["means"]["enum"]) == set(Means)
    assert set(entry["from"]["enum"]) == set(NamedBy)


CHANGES: dict[str, Any] = {
    "global.imageRegistry": "contoso.azurecr.io",
    "image.registry": "contoso.azurecr.io",
    "image.repository": "example.com/exporter",
    "namespaceOverride": "certs",
    "extraObjects": ["{apiVersion: v1, kind: Secret, metadata: {name: x}}"],
    "runbooks.url": "https://wiki.example/runbooks",
    "grafana.url": "https://grafana.example",
    "image.tag": "main",
    "image.digest": f"sha256:{'0' * 64}",
    "image.pullPolicy": "Always",
    "imagePullSecrets": [{"name": "registry"}],
    "nameOverride": "certs",
    "fullnameOverride": "certs",
    "commonLabels": {"team": "sre"},
    "port": 9000,
    "log.level": "debug",
    "log.format": "json",
    "config": {"paths": {"preset": "aks-linux"}},
    "webConfig.secretName": "other",
    "webConfig.key": "other.yml",
    "webConfig.tls": False,
    "webConfig.clientCertificates": True,
    "azure.enabled": "false",
    "azure.resourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c",
    "azure.endpoint": "https://management.example",
    "azure.workloadIdentity.clientId": "",
    "azure.workloadIdentity.tenantId": "12345678-1234-1234-1234-123456789012",
    "node.enabled": False,
    "node.image.registry": "contoso.azurecr.io",
    "node.image.repository": "example.com/node",
    "node.image.tag": "main",
    "node.image.digest": f"sha256:{'2' * 64}",
    "node.recursiveReadOnly": "Disabled",
    "node.windows.image.registry": "contoso.azurecr.io",
    "cluster.kubelets.enabled": False,
    "cluster.kubelets.interval": "1m",
    "cluster.kubelets.port": 10251,
    "cluster.endpoints.enabled": False,
    "cluster.workloads.enabled": False,
    "cluster.preflight.enabled": True,
    "cluster.nodeAgents.clientConfig.secretName": "other",
    "cluster.nodeAgents.clientConfig.key": "other.yml",
    "cluster.rbac.kubeSystemRole": False,
    "prometheusRule.alertLabels": {"team": "sre"},
    "prometheusRule.overrides": {"AksCertExpired": {"for": "5m"}},
    "alertmanagerConfig.enabled": False,
    "alertmanagerConfig.labels": {"alertmanager": "main"},
    "dashboards.grafanaOperator.enabled": False,
    "dashboards.grafanaOperator.instanceSelector": {"one": "two"},
    "dashboards.grafanaOperator.folder": "Certificates",
    "tests.enabled": False,
    "node.kubeletDirectory": "pki",
    "node.extraHostPaths": ["/etc/other"],
    "node.capabilities": [],
    "node.kubeletWireCheck": False,
    "node.hostNetwork": True,
    "node.updateStrategy": {"rollingUpdate": {"maxUnavailable": 1}},
    "node.windows.enabled": False,
    "node.windows.image.repository": "example.com/other",
    "node.windows.image.tag": "main",
    "node.windows.image.digest": f"sha256:{'1' * 64}",
    "node.windows.command": ["exporter.exe"],
    "node.windows.resources": {"limits": {"memory": "1Gi"}},
    "cluster.enabled": False,
    "cluster.apiserverAddresses": ["aks.example:8443"],
    "cluster.topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "cluster.rbac.create": False,
    "cluster.podDisruptionBudget.enabled": False,
    "networkPolicy.enabled": False,
    "networkPolicy.scrapers": [{"namespaceSelector": {}}],
    "networkPolicy.extraEgress": [{"ports": [{"port": 3128, "protocol": "TCP"}]}],
    "monitors.prometheusOperator": False,
    "monitors.azureMonitor": False,
    "monitors.labels": {"release": "stack"},
    "monitors.interval": "30s",
    "monitors.scrapeTimeout": "5s",
    "monitors.endpoint": {"tlsConfig": {"insecureSkipVerify": True}},
    "prometheusRule.enabled": False,
    "prometheusRule.labels": {"release": "stack"},
    "prometheusRule.disabledAlerts": ["AksCertServingOptOutTag"],
    "prometheusRule.maxAgeDays": 30,
    "dashboards.enabled": False,
    "dashboards.labels": {"other": "1"},
    "dashboards.annotations": {"folder": "x"},
    **{
        f"{agent}.{key}": value
        for agent in ("node", "cluster")
        for key, value in {
            "resources": {"limits": {"memory": "1Gi"}},
            "priorityClassName": "other",
            "tolerations": [{"key": "one", "operator": "Exists"}],
            "nodeSelector": {"pool": "one"},
            "affinity": {"podAntiAffinity": {}},
            "hostUsers": False,
            "seccompProfile": {"type": "Localhost", "localhostProfile": "x.json"},
            "appArmorProfile": {"type": "RuntimeDefault"},
            "annotations": {"one": "two"},
            "extraVolumes": [{"name": "x", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "x", "mountPath": "/x"}],
            "podLabels": {"one": "two"},
            "podAnnotations": {"one": "two"},
            "extraArgs": ["--log.level=warning"],
            "extraEnv": [{"name": "ONE", "value": "two"}],
            "serviceAccount.create": False,
            "serviceAccount.name": "other",
            "serviceAccount.annotations": {"one": "two"},
        }.items()
    },
}
"""For each value another one than with everything switched on."""


def documented() -> set[str]:
    """The values of the table."""
    return {line.split("`")[1] for line in values_table().splitlines()[2:]}


def test_every_value_of_the_table_is_tried() -> None:
    assert documented() == set(CHANGES)


@pytest.mark.parametrize("key", CHANGES)
def test_changing_a_value_changes_what_is_rendered(key: str, helm: Helm, sample: Path, everything: Objects) -> None:
    assert helm.objects(merged((EVERYTHING, nested(key, CHANGES[key]))), chart=sample).all != everything.all


def test_the_table_in_the_readme_is_that_of_the_values() -> None:
    for generated in GENERATED:
        assert generated.written() == generated.wanted()


def test_a_value_without_a_comment_is_an_error_of_the_table() -> None:
    with pytest.raises(ValueError, match=r"a\.b: neither documented nor a mapping"):
        values_table("a:\n  b: 1\n")


def test_a_comment_of_several_lines_is_one_cell() -> None:
    assert (
        values_table("# -- One\n# and two | three.\na: x\n").splitlines()[2]
        == '| `a` | string | `"x"` | One and two \\| three. |'
    )
