"""What the chart confines, selects, names and lets through, to the last field: what is lost here is lost in silence."""

from typing import Any

import pytest

from tests.chart.rendering import EVERYTHING, Helm, Object, Objects, container, merged

WORKLOADS = {"x-aks-cert-exporter-node", "x-aks-cert-exporter-node-windows", "x-aks-cert-exporter-cluster"}
PORT = {"port": "metrics", "protocol": "TCP"}


def workloads(objects: Objects) -> dict[str, Object]:
    return {one["metadata"]["name"]: one["spec"] for kind in ("DaemonSet", "Deployment") for one in objects.of(kind)}


def selected(component: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "aks-cert-exporter",
        "app.kubernetes.io/instance": "x",
        "app.kubernetes.io/component": component,
    }


def tcp(*ports: Any) -> list[dict[str, Any]]:
    return [{"port": port, "protocol": "TCP"} for port in ports]


def test_each_workload_policy_and_budget_selects_by_name_instance_and_component(everything: Objects) -> None:
    specs = workloads(everything)
    assert set(specs) == WORKLOADS
    for name, spec in specs.items():
        component = name.removeprefix("x-aks-cert-exporter-")
        assert spec["selector"] == {"matchLabels": selected(component)}
        assert selected(component).items() <= spec["template"]["metadata"]["labels"].items()
    assert everything.one("PodDisruptionBudget")["spec"]["selector"] == {"matchLabels": selected("cluster")}
    for component in ("node", "cluster"):
        policy = everything.one("NetworkPolicy", f"-{component}")["spec"]
        assert policy["podSelector"] == {"matchLabels": selected(component)}
        assert policy["policyTypes"] == ["Ingress", "Egress"]


def test_the_services_select_their_agents_of_this_release_only(everything: Objects) -> None:
    assert everything.one("Service", "-cluster")["spec"]["selector"] == selected("cluster")
    common = {key: value for key, value in selected("").items() if not key.endswith("component")}
    assert everything.one("Service", "-node")["spec"]["selector"] == {**common, "aks-cert-exporter/agent": "node"}
    for name, spec in workloads(everything).items():
        marked = spec["template"]["metadata"]["labels"].get("aks-cert-exporter/agent")
        assert marked == (None if name.endswith("cluster") else "node")


def test_the_monitors_select_their_agents_of_this_release_only(everything: Objects) -> None:
    common = {key: value for key, value in selected("").items() if not key.endswith("component")}
    for kind in ("PodMonitor", "ServiceMonitor"):
        assert len(everything.of(kind)) == 2
    for one in everything.of("PodMonitor"):
        assert one["spec"]["selector"] == {
            "matchLabels": common,
            "matchExpressions": [
                {"key": "app.kubernetes.io/component", "operator": "In", "values": ["node", "node-windows"]}
            ],
        }
    for one in everything.of("ServiceMonitor"):
        assert one["spec"]["selector"] == {"matchLabels": selected("cluster")}


@pytest.mark.parametrize("port", [9964, 9999])
def test_every_port_that_is_named_is_one_that_a_container_opens(port: int, helm: Helm) -> None:
    """Services, probes, monitors and policies say `metrics`; what does not resolve reaches nothing."""
    objects = helm.objects(merged((EVERYTHING, {"port": port})))
    for name, spec in workloads(objects).items():
        opened = container(spec["template"]["spec"])
        assert opened["ports"] == [{"name": "metrics", "containerPort": port, "protocol": "TCP"}], name
        assert f"--web.listen-address=0.0.0.0:{port}" in opened["args"]
        for probe in ("livenessProbe", "readinessProbe"):
            assert opened[probe]["httpGet"]["port"] == "metrics"
    for one in objects.of("Service"):
        wanted = {"name": "metrics", "port": port, "targetPort": "metrics", "protocol": "TCP"}
        assert one["spec"]["ports"] == [wanted]
    for one in objects.of("NetworkPolicy"):
        assert [rule["ports"] for rule in one["spec"]["ingress"]] == [[PORT]]


def test_probes_that_only_connect_connect_to_the_open_port(helm: Helm) -> None:
    values = {"webConfig": {"secretName": "web", "tls": True, "clientCertificates": True}}
    for spec in workloads(helm.objects(values)).values():
        opened = container(spec["template"]["spec"])
        for probe in ("livenessProbe", "readinessProbe"):
            assert opened[probe]["tcpSocket"] == {"port": "metrics"}


def test_only_the_cluster_agent_s_pod_has_a_token_and_no_account_gives_one_by_itself(everything: Objects) -> None:
    tokens = {
        name: spec["template"]["spec"]["automountServiceAccountToken"] for name, spec in workloads(everything).items()
    }
    assert tokens == {name: name.endswith("-cluster") for name in WORKLOADS}
    assert [one["automountServiceAccountToken"] for one in everything.of("ServiceAccount")] == [False, False]


