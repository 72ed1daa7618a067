"""Installations that people choose: cluster-only, AKS Automatic, and what `helm test` and the notes then say."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from exporter import __version__
from tests.chart.rendering import CHART, Helm, Object, Objects, container, merged
from tests.chart.standards import baseline, restricted

AUTOMATIC = CHART / "values-automatic.yaml"


def pods(objects: Objects) -> Iterator[tuple[str, Object]]:
    """Every Pod that the objects lead to."""
    for one in objects:
        if one["kind"] in {"DaemonSet", "Deployment"}:
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]
        if one["kind"] == "Pod":
            yield one["metadata"]["name"], one["spec"]


@pytest.fixture(scope="module")
def automatic(helm: Helm) -> Objects:
    """The preset for AKS Automatic."""
    return helm.objects(more=("--values", str(AUTOMATIC)))


@pytest.mark.parametrize("values", [{"node": {"enabled": False}}, yaml.safe_load(AUTOMATIC.read_text())])
def test_a_cluster_only_installation_passes_the_restricted_standard(values: Any, helm: Helm) -> None:
    found = {name: list(restricted(pod)) for name, pod in pods(helm.objects(values))}
    assert found == {"x-aks-cert-exporter-cluster": [], "x-aks-cert-exporter-test": []}


def test_the_node_agent_needs_the_privileged_level_for_its_host_directories_and_its_capability(
    helm: Helm, defaults: Objects
) -> None:
    reasons = {one.split()[0] for one in baseline(defaults.pod("DaemonSet", "-node"))}
    assert reasons == {"hostPath", "capability"}
    without = helm.objects({"node": {"capabilities": []}}).pod("DaemonSet", "-node")
    assert {one.split()[0] for one in baseline(without)} == {"hostPath"}


def test_a_cluster_only_installation_mounts_nothing_of_a_host_and_reads_no_endpoint_slices(helm: Helm) -> None:
    objects = helm.objects({"node": {"enabled": False}})
    assert objects.of("DaemonSet") == []
    assert "discovery.k8s.io" not in repr(objects.all)
    assert "hostPath" not in repr(objects.all)


def test_on_automatic_nothing_stands_in_a_namespace_of_aks(automatic: Objects) -> None:
    assert {one["metadata"].get("namespace", "monitoring") for one in automatic} == {"monitoring"}


def test_on_automatic_no_pod_tolerates_what_is_reserved_or_asks_for_system_nodes(automatic: Objects) -> None:
    for _, pod in pods(automatic):
        assert pod.get("tolerations", []) == []
        assert "affinity" not in pod


def test_on_automatic_nothing_is_left_for_the_safeguards_to_change(automatic: Objects) -> None:
    """Requests of at least 100m and 100Mi, a limit where there is a request, a constraint on the topology."""
    spec = automatic.one("Deployment")["spec"]["template"]
    for _, pod in pods(automatic):
        resources = container(pod)["resources"]
        assert cores(resources["requests"]["cpu"]) >= 0.1
        assert mebibytes(resources["requests"]["memory"]) >= 100
        assert {"cpu", "memory"} <= set(resources["limits"])
    (constraint,) = spec["spec"]["topologySpreadConstraints"]
    assert constraint["labelSelector"]["matchLabels"].items() <= spec["metadata"]["labels"].items()
    probes = {key for key in container(spec["spec"]) if key.endswith("Probe")}
    assert probes == {"livenessProbe", "readinessProbe"}


def cores(quantity: str) -> float:
    """A processor quantity in cores."""
    return float(quantity.removesuffix("m")) / (1000 if quantity.endswith("m") else 1)


def mebibytes(quantity: str) -> int:
    """A memory quantity that is written in Mi."""
    assert quantity.endswith("Mi")
    return int(quantity.removesuffix("Mi"))


def test_on_automatic_azure_monitor_scrapes_the_cluster_agent(automatic: Objects) -> None:
    monitors = [one["kind"] for one in automatic if one["apiVersion"] == "azmonitoring.coreos.com/v1"]
    assert monitors == ["ServiceMonitor"]


def test_no_label_of_ours_is_one_that_aks_keeps_to_itself(automatic: Objects, everything: Objects) -> None:
    for one in (*automatic, *everything):
        pod = one.get("spec", {}).get("template", {}).get("metadata", {})
        labels = {**one["metadata"]["labels"], **pod.get("labels", {})}
        assert [name for name in labels if name.startswith("kubernetes.azure.com")] == []


def notes(helm: Helm, values: Any) -> str:
    """What helm says after an installation, one line."""
    arguments = ("install", "x", str(CHART), "--dry-run=client", "--namespace", "monitoring")
    answer = helm.run(*arguments, values=values)
    assert answer.returncode == 0, answer.stderr
    return " ".join(answer.stdout.partition("NOTES:")[2].split())


STACK = {"labels": {"release": "stack"}}
QUIET = {
    "global": {"imageRegistry": "contoso.azurecr.io"},
    "monitors": {"prometheusOperator": True, **STACK},
    "prometheusRule": {"enabled": True, **STACK},
    "azure": {"enabled": False},
}
WARNED: list[tuple[Any, str]] = [
    ({"monitors": {**STACK}}, "nothing scrapes the agents yet"),
    ({"monitors": {"prometheusOperator": True}}, "the monitors carry no label"),
    ({"prometheusRule": {"enabled": True}}, "the rules carry no label"),
    ({"prometheusRule": {}}, "Nothing alerts yet"),
    ({"global": {"imageRegistry": ""}}, "They come from ghcr.io"),
    ({"node": {"enabled": False}, "cluster": {"kubelets": {"enabled": False}}}, "nothing looks at the nodes'"),
    ({"webConfig": {"secretName": "web", "tls": True}}, "no client configuration for them"),
    ({"azure": {"enabled": "auto"}}, "Azure is not asked without an identity"),
]


@pytest.mark.parametrize(("change", "words"), WARNED, ids=[words for _, words in WARNED])
def test_the_notes_say_what_will_not_work_and_only_then(change: Any, words: str, helm: Helm) -> None:
    assert words in notes(helm, {**QUIET, **change})
    assert words not in notes(helm, QUIET)


def test_the_notes_name_the_images_and_the_namespace_s_label(helm: Helm) -> None:
    said = notes(helm, QUIET)
    assert f"contoso.azurecr.io/aks-cert-exporter/aks-cert-exporter:{__version__} " in said
    assert f"contoso.azurecr.io/aks-cert-exporter/aks-cert-exporter-node:{__version__} " in said
    assert "kubectl label --overwrite namespace monitoring pod-security.kubernetes.io/enforce=privileged" in said
    assert "enforce=privileged" not in notes(helm, merged((QUIET, {"node": {"enabled": False}})))


def command(helm: Helm, values: Any) -> list[str]:
    """What the Pod of `helm test` runs, with this machine's Python."""
    (one,) = helm.objects(values).one("Pod")["spec"]["containers"]
    assert one["command"][1:] == ["-c"]
    return [sys.executable, "-c", *one["args"]]


