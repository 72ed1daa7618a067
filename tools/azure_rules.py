"""azure/rule-groups.json: the shipped rules as an ARM template for Azure Monitor managed Prometheus.

Limits of the service: 20 rules a group, an interval from a minute to a day (Azure Monitor service limits, "Prometheus
metrics"), annotations and labels of 1024 characters (the schema of Azure/prometheus-collector's rules converter).
"""

import json
from typing import Any

from tools.generated import Generated
from tools.rules import DATES, Group, Rule, groups, seconds

__all__ = ["GENERATED", "RULES_PER_GROUP", "SEVERITY", "iso8601", "template"]

RULES_PER_GROUP = 20
SEVERITY = {"critical": 0, "warning": 2, "info": 3}
"""Azure's severities: 0 critical, 1 error, 2 warning, 3 informational, 4 verbose."""

POLICY = "policy.yaml"


def template() -> dict[str, Any]:
    """The ARM template: one resource for each group of the rule files."""
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "metadata": {"description": "The alerting rules of aks-cert-exporter for Azure Monitor managed Prometheus."},
        "parameters": {
            "azureMonitorWorkspaceId": _parameter("string", "Resource id of the Azure Monitor workspace."),
            "clusterId": _parameter(
                "string", "Resource id of the one cluster to cover; empty: all in the workspace.", ""
            ),
            "clusterName": _parameter(
                "string",
                "The cluster label of that cluster's metrics: its name, unless cluster_alias is set.",
                "[last(split(parameters('clusterId'), '/'))]",
            ),
            "actionGroupIds": _parameter(
                "array", "Resource ids of the action groups to call on critical and warning.", []
            ),
            "maxAgeDays": _parameter(
                "int", "Oldest a certificate may become by your policy, in days; 0: no policy.", 0
            ),
            "location": _parameter("string", "Location of the workspace.", "[resourceGroup().location]"),
            "namePrefix": _parameter("string", "Begins the name of each rule group.", "aks-cert-exporter"),
        },
        "variables": {
            "copy": [
                {
                    "name": "actions",
                    "count": "[length(parameters('actionGroupIds'))]",
                    "input": {"actionGroupId": "[parameters('actionGroupIds')[copyIndex('actions')]]"},
                }
            ],
            "scopes": "[if(empty(parameters('clusterId')), createArray(parameters('azureMonitorWorkspaceId')), "
            "createArray(parameters('azureMonitorWorkspaceId'), parameters('clusterId')))]",
            "clusterName": "[if(empty(parameters('clusterId')), null(), parameters('clusterName'))]",
        },
        "resources": [_resource(group) for group in groups()],
    }


def _parameter(kind: str, description: str, default: object = None) -> dict[str, Any]:
    parameter: dict[str, Any] = {"type": kind, "metadata": {"description": description}}
    return parameter if default is None else {**parameter, "defaultValue": default}


def _resource(group: Group) -> dict[str, Any]:
    subject = group.file.removesuffix(".yaml")
    rules = [_rule(rule) for rule in group.rules]
    resource: dict[str, Any] = {
        "type": "Microsoft.AlertsManagement/prometheusRuleGroups",
        "apiVersion": "2023-03-01",
        "name": f"[format('{{0}}-{subject}', parameters('namePrefix'))]",
        "location": "[parameters('location')]",
    }
    if group.file == POLICY:
        resource["condition"] = "[greater(parameters('maxAgeDays'), 0)]"
        rules.insert(0, _policy())
    return {
        **resource,
        "properties": {
            "description": f"aks-cert-exporter: {subject}",
            "scopes": "[variables('scopes')]",
            "clusterName": "[variables('clusterName')]",
            "enabled": True,
            "interval": "PT1M",
            "rules": rules,
        },
    }


def _policy() -> dict[str, Any]:
    return {
        "record": "akscert:policy_max_age:seconds",
        "expression": "[format('vector({0})', mul(parameters('maxAgeDays'), 86400))]",
        "enabled": True,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    converted: dict[str, Any] = {
        "alert": rule.alert,
        "expression": " ".join(rule.expression.split()),
        "severity": SEVERITY[rule.severity],
        "labels": {"severity": rule.severity},
        "annotations": {name: _plain_dates(text) for name, text in rule.annotations.items()},
        "enabled": True,
        "resolveConfiguration": {"autoResolved": True, "timeToResolve": "PT10M"},
    }
    if rule.hold:
        converted["for"] = iso8601(seconds(rule.hold))
    if rule.severity != "info":
        converted["actions"] = "[variables('actions')]"
    return converted


_PLAIN = {"ends": "ends on", "since": "since", "ago": "on", "in": "on"}


def _plain_dates(text: str) -> str:
    """Without queries in the text: Azure Monitor documents none of the functions of Prometheus' templates."""
    for name, words in _PLAIN.items():
        text = text.replace(DATES[name], f"{words} {{{{ $value | humanizeTimestamp }}}}")
    return text


def iso8601(duration: int) -> str:
    """An ISO 8601 duration of whole minutes or hours."""
    hours, rest = divmod(duration, 3600)
    if rest % 60:
        raise ValueError(f"{duration} s are not whole minutes")
    return "PT" + (f"{hours}H" if hours else "") + (f"{rest // 60}M" if rest or not hours else "")


def _text() -> str:
    return json.dumps(template(), indent=2, ensure_ascii=False)


GENERATED = (Generated("azure/rule-groups.json", _text),)
