"""Who signs kubelets' certificate requests, and what becomes of one."""

from enum import StrEnum

__all__ = ["CLIENT_SIGNER", "SERVING_SIGNER", "Answer"]

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING_SIGNER = "kubernetes.io/kubelet-serving"


class Answer(StrEnum):
    """What became of a request."""

    PENDING = "pending"
    APPROVED = "approved"
    """And not yet signed."""
    ISSUED = "issued"
    DENIED = "denied"
    FAILED = "failed"
