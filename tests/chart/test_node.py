"""The node agent's Pod: what it may see of the node, and what it may do."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml

from exporter import presets
from exporter.facts.host.paths import path_table
from tests.chart.rendering import EVERYTHING, Helm, Object, Objects, container, merged

LINUX = path_table(presets.preset("aks-linux"))
PATHS = sorted({*(candidate.path for candidate in LINUX.candidates if candidate.path), *LINUX.evidence.values()})
MASKED = {"pods", "plugins", "plugins_registry", "pod-resources", "device-plugins"}


def host_mounts(pod: Object) -> dict[PurePosixPath, Object]:
    """Mounts below /host, by the host's path."""
    return {
        PurePosixPath("/") / PurePosixPath(mount["mountPath"]).relative_to("/host"): mount
        for mount in container(pod)["volumeMounts"]
        if mount["mountPath"].startswith("/host/")
    }


def volumes(pod: Object) -> dict[str, Object]:
    """Volumes by name."""
    return {volume["name"]: volume for volume in pod["volumes"]}


def covering(path: str, mounts: dict[PurePosixPath, Object]) -> PurePosixPath | None:
    """The innermost mount that a host path lies under."""
    parents = [parent for parent in PurePosixPath(path).parents if parent in mounts]
    return parents[0] if parents else None


@pytest.mark.parametrize("path", PATHS)
def test_every_path_that_the_agent_reads_lies_under_a_mount_of_the_host(path: str, defaults: Objects) -> None:
    pod = defaults.pod("DaemonSet", "-node")
    mounts = host_mounts(pod)
    found = covering(path, mounts)
    assert found is not None
    assert volumes(pod)[mounts[found]["name"]]["hostPath"]["path"] == str(found)


def test_every_mount_of_the_host_has_a_path_that_the_agent_reads(defaults: Objects) -> None:
    used = {covering(path, host_mounts(defaults.pod("DaemonSet", "-node"))) for path in PATHS}
    assert {str(path) for path in used} == {
        *("/etc/kubernetes/certs", "/etc/default", "/opt/azure/containers", "/var/lib/kubelet"),
        "/etc/systemd/system",
    }


def test_the_narrow_mount_leaves_out_what_it_cannot_see_instead_of_missing_it(helm: Helm) -> None:
    """A kubeconfig that is out of sight must not look like one that is absent."""
    objects = helm.objects({"node": {"kubeletDirectory": "pki"}})
    settings = yaml.safe_load(objects.one("ConfigMap", "-node")["data"]["config.yaml"])
    table = path_table(presets.preset("aks-linux"), settings["paths"])
    mounts = host_mounts(objects.pod("DaemonSet", "-node"))
    assert PurePosixPath("/var/lib/kubelet/pki") in mounts
    unseen = {path for path in table.evidence.values() if covering(path, mounts) is None}
    assert unseen == set()
    certificates = {one.path for one in table.candidates if one.path and covering(one.path, mounts) is None}
    assert certificates == {
        "/var/lib/kubelet/kubelet-server-current.pem"
    }  # as the page prints it; nodes have it in pki


def test_the_narrow_mount_keeps_the_user_s_own_settings(helm: Helm) -> None:
    values = {"node": {"kubeletDirectory": "pki"}, "config": {"paths": {"evidence": {"kubelet-flags": "/etc/other"}}}}
    settings = yaml.safe_load(helm.objects(values).one("ConfigMap", "-node")["data"]["config.yaml"])
    assert settings["paths"]["evidence"] == {
        "kubeconfig": "",
        "bootstrap-kubeconfig": "",
        "kubelet-flags": "/etc/other",
    }


def test_pods_volumes_and_the_kubelet_s_sockets_are_covered_by_empty_directories(defaults: Objects) -> None:
    pod = defaults.pod("DaemonSet", "-node")
    mounts = host_mounts(pod)
    masks = {path.name for path, mount in mounts.items() if mount["name"] == "mask"}
    assert masks == MASKED
    assert "emptyDir" in volumes(pod)["mask"]
    assert mounts[PurePosixPath("/var/lib/kubelet")]["mountPropagation"] == "HostToContainer"


@pytest.mark.parametrize("directory", ["masked", "pki"])
def test_every_volume_is_mounted_read_only_and_no_host_path_is_ever_created(directory: str, helm: Helm) -> None:
    objects = helm.objects(merged((EVERYTHING, {"node": {"kubeletDirectory": directory}})))
    for kind in ("DaemonSet", "Deployment"):
        for one in objects.of(kind):
            pod = one["spec"]["template"]["spec"]
            assert [
                mount for mount in container(pod).get("volumeMounts", ()) if mount.get("readOnly") is not True
            ] == []
            for volume in pod.get("volumes", ()):
                assert volume.get("hostPath", {"type": "Directory"})["type"] == "Directory"


def test_further_directories_are_mounted_where_the_agent_looks_for_them(helm: Helm) -> None:
    pod = helm.objects({"node": {"extraHostPaths": ["/etc/example", "/srv/certs"]}}).pod("DaemonSet", "-node")
    mounts = host_mounts(pod)
    assert covering("/srv/certs/one.pem", mounts) == PurePosixPath("/srv/certs")
    assert volumes(pod)[mounts[PurePosixPath("/etc/example")]["name"]]["hostPath"]["path"] == "/etc/example"


