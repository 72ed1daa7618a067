"""What the cluster agent reads from the Kubernetes API, declared once: paths for the source, RBAC for the chart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from exporter.reason import Source

__all__ = [
    "API_SERVICES",
    "AUTHENTICATION",
    "CERTIFICATES_RULE",
    "CERTIFICATE_SIGNING_REQUESTS",
    "CONFIG_MAPS",
    "CUSTOM_RESOURCE_DEFINITIONS",
    "ENDPOINT_RULE",
    "KUBELET_RULE",
    "KUBE_SYSTEM",
    "LEASES",
    "MUTATING_WEBHOOKS",
    "NODES",
    "PREFLIGHT_RULE",
    "RESOURCES",
    "ROOT_CA",
    "SERVICE_LABEL",
    "VALIDATING_WEBHOOKS",
    "WORKLOADS",
    "WORKLOAD_RULES",
    "Resource",
    "Rule",
    "cluster_rules",
    "endpoint_slices",
    "role_rules",
]


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, or named ones of it, with the verbs it takes to read them."""

    source: Source
    group: str
    """Empty for the core API."""
    version: str
    plural: str
    verbs: tuple[str, ...]
    namespace: str = ""
    names: tuple[str, ...] = ()
    """The only objects read; empty: all."""

    @property
    def path(self) -> str:
        """The path of the collection."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{root}/namespaces/{self.namespace}/{self.plural}" if self.namespace else f"{root}/{self.plural}"

    def object_path(self, name: str) -> str:
        """The path of one object."""
        return f"{self.path}/{name}"


WATCH = ("list", "watch")

CERTIFICATE_SIGNING_REQUESTS = Resource(Source.CSRS, "certificates.k8s.io", "v1", "certificatesigningrequests", WATCH)
NODES = Resource(Source.NODES, "", "v1", "nodes", WATCH)
AUTHENTICATION = Resource(
    Source.CONFIGMAPS, "", "v1", "configmaps", ("get",), "kube-system", ("extension-apiserver-authentication",)
)
"""The CA of client certificates and the CA of the aggregation layer (request header)."""
ROOT_CA = Resource(Source.CONFIGMAPS, "", "v1", "configmaps", ("get",), "kube-system", ("kube-root-ca.crt",))
"""The bundle that clients in the cluster trust; every namespace holds the same copy."""
LEASES = Resource(
    Source.LEASES,
    "coordination.k8s.io",
    "v1",
    "leases",
    ("get",),
    "kube-system",
    ("kube-controller-manager", "kubelet-serving-csr-approver"),
)
KUBE_SYSTEM = Resource(Source.CONFIGMAPS, "", "v1", "namespaces", ("get",), "", ("kube-system",))
"""Its creation is the cluster's."""
VALIDATING_WEBHOOKS = Resource(
    Source.WEBHOOKS, "admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", ("list",)
)
MUTATING_WEBHOOKS = Resource(
    Source.WEBHOOKS, "admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", ("list",)
)
API_SERVICES = Resource(Source.APISERVICES, "apiregistration.k8s.io", "v1", "apiservices", ("list",))
CUSTOM_RESOURCE_DEFINITIONS = Resource(
    Source.WEBHOOKS, "apiextensions.k8s.io", "v1", "customresourcedefinitions", ("list",)
)
"""For the webhooks that convert between their versions. Read where `endpoints.enabled` is; else not in the rights."""

CONFIG_MAPS = Resource(Source.WORKLOADS, "", "v1", "configmaps", ("list",))
"""Of all namespaces, where `workloads.enabled` is: those that name a retired path are kept."""
WORKLOADS: Mapping[str, Resource] = MappingProxyType(
    {
        "DaemonSet": Resource(Source.WORKLOADS, "apps", "v1", "daemonsets", ("list",)),
        "Deployment": Resource(Source.WORKLOADS, "apps", "v1", "deployments", ("list",)),
        "StatefulSet": Resource(Source.WORKLOADS, "apps", "v1", "statefulsets", ("list",)),
        "CronJob": Resource(Source.WORKLOADS, "batch", "v1", "cronjobs", ("list",)),
    }
)
"""By kind, likewise."""

