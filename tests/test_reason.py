"""The closed words (exporter/reason.py): they are label values, which dashboards and rules of others know."""

import inspect
from enum import StrEnum

import pytest

from exporter import reason

WORDS = {
    "Mode": "node cluster",
    "Role": "kubelet-client kubelet-serving cluster-ca apiserver-copy",
    "FileRole": "kubelet-client kubelet-serving cluster-ca apiserver-copy evidence",
    "Origin": "file wire kubelet",
    "Rotation": "enabled disabled unknown none",
    "FileStatus": "ok not_found not_expected permission_denied broken_symlink outside_root too_large empty "
    "no_certificate malformed not_a_file timeout error",
    "RotationState": "enabled waiting disabled unknown",
    "RotationReason": "rotating certificate_missing bootstrap_pending not_configured static inline opted_out "
    "self_signed undetermined",
    "Evidence": "kubelet_config kubeconfig file wire provisioning_tag node_label agentpool_tag kubelet_configz",
    "Observer": "node_agent kubelet nobody",
    "KubeletStatus": "ok refused timeout tls_error untrusted unauthorized forbidden error",
    "BootstrapMethod": "token secure_tls_bootstrapping none unknown",
    "Requestor": "node bootstrap aks_service other",
    "CsrCondition": "pending approved issued denied failed",
    "CsrOutcome": "issued denied failed abandoned",
    "Ca": "cluster client requestheader",
    "CaBundleStatus": "ok empty no_certificate malformed",
    "EndpointStatus": "ok unreachable unresolved refused timeout tls_error error",
    "FailurePolicy": "fail ignore none",
    "Lease": "kube-controller-manager kubelet-serving-csr-approver",
    "Held": "held none unknown",
    "PreflightStep": "request approval",
    "ApiStatus": "ok not_served forbidden error",
    "TrustBundleState": "ok ended empty malformed",
    "RetiredPathUse": "mount argument configmap",
    "Source": "kubelet csrs nodes configmaps leases webhooks apiservices apiserver azure kubelets node_agents "
    "endpoints workloads preflight",
    "Reason": "dns refused unreachable reset timeout tls_alert tls_protocol certificate_expired certificate_hostname "
    "certificate_untrusted certificate_malformed no_certificate unauthorized forbidden not_found conflict expired "
    "throttled server_error decode too_large credentials bug error",
}


@pytest.mark.parametrize("name", WORDS)
def test_a_label_has_these_words_and_no_other(name: str) -> None:
    assert [one.value for one in getattr(reason, name)] == WORDS[name].split()


def test_every_list_of_words_is_here() -> None:
    lists = inspect.getmembers(reason, lambda one: inspect.isclass(one) and issubclass(one, StrEnum))
    assert {name for name, _ in lists} - {"StrEnum"} == set(WORDS)
