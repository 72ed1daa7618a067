"""The helm commands in the documentation: a reader pastes them, so the chart must take them."""

import itertools
import re
import shlex
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, Helm, merged
from tools.helm import ROOT
from tools.values import values_table

UUID = "12345678-1234-1234-1234-123456789012"
VARIABLES = {
    "$ID": f"/subscriptions/{UUID}/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c",
    "$RELEASE": "aks-cert-exporter",
    "$NAMESPACE": "monitoring",
    "$PROMETHEUS": "stack",
    "$ACR": "contoso",
    "$TAG": "0123456789ab",
}


def commands() -> list[tuple[str, list[str]]]:
    """File and words of each `helm install` and `helm upgrade`, with what the shell would fill in."""
    found = []
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), CHART / "README.md"):
        for block in re.findall(r"```\w*\n(.*?)```", file.read_text(), re.DOTALL):
            text = re.sub(r"\$\([^()]*\)", UUID, block.replace("\\\n", " "))
            for name, value in VARIABLES.items():
                text = text.replace(name, value)
            lines = [line.strip() for line in text.splitlines()]
            found += [
                (str(file.relative_to(ROOT)), shlex.split(line))
                for line in lines
                if line.startswith(("helm install", "helm upgrade"))
            ]
    return found


def test_the_readme_has_commands_for_both_kinds_of_prometheus() -> None:
    text = (ROOT / "README.md").read_text()
    words = [word for file, words in commands() if file == "README.md" for word in words]
    assert "monitors.prometheusOperator=true" in words
    assert "`--set monitors.azureMonitor=true`" in text
    for switch in ("monitors.prometheusOperator=true", "prometheusRule.enabled=true"):
        label = f"{switch.partition('.')[0]}.labels.release=stack"
        assert words.count(switch) == words.count(label) > 0, "else kube-prometheus-stack takes nothing of it"


@pytest.mark.parametrize(("file", "words"), commands())
def test_a_command_of_the_documentation_is_one_that_the_chart_takes(file: str, words: list[str], helm: Helm) -> None:
    flags = {"--set", "--set-json", "--values"}
    given = [word for flag, value in itertools.pairwise(words) if flag in flags for word in (flag, value)]
    answer = helm.run("template", "x", str(CHART), *given)
    assert (answer.returncode, answer.stderr) == (0, ""), f"{file}: {answer.stderr}"


def documented_values() -> list[tuple[str, dict[str, Any]]]:
    """File and content of each block of YAML whose keys are all of the chart's values."""
    known = set(yaml.safe_load((CHART / "values.yaml").read_text()))
    found = []
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), CHART / "README.md"):
        for block in re.findall(r"```yaml\n(.*?)```", file.read_text(), re.DOTALL):
            content = yaml.safe_load(block)
            if isinstance(content, dict) and set(content) <= known:
                found.append((str(file.relative_to(ROOT)), content))
    return found


@pytest.mark.parametrize(("file", "values"), documented_values())
def test_values_in_the_documentation_are_ones_that_the_chart_takes(
    file: str, values: dict[str, Any], helm: Helm
) -> None:
    """With the rules on, so that alerts that do not exist are refused."""
    rendered = helm.objects(merged(({"prometheusRule": {"enabled": True}}, values)))
    for one in values.get("extraObjects", ()):
        assert one in list(rendered), file


def test_some_values_are_documented() -> None:
    assert {file for file, _ in documented_values()} >= {"docs/installation.md"}


def test_the_identity_s_subject_in_the_documentation_is_the_cluster_agent_s_account(helm: Helm) -> None:
    (release,) = re.findall(r"RELEASE=(\S+)", (ROOT / "docs/azure.md").read_text())
    (subject,) = re.findall(r"system:serviceaccount:\$NAMESPACE:\$RELEASE(\S+)", (ROOT / "docs/azure.md").read_text())
    account = helm.objects(release=release).pod("Deployment", "-cluster")["serviceAccountName"]
    assert account == f"{release}{subject}"


def test_values_named_in_the_documentation_exist() -> None:
    """`node.extraHostPaths` and its like in backquotes."""
    rows = [line.split("|") for line in values_table().splitlines()[2:]]
    known = {row[1].strip(" `") for row in rows}
    trees = tuple(f"{row[1].strip(' `')}." for row in rows if row[2].strip() == "object")  # documented as a whole
    tops = {key.split(".")[0] for key in known} - {"config", "port", "log", "image", "azure"}
    for file in (ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md")), CHART / "README.md"):
        for name in re.findall(rf"`((?:{'|'.join(sorted(tops))})\.[a-zA-Z.]+)[=`]", file.read_text()):
            whole = name in known or name.startswith(trees) or name.endswith((".py", ".yaml"))  # files of ours
            assert whole or any(one.startswith(f"{name}.") for one in known), f"{file.name}: {name}"
