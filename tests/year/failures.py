"""The failures that the series can show, and all that is told of each."""

from functools import partial

from exporter.facts.kube.csr import CLIENT_SIGNER, SERVING_SIGNER
from simulation.pki import DAY
from tests.year import breakage, endpoints
from tests.year.failure import Alert, Failure
from tests.year.fleets import rotate_certificates
from tests.year.machine import Answer

__all__ = ["FAILURES"]

TAG_RETIRES = 1806537600.0
"""2027-04-01T00:00:00Z: AKS no longer honours the opt-out tag."""


def _alerts(*named: str) -> frozenset[Alert]:
    """`Name/severity`, without the prefix that all have."""
    return frozenset(("AksCert" + name.split("/")[0], name.split("/")[1]) for name in named)


FAILURES = (
    Failure(
        "approver-gone",
        "The approver of serving certificates dies",
        breakage.no_answer,
        "kubectl logs and exec fail when the first serving certificate ends",
        _alerts(
            "Expired/critical",
            "SignerSilent/warning",
            "CsrPending/critical",
            "NobodySigns/info",
            "NobodySigns/critical",
        ),
        impact="end of kubelet-serving",
    ),
    Failure(
        "client-unanswered",
        "Requests for client certificates stay pending",
        partial(breakage.answer, CLIENT_SIGNER, Answer.NONE),
        "the first node drops out when its client certificate ends",
        _alerts(
            "Expired/critical",
            "CsrPending/warning",
            "CsrPending/critical",
            "NobodySigns/info",  # one node waits, beside a signer that lives
        ),
        impact="end of kubelet-client",
    ),
    Failure(
        "approved-not-issued",
        "Requests for client certificates are approved and never issued",
        partial(breakage.answer, CLIENT_SIGNER, Answer.APPROVE),
        "the first node drops out when its client certificate ends",
        _alerts(
            "Expired/critical",
            "CsrPending/warning",
            "CsrPending/critical",
            "NobodySigns/info",  # one node waits, beside a signer that lives
        ),
        impact="end of kubelet-client",
    ),
    Failure(
        "denied",
        "Another approver denies requests for serving certificates",
        partial(breakage.answer, SERVING_SIGNER, Answer.DENY),
        "kubectl logs and exec fail when the first serving certificate ends",
        _alerts("Expired/critical", "CsrRejected/warning", "RotationOverdue/warning", "RotationOverdue/critical"),
        impact="end of kubelet-serving",
    ),
    Failure(
        "failed",
        "The signer fails requests for client certificates",
        partial(breakage.answer, CLIENT_SIGNER, Answer.FAIL),
        "the first node drops out when its client certificate ends",
        _alerts("Expired/critical", "CsrRejected/warning", "RotationOverdue/warning", "RotationOverdue/critical"),
        impact="end of kubelet-client",
    ),
    Failure(
        "kubelet-mute",
        "Kubelets no longer ask for new certificates",
        breakage.mute,
        "the first node drops out when its client certificate ends",
        _alerts("Expired/critical", "RotationOverdue/warning", "RotationOverdue/critical"),
        impact="end of kubelet-client",
    ),
    Failure(
        "serving-never-requested",
        "A new node's kubelet never asks for its serving certificate",
        breakage.new_node_without_serving,
        "kubectl logs and exec fail on that node from its first minute",
        _alerts("RotationWaiting/warning"),
        impact="hurt",
    ),
    Failure(
        "old-certificate-served",
        "A kubelet goes on serving its old certificate after the file was renewed",
        breakage.hold_old,
        "kubectl logs and exec fail on that node when the old one ends",
        _alerts("Expired/critical", "KubeletServesOldCertificate/warning"),
        impact="hurt",
    ),
    Failure(
        "static-client",
        "A node with a static client certificate of two years",
        breakage.static,
        "the node drops out when it ends",
        _alerts(
            "Expired/critical",
            "RotationDisabled/warning",
            "RotationDisabled/info",
            "ExpiringWithoutRotation/warning",
            "ExpiringWithoutRotation/critical",
        ),
        impact="end of kubelet-client",
    ),
    Failure(
        "static-unreadable",
        "The same, and the agent cannot read the kubeconfig that says so",
        breakage.static_and_unreadable,
        "the node drops out when it ends",
        _alerts(
            "FileUnreadable/warning",
            "RotationWaiting/warning",
            "RotationDisabled/info",
            "ExpiringWithoutRotation/warning",
            "ExpiringWithoutRotation/critical",
            "Expired/critical",
        ),
        impact="end of kubelet-client",
    ),
    Failure(
        "windows-self-signed",
        "A Windows node with the serving certificate that its kubelet signed for a year",
        breakage.windows,
        "kubectl logs and exec fail on that node when it ends",
        _alerts(
            "Expired/critical",
            "RotationDisabled/info",
            "ExpiringWithoutRotation/warning",
            "ExpiringWithoutRotation/critical",
        ),
        impact="hurt",
    ),
    Failure(
        "serving-never-offered",
        "A pool not upgraded since serving rotation is there: self-signed for 20 years",
        breakage.never_offered,
        "nobody can verify those kubelets",
        _alerts("RotationDisabled/info"),
    ),
    Failure(
        "opted-out",
        "A pool opts out of serving rotation by tag",
        breakage.opted_out,
        "what mounts the old path breaks at the first reimage after the tag retires",
        _alerts("RotationDisabled/info", "ServingOptOutTag/info"),
        impact=TAG_RETIRES,
    ),
    Failure(
        "tag-without-reimage",
        "The opt-out tag is set and the pool not reimaged",
        breakage.tag,
        "what mounts the old path breaks at the first reimage after the tag retires",
        _alerts("RotationEvidenceConflict/warning", "ServingOptOutTag/info"),
        impact=TAG_RETIRES,
    ),
    Failure(
        "old-cluster-ca",
        "A cluster CA near its end, which shortens every certificate that it signs",
        lambda _world: None,
        "everything fails when it ends",
        _alerts(
            "ClusterCaExpiring/warning",
            "ClusterCaExpiring/critical",
            "RotationOverdue/critical",
            "Expired/critical",
            "CaBundleOutdated/warning",
        ),
        impact="hurt",
        prepare=breakage.old_ca,
        ca_years=3.9,
    ),
    Failure(
        "api-server-not-renewed",
        "AKS does not renew the API server's certificate",
        lambda _world: None,
        "nobody gets in when it ends",
        _alerts("Expired/critical", "ApiServerExpiring/warning", "ApiServerExpiring/critical"),
        impact="hurt",
        prepare=partial(breakage.api_ends, 100),
    ),
    Failure(
        "rbac-off",
        "Kubernetes RBAC is off, so that nothing renews the API server's certificate",
        lambda _world: None,
        "nobody gets in when it ends",
        _alerts(
            "Expired/critical",
            "ExpiringWithoutRotation/warning",
            "ExpiringWithoutRotation/critical",
        ),
        impact="hurt",
        prepare=breakage.api_ends_without_rbac,
    ),
    Failure(
        "api-server-untrusted",
        "The API server serves a certificate of another CA",
        breakage.foreign_api,
        "clients refuse it from the first minute",
        _alerts("ApiServerUntrusted/critical"),
        impact="hurt",
    ),
    Failure(
        "request-header-ca",
        "The request-header CA nears its end",
        lambda _world: None,
        "aggregated APIs such as metrics fail when it ends",
        _alerts("RequestHeaderCaExpiring/warning"),
        impact="hurt",
        prepare=breakage.requestheader,
    ),
    Failure(
        "rotation-failed",
        "az aks rotate-certs fails half-way: one node keeps the former CA",
        breakage.break_off,
        "nodes drop out one by one",
        _alerts("ClusterRotationStuck/critical", "ClusterRotationRunning/info"),
    ),
    Failure(
        "rotation-failed-unasked",
        "The same, and the agent does not ask Azure",
        breakage.break_off,
        "nodes drop out one by one",
        _alerts("ClusterCaMismatch/critical", "ApiServerUntrusted/critical"),
        prepare=breakage.without_azure,
    ),
    Failure(
        "rotation-endless",
        "az aks rotate-certs does not come to an end",
        partial(rotate_certificates, ends=""),
        "no other operation on the cluster can begin",
        _alerts("ClusterRotationStuck/critical", "ClusterRotationRunning/info"),
    ),
    Failure(
        "webhook-left-behind",
        "A webhook keeps the former CA after az aks rotate-certs",
        partial(rotate_certificates, webhooks=False),
        "the webhook cannot be called from the rotation on",
        _alerts("CaBundleOutdated/warning", "ClusterRotationRunning/info"),
        impact="broken now",
    ),
    Failure(
        "webhook-not-renewed",
        "cert-manager is gone, and nothing renews a webhook's serving certificate",
        endpoints.forget,
        "writes that the webhook guards are refused when it ends",
        _alerts("EndpointExpiring/warning", "EndpointExpiring/critical"),
        impact="hurt",
        prepare=endpoints.install,
    ),
    Failure(
        "webhook-misfit",
        "A webhook gets the caBundle of another CA",
        endpoints.misfit,
        "writes that the webhook guards are refused from the first minute",
        _alerts("EndpointUntrusted/critical"),
        impact="hurt",
        prepare=endpoints.install,
    ),
    Failure(
        "clock-skew",
        "A node's clock loses 20 seconds a day",
        breakage.drift,
        "new certificates are not yet valid on it when it is five minutes behind",
        _alerts("ClockSkew/warning", "ClockSkew/critical"),
        impact="hurt",
    ),
    Failure(
        "file-emptied",
        "A full disk empties a node's client certificate file",
        breakage.empty,
        "the kubelet's next start fails",
        _alerts("Unusable/critical"),
    ),
    Failure(
        "bootstrap-missing",
        "Somebody removes the bootstrap kubeconfig",
        breakage.unbootstrapped,
        "a node that sleeps past the end of its certificate cannot come back",
        _alerts("BootstrapMissing/warning"),
    ),
    Failure(
        "cluster-stopped",
        "A cluster stopped while it should have rotated, and its nodes do not rotate after the start",
        breakage.stopped_cluster,
        "the first node drops out when its client certificate ends",
        _alerts(
            "ExporterDown/warning", "NodePoolMissedRotation/warning", "RotationOverdue/critical", "Expired/critical"
        ),
        impact="end of kubelet-client",
    ),
    Failure(
        "node-deallocated",
        "A node deallocated past the end of its certificate",
        breakage.deallocated,
        "it cannot come back",
        _alerts("NodeNotObserved/warning", "Expired/critical"),
        impact="started again",
    ),
    Failure(
        "policy",
        "Certificates become older than the 90 days that a policy asks for",
        lambda _world: None,
        "an audit fails",
        _alerts("OlderThanPolicy/warning"),
        prepare=breakage.young_api,
        old=False,
        moment=90 * DAY - 300,
        recorded={"akscert:policy_max_age:seconds": 90 * DAY},
    ),
    Failure(
        "node-without-agent",
        "A node has no agent",
        breakage.unobserved,
        "nobody would tell",
        _alerts("NodeNotObserved/warning"),
    ),
    Failure(
        "node-agents-gone",
        "No node has an agent any more",
        breakage.all_unobserved,
        "nobody would tell",
        _alerts("ExporterDown/warning"),
    ),
    Failure(
        "cluster-agent-gone",
        "The cluster agent is gone",
        breakage.no_cluster_agent,
        "nobody would tell",
        _alerts("ExporterDown/warning"),
    ),
    Failure(
        "api-server-unreachable",
        "A private cluster's name no longer leads to its API server",
        breakage.unreachable,
        "nothing in the cluster is managed",
        _alerts("SourceDown/warning"),
    ),
    Failure(
        "azure-refused",
        "The right to read the cluster in Azure is taken away",
        breakage.azure_silent,
        "a rotation would no longer be known as one",
        _alerts("SourceDown/warning"),
    ),
)