def test_the_egress_of_both_agents_is_what_they_ask_and_no_more(defaults: Objects) -> None:
    assert defaults.one("NetworkPolicy", "-node")["spec"]["egress"] == [{"ports": tcp(10250)}]
    assert defaults.one("NetworkPolicy", "-cluster")["spec"]["egress"] == [
        {"ports": [{"port": 53, "protocol": "UDP"}, *tcp(53, 443)]},
        {"ports": tcp(10250)},
        {"ports": tcp(9964), "to": [{"podSelector": {"matchLabels": selected("node")}}]},
        {"to": [{"namespaceSelector": {}}], "ports": [{"port": 1, "endPort": 65535, "protocol": "TCP"}]},
    ]


def test_named_scrapers_are_let_in_with_the_agents_that_ask_one_another(helm: Helm) -> None:
    scraper = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    objects = helm.objects({"networkPolicy": {"scrapers": [scraper]}})
    callers = {"-node": ("cluster", "test"), "-cluster": ("test",)}
    for suffix, components in callers.items():
        others = [{"podSelector": {"matchLabels": selected(one)}} for one in components]
        assert objects.one("NetworkPolicy", suffix)["spec"]["ingress"] == [
            {"ports": [PORT], "from": [scraper, *others]}
        ]


def test_a_node_agent_without_the_wire_check_reaches_nothing(helm: Helm) -> None:
    spec = helm.objects({"node": {"kubeletWireCheck": False}}).one("NetworkPolicy", "-node")["spec"]
    assert spec["egress"] == []
    assert spec["policyTypes"] == ["Ingress", "Egress"]


def test_every_role_is_bound_by_kind_group_and_name(everything: Objects) -> None:
    for role, binding in (("ClusterRole", "ClusterRoleBinding"), ("Role", "RoleBinding")):
        assert [one["roleRef"] for one in everything.of(binding)] == [
            {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": one["metadata"]["name"]}
            for one in everything.of(role)
        ]


def test_the_node_agent_may_stand_on_the_host_s_network_where_that_is_asked_for(helm: Helm, defaults: Objects) -> None:
    assert "hostNetwork" not in defaults.pod("DaemonSet", "-node")
    assert helm.objects({"node": {"hostNetwork": True}}).pod("DaemonSet", "-node")["hostNetwork"] is True


def test_both_agents_live_in_a_user_namespace_and_under_profiles_where_kubernetes_has_them(helm: Helm) -> None:
    values = {
        agent: {"hostUsers": False, "appArmorProfile": {"type": "RuntimeDefault"}} for agent in ("node", "cluster")
    }
    objects = helm.objects(values, more=("--kube-version", "v1.33.0"))
    for kind, suffix in (("DaemonSet", "-node"), ("Deployment", "-cluster")):
        pod = objects.pod(kind, suffix)
        assert pod["hostUsers"] is False
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["securityContext"]["appArmorProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize("directory", ["masked", "pki"])
def test_every_directory_of_the_host_is_the_one_that_its_mount_names(directory: str, helm: Helm) -> None:
    """A mount is of a directory that must be there, read-only all the way down unless it follows the host."""
    values = {
        "node": {"kubeletDirectory": directory, "recursiveReadOnly": "Enabled", "extraHostPaths": ["/etc/example"]}
    }
    pod = helm.objects(values, more=("--kube-version", "v1.33.0")).pod("DaemonSet", "-node")
    hosts = {one["name"]: one["hostPath"] for one in pod["volumes"] if "hostPath" in one}
    mounts = {one["name"]: one for one in container(pod)["volumeMounts"] if one["name"] in hosts}
    kubelet = "/var/lib/kubelet" if directory == "masked" else "/var/lib/kubelet/pki"
    assert {one["path"] for one in hosts.values()} == {
        *("/etc/kubernetes/certs", "/etc/default", "/etc/systemd/system", "/opt/azure/containers", "/etc/example"),
        kubelet,
    }
    assert {one["type"] for one in hosts.values()} == {"Directory"}
    for name, host in hosts.items():
        follows = name == "kubelet" and directory == "masked"
        flags = {"mountPropagation": "HostToContainer"} if follows else {"recursiveReadOnly": "Enabled"}
        assert mounts[name] == {"name": name, "mountPath": f"/host{host['path']}", "readOnly": True, **flags}
    for mount in container(pod)["volumeMounts"]:
        assert mount["readOnly"] is True
        if mount["name"] not in {"kubelet", "settings"}:
            assert mount["recursiveReadOnly"] == "Enabled"
