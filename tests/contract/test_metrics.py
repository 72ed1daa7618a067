"""The metric catalogue: what users hold on to is spelled out here a second time, so that no edit changes it unseen."""

import re

import pytest

from exporter.families.catalogue import catalogue
from exporter.metric import Metric, MetricKind

METRICS = {
    # node agent
    "akscert_certificate_not_after_timestamp_seconds": "node role origin rotation",
    "akscert_certificate_not_before_timestamp_seconds": "node role origin rotation",
    "akscert_certificate_info": "node role origin path subject issuer serial_number fingerprint_sha256 "
    "key_algorithm signature_algorithm",
    "akscert_certificate_issued_by_cluster_ca": "node role origin",
    "akscert_certificate_served_matches_file": "node",
    "akscert_certificate_usable": "node role origin reason",
    "akscert_file_status": "node role path status",
    "akscert_file_leftovers": "node role",
    "akscert_sandbox_info": "node landlock_abi filesystem network seccomp",
    "akscert_rotation_state": "node role state reason",
    "akscert_rotation_evidence": "node role evidence",
    "akscert_rotation_due_timestamp_seconds": "node role",
    "akscert_rotation_deadline_timestamp_seconds": "node role",
    "akscert_bootstrap_info": "node method",
    "akscert_bootstrap_kubeconfig_present": "node",
    # cluster agent
    "akscert_apiserver_certificate_not_after_timestamp_seconds": "address rotation",
    "akscert_apiserver_certificate_not_before_timestamp_seconds": "address rotation",
    "akscert_apiserver_certificate_info": "address subject issuer serial_number fingerprint_sha256 "
    "key_algorithm signature_algorithm",
    "akscert_apiserver_trusted": "address",
    "akscert_apiserver_clock_offset_seconds": "",
    "akscert_ca_not_after_timestamp_seconds": "ca",
    "akscert_ca_not_before_timestamp_seconds": "ca",
    "akscert_ca_info": "ca subject serial_number fingerprint_sha256 in_use",
    "akscert_ca_bundle_not_after_timestamp_seconds": "kind name",
    "akscert_ca_bundle_not_before_timestamp_seconds": "kind name",
    "akscert_ca_bundle_outdated": "kind name",
    "akscert_ca_bundle_status": "kind name status",
    "akscert_endpoint_certificate_not_after_timestamp_seconds": "kind name address",
    "akscert_endpoint_certificate_not_before_timestamp_seconds": "kind name address",
    "akscert_endpoint_trusted": "kind name address reason",
    "akscert_endpoint_status": "kind name address status",
    "akscert_endpoint_info": "kind name address failure_policy verified owner",
    "akscert_preflight_allowed": "agentpool requestor step",
    "akscert_pod_certificate_request_objects": "signer_name condition",
    "akscert_pod_certificate_status": "status",
    "akscert_trust_bundle_objects": "signer_name state",
    "akscert_trust_bundle_status": "status",
    "akscert_workload_uses_retired_path": "namespace kind name how",
    "akscert_node_info": "node agentpool kubelet_version node_image_version os os_sku kubelet_serving_ca "
    "serving_rotation",
    "akscert_node_created_timestamp_seconds": "node",
    "akscert_node_observed": "node by",
    "akscert_kubelet_status": "node status",
    "akscert_kubelet_renew_errors_total": "node role",
    "akscert_node_ready": "node",
    "akscert_csr_objects": "signer_name requestor condition",
    "akscert_csr_pending_since_timestamp_seconds": "node signer_name",
    "akscert_csr_untracked": "",
    "akscert_csr_completed_total": "signer_name requestor outcome",
    "akscert_csr_issue_duration_seconds": "signer_name",
    "akscert_csr_last_issued_timestamp_seconds": "node signer_name",
    "akscert_csr_issued_certificate_info": "node role serial_number fingerprint_sha256",
    "akscert_signer_lease_renewed_timestamp_seconds": "lease",
    "akscert_signer_silent_since_timestamp_seconds": "signer_name",
    "akscert_signer_waiting_nodes": "signer_name certificate",
    "akscert_signer_first_end_timestamp_seconds": "signer_name",
    "akscert_cluster_created_timestamp_seconds": "",
    "akscert_azure_provisioning_state": "resource name state",
    "akscert_azure_provisioning_state_since_timestamp_seconds": "resource name",
    "akscert_azure_power_state": "resource name state",
    "akscert_azure_cluster_info": "cluster_name resource_group location kubernetes_version rbac",
    "akscert_azure_agentpool_info": "agentpool type os mode kubernetes_version node_image_version "
    "serving_rotation_opt_out snapshot_image_version",
    # both
    "akscert_source_up": "node source",
    "akscert_source_last_success_timestamp_seconds": "node source",
    "akscert_source_errors_total": "node source reason",
    "akscert_build_info": "version revision python_version mode",
}

