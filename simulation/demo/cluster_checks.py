"""What a cluster agent says of the simulated control plane, claim by claim: the truth, its word, whether they agree.

The claims are made from the cluster as it was built; the words are read off the agent's exposition and page.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from simulation.api.called import ENDED, ENDING, MISFIT, RETIRED_PATH_READER
from simulation.api.cluster_objects import LEASES, LEFT_BEHIND
from simulation.api.control_plane import SimulatedCluster
from simulation.azure.managed_cluster import CLUSTER, OPTED_OUT_POOL
from simulation.csr_answer import CLIENT_SIGNER, SERVING_SIGNER, Answer
from simulation.node.build_options import Serving
from simulation.node.simulated_node import SimulatedNode

__all__ = ["ClusterCheck", "Series", "cluster_checks", "command_checks", "series"]

Series = Mapping[tuple[str, frozenset[tuple[str, str]]], float]
"""Value by metric name and labels."""

ALERTS = frozenset(
    {
        "AksCertApiServerUntrusted",
        "AksCertCaBundleOutdated",
        "AksCertClusterCaMismatch",
        "AksCertCsrPending",
        "AksCertCsrRejected",
        "AksCertEndpointExpiring",
        "AksCertEndpointUntrusted",
        "AksCertNobodySigns",
        "AksCertNodePoolMissedRotation",
        "AksCertRetiredPathInUse",
        "AksCertRotationDisabled",
        "AksCertRotationEvidenceConflict",
        "AksCertServingOptOutTag",
        "AksCertSignerSilent",
    }
)
"""Of the control plane and of what the API says of nodes; those of the nodes themselves come on top."""


@dataclass(frozen=True, slots=True)
class ClusterCheck:
    """One thing that is so, and what the agent says of it."""

    subject: str
    truth: str
    said: str

    @property
    def right(self) -> bool:
        """Whether the agent has named it correctly."""
        return self.truth == self.said


NOTES = {"AksCertServingOptOutTag"}
"""Of those, what is never more than a note."""
FORMER_CHECK = {"AksCertApiServerUntrusted", "AksCertSourceDown"}


def command_checks(
    nodes: Sequence[SimulatedNode], present: tuple[int, str], former: tuple[int, str]
) -> tuple[ClusterCheck, ClusterCheck]:
    """What `check` says with a kubeconfig of now and with one of before the rotation: exit status and JSON of each.

    With the first it may ask the cluster agent, and says what that finds; with the other it gets nowhere.
    """
    return (
        ClusterCheck("`check` with the kubeconfig", _verdict(2, _alerts(nodes) - NOTES), _verdict_of(*present)),
        ClusterCheck(
            "`check` with a kubeconfig of before the rotation", _verdict(2, FORMER_CHECK), _verdict_of(*former)
        ),
    )


def _verdict(status: int, alerts: Iterable[str]) -> str:
    return f"exit status {status}: {_listed(alerts)}"


def _verdict_of(status: int, output: str) -> str:
    try:
        findings = json.loads(output)["findings"]
        return _verdict(status, {one["alert"] for one in findings if one["severity"] != "info" and one["alert"]})
    except (ValueError, KeyError, TypeError):
        return f"exit status {status}, and no report"


def series(exposition: str) -> Series:
    """All samples of an exposition in the text format."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


def cluster_checks(
    cluster: SimulatedCluster, nodes: Sequence[SimulatedNode], found: Series, page: str
) -> tuple[ClusterCheck, ...]:
    """Everything that was built and can be said, with what was said."""
    return (
        *_apiserver(cluster, found),
        *_bundles(found),
        *_called(found),
        *_nodes(nodes, found),
        *_pending(nodes, found),
        *_answers(nodes, found),
        *_leases(found),
        *_signers(nodes, found),
        *_azure(nodes, found),
        ClusterCheck("findings", _listed(_alerts(nodes)), _listed(set(re.findall(r"\bAksCert[A-Za-z]+", page)))),
    )


def _alerts(nodes: Sequence[SimulatedNode]) -> frozenset[str]:
    """One voice: what a node's agent finds, the cluster agent tells too."""
    return ALERTS.union(*(node.expected.alerts for node in nodes if node.scenario.joined))


def _apiserver(cluster: SimulatedCluster, found: Series) -> Iterator[ClusterCheck]:
    words = {
        None: "(no word)",
        1.0: "trusted by clients in the cluster",
        0.0: "not trusted: its certificate is the former CA's",
    }
    for address, truth in zip(cluster.addresses, (1.0, 0.0), strict=True):
        said = _value(found, "akscert_apiserver_trusted", address=address)
        yield ClusterCheck(
            f"API server at {address}", words[truth], words.get(said, "(no word)") if said is not None else "(no word)"
        )


def _bundles(found: Series) -> Iterator[ClusterCheck]:
    held = _labelled(found, "akscert_ca_bundle_outdated", "name")
    outdated = {name for name, value in held.items() if value == 1}
    yield ClusterCheck("caBundles with only the former cluster CA", LEFT_BEHIND, _listed(outdated))


