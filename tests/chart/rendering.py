"""The chart through the real helm: values in, objects or a refusal out."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.helm import ROOT, binary

CHART = ROOT / "helm" / "aks-cert-exporter"
Object = Mapping[str, Any]

EVERYTHING: Mapping[str, Any] = {
    "webConfig": {"secretName": "web", "tls": True},
    "config": {"paths": {"evidence": {"kubelet-flags": "/etc/default/kubelet"}}},
    "azure": {"workloadIdentity": {"clientId": "12345678-1234-1234-1234-123456789012"}},
    "node": {
        "extraHostPaths": ["/etc/example"],
        "windows": {"enabled": True, "image": {"registry": "example.com", "repository": "windows"}},
    },
    "monitors": {"prometheusOperator": True, "azureMonitor": True},
    "cluster": {"workloads": {"enabled": True}, "nodeAgents": {"clientConfig": {"secretName": "client"}}},
    "prometheusRule": {"enabled": True, "maxAgeDays": 90},
    "alertmanagerConfig": {"enabled": True},
    "dashboards": {"enabled": True, "grafanaOperator": {"enabled": True}},
}
"""Values that switch everything on."""


@dataclass(frozen=True, slots=True)
class Helm:
    """The helm binary with a home of its own."""

    home: Path

    def run(self, *arguments: str, values: Mapping[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        """A helm command; values are given on standard input."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home)}
        words = [str(binary("helm")), *arguments, *(["--values", "-"] if values is not None else [])]
        given = yaml.safe_dump(dict(values)) if values is not None else None
        return subprocess.run(words, input=given, env=environment, capture_output=True, text=True, check=False)

    def objects(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        chart: Path = CHART,
        release: str = "x",
        more: tuple[str, ...] = (),
    ) -> "Objects":
        """What the chart renders to in the namespace `monitoring`, with more of helm's flags."""
        answer = self.run("template", release, str(chart), "--namespace", "monitoring", *more, values=values or {})
        assert answer.returncode == 0, answer.stderr
        return Objects(tuple(one for one in yaml.load_all(answer.stdout, yaml.CSafeLoader) if one))

    def refusal(self, values: Mapping[str, Any]) -> str:
        """Why the chart refuses values; empty where it does not."""
        answer = self.run("template", "x", str(CHART), values=values)
        return answer.stderr if answer.returncode else ""


@dataclass(frozen=True, slots=True)
class Objects:
    """Rendered objects."""

    all: tuple[Object, ...]

    def __iter__(self) -> Iterator[Object]:
        return iter(self.all)

    def of(self, kind: str) -> list[Object]:
        """Those of a kind."""
        return [one for one in self.all if one["kind"] == kind]

    def one(self, kind: str, suffix: str = "") -> Object:
        """The one of a kind whose name ends in a suffix."""
        found = [one for one in self.of(kind) if one["metadata"]["name"].endswith(suffix)]
        assert len(found) == 1, [one["metadata"]["name"] for one in self.of(kind)]
        return found[0]

    def pod(self, kind: str, suffix: str) -> Object:
        """The Pod specification of a workload."""
        spec: Object = self.one(kind, suffix)["spec"]["template"]["spec"]
        return spec

    @property
    def names(self) -> set[tuple[str, str]]:
        """Kind and name of all."""
        return {(one["kind"], one["metadata"]["name"]) for one in self.all}


def container(pod: Object) -> Object:
    """A Pod's only container."""
    (only,) = pod["containers"]
    found: Object = only
    return found


def nested(path: str, value: Any) -> dict[str, Any]:
    """`a.b.c` and a value as a tree."""
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


def merged(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Trees laid over one another."""
    result: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
            result[key] = merged((result[key], value)) if both else value
    return result
