"""What the cluster agent reads is declared once: exact paths, and the least rights for them."""

from exporter.reason import Lease
from exporter.sources.kube.resource import (
    CONFIG_MAPS,
    LEASES,
    NODES,
    RESOURCES,
    WORKLOAD_RULES,
    WORKLOADS,
    cluster_rules,
    role_rules,
)

READS = {"get", "list", "watch"}


def test_paths_are_those_of_the_api() -> None:
    assert NODES.path == "/api/v1/nodes"
    assert LEASES.object_path(Lease.KUBE_CONTROLLER_MANAGER) == (
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager"
    )


def test_the_cluster_role_is_exactly_this() -> None:
    assert [rule.manifest for rule in cluster_rules()] == [
        {
            "apiGroups": ["certificates.k8s.io"],
            "resources": ["certificatesigningrequests"],
            "verbs": ["list", "watch"],
        },
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]},
        {
            "apiGroups": ["admissionregistration.k8s.io"],
            "resources": ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
            "verbs": ["list"],
        },
        {"apiGroups": ["apiregistration.k8s.io"], "resources": ["apiservices"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"], "resourceNames": ["kube-system"]},
        {
            "apiGroups": ["certificates.k8s.io"],
            "resources": ["podcertificaterequests", "clustertrustbundles"],
            "verbs": ["list"],
        },
    ]


def test_the_role_in_kube_system_names_its_objects() -> None:
    assert {namespace: [rule.manifest for rule in rules] for namespace, rules in role_rules().items()} == {
        "kube-system": [
            {
                "apiGroups": [""],
                "resources": ["configmaps"],
                "verbs": ["get"],
                "resourceNames": ["extension-apiserver-authentication", "kube-root-ca.crt"],
            },
            {
                "apiGroups": ["coordination.k8s.io"],
                "resources": ["leases"],
                "verbs": ["get"],
                "resourceNames": ["kube-controller-manager", "kubelet-serving-csr-approver"],
            },
        ]
    }


def test_the_rights_on_workloads_are_those_of_what_is_listed() -> None:
    listed = {(one.group, one.plural, verb) for one in (*WORKLOADS.values(), CONFIG_MAPS) for verb in one.verbs}
    given = [
        (group, plural, verb)
        for rule in WORKLOAD_RULES
        for group in rule.api_groups
        for plural in rule.resources
        for verb in rule.verbs
    ]
    assert sorted(given) == sorted(listed)


def test_every_lease_that_is_asked_for_is_declared() -> None:
    assert set(LEASES.names) == set(Lease)


def test_a_resource_is_either_read_by_name_or_listed() -> None:
    for resource in RESOURCES:
        assert set(resource.verbs) <= READS
        assert ("get" in resource.verbs) == bool(resource.names)