def _called(found: Series) -> Iterator[ClusterCheck]:
    """What the API server calls, and who reads what AKS retires."""
    said = {
        dict(labels)["name"]: dict(labels)["reason"]
        for (name, labels), value in found.items()
        if name == "akscert_endpoint_trusted" and value == 0
    }
    yield ClusterCheck(f"webhook {ENDED}", "certificate_expired", said.get(ENDED, "(no word)"))
    yield ClusterCheck(f"webhook {MISFIT}", "certificate_untrusted", said.get(MISFIT, "(no word)"))
    trusted = {
        dict(labels)["name"]
        for (name, labels), value in found.items()
        if name == "akscert_endpoint_trusted" and value == 1
    }
    yield ClusterCheck(f"APIService {ENDING}", "accepted", "accepted" if ENDING in trusted else "(no word)")
    readers = {
        "/".join((dict(labels)["namespace"], dict(labels)["name"]))
        for (name, labels) in found
        if name == "akscert_workload_uses_retired_path"
    }
    yield ClusterCheck("workloads on the retired path", "/".join(RETIRED_PATH_READER), _listed(readers))


def _nodes(nodes: Sequence[SimulatedNode], found: Series) -> Iterator[ClusterCheck]:
    joined = [node for node in nodes if node.scenario.joined]
    labelled = {
        dict(labels)["node"]: dict(labels)["serving_rotation"]
        for (name, labels), _ in found.items()
        if name == "akscert_node_info"
    }
    for word, servings in (
        ("enabled", {Serving.ROTATED, Serving.PENDING}),
        ("disabled", {Serving.NEVER_OFFERED, Serving.OPTED_OUT}),
    ):
        truth = {node.name for node in joined if node.scenario.options.serving in servings}
        said = {node for node, label in labelled.items() if label == word}
        yield _counted(f"nodes whose label has serving rotation {word}", truth, said)
    ready = _labelled(found, "akscert_node_ready", "node")
    yield _counted(
        "nodes that are not ready",
        {node.name for node in joined if not node.scenario.ready},
        {node for node, value in ready.items() if value == 0},
    )


def _pending(nodes: Sequence[SimulatedNode], found: Series) -> Iterator[ClusterCheck]:
    said = {
        (dict(labels)["node"], dict(labels)["signer_name"]): value
        for (name, labels), value in found.items()
        if name == "akscert_csr_pending_since_timestamp_seconds"
    }
    for node in nodes:
        waiting = {sent.signer_name for sent in node.scenario.requests if sent.answer is Answer.PENDING}
        waiting |= {signer for name, signer in said if name == node.name}
        for signer in sorted(waiting):
            first = max((s.minutes_ago for s in node.scenario.requests if s.signer_name == signer), default=None)
            since = said.get((node.name, signer))
            yield ClusterCheck(
                f"{node.name}: {signer.rpartition('/')[2]} request",
                "none" if first is None else f"waits since {_minute(node.built - 60 * first)}",
                "none" if since is None else f"waits since {_minute(since)}",
            )


def _answers(nodes: Sequence[SimulatedNode], found: Series) -> Iterator[ClusterCheck]:
    truth = sum(sent.answer is Answer.DENIED for node in nodes for sent in node.scenario.requests)
    said = sum(
        value
        for (name, labels), value in found.items()
        if name == "akscert_csr_objects" and ("condition", "denied") in labels
    )
    yield ClusterCheck("denied requests", f"{truth}", f"{said:.0f}")


def _leases(found: Series) -> Iterator[ClusterCheck]:
    said = set(_labelled(found, "akscert_signer_lease_renewed_timestamp_seconds", "lease"))
    yield ClusterCheck("approver and signer that renew a lease", _listed(LEASES), _listed(said))


def _signers(nodes: Sequence[SimulatedNode], found: Series) -> Iterator[ClusterCheck]:
    """Whether anybody signs: nobody has since the first request of those that wait."""
    since = _labelled(found, "akscert_signer_silent_since_timestamp_seconds", "signer_name")
    for signer in (CLIENT_SIGNER, SERVING_SIGNER):
        waits = [
            node.built - 60 * sent.minutes_ago
            for node in nodes
            for sent in node.scenario.requests
            if sent.signer_name == signer and sent.answer is Answer.PENDING
        ]
        yield ClusterCheck(
            f"requests to {signer.rpartition('/')[2]}",
            f"none signed since {_minute(min(waits))}" if waits else "signed",
            f"none signed since {_minute(since[signer])}" if signer in since else "signed",
        )


def _azure(nodes: Sequence[SimulatedNode], found: Series) -> Iterator[ClusterCheck]:
    said = [
        dict(labels)["state"]
        for (name, labels) in found
        if name == "akscert_azure_provisioning_state" and ("name", CLUSTER) in labels
    ]
    yield ClusterCheck(f"Azure's word for {CLUSTER}", "Failed", _listed(said))
    tagged = {node.name for node in nodes if node.scenario.joined and node.scenario.pool == OPTED_OUT_POOL}
    words = {
        dict(labels)["node"]
        for (name, labels), value in found.items()
        if name == "akscert_rotation_evidence" and ("evidence", "agentpool_tag") in labels and value == 0
    }
    yield _counted("nodes whose pool's tag has serving rotation off", tagged, words)


def _value(found: Series, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


def _labelled(found: Series, name: str, label: str) -> dict[str, float]:
    """Values of a metric by one of its labels."""
    return {dict(labels)[label]: value for (metric, labels), value in found.items() if metric == name}


def _counted(subject: str, truth: set[str], said: set[str]) -> ClusterCheck:
    """Sets of names: a figure where they agree, the names that differ where not."""
    if truth == said:
        return ClusterCheck(subject, f"{len(truth)}", f"{len(said)}")
    differ = _listed(truth ^ said)
    return ClusterCheck(subject, f"{len(truth)}", f"{len(said)}, and differently: {differ}")


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)) or "none"


def _minute(moment: float) -> str:
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%Y-%m-%d %H:%M} UTC"
