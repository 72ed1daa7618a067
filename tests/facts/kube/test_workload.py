"""Who reads the retired kubelet serving certificate, as agents of many kinds name it; and who only seems to."""

import json
from typing import Any

import pytest

from exporter.facts.kube.metadata import ObjectError
from exporter.facts.kube.workload import config_texts, workload_uses

CERTS = "/etc/kubernetes/certs"
FILE = f"{CERTS}/kubeletserver.crt"
NONE: dict[tuple[str, str], Any] = {}


def container(*args: str, mounts: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """`mounts`: volumes by the path where they are mounted."""
    places = [{"name": volume, "mountPath": path} for path, volume in (mounts or {}).items()]
    return {"name": "c", "args": list(args), "volumeMounts": places, **more}


def host(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "hostPath": {"path": path}}


def workload(*volumes: dict[str, Any], containers: list[dict[str, Any]], kind: str = "DaemonSet") -> bytes:
    template = {"spec": {"containers": containers, "volumes": list(volumes)}}
    spec: dict[str, Any] = {"template": template}
    if kind == "CronJob":
        spec = {"schedule": "@daily", "jobTemplate": {"spec": {"template": template}}}
    return json.dumps({"metadata": {"name": "agent", "namespace": "monitoring"}, "spec": spec}).encode()


def ways(raw: bytes, kind: str = "DaemonSet", *config_maps: dict[str, Any]) -> list[str]:
    texts = [config_texts(json.dumps(one).encode()) for one in config_maps]
    known = {(one.namespace, one.name): one for one in texts if one is not None}
    return [one.how.value for one in workload_uses(kind, raw, known)]


def config(text: str, *, name: str = "agent", namespace: str = "monitoring", key: str = "agent.yaml") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, "data": {key: text}}


@pytest.mark.parametrize("kind", ["DaemonSet", "Deployment", "StatefulSet", "CronJob"])
def test_each_kind_of_workload_is_understood(kind: str) -> None:
    """A metrics agent that verifies the kubelet by a file of the node."""
    raw = workload(host("ca", FILE), containers=[container(mounts={"/ca.crt": "ca"})], kind=kind)
    assert ways(raw, kind) == ["mount"]


@pytest.mark.parametrize(
    "raw",
    [
        workload(host("ca", f"{CERTS}/kubeletserver.key"), containers=[container(mounts={"/k": "ca"})]),
        workload(host("ca", f"{CERTS}//./kubeletserver.crt"), containers=[container(mounts={"/k": "ca"})]),
        workload(
            host("certs", CERTS),
            containers=[
                {"name": "c", "volumeMounts": [{"name": "certs", "mountPath": "/c", "subPath": "kubeletserver.crt"}]}
            ],
        ),
    ],
)
def test_a_mount_is_told(raw: bytes) -> None:
    """Of the certificate or its key, by itself or as part of its directory."""
    assert ways(raw) == ["mount"]


@pytest.mark.parametrize(
    "raw",
    [
        workload(containers=[container(f"--kubelet-certificate-authority={FILE}")]),
        workload(containers=[container("--cert", FILE)]),
        workload(containers=[container(command=["sh", "-c", f"chroot /host openssl x509 -in {FILE} -noout"])]),
        workload(containers=[container(env=[{"name": "DD_KUBELET_CLIENT_CA", "value": FILE}])]),
        workload(containers=[container("--ca=$(DIR)/kubeletserver.crt", env=[{"name": "DIR", "value": CERTS}])]),
        workload(containers=[container("--ca=${DIR}/kubeletserver.crt", env=[{"name": "DIR", "value": CERTS}])]),
        workload(host("r", "/"), containers=[container(f"--file=/host{FILE}", mounts={"/host": "r"})]),
        workload(host("c", CERTS), containers=[container("/node/kubeletserver.key", mounts={"/node": "c"})]),
        workload(host("e", "/etc"), containers=[container(f"file://{FILE}", mounts={"/etc": "e"})]),
        workload(containers=[container(f"tar czf /out.tgz {CERTS}/kubeletserver.*")]),
    ],
)
def test_what_its_command_or_environment_names_is_told(raw: bytes) -> None:
    """Directly, through a variable, or where the container sees the node's directory."""
    assert ways(raw) == ["argument"]


