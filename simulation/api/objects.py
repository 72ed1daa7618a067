"""Kubernetes objects as an AKS cluster has them: names, certificates and moments (Unix seconds) in, JSON values out."""

import base64
import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from simulation.csr_answer import SERVING_SIGNER, Answer

__all__ = [
    "NODE_GROUP",
    "NO_KUBELET",
    "SUBSCRIPTION",
    "CsrOrder",
    "api_service",
    "authentication_config",
    "csr_object",
    "custom_resource_definition",
    "endpoint_slice",
    "lease",
    "namespace",
    "node_object",
    "root_ca_config",
    "time_text",
    "webhooks",
    "workload",
]

Object = dict[str, Any]

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
NODE_GROUP = "mc_contoso_aks1_westeurope"
"""As the cloud provider writes it: in lower case."""
NO_KUBELET = ("127.0.0.1", 1)
"""Where nothing listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrOrder:
    """A request that a simulated kubelet, or AKS on its behalf, has sent."""

    name: str
    node: str
    signer_name: str
    username: str
    created: float
    answer: Answer = Answer.PENDING


def time_text(moment: float) -> str:
    """RFC 3339 as metav1.Time has it."""
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def node_object(
    name: str,
    labels: Mapping[str, str],
    created: float,
    *,
    ready: bool,
    windows: bool,
    version: str,
    kubelet: tuple[str, int] = NO_KUBELET,
) -> Object:
    """A Node with AKS's labels, addresses and providerID; `kubelet` is the address and port where its kubelet listens.

    Agents connect to it, so it is one of this machine's own.
    """
    scale_set, instance = name[:-6], int(name[-6:], 36)
    return {
        "metadata": {
            "name": name,
            "creationTimestamp": time_text(created),
            "labels": {
                **labels,
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "windows" if windows else "linux",
                "node.kubernetes.io/instance-type": "Standard_D4ds_v5",
                "topology.kubernetes.io/region": "westeurope",
            },
        },
        "spec": {
            "providerID": f"azure:///subscriptions/{SUBSCRIPTION}/resourceGroups/{NODE_GROUP}"
            f"/providers/Microsoft.Compute/virtualMachineScaleSets/{scale_set}/virtualMachines/{instance}"
        },
        "status": {
            "addresses": [{"type": "InternalIP", "address": kubelet[0]}, {"type": "Hostname", "address": name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet[1]}},
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True" if ready else "Unknown",
                    "reason": "KubeletReady" if ready else "NodeStatusUnknown",
                    "lastHeartbeatTime": time_text(created),
                    "lastTransitionTime": time_text(created),
                }
            ],
            "nodeInfo": {
                "kubeletVersion": version,
                "operatingSystem": "windows" if windows else "linux",
                "osImage": "Windows Server 2022 Datacenter" if windows else "Ubuntu 22.04.5 LTS",
                "architecture": "amd64",
            },
        },
    }


def csr_object(order: CsrOrder, request_pem: bytes, certificate_pem: bytes = b"") -> Object:
    """A CertificateSigningRequest with the conditions that approvers and signers leave."""
    serving = order.signer_name == SERVING_SIGNER
    status: Object = {}
    if order.answer is not Answer.PENDING:
        status["conditions"] = list(_conditions(order, serving=serving))
    if order.answer is Answer.ISSUED:
        status["certificate"] = base64.b64encode(certificate_pem).decode()
    group = "system:bootstrappers" if order.username.startswith("system:bootstrap:") else "system:nodes"
    return {
        "metadata": {
            "name": order.name,
            "generateName": "csr-",
            "creationTimestamp": time_text(order.created),
        },
        "spec": {
            "signerName": order.signer_name,
            "username": order.username,
            "groups": [group, "system:authenticated"],
            "usages": ["digital signature", "server auth" if serving else "client auth"],
            "request": base64.b64encode(request_pem).decode(),
        },
        "status": status,
    }


def _conditions(order: CsrOrder, *, serving: bool) -> Iterable[Object]:
    at = time_text(order.created + 1)
    moments = {"status": "True", "lastUpdateTime": at, "lastTransitionTime": at}
    if order.answer is Answer.DENIED:
        # staging/src/k8s.io/kubectl/pkg/cmd/certificates/certificates.go
        yield {
            "type": "Denied",
            "reason": "KubectlDeny",
            "message": "This CSR was denied by kubectl certificate deny.",
            **moments,
        }
        return
    subject = "kubelet serving certificate" if serving else "self kubelet client certificate"
    yield {
        "type": "Approved",
        "reason": "AutoApproved",
        "message": f"Auto approving {subject} after SubjectAccessReview.",
        **moments,
    }
    if order.answer is Answer.FAILED:
        # pkg/controller/certificates/signer/signer.go
        yield {
            "type": "Failed",
            "reason": "SignerValidationFailure",
            "message": "DNS or IP subjectAltName is required",
            **moments,
        }


def namespace(name: str, created: float) -> Object:
    """A namespace; kube-system's age is the cluster's."""
    return {"metadata": {"name": name, "creationTimestamp": time_text(created)}, "status": {"phase": "Active"}}


def endpoint_slice(namespace_: str, service: str, node: str, address: str, port: int) -> Object:
    """An EndpointSlice of a headless Service, for one Pod: here each has a port of its own."""
    return {
        "metadata": {
            "name": f"{service}-{node}",
            "namespace": namespace_,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "nodeName": node, "conditions": {"ready": True, "serving": True}}],
    }


def root_ca_config(namespace_: str, authorities_pem: bytes) -> Object:
    """kube-root-ca.crt, which every namespace has."""
    return {
        "metadata": {"name": "kube-root-ca.crt", "namespace": namespace_},
        "data": {"ca.crt": authorities_pem.decode()},
    }


def authentication_config(client_pem: bytes, requestheader_pem: bytes) -> Object:
    """kube-system/extension-apiserver-authentication."""
    return {
        "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
        "data": {
            "client-ca-file": client_pem.decode(),
            "requestheader-client-ca-file": requestheader_pem.decode(),
            "requestheader-allowed-names": '["aggregator"]',
        },
    }


def lease(name: str, renewed: float) -> Object:
    """A leader's Lease in kube-system."""
    micro = f"{dt.datetime.fromtimestamp(renewed, dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    return {
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"holderIdentity": f"{name}-6f4c9d7b5c-x2x7q", "leaseDurationSeconds": 15, "renewTime": micro},
    }


