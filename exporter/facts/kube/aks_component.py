"""The namespace and name of a Service in, the part of AKS that it belongs to out: AKS mends those itself.

The add-ons that AKS installs run in kube-system and in namespaces of AKS's own; the same software installed by a user
runs elsewhere, and is the user's to mend.
"""

from fnmatch import fnmatchcase

__all__ = ["AKS_COMPONENTS", "aks_component"]

AKS_COMPONENTS: tuple[tuple[str, str, str], ...] = (
    ("kube-system", "aks-node-validating-webhook*", "the protection of AKS's nodes"),
    ("kube-system", "aks-node-mutating-webhook*", "the protection of AKS's nodes"),
    ("kube-system", "aks-webhook-admission-controller*", "AKS's admission controller"),
    ("kube-system", "admissionsenforcer*", "AKS's admissions enforcer"),
    ("kube-system", "metrics-server", "metrics-server"),
    ("kube-system", "azure-policy-webhook*", "the Azure Policy add-on"),
    ("gatekeeper-system", "gatekeeper-webhook*", "the Azure Policy add-on, unless you installed Gatekeeper yourself"),
    ("kube-system", "keda-*", "the KEDA add-on"),
    ("kube-system", "azure-wi-webhook*", "the workload identity add-on"),
    ("aks-istio-system", "*", "the Istio add-on"),
    ("aks-istio-ingress", "*", "the Istio add-on"),
    ("kube-system", "vpa-webhook*", "the vertical Pod autoscaler add-on"),
    ("kube-system", "konnectivity-*", "konnectivity"),
    ("kube-system", "ama-*", "the Azure Monitor add-on"),
    ("kube-system", "kaito-*", "the AI toolchain operator add-on"),
    ("kube-system", "karpenter*", "node auto-provisioning"),
    ("app-routing-system", "*", "the application routing add-on"),
)
"""Namespace, a pattern of the Service's name, and what it is part of. Names as the add-ons' public manifests have them
(AKS pages on each add-on; Gatekeeper, KEDA, Azure Workload Identity and Istio: their own charts)."""


def aks_component(namespace: str, service: str) -> str:
    """What AKS ships it as, in words; empty: it is the user's own."""
    return next(
        (words for where, names, words in AKS_COMPONENTS if where == namespace and fnmatchcase(service, names)), ""
    )
