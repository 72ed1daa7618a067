"""The ARM template for Azure Monitor: what the rule files say, within the service's limits."""

import json
import re

import jsonschema
import pytest

from tools.azure_rules import RULES_PER_GROUP, iso8601, template
from tools.generated import ROOT
from tools.rules import groups, seconds

TEXT = {"type": "object", "maxProperties": 10, "additionalProperties": {"type": "string", "maxLength": 1024}}
DURATION = {"type": "string", "pattern": r"^PT(\d+H)?(\d+M)?$"}
# Fields of Microsoft.AlertsManagement/prometheusRuleGroups 2023-03-01, and limits of Azure Monitor's page of them.
RULE_GROUP = {
    "type": "object",
    "additionalProperties": False,
    "required": ["scopes", "rules", "interval"],
    "properties": {
        "description": {"type": "string"},
        "enabled": {"const": True},
        "clusterName": {"type": "string"},
        "scopes": {"type": "string"},
        "interval": {"const": "PT1M"},
        "rules": {
            "type": "array",
            "minItems": 1,
            "maxItems": 20,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["expression", "enabled"],
                "oneOf": [{"required": ["record"]}, {"required": ["alert", "severity", "annotations", "labels"]}],
                "properties": {
                    "record": {"type": "string"},
                    "alert": {"type": "string", "pattern": "^[A-Za-z]+$"},
                    "expression": {"type": "string"},
                    "enabled": {"const": True},
                    "severity": {"enum": [0, 1, 2, 3, 4]},
                    "for": DURATION,
                    "labels": TEXT,
                    "annotations": TEXT,
                    "actions": {"const": "[variables('actions')]"},
                    "resolveConfiguration": {
                        "type": "object",
                        "required": ["autoResolved", "timeToResolve"],
                        "properties": {"autoResolved": {"const": True}, "timeToResolve": {"const": "PT10M"}},
                    },
                },
            },
        },
    },
}


def test_each_group_keeps_the_services_limits() -> None:
    resources = template()["resources"]
    assert len(resources) == len(groups())
    for resource in resources:
        assert (resource["type"], resource["apiVersion"]) == (
            "Microsoft.AlertsManagement/prometheusRuleGroups",
            "2023-03-01",
        )
        jsonschema.validate(resource["properties"], RULE_GROUP)
        assert len(resource["properties"]["rules"]) <= RULES_PER_GROUP


def test_it_holds_every_rule_with_its_expression_severity_and_patience() -> None:
    converted = {
        (rule["alert"], rule["labels"]["severity"]): rule
        for resource in template()["resources"]
        for rule in resource["properties"]["rules"]
        if "alert" in rule
    }
    rules = [rule for group in groups() for rule in group.rules]
    assert len(converted) == len(rules)
    for rule in rules:
        azure = converted[rule.alert, rule.severity]
        assert azure["expression"].split() == rule.expression.split()
        assert set(azure["annotations"]) == set(rule.annotations)
        assert azure["annotations"]["runbook_url"] == rule.annotations["runbook_url"]
        texts = " ".join(azure["annotations"].values())
        assert "| query" not in texts
        assert ("humanizeTimestamp" in texts) == ("toTime" in " ".join(rule.annotations.values()))
        assert azure["severity"] == {"critical": 0, "warning": 2, "info": 3}[rule.severity]
        assert azure.get("for", "") == (iso8601(seconds(rule.hold)) if rule.hold else "")
        assert ("actions" in azure) == (rule.severity != "info")


def test_no_text_is_taken_for_a_template_expression() -> None:
    """ARM evaluates each string that begins with a bracket."""
    for resource in template()["resources"]:
        for rule in resource["properties"]["rules"]:
            if "alert" in rule:
                assert not any(text.startswith("[") for text in (rule["expression"], *rule["annotations"].values()))


def test_every_parameter_is_used_and_every_used_one_declared() -> None:
    text = json.dumps(template())
    used = set(re.findall(r"parameters\('(\w+)'\)", text))
    assert used == set(template()["parameters"])
    assert set(re.findall(r"variables\('(\w+)'\)", text)) == {"actions", "scopes", "clusterName"}


def test_the_policy_is_off_until_days_are_given() -> None:
    policy = next(r for r in template()["resources"] if "policy" in r["name"])
    assert policy["condition"] == "[greater(parameters('maxAgeDays'), 0)]"
    assert policy["properties"]["rules"][0]["record"] == "akscert:policy_max_age:seconds"
    assert template()["parameters"]["maxAgeDays"]["defaultValue"] == 0
    assert sum("condition" in r for r in template()["resources"]) == 1


def test_no_rule_needs_what_the_service_does_not_know() -> None:
    for file in (ROOT / "helm/aks-cert-exporter/files/rules").glob("*.yaml"):
        assert "keep_firing_for:" not in file.read_text()


@pytest.mark.parametrize(("duration", "text"), [(900, "PT15M"), (3600, "PT1H"), (5400, "PT1H30M"), (60, "PT1M")])
def test_durations_are_iso_8601(duration: int, text: str) -> None:
    assert iso8601(duration) == text


def test_half_a_minute_is_refused() -> None:
    with pytest.raises(ValueError, match="whole minutes"):
        iso8601(90)