def webhooks(
    name: str, bundle_pem: bytes, *, service: tuple[str, str] = ("kube-system", ""), policy: str = "Ignore"
) -> Object:
    """An admission webhook configuration, validating or mutating. `service`: namespace and name, else the object's."""
    return {
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": f"{name}.contoso.example",
                "clientConfig": {
                    "service": {"name": service[1] or name, "namespace": service[0], "path": "/"},
                    "caBundle": base64.b64encode(bundle_pem).decode(),
                },
                "failurePolicy": policy,
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


def custom_resource_definition(plural: str, group: str, bundle_pem: bytes | None = None) -> Object:
    """A CustomResourceDefinition; with a bundle one whose versions a webhook converts, with an empty one forgotten."""
    conversion: Object = {"strategy": "None"}
    if bundle_pem is not None:
        config: Object = {"service": {"name": plural, "namespace": "kube-system", "path": "/convert"}}
        if bundle_pem:
            config["caBundle"] = base64.b64encode(bundle_pem).decode()
        conversion = {"strategy": "Webhook", "webhook": {"clientConfig": config, "conversionReviewVersions": ["v1"]}}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": plural, "kind": plural.capitalize()}
    return {
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Cluster", "names": names, "versions": [version], "conversion": conversion},
    }


def api_service(
    group: str, version: str, bundle_pem: bytes = b"", *, service: tuple[str, str] = ("kube-system", "metrics-server")
) -> Object:
    """An APIService: a local one without a bundle, an aggregated one with it."""
    spec: Object = {"group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100}
    if bundle_pem:
        spec["service"] = {"name": service[1], "namespace": service[0]}
        spec["caBundle"] = base64.b64encode(bundle_pem).decode()
    return {"metadata": {"name": f"{version}.{group}"}, "spec": spec}


def workload(name: str, namespace_: str, *, host_path: str, mount: str, arguments: Iterable[str] = ()) -> Object:
    """A DaemonSet, Deployment or StatefulSet that mounts a file or directory of its nodes."""
    container = {
        "name": name,
        "image": f"registry.example/{name}:1",
        "args": list(arguments),
        "volumeMounts": [{"name": "host", "mountPath": mount, "readOnly": True}],
    }
    pod = {"containers": [container], "volumes": [{"name": "host", "hostPath": {"path": host_path}}]}
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod}
    return {
        "metadata": {"name": name, "namespace": namespace_},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
