"""Files for other people's tools: they have those tools' form, and the commands in them are ours."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from exporter.cli import parser
from tools.helm import ROOT

TEXT, FLAG, WORDS = {"type": "string"}, {"type": "boolean"}, {"type": "array", "items": {"type": "string"}}
# As k9s checks its plugin files (internal/config/json/schemas/plugins.json), with a closed list of keys.
K9S = {
    "type": "object",
    "additionalProperties": False,
    "required": ["plugins"],
    "properties": {
        "plugins": {
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["shortCut", "description", "scopes", "command"],
                "properties": {
                    **dict.fromkeys(("shortCut", "description", "command"), TEXT),
                    **dict.fromkeys(("override", "confirm", "dangerous", "background", "overwriteOutput"), FLAG),
                    **dict.fromkeys(("scopes", "args"), WORDS),
                },
            }
        }
    },
}
# As HolmesGPT's own toolsets are written (holmes/plugins/toolsets/*.yaml).
HOLMES = {
    "type": "object",
    "additionalProperties": False,
    "required": ["toolsets"],
    "properties": {
        "toolsets": {
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["description", "prerequisites", "tools"],
                "properties": {
                    **dict.fromkeys(("description", "docs_url"), TEXT),
                    "tags": WORDS,
                    "prerequisites": {"type": "array", "items": {"required": ["command"]}},
                    "tools": {
                        "type": "array",
                        "items": {
                            "additionalProperties": False,
                            "required": ["name", "description", "command"],
                            "properties": dict.fromkeys(("name", "description", "user_description", "command"), TEXT),
                        },
                    },
                },
            }
        }
    },
}


def loaded(name: str) -> Any:
    """A file of integrations/."""
    return yaml.safe_load((ROOT / "integrations" / name).read_text())


@pytest.mark.parametrize(("name", "schema"), [("k9s-plugins.yaml", K9S), ("holmesgpt-toolset.yaml", HOLMES)])
def test_a_file_has_the_form_of_the_tool_it_is_for(name: str, schema: Any) -> None:
    jsonschema.validate(loaded(name), schema)


def commands() -> list[str]:
    """Every command line of ours in the files."""
    k9s = [plugin["args"][1] for plugin in loaded("k9s-plugins.yaml")["plugins"].values()]
    (toolset,) = loaded("holmesgpt-toolset.yaml")["toolsets"].values()
    lines = [*k9s, *(one["command"] for one in (*toolset["prerequisites"], *toolset["tools"]))]
    return [re.split(r" \|\|? ", line.strip())[0] for line in lines]


@pytest.mark.parametrize("line", commands())
def test_a_command_in_them_is_one_that_the_exporter_takes(line: str) -> None:
    program, *words = shlex.split(line.replace("{{ KUBE_CONTEXT }}", "x"))
    assert program == "aks-cert-exporter"
    if words == ["--version"]:
        return
    parsed = parser().parse_args(words)
    assert parsed.command == "check"
    assert parsed.output in {None, "json", "table"}


def test_the_shortcuts_are_different_ones() -> None:
    shortcuts = [plugin["shortCut"] for plugin in loaded("k9s-plugins.yaml")["plugins"].values()]
    assert len(set(shortcuts)) == len(shortcuts)


def test_the_collector_scrapes_as_prometheus_would(tmp_path: Path) -> None:
    """Its receiver takes Prometheus' own configuration, so Prometheus' tool can judge it; Debian's knows no Pods."""
    config = loaded("otel-collector.yaml")
    scrape = config["receivers"]["prometheus"]["config"]
    assert scrape["scrape_configs"][0]["honor_labels"] is True  # else the label node becomes exported_node
    scrape["scrape_configs"][0]["static_configs"] = [{"targets": ["localhost:9964"]}]
    assert [one["role"] for one in scrape["scrape_configs"][0].pop("kubernetes_sd_configs")] == ["pod"]
    for kind in ("receivers", "processors", "exporters"):
        assert config["service"]["pipelines"]["metrics"][kind] == list(config[kind])
    promtool = shutil.which("promtool")
    assert promtool is not None
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(scrape))
    answer = subprocess.run(
        [promtool, "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