WORDS = {
    "role": "kubelet-client kubelet-serving cluster-ca apiserver-copy",
    "origin": "file wire kubelet",
    "rotation": "enabled disabled unknown none",
    "status": "ok not_found not_expected permission_denied broken_symlink outside_root too_large empty no_certificate "
    "malformed not_a_file timeout error",
    "evidence": "kubelet_config kubeconfig file wire provisioning_tag node_label agentpool_tag kubelet_configz",
    "by": "node_agent kubelet nobody",
    "method": "token secure_tls_bootstrapping none unknown",
    "ca": "cluster client requestheader",
    "requestor": "node bootstrap aks_service other",
    "condition": "pending approved issued denied failed",
    "outcome": "issued denied failed abandoned",
    "certificate": "held none unknown",
    "lease": "kube-controller-manager kubelet-serving-csr-approver",
    "serving_rotation": "enabled disabled unknown",
    "resource": "cluster agentpool",
    "source": "kubelet csrs nodes configmaps leases webhooks apiservices apiserver azure kubelets node_agents "
    "endpoints workloads preflight",
}

OWN_WORDS = {
    "akscert_file_status": {"role": "kubelet-client kubelet-serving cluster-ca apiserver-copy evidence"},
    "akscert_ca_bundle_status": {"status": "ok empty no_certificate malformed"},
    "akscert_pod_certificate_status": {"status": "ok not_served forbidden error"},
    "akscert_trust_bundle_status": {"status": "ok not_served forbidden error"},
    "akscert_endpoint_status": {"status": "ok unreachable unresolved refused timeout tls_error error"},
    "akscert_kubelet_status": {"status": "ok refused timeout tls_error untrusted unauthorized forbidden error"},
}
"""Where a label means something else than under other names."""

DECLARED = [(subject, metric) for subject, metrics in catalogue().items() for metric in metrics]


def test_the_catalogue_holds_exactly_the_contracts_metrics() -> None:
    """With their labels."""
    assert {metric.name: set(metric.labels) for _, metric in DECLARED} == {
        name: set(labels.split()) for name, labels in METRICS.items()
    }


@pytest.mark.parametrize(("subject", "metric"), DECLARED, ids=[metric.name for _, metric in DECLARED])
def test_a_name_leads_to_its_file_and_tells_its_type(subject: str, metric: Metric) -> None:
    """Prefix, subject, unit and the suffixes that Prometheus reserves."""
    assert metric.name.startswith(f"akscert_{subject}_")
    assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is MetricKind.COUNTER)
    assert not metric.name.endswith(("_count", "_sum", "_bucket", "_created"))
    assert metric.help.endswith(".")
    assert "\n" not in metric.help
    if "timestamp" in metric.name:
        assert metric.name.endswith("_timestamp_seconds")


@pytest.mark.parametrize("metric", [metric for _, metric in DECLARED], ids=lambda metric: metric.name)
def test_a_label_with_a_word_list_has_the_contracts_words(metric: Metric) -> None:
    """Every list that is declared is one that is promised, and the long ones are never left out."""
    promised = {**WORDS, **OWN_WORDS.get(metric.name, {})}
    for label, words in metric.words.items():
        if label in promised:
            assert set(words) <= set(promised[label].split()), label
    for label in set(metric.labels) & set(WORDS):
        assert label in metric.words, f"{label} has a closed list that {metric.name} does not declare"


@pytest.mark.parametrize("name", ["node", "cluster", "namespace", "pod", "job", "instance", "service", "container"])
def test_no_label_of_ours_hides_one_that_the_scrape_adds(name: str) -> None:
    """`node`, and the namespace of a workload, are the exceptions: they are the point of those series, and the monitors
    honour them."""
    users = {metric.name for _, metric in DECLARED if name in metric.labels}
    if name == "namespace":
        assert users == {"akscert_workload_uses_retired_path"}
    else:
        assert (name == "node") == bool(users)