RESOURCES = (
    CERTIFICATE_SIGNING_REQUESTS,
    NODES,
    AUTHENTICATION,
    ROOT_CA,
    LEASES,
    KUBE_SYSTEM,
    VALIDATING_WEBHOOKS,
    MUTATING_WEBHOOKS,
    API_SERVICES,
)
"""Everything. No secrets, no pods, no nodes/proxy, and no verb that writes."""


SERVICE_LABEL = "kubernetes.io/service-name"
"""On each EndpointSlice: the Service it belongs to."""


def endpoint_slices(namespace: str) -> Resource:
    """The EndpointSlices of the release's namespace, where the node agents' Service is."""
    return Resource(Source.NODE_AGENTS, "discovery.k8s.io", "v1", "endpointslices", ("list",), namespace)


@dataclass(frozen=True, slots=True)
class Rule:
    """An RBAC rule (rbac.authorization.k8s.io/v1 PolicyRule)."""

    api_groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    resource_names: tuple[str, ...] = ()

    @property
    def manifest(self) -> dict[str, list[str]]:
        """The rule as a manifest has it."""
        rule = {"apiGroups": self.api_groups, "resources": self.resources, "verbs": self.verbs}
        if self.resource_names:
            rule["resourceNames"] = self.resource_names
        return {key: list(values) for key, values in rule.items()}


ENDPOINT_RULE = Rule(
    (CUSTOM_RESOURCE_DEFINITIONS.group,),
    (CUSTOM_RESOURCE_DEFINITIONS.plural,),
    CUSTOM_RESOURCE_DEFINITIONS.verbs,
)
"""In the ClusterRole where `endpoints.enabled` is."""
WORKLOAD_RULES = (
    Rule(("apps",), ("daemonsets", "deployments", "statefulsets"), ("list",)),
    Rule(("batch",), ("cronjobs",), ("list",)),
    Rule(("",), ("configmaps",), ("list",)),
)
"""In the ClusterRole where `workloads.enabled` is."""
PREFLIGHT_RULE = Rule(("authorization.k8s.io",), ("subjectaccessreviews",), ("create",))
"""In the ClusterRole where `preflight.enabled` is. A review is answered and stored nowhere."""
CERTIFICATES_RULE = Rule(
    (CERTIFICATE_SIGNING_REQUESTS.group,), ("podcertificaterequests", "clustertrustbundles"), ("list",)
)
"""Kinds that an API server may have at one version, another, or not at all."""
KUBELET_RULE = Rule(("",), ("nodes/metrics", "nodes/configz"), ("get",))
"""What a kubelet asks the API server about whoever wants its /metrics and /configz. Never nodes/proxy, which may run
commands in Pods."""


def cluster_rules() -> tuple[Rule, ...]:
    """Rules of the ClusterRole: what has no namespace."""
    return (*_rules(""), CERTIFICATES_RULE)


def role_rules() -> Mapping[str, tuple[Rule, ...]]:
    """Rules of the Roles, by the namespace each is in."""
    namespaces = sorted({resource.namespace for resource in RESOURCES if resource.namespace})
    return MappingProxyType({namespace: tuple(_rules(namespace)) for namespace in namespaces})


def _rules(namespace: str) -> Iterator[Rule]:
    """One rule for each group, verbs and set of names; names of the same kind are joined."""
    joined: dict[tuple[str, tuple[str, ...], str], list[str]] = {}
    plain: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for resource in RESOURCES:
        if resource.namespace != namespace:
            continue
        if resource.names:
            joined.setdefault((resource.group, resource.verbs, resource.plural), []).extend(resource.names)
        else:
            plain.setdefault((resource.group, resource.verbs), []).append(resource.plural)
    for (group, verbs), plurals in plain.items():
        yield Rule((group,), tuple(plurals), verbs)
    for (group, verbs, plural), names in joined.items():
        yield Rule((group,), (plural,), verbs, tuple(names))
