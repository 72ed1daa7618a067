"""Which Services are of AKS's own parts, and which are the user's."""

import pytest

from exporter.facts.kube.aks_component import aks_component

NODES, POLICY, ISTIO = "the protection of AKS's nodes", "the Azure Policy add-on", "the Istio add-on"
OF_AKS = {
    ("kube-system", "aks-node-validating-webhook-service"): NODES,
    ("kube-system", "aks-node-mutating-webhook-service"): NODES,
    ("kube-system", "aks-webhook-admission-controller"): "AKS's admission controller",
    ("kube-system", "admissionsenforcer"): "AKS's admissions enforcer",
    ("kube-system", "metrics-server"): "metrics-server",
    ("kube-system", "azure-policy-webhook-service"): POLICY,
    ("gatekeeper-system", "gatekeeper-webhook-service"): f"{POLICY}, unless you installed Gatekeeper yourself",
    ("kube-system", "keda-operator-metrics-apiserver"): "the KEDA add-on",
    ("kube-system", "azure-wi-webhook-webhook-service"): "the workload identity add-on",
    ("aks-istio-system", "istiod-asm-1-24"): ISTIO,
    ("aks-istio-ingress", "any"): ISTIO,
    ("kube-system", "vpa-webhook"): "the vertical Pod autoscaler add-on",
    ("kube-system", "konnectivity-svc"): "konnectivity",
    ("kube-system", "ama-metrics-operator-targets"): "the Azure Monitor add-on",
    ("kube-system", "kaito-workspace"): "the AI toolchain operator add-on",
    ("kube-system", "karpenter"): "node auto-provisioning",
    ("app-routing-system", "any"): "the application routing add-on",
}


@pytest.mark.parametrize(("where", "words"), OF_AKS.items())
def test_each_part_of_aks_is_called_by_its_name_where_aks_installs_it(where: tuple[str, str], words: str) -> None:
    """The same name elsewhere is somebody's own."""
    namespace, service = where
    assert aks_component(namespace, service) == words
    assert aks_component("mine", service) == ""


@pytest.mark.parametrize(
    ("namespace", "service"),
    [
        ("keda", "keda-operator-metrics-apiserver"),
        ("istio-system", "istiod"),
        ("kube-system", "my-own-webhook"),
        ("kube-system", "Metrics-Server"),
        ("kube-system", "my-metrics-server"),
        ("default", "metrics-server"),
        ("gatekeeper-system", "metrics-server"),
        ("", ""),
    ],
)
def test_what_a_user_installs_is_the_users(namespace: str, service: str) -> None:
    assert aks_component(namespace, service) == ""