@pytest.mark.parametrize(
    "raw",
    [
        workload(host("c", CERTS), containers=[container(mounts={CERTS: "c"})]),
        workload(containers=[container("--ca=/etc/kubernetes/certs/ca.crt")]),
        workload(containers=[container("--ca=/var/lib/kubelet/pki/kubelet-server-current.pem")]),
        workload(containers=[container("--ca=/etc/kubernetes/certs/kubeletserver.crt.bak")]),
        workload(containers=[container("--ca=/etc/kubernetes/certs/mykubeletserver.crt")]),
        workload(containers=[container("--ca=/opt/kubeletserver.crt")]),
        workload(containers=[container(f"--ca=/backup{FILE}")]),
        workload(
            {"name": "s", "secret": {"secretName": "kubeletserver"}},
            containers=[container(f"--ca={FILE}", mounts={CERTS: "s"})],
        ),
        workload(
            host("r", "/"),
            {"name": "s", "emptyDir": {}},
            containers=[container(f"--ca=/host{FILE}", mounts={"/host": "r", f"/host{CERTS}": "s"})],
        ),
        workload(host("c", "/opt/kubeletserver"), containers=[container(mounts={"/kubeletserver": "c"})]),
        workload(host("ca", FILE), containers=[container()]),
        workload(containers=[]),
        b'{"metadata": {"name": "kubeletserver", "namespace": "n"}}',
    ],
)
def test_a_near_miss_is_not_told(raw: bytes) -> None:
    """Another file, the same name elsewhere, a Secret at that place, a directory of which only the CA is read."""
    assert ways(raw) == []


def test_a_config_map_that_it_reads_is_told() -> None:
    """As a volume, as part of a projected one, as variables."""
    named = config(f"kubelet:\n  ca_file: {FILE}\n")
    for volume in (
        {"name": "v", "configMap": {"name": "agent"}},
        {"name": "v", "projected": {"sources": [{"configMap": {"name": "agent"}}]}},
        {"name": "v", "configMap": {"name": "agent", "items": [{"key": "agent.yaml", "path": "x"}]}},
    ):
        assert ways(workload(volume, containers=[container(mounts={"/config": "v"})]), "DaemonSet", named) == [
            "configmap"
        ]
    reads = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "agent", "key": "agent.yaml"}}}]
    assert ways(workload(containers=[container(env=reads)]), "DaemonSet", named) == ["configmap"]
    whole = [{"configMapRef": {"name": "agent"}}]
    assert ways(workload(containers=[container(envFrom=whole)]), "DaemonSet", named) == ["configmap"]


def test_a_config_map_that_it_does_not_read_is_not() -> None:
    """Another namespace's, another key, a volume that no container mounts, another file in it."""
    volume = {"name": "v", "configMap": {"name": "agent"}}
    mounted = workload(volume, containers=[container(mounts={"/config": "v"})])
    text = f"ca_file: {FILE}"
    assert ways(mounted, "DaemonSet", config(text, namespace="other")) == []
    assert ways(mounted, "DaemonSet", config("ca_file: /etc/kubernetes/certs/ca.crt # not kubeletserver")) == []
    assert ways(workload(volume, containers=[container()]), "DaemonSet", config(text)) == []
    chosen = {"name": "v", "configMap": {"name": "agent", "items": [{"key": "other.yaml", "path": "x"}]}}
    assert ways(workload(chosen, containers=[container(mounts={"/c": "v"})]), "DaemonSet", config(text)) == []


def test_each_way_is_told_once() -> None:
    one = container(f"--a={FILE}", f"--b={FILE}", mounts={FILE: "ca"})
    assert ways(workload(host("ca", FILE), containers=[one, one])) == ["mount", "argument"]


def test_what_aks_installs_is_known() -> None:
    raw = json.loads(workload(containers=[container(f"--ca={FILE}")]))
    raw["metadata"]["labels"] = {"kubernetes.azure.com/managedby": "aks"}
    (found,) = workload_uses("DaemonSet", json.dumps(raw).encode(), NONE)
    assert found.of_aks


def test_what_is_no_workload_is_refused() -> None:
    with pytest.raises(ObjectError):
        workload_uses("DaemonSet", b'{"metadata": 3, "x": "kubeletserver"}', NONE)
