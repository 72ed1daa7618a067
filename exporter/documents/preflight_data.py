"""An answer about the next certificate requests in, its part of a cluster's /facts out."""

from exporter.facts.kube.preflight import Preflight

__all__ = ["preflight_data"]


def preflight_data(one: Preflight) -> dict[str, object]:
    """One of them."""
    question = one.question
    return {
        "agentpool": question.agentpool or None,
        "requestor": question.requestor.value,
        "step": question.step.value,
        "user": question.user,
        "allowed": one.allowed,
    }
