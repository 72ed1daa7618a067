"""Who reads the retired kubelet serving certificate, as agents of many kinds name it; and who only seems to."""

import json
from typing import Any

import pytest

from exporter.facts.kube.metadata import ObjectError
from exporter.facts.kube.workload import ConfigTexts, WorkloadUse, config_texts, workload_uses
from exporter.reason import RetiredPathUse

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


def mount(volume: str, path: str, sub_path: str = "") -> dict[str, str]:
    return {"name": volume, "mountPath": path, "subPath": sub_path}


def mounting(*mounts: dict[str, str], args: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {"name": "c", "args": list(args), "volumeMounts": list(mounts), **more}


ROOT, NOTHING = host("r", "/"), {"name": "s", "emptyDir": {}}


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        # The closest mount counts, in whichever order they come; of two at one place the first.
        (
            workload(
                ROOT, NOTHING, containers=[mounting(mount("s", f"/h{CERTS}"), mount("r", "/h"), args=(f"/h{FILE}",))]
            ),
            [],
        ),
        (
            workload(ROOT, NOTHING, containers=[mounting(mount("s", "/x"), mount("r", "/h"), args=(f"/h{FILE}",))]),
            ["argument"],
        ),
        (
            workload(ROOT, NOTHING, containers=[mounting(mount("r", "/h"), mount("s", "/h"), args=(f"/h{FILE}",))]),
            ["argument"],
        ),
        (workload(ROOT, NOTHING, containers=[mounting(mount("s", "/h"), mount("r", "/h"), args=(f"/h{FILE}",))]), []),
        (workload(NOTHING, containers=[mounting(mount("s", ""), args=(FILE,))]), []),
        (workload(NOTHING, containers=[mounting(mount("s", "/"), args=(FILE,))]), []),
        (workload(containers=[mounting(mount("gone", CERTS), args=(FILE,))]), []),
        (
            workload(ROOT, containers=[mounting(mount("gone", "/x"), mount("r", "/h"), args=(f"/h{FILE}",))]),
            ["argument"],
        ),
        # What is mounted of a volume is below its subPath.
        (
            workload(
                host("e", "/etc"),
                containers=[mounting(mount("e", "/k", "kubernetes"), args=("/k/certs/kubeletserver.crt",))],
            ),
            ["argument"],
        ),
        (workload(host("c", CERTS), containers=[mounting(mount("c", "/f", "/kubeletserver.crt"))]), ["mount"]),
        (workload(host("c", CERTS), containers=[mounting(mount("c", "/f", "Xkubeletserver.crt"))]), []),
        (workload(containers=[container(f"/X{FILE[1:]}")]), []),
        (workload(containers=[container(f"/{FILE}")]), ["argument"]),
        # A variable that the container does not set stands for itself.
        (workload(containers=[container(f"/$NOPE{FILE}")]), []),
        (workload(containers=[container("/$(NOPE)/kubeletserver.crt", env=[{"name": "OTHER", "value": CERTS}])]), []),
        (
            workload(containers=[container("$DIR/kubeletserver.key", env=[{"name": "DIR", "value": CERTS}])]),
            ["argument"],
        ),
    ],
)
def test_a_path_is_what_it_is_on_the_host(raw: bytes, found: list[str]) -> None:
    assert ways(raw) == found


def test_nulls_and_what_is_not_there_are_nothing() -> None:
    """A Pod may lack each of its lists; an init container counts as any other."""
    bare: dict[str, Any] = dict.fromkeys(("command", "args", "env", "envFrom", "volumeMounts"))
    for pod in (
        None,
        {},
        {"containers": None, "initContainers": None, "volumes": None},
        {"containers": [bare]},
        {"volumes": [host("ca", FILE)]},
    ):
        assert (
            ways(json.dumps({"metadata": {"name": "kubeletserver"}, "spec": {"template": {"spec": pod}}}).encode())
            == []
        )
    for spec in (
        None,
        {},
        {"template": None},
        {"jobTemplate": {"spec": None}},
        {"jobTemplate": {"spec": {"template": None}}},
    ):
        assert ways(json.dumps({"metadata": {"name": "kubeletserver"}, "spec": spec}).encode()) == []
    init = json.loads(workload(containers=[]))
    init["spec"]["template"]["spec"] = {"initContainers": [container(f"--ca={FILE}")]}
    assert ways(json.dumps(init).encode()) == ["argument"]


@pytest.mark.parametrize(
    "volume",
    [
        {"name": "v", "projected": {"sources": None}},
        {"name": "v", "projected": {"sources": [{}, {"configMap": None}]}},
        {"name": "v", "projected": None, "configMap": None},
        {"name": "other", "configMap": {"name": "agent"}},
    ],
)
def test_a_volume_without_a_config_map_brings_none(volume: dict[str, Any]) -> None:
    raw = workload(
        volume, containers=[container(mounts={"/config": "v"}, env=[{"name": "X"}, {"valueFrom": {}}], envFrom=[{}])]
    )
    assert ways(raw, "DaemonSet", config(f"ca_file: {FILE}")) == []


def test_what_a_config_map_names_is_seen_as_its_container_sees_it() -> None:
    """With its variables and its mounts; only the texts that may name the file are kept, and only chosen keys count."""
    volume = {"name": "v", "configMap": {"name": "agent"}}
    text = config("ca_file: ${DIR}/kubeletserver.crt")
    env = [{"name": "DIR", "value": CERTS}]
    assert ways(workload(volume, containers=[container(mounts={"/c": "v"}, env=env)]), "DaemonSet", text) == [
        "configmap"
    ]
    assert (
        ways(workload(volume, containers=[container(mounts={"/c": "v", CERTS: "v"}, env=env)]), "DaemonSet", text) == []
    )
    data = {"a": f"x {FILE}", "b": "nothing"}
    raw = json.dumps({"metadata": {"name": "m", "namespace": "n"}, "data": data}).encode()
    assert config_texts(raw) == ConfigTexts("n", "m", {"a": f"x {FILE}"})
    for data_ in (None, {}, {"a": "nothing"}):
        raw = json.dumps({"metadata": {"name": "kubeletserver", "namespace": "n"}, "data": data_}).encode()
        assert config_texts(raw) is None
    assert config_texts(b"no JSON") is None
    with pytest.raises(ObjectError):
        config_texts(b"kubeletserver")


def test_a_use_is_told_whole() -> None:
    raw = json.loads(workload(host("ca", FILE), containers=[container(f"--ca={FILE}", mounts={"/k": "ca"})]))
    raw["metadata"] |= {"name": "x" * 600, "namespace": "n", "labels": {"kubernetes.azure.com/managedby": "me"}}
    name = "x" * 512
    assert workload_uses("DaemonSet", json.dumps(raw).encode(), NONE) == (
        WorkloadUse("DaemonSet", "n", name, RetiredPathUse.MOUNT),
        WorkloadUse("DaemonSet", "n", name, RetiredPathUse.ARGUMENT),
    )
    raw["metadata"] |= {"name": "a", "namespace": "y" * 600, "labels": {"kubernetes.azure.com/managedby": "aks"}}
    found = workload_uses("CronJob", json.dumps(raw).encode(), NONE)
    assert found[0] == WorkloadUse("CronJob", "y" * 512, "a", RetiredPathUse.MOUNT, of_aks=True)
