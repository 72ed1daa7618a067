"""The cluster agent: its rights, its one replica, its identity, and the network of both agents."""

from typing import Any

import pytest

from exporter.sources.kube.resource import (
    ENDPOINT_RULE,
    KUBELET_RULE,
    PREFLIGHT_RULE,
    WORKLOAD_RULES,
    cluster_rules,
    role_rules,
)
from tests.chart.rendering import EVERYTHING, Helm, Objects, container, merged, nested


def ordered(rules: list[Any]) -> list[Any]:
    """Rules without an order of their own."""
    return sorted(({key: sorted(words) for key, words in rule.items()} for rule in rules), key=repr)


FEATURES: dict[str, list[dict[str, list[str]]]] = {
    "kubelets": [KUBELET_RULE.manifest],
    "endpoints": [ENDPOINT_RULE.manifest],
    "workloads": [rule.manifest for rule in WORKLOAD_RULES],
    "preflight": [PREFLIGHT_RULE.manifest],
}
"""The rules of the ClusterRole that a feature brings."""


@pytest.mark.parametrize(
    "on", [set(), {"kubelets"}, {"endpoints"}, {"workloads"}, {"preflight"}, set(FEATURES)], ids=sorted
)
def test_the_cluster_role_is_what_the_code_declares_and_what_the_features_that_are_on_need(
    on: set[str], helm: Helm
) -> None:
    objects = helm.objects({"cluster": {feature: {"enabled": feature in on} for feature in FEATURES}})
    wanted = [rule.manifest for rule in cluster_rules()] + [rule for feature in on for rule in FEATURES[feature]]
    assert ordered(objects.one("ClusterRole")["rules"]) == ordered(wanted)


def test_the_roles_are_what_the_code_declares_in_the_namespaces_it_declares(defaults: Objects) -> None:
    rendered = {role["metadata"]["namespace"]: ordered(role["rules"]) for role in defaults.of("Role")}
    declared = {name: ordered([rule.manifest for rule in rules]) for name, rules in role_rules().items()}
    slices = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]}
    assert rendered == {**declared, "monitoring": [slices]}


def test_without_node_agents_no_endpoint_slices_are_read(helm: Helm) -> None:
    assert {role["metadata"]["namespace"] for role in helm.objects({"node": {"enabled": False}}).of("Role")} == {
        "kube-system"
    }


def test_the_rights_of_kube_system_s_role_can_stand_in_the_cluster_role(helm: Helm, defaults: Objects) -> None:
    """AKS Automatic lets nobody create objects in kube-system."""
    objects = helm.objects({"cluster": {"rbac": {"kubeSystemRole": False}}})
    assert [one["metadata"]["name"] for one in objects if one["metadata"].get("namespace") == "kube-system"] == []
    (role,) = [one for one in defaults.of("Role") if one["metadata"]["namespace"] == "kube-system"]
    assert ordered(objects.one("ClusterRole")["rules"]) == ordered(
        [*defaults.one("ClusterRole")["rules"], *role["rules"]]
    )


def test_no_right_writes_reads_secrets_or_reaches_into_nodes(defaults: Objects) -> None:
    for role in (*defaults.of("ClusterRole"), *defaults.of("Role")):
        for rule in role["rules"]:
            assert set(rule["verbs"]) <= {"get", "list", "watch"}
            assert set(rule["resources"]).isdisjoint({"secrets", "nodes/proxy", "pods/exec", "*"})


def test_the_roles_are_bound_to_the_cluster_agent_alone(everything: Objects) -> None:
    account = {
        "kind": "ServiceAccount",
        "name": everything.pod("Deployment", "-cluster")["serviceAccountName"],
        "namespace": "monitoring",
    }
    for role, binding in (("ClusterRole", "ClusterRoleBinding"), ("Role", "RoleBinding")):
        for one, bound in zip(everything.of(binding), everything.of(role), strict=True):
            assert one["subjects"] == [account]
            assert one["roleRef"]["name"] == bound["metadata"]["name"]
            assert one["metadata"].get("namespace") == bound["metadata"].get("namespace")


def test_two_releases_in_two_namespaces_share_no_cluster_role(helm: Helm) -> None:
    answer = helm.run("template", "x", "helm/aks-cert-exporter", "--namespace", "other")
    assert "name: other-x-aks-cert-exporter-cluster" in answer.stdout


