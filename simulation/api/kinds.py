"""The kinds of object that the simulated API server holds, and where each one's API is found."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["KINDS", "Kind"]

READ = ("get", "list", "watch")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object that the simulation serves."""

    api_version: str
    name: str
    namespaced: bool = False
    short: tuple[str, ...] = ()
    """Short names that kubectl knows it by."""
    selectable: tuple[str, ...] = ()
    """Fields a fieldSelector may name, beside metadata.name and metadata.namespace."""
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = READ

    @property
    def group(self) -> str:
        """The API group; empty for the core."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """Such as `v1`."""
        return self.api_version.rpartition("/")[2]

    @property
    def root(self) -> str:
        """The path of its API."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"


WRITE = (*READ, "create", "delete", "patch", "update")

KINDS: Mapping[str, Kind] = {
    "certificatesigningrequests": Kind(
        "certificates.k8s.io/v1",
        "CertificateSigningRequest",
        short=("csr",),
        selectable=("spec.signerName",),
        subresources=("approval", "status"),
        verbs=WRITE,
    ),
    "nodes": Kind(
        "v1",
        "Node",
        short=("no",),
        selectable=("spec.unschedulable",),
        subresources=("proxy", "status"),
        verbs=WRITE,
    ),
    "namespaces": Kind("v1", "Namespace", short=("ns",)),
    "configmaps": Kind("v1", "ConfigMap", namespaced=True, short=("cm",)),
    "pods": Kind(
        "v1",
        "Pod",
        namespaced=True,
        short=("po",),
        selectable=("spec.nodeName", "status.phase"),
        subresources=("log", "eviction"),
        verbs=WRITE,
    ),
    "services": Kind("v1", "Service", namespaced=True, short=("svc",), subresources=("proxy",)),
    "events": Kind(
        "v1",
        "Event",
        namespaced=True,
        short=("ev",),
        selectable=(
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.uid",
            "reason",
            "type",
        ),
    ),
    "leases": Kind("coordination.k8s.io/v1", "Lease", namespaced=True),
    "endpointslices": Kind("discovery.k8s.io/v1", "EndpointSlice", namespaced=True),
    "validatingwebhookconfigurations": Kind("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    "mutatingwebhookconfigurations": Kind("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
    "apiservices": Kind("apiregistration.k8s.io/v1", "APIService"),
    "customresourcedefinitions": Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", short=("crd",)),
    "daemonsets": Kind("apps/v1", "DaemonSet", namespaced=True, short=("ds",)),
    "deployments": Kind("apps/v1", "Deployment", namespaced=True, short=("deploy",)),
    "statefulsets": Kind("apps/v1", "StatefulSet", namespaced=True, short=("sts",)),
    "cronjobs": Kind("batch/v1", "CronJob", namespaced=True, short=("cj",)),
    "clusterrolebindings": Kind("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    "podcertificaterequests": Kind("certificates.k8s.io/v1", "PodCertificateRequest", namespaced=True),
    "clustertrustbundles": Kind("certificates.k8s.io/v1", "ClusterTrustBundle"),
}
