"""The cluster agent: its rights, its one replica, its identity, and the network of both agents."""

from typing import Any

from exporter.sources.kube.resource import cluster_rules, role_rules
from tests.chart.rendering import EVERYTHING, Helm, Objects, container, merged


def ordered(rules: list[Any]) -> list[Any]:
    """Rules without an order of their own."""
    return sorted(({key: sorted(words) for key, words in rule.items()} for rule in rules), key=repr)


def test_the_cluster_role_is_what_the_code_declares(defaults: Objects) -> None:
    rendered = defaults.one("ClusterRole")["rules"]
    assert ordered(rendered) == ordered([rule.manifest for rule in cluster_rules()])


def test_the_roles_are_what_the_code_declares_in_the_namespaces_it_declares(defaults: Objects) -> None:
    rendered = {role["metadata"]["namespace"]: ordered(role["rules"]) for role in defaults.of("Role")}
    declared = {name: ordered([rule.manifest for rule in rules]) for name, rules in role_rules().items()}
    assert rendered == declared


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
        one = everything.one(binding)
        assert one["subjects"] == [account]
        assert one["roleRef"]["name"] == everything.one(role)["metadata"]["name"]
        assert one["metadata"].get("namespace") == everything.one(role)["metadata"].get("namespace")


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
    """The ports of each egress rule."""
    return [{port["port"] for port in rule["ports"]} for rule in policy["spec"]["egress"]]


def test_the_node_agent_may_reach_the_kubelet_s_port_and_nothing_else(helm: Helm, defaults: Objects) -> None:
    assert ports(defaults.one("NetworkPolicy", "-node")) == [{10250}]
    silent = helm.objects({"node": {"kubeletWireCheck": False}}).one("NetworkPolicy", "-node")
    assert silent["spec"]["egress"] == []
    assert "Egress" in silent["spec"]["policyTypes"]


def test_the_cluster_agent_may_reach_names_https_and_the_api_servers_it_is_told_of(helm: Helm) -> None:
    policy = helm.objects({"cluster": {"apiserverAddresses": ["aks.example:8443", "aks.example:443"]}})
    assert ports(policy.one("NetworkPolicy", "-cluster")) == [{53, 443, 8443}]


def test_scrapers_can_be_named_for_both_agents(helm: Helm, defaults: Objects) -> None:
    scrapers = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    for policy in helm.objects({"networkPolicy": {"scrapers": scrapers}}).of("NetworkPolicy"):
        assert policy["spec"]["ingress"] == [{"from": scrapers, "ports": [{"port": "metrics", "protocol": "TCP"}]}]
    for policy in defaults.of("NetworkPolicy"):
        assert policy["spec"]["ingress"] == [{"ports": [{"port": "metrics", "protocol": "TCP"}]}]