def test_helm_test_asks_both_agents_by_their_services(helm: Helm, defaults: Objects) -> None:
    services = [f"{one['metadata']['name']}.monitoring.svc" for one in defaults.of("Service")]
    assert sorted(command(helm, {})[3:]) == sorted(["http", "9964", *services])
    tls = {"webConfig": {"secretName": "web", "tls": True}, "node": {"enabled": False}}
    assert command(helm, tls)[3:] == ["https", "9964", "x-aks-cert-exporter-cluster.monitoring.svc"]
    assert command(helm, merged((tls, {"webConfig": {"clientCertificates": True}})))[3] == "--connect"


def test_helm_test_is_a_hook_whose_pod_stays_for_its_logs_until_the_next_one(defaults: Objects) -> None:
    annotations = defaults.one("Pod")["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "test"
    assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running node agent, or of one that is about to run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    words = (
        "-m",
        "exporter",
        "node",
        "--kubelet-address=",
        "--node-name=aks-1",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    root = tmp_path_factory.mktemp("host")
    with subprocess.Popen([sys.executable, *words, f"--host-root={root}"], stderr=subprocess.DEVNULL) as process:
        yield port
        process.terminate()


@pytest.fixture(scope="module")
def script(helm: Helm) -> list[str]:
    """The program of `helm test`, to be given its arguments."""
    return command(helm, {})[:3]


def run(script: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*script, *words], capture_output=True, text=True, check=False, timeout=60)


def test_helm_test_passes_for_a_real_agent_and_says_how_many_series_it_has(script: list[str], agent: int) -> None:
    answer = run(script, "http", str(agent), "127.0.0.1")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.startswith("ok      127.0.0.1 127.0.0.1: ready, ")
    assert run(script, "--connect", "http", str(agent), "127.0.0.1").returncode == 0


def test_helm_test_fails_by_name_where_nothing_answers(script: list[str], agent: int) -> None:
    answer = run([*script[:2], script[2].replace("+ 60", "+ 1")], "http", "1", "127.0.0.1")
    assert answer.returncode == 1
    assert answer.stdout.startswith("FAILED  127.0.0.1 127.0.0.1: ")