def test_the_linux_agent_is_root_with_one_capability_and_nothing_else(defaults: Objects) -> None:
    pod = defaults.pod("DaemonSet", "-node")
    assert container(pod)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["DAC_READ_SEARCH"]},
    }
    assert pod["securityContext"] == {"runAsUser": 0, "runAsGroup": 0, "seccompProfile": {"type": "RuntimeDefault"}}
    assert [key for key in pod if key.startswith("host")] == []


def test_the_last_capability_can_be_given_up(helm: Helm) -> None:
    context = container(helm.objects({"node": {"capabilities": []}}).pod("DaemonSet", "-node"))["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}


def test_the_windows_agent_is_a_host_process_without_a_word_that_is_for_linux(everything: Objects) -> None:
    pod = everything.pod("DaemonSet", "-node-windows")
    assert pod["securityContext"] == {"windowsOptions": {"hostProcess": True, "runAsUserName": "NT AUTHORITY\\SYSTEM"}}
    assert pod["hostNetwork"] is True  # required of HostProcess Pods
    assert "securityContext" not in container(pod)
    assert pod["nodeSelector"] == {"kubernetes.io/os": "windows"}


def test_no_agent_on_a_node_gets_a_token_of_the_kubernetes_api(everything: Objects) -> None:
    for suffix in ("-node", "-node-windows"):
        pod = everything.pod("DaemonSet", suffix)
        account = everything.one("ServiceAccount", pod["serviceAccountName"])
        assert pod["automountServiceAccountToken"] is False
        assert account["automountServiceAccountToken"] is False
        assert [volume for volume in pod["volumes"] if "projected" in volume] == []


def test_the_agent_runs_on_every_node_but_virtual_ones_and_stays_there(defaults: Objects) -> None:
    pod = defaults.pod("DaemonSet", "-node")
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["priorityClassName"] == "system-node-critical"
    terms = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms == [{"matchExpressions": [{"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]}]}]


def test_a_new_version_reaches_a_tenth_of_the_nodes_at_a_time(everything: Objects) -> None:
    for one in everything.of("DaemonSet"):
        assert one["spec"]["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}}


def test_node_name_and_address_come_from_the_pod_s_own_fields(everything: Objects) -> None:
    for suffix in ("-node", "-node-windows"):
        fields: dict[str, Any] = {
            one["name"]: one["valueFrom"]["fieldRef"]["fieldPath"]
            for one in container(everything.pod("DaemonSet", suffix))["env"]
        }
        assert fields == {"NODE_NAME": "spec.nodeName", "HOST_IP": "status.hostIP"}


def recursive(pod: Object) -> set[str] | None:
    """How the mounts that do not follow the host are read-only below."""
    mounts = [one for one in container(pod)["volumeMounts"] if "mountPropagation" not in one]
    return {one["recursiveReadOnly"] for one in mounts if "recursiveReadOnly" in one} or None


def profile(pod: Object) -> Object | None:
    """The Pod's AppArmor profile."""
    found: Object | None = pod["securityContext"].get("appArmorProfile")
    return found


SINCE = [
    ("hostUsers", False, "1.33", lambda pod: pod.get("hostUsers"), False),
    ("recursiveReadOnly", "Enabled", "1.33", recursive, {"Enabled"}),
    ("appArmorProfile", {"type": "RuntimeDefault"}, "1.30", profile, {"type": "RuntimeDefault"}),
]


@pytest.mark.parametrize(("value", "given", "since", "read", "wanted"), SINCE, ids=[row[0] for row in SINCE])
def test_what_kubernetes_does_not_know_yet_is_left_out(
    value: str, given: Any, since: str, read: Callable[[Object], Any], wanted: Any, helm: Helm
) -> None:
    """An older API server drops a field it does not know, so the Pod would run without and nothing would say so."""
    major, minor = since.split(".")

    def pod(version: str) -> Object:
        return helm.objects({"node": {value: given}}, more=("--kube-version", version)).pod("DaemonSet", "-node")

    assert read(pod(f"v{since}.0")) == wanted
    assert read(pod(f"v{major}.{int(minor) - 1}.9")) is None
    assert read(pod(f"v{since}.1-hotfix.20260101")) == wanted  # as AKS names its builds


def test_a_mount_that_follows_the_host_is_not_recursively_read_only(defaults: Objects) -> None:
    """The API server refuses both in one mount."""
    mounts = container(defaults.pod("DaemonSet", "-node"))["volumeMounts"]
    assert [one["mountPath"] for one in mounts if "mountPropagation" in one] == ["/host/var/lib/kubelet"]
    assert [one for one in mounts if "mountPropagation" in one and "recursiveReadOnly" in one] == []
    assert {one["recursiveReadOnly"] for one in mounts if "mountPropagation" not in one} == {"IfPossible"}


def test_the_seccomp_profile_can_be_one_that_lies_on_the_node(helm: Helm) -> None:
    given = {"type": "Localhost", "localhostProfile": "aks-cert-exporter/node.json"}
    pod = helm.objects({"node": {"seccompProfile": given}}).pod("DaemonSet", "-node")
    assert pod["securityContext"]["seccompProfile"] == given


def test_both_agents_ask_for_ephemeral_storage_and_bound_it(defaults: Objects) -> None:
    for kind, suffix in (("DaemonSet", "-node"), ("Deployment", "-cluster")):
        resources = container(defaults.pod(kind, suffix))["resources"]
        assert {"ephemeral-storage" in resources[part] for part in ("requests", "limits")} == {True}