def test_there_is_one_replica_and_the_old_one_ends_first(defaults: Objects) -> None:
    spec = defaults.one("Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_its_disruption_budget_always_lets_the_one_pod_go(defaults: Objects) -> None:
    spec = defaults.one("PodDisruptionBudget")["spec"]
    assert spec["maxUnavailable"] == 1
    assert "minAvailable" not in spec


def test_the_cluster_agent_fits_the_restricted_pod_security_standard(defaults: Objects) -> None:
    pod = defaults.pod("Deployment", "-cluster")
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container(pod)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [volume for volume in pod.get("volumes", ()) if "hostPath" in volume] == []


def test_workload_identity_needs_a_client_id_and_marks_pod_and_account(defaults: Objects, everything: Objects) -> None:
    client = EVERYTHING["azure"]["workloadIdentity"]["clientId"]
    labels = everything.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    account = everything.one("ServiceAccount", "-cluster")
    assert labels["azure.workload.identity/use"] == "true"
    assert account["metadata"]["annotations"] == {"azure.workload.identity/client-id": client}
    assert "azure.workload.identity/use" not in defaults.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert "annotations" not in defaults.one("ServiceAccount", "-cluster")["metadata"]


def test_workload_identity_keeps_the_account_s_other_annotations(helm: Helm) -> None:
    more = {"cluster": {"serviceAccount": {"annotations": {"one": "two"}}}}
    account = helm.objects(merged((EVERYTHING, more))).one("ServiceAccount", "-cluster")
    assert set(account["metadata"]["annotations"]) == {"one", "azure.workload.identity/client-id"}


def ports(policy: Any) -> list[set[Any]]:
    """The ports of each egress rule; of a range, both ends."""
    rules = policy["spec"]["egress"]
    return [
        {end for port in rule["ports"] for end in (port["port"], port.get("endPort", port["port"]))} for rule in rules
    ]


def test_the_node_agent_may_reach_the_kubelet_s_port_and_nothing_else(helm: Helm, defaults: Objects) -> None:
    assert ports(defaults.one("NetworkPolicy", "-node")) == [{10250}]
    silent = helm.objects({"node": {"kubeletWireCheck": False}}).one("NetworkPolicy", "-node")
    assert silent["spec"]["egress"] == []
    assert "Egress" in silent["spec"]["policyTypes"]


def test_the_cluster_agent_may_reach_names_https_and_the_api_servers_it_is_told_of(helm: Helm) -> None:
    policy = helm.objects({"cluster": {"apiserverAddresses": ["aks.example:8443", "aks.example:443"]}})
    assert ports(policy.one("NetworkPolicy", "-cluster"))[0] == {53, 443, 8443}


@pytest.mark.parametrize(
    ("off", "port"), [("cluster.kubelets.enabled", 10250), ("node.enabled", 9964), ("cluster.endpoints.enabled", 65535)]
)
def test_the_cluster_agent_may_reach_what_a_feature_asks_only_while_that_is_on(
    off: str, port: int, helm: Helm, defaults: Objects
) -> None:
    without = helm.objects(nested(off, False)).one("NetworkPolicy", "-cluster")
    assert [port in one for one in ports(defaults.one("NetworkPolicy", "-cluster"))].count(True) == 1
    assert [port in one for one in ports(without)].count(True) == 0


def test_a_range_of_ports_is_left_out_where_kubernetes_does_not_know_one(helm: Helm) -> None:
    """Every port is allowed then, as it is with the range."""
    policy = helm.objects(more=("--kube-version", "v1.24.0")).one("NetworkPolicy", "-cluster")
    (rule,) = [rule for rule in policy["spec"]["egress"] if rule.get("to") == [{"namespaceSelector": {}}]]
    assert "ports" not in rule


@pytest.mark.parametrize(
    "values", [{"hostNetwork": True}, {"windows": {"enabled": True, "image": {"repository": "w"}}}]
)
def test_node_agents_on_their_node_s_network_are_reached_at_any_address(
    values: dict[str, Any], helm: Helm, defaults: Objects
) -> None:
    """No selector of a NetworkPolicy matches a Pod on the host's network."""

    def target(objects: Objects) -> Any:
        rules = objects.one("NetworkPolicy", "-cluster")["spec"]["egress"]
        (found,) = [rule for rule in rules if rule["ports"][0]["port"] == 9964]
        return found.get("to")

    (selected,) = target(defaults)
    agents = defaults.one("DaemonSet", "-node")["spec"]["template"]["metadata"]["labels"]
    assert selected["podSelector"]["matchLabels"].items() <= agents.items()
    assert target(helm.objects({"node": values})) is None


def test_scrapers_can_be_named_for_both_agents(helm: Helm, defaults: Objects) -> None:
    """The cluster agent still reaches the node agents, and `helm test` both."""
    scrapers = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    objects = helm.objects({"networkPolicy": {"scrapers": scrapers}})
    callers = {
        "-node": [objects.one("Deployment", "-cluster")["spec"]["template"]["metadata"]["labels"]],
        "-cluster": [],
    }
    for suffix, others in callers.items():
        (rule,) = objects.one("NetworkPolicy", suffix)["spec"]["ingress"]
        assert rule["ports"] == [{"port": "metrics", "protocol": "TCP"}]
        assert rule["from"][0] == scrapers[0]
        wanted = [*others, objects.one("Pod", "-test")["metadata"]["labels"]]
        selectors = [one["podSelector"]["matchLabels"] for one in rule["from"][1:]]
        assert [one.items() <= labels.items() for one, labels in zip(selectors, wanted, strict=True)] == [True] * len(
            wanted
        )
    for policy in defaults.of("NetworkPolicy"):
        assert policy["spec"]["ingress"] == [{"ports": [{"port": "metrics", "protocol": "TCP"}]}]
