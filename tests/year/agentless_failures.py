"""The failures of nodes without node agents, whose kubelets the cluster agent asks, and all that is told of each."""

from functools import partial

from exporter.facts.kube.csr import CLIENT_SIGNER
from exporter.reason import KubeletStatus
from tests.year import breakage, kubelet_breakage
from tests.year.failure import Failure, alerts
from tests.year.machine import Answer

__all__ = ["AGENTLESS_FAILURES"]

POOL = "auto"

AGENTLESS_FAILURES = (
    Failure(
        "agentless-mute",
        "Kubelets without a node agent no longer ask for new certificates",
        breakage.mute,
        "the first node drops out when its client certificate ends",
        alerts("Expired/critical", "RotationOverdue/warning", "RotationOverdue/critical", "NodeNotObserved/warning"),
        impact="end of kubelet-client",
        pool=POOL,
    ),
    Failure(
        "agentless-client-unanswered",
        "Requests for their client certificates stay pending",
        partial(breakage.answer, CLIENT_SIGNER, Answer.NONE),
        "the first node drops out when its client certificate ends",
        alerts(
            "Expired/critical",
            "CsrPending/warning",
            "CsrPending/critical",
            "NobodySigns/info",
            "NodeNotObserved/warning",
        ),
        impact="end of kubelet-client",
        pool=POOL,
    ),
    Failure(
        "agentless-approver-gone",
        "The approver of their serving certificates dies",
        breakage.no_answer,
        "kubectl logs and exec fail when the first serving certificate ends",
        alerts(
            "Expired/critical",
            "SignerSilent/warning",
            "CsrPending/critical",
            "NobodySigns/info",
            "NobodySigns/critical",
            "NodeNotObserved/warning",
        ),
        impact="end of kubelet-serving",
        pool=POOL,
    ),
    Failure(
        "agentless-rotation-off",
        "A node without a node agent comes up with rotateCertificates off",
        kubelet_breakage.rotation_off,
        "the node drops out when its client certificate ends",
        alerts("RotationDisabled/warning", "NodeNotObserved/warning"),
        impact="end of kubelet-client",
        pool=POOL,
    ),
    Failure(
        "agentless-foreign-ca",
        "A kubelet without a node agent serves a certificate of another CA",
        kubelet_breakage.foreign_ca,
        "kubectl logs and exec fail on that node from the first minute",
        alerts("Unusable/critical", "NodeNotObserved/warning"),
        impact="hurt",
        pool=POOL,
    ),
    Failure(
        "agentless-self-signed",
        "A kubelet without a node agent serves what it signed itself, though AKS labels the node",
        kubelet_breakage.self_signed,
        "nobody can verify that kubelet",
        alerts("RotationDisabled/info", "RotationEvidenceConflict/warning", "NodeNotObserved/warning"),
        pool=POOL,
    ),
    Failure(
        "agentless-stopped",
        "The kubelet of a node without a node agent stops",
        kubelet_breakage.stopped,
        "the node's Pods are evicted",
        alerts("NodeNotObserved/warning"),
        pool=POOL,
    ),
    Failure(
        "agentless-refused",
        "The cluster agent loses the right to read the kubelets' metrics",
        partial(kubelet_breakage.refused, KubeletStatus.FORBIDDEN),
        "nobody would tell",
        alerts("NodeNotObserved/warning"),
        pool=POOL,
    ),
    Failure(
        "agentless-untold",
        "A kubelet without a node agent has no metric of its client certificate",
        kubelet_breakage.untold,
        "nobody would tell",
        alerts("NodeNotObserved/warning"),
        pool=POOL,
    ),
)
