"""What the cluster agent reads is declared once: exact paths, and the least rights for them."""

import pytest

from exporter.reason import Lease, Source
from exporter.sources.kube.resource import (
    API_SERVICES,
    AUTHENTICATION,
    CERTIFICATE_SIGNING_REQUESTS,
    CERTIFICATES_RULE,
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    ENDPOINT_RULE,
    KUBE_SYSTEM,
    KUBELET_RULE,
    LEASES,
    MUTATING_WEBHOOKS,
    NODES,
    PREFLIGHT_RULE,
    RESOURCES,
    ROOT_CA,
    SERVICE_LABEL,
    VALIDATING_WEBHOOKS,
    WORKLOAD_RULES,
    WORKLOADS,
    Resource,
    Rule,
    cluster_rules,
    endpoint_slices,
    role_rules,
)

READS = {"get", "list", "watch"}


WATCHED, LISTED, BY_NAME = ("list", "watch"), ("list",), ("get",)
SYSTEM = "/namespaces/kube-system"
READ: list[tuple[Resource, Source, str, tuple[str, ...], tuple[str, ...]]] = [
    (
        CERTIFICATE_SIGNING_REQUESTS,
        Source.CSRS,
        "/apis/certificates.k8s.io/v1/certificatesigningrequests",
        WATCHED,
        (),
    ),
    (NODES, Source.NODES, "/api/v1/nodes", WATCHED, ()),
    (
        AUTHENTICATION,
        Source.CONFIGMAPS,
        f"/api/v1{SYSTEM}/configmaps",
        BY_NAME,
        ("extension-apiserver-authentication",),
    ),
    (ROOT_CA, Source.CONFIGMAPS, f"/api/v1{SYSTEM}/configmaps", BY_NAME, ("kube-root-ca.crt",)),
    (
        LEASES,
        Source.LEASES,
        f"/apis/coordination.k8s.io/v1{SYSTEM}/leases",
        BY_NAME,
        ("kube-controller-manager", "kubelet-serving-csr-approver"),
    ),
    (KUBE_SYSTEM, Source.CONFIGMAPS, "/api/v1/namespaces", BY_NAME, ("kube-system",)),
    (
        VALIDATING_WEBHOOKS,
        Source.WEBHOOKS,
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        LISTED,
        (),
    ),
    (
        MUTATING_WEBHOOKS,
        Source.WEBHOOKS,
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        LISTED,
        (),
    ),
    (API_SERVICES, Source.APISERVICES, "/apis/apiregistration.k8s.io/v1/apiservices", LISTED, ()),
]
"""Everything that is read in any case: the resource, who asks, its collection, the verbs, the names."""
WANTED: list[tuple[Resource, Source, str, tuple[str, ...], tuple[str, ...]]] = [
    (
        CUSTOM_RESOURCE_DEFINITIONS,
        Source.WEBHOOKS,
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        LISTED,
        (),
    ),
    (CONFIG_MAPS, Source.WORKLOADS, "/api/v1/configmaps", LISTED, ()),
    (WORKLOADS["DaemonSet"], Source.WORKLOADS, "/apis/apps/v1/daemonsets", LISTED, ()),
    (WORKLOADS["Deployment"], Source.WORKLOADS, "/apis/apps/v1/deployments", LISTED, ()),
    (WORKLOADS["StatefulSet"], Source.WORKLOADS, "/apis/apps/v1/statefulsets", LISTED, ()),
    (WORKLOADS["CronJob"], Source.WORKLOADS, "/apis/batch/v1/cronjobs", LISTED, ()),
    (
        endpoint_slices("monitoring"),
        Source.NODE_AGENTS,
        "/apis/discovery.k8s.io/v1/namespaces/monitoring/endpointslices",
        LISTED,
        (),
    ),
]
"""What is read where the settings want it."""


@pytest.mark.parametrize(
    ("resource", "source", "path", "verbs", "names"), [*READ, *WANTED], ids=[row[2] for row in (*READ, *WANTED)]
)
def test_a_resource_is_where_the_api_has_it(
    resource: Resource, source: Source, path: str, verbs: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert (resource.source, resource.path, resource.verbs, resource.names) == (source, path, verbs, names)
    assert resource.object_path("one") == f"{path}/one"


def test_endpoint_slices_are_those_of_one_namespace() -> None:
    assert endpoint_slices("a") == Resource(
        Source.NODE_AGENTS, "discovery.k8s.io", "v1", "endpointslices", verbs=LISTED, namespace="a"
    )


def test_this_is_all_that_is_read_without_being_asked_for() -> None:
    assert list(RESOURCES) == [row[0] for row in READ]
    assert list(WORKLOADS) == ["DaemonSet", "Deployment", "StatefulSet", "CronJob"]
    assert SERVICE_LABEL == "kubernetes.io/service-name"


@pytest.mark.parametrize(
    ("rule", "manifest"),
    [
        (ENDPOINT_RULE, (["apiextensions.k8s.io"], ["customresourcedefinitions"], ["list"])),
        (PREFLIGHT_RULE, (["authorization.k8s.io"], ["subjectaccessreviews"], ["create"])),
        (CERTIFICATES_RULE, (["certificates.k8s.io"], ["podcertificaterequests", "clustertrustbundles"], ["list"])),
        (KUBELET_RULE, ([""], ["nodes/metrics", "nodes/configz"], ["get"])),
        (WORKLOAD_RULES[0], (["apps"], ["daemonsets", "deployments", "statefulsets"], ["list"])),
        (WORKLOAD_RULES[1], (["batch"], ["cronjobs"], ["list"])),
        (WORKLOAD_RULES[2], ([""], ["configmaps"], ["list"])),
    ],
    ids=["endpoints", "preflight", "certificates", "kubelets", "apps", "batch", "core"],
)
def test_a_rule_of_its_own_gives_these_rights_and_no_more(rule: Rule, manifest: tuple[list[str], ...]) -> None:
    assert rule.manifest == dict(zip(("apiGroups", "resources", "verbs"), manifest, strict=True))


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
