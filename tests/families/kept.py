"""Samples to the last label for a cluster and some nodes: `python -m tests.families.kept` writes them again.

They are in tests/families/kept/, so that a review shows what a scrape will say otherwise. Serial numbers and
fingerprints are others each time; SERIAL and SHA256 stand for them.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.certificates_api import CLUSTER_TRUST_BUNDLES, POD_CERTIFICATE_REQUESTS, Counted
from exporter.facts.sandbox import FilesystemSeal, NetworkSeal, Sandbox, Seccomp
from exporter.facts.source import SourceFacts, SourceLedger
from exporter.families import cluster_agent, node_agent
from exporter.metric import Family
from exporter.reason import ApiStatus, CsrCondition, Reason, Source, TrustBundleState
from tests.families.test_cluster import lines
from tests.families.test_cluster_agent import T0, busy
from tests.findings.endpoint_states import endpoint_states
from tests.findings.kept import host_of
from tests.findings.node_states import told_states
from tests.findings.signing_states import signing_states

SEALED = Sandbox(7, FilesystemSeal.SEALED, NetworkSeal.OPEN, Seccomp.FILTER)
FOLDER = Path(__file__).parent / "kept"
NODES = ("healthy", "serving-off", "waiting-serving", "unreadable", "windows-healthy")


def _texts() -> Iterator[tuple[str, Callable[[], str]]]:
    yield "cluster.txt", lambda: _written(cluster_agent.steady(replace(busy(), counted=_counted())))
    yield "calls.txt", lambda: _written(cluster_agent.steady(_calls()))
    yield "kubelets.txt", lambda: _written(family for one in _told() for family in cluster_agent.steady(one))
    yield "signing.txt", lambda: _states((name, cluster_agent.steady(one)) for name, one in _signing())
    yield "nodes.txt", lambda: _states((name, _node(name)) for name in NODES)
    yield "sources.txt", _sources


def _written(families: Iterable[Family]) -> str:
    found = "".join(f"{line}\n" for line in lines(*families))
    found = re.sub(r'"[0-9a-f]{64}"', '"SHA256"', found)
    return re.sub(r'serial_number="[0-9a-f]+"', 'serial_number="SERIAL"', found)


def _states(states: Iterable[tuple[str, Iterable[Family]]]) -> str:
    return "\n".join(f"== {name}\n{_written(families)}" for name, families in states)


def _counted() -> Counted:
    numbers = enumerate(CsrCondition, start=1)
    return Counted(
        {("pods.example/x", one): number for number, one in numbers if one is not CsrCondition.APPROVED},
        {("pods.example/y", one): number for number, one in enumerate(TrustBundleState, start=7)},
        {POD_CERTIFICATE_REQUESTS: ApiStatus.NOT_SERVED, CLUSTER_TRUST_BUNDLES: ApiStatus.FORBIDDEN},
    )


def _calls() -> ClusterFacts:
    """Everything that the API server calls, every workload and every right, in one cluster."""
    found = [one for _, one in endpoint_states()]
    return ClusterFacts(
        served=tuple(each for one in found for each in one.served or ()),
        workloads=tuple(each for one in found for each in one.workloads or ()),
        preflight=tuple(each for one in found for each in one.preflight or ()),
    )


def _told() -> Iterator[ClusterFacts]:
    names = ("are over", "it serves its own", "it serves another CA's", "has no client certificate", "does not name")
    for name, one, _ in told_states():
        if any(words in name for words in names):
            yield one


def _signing() -> Iterator[tuple[str, ClusterFacts]]:
    """Requests and what waits for them."""
    for name, one in signing_states():
        if "new node" in name or "ended meanwhile" in name or "says that it has none" in name:
            yield name, one


def _node(name: str) -> Iterator[Family]:
    every = node_agent.families(host_of(name), (), "abc", SEALED)
    return (one for one in every if "build" not in one.name)


def _sources() -> str:
    """What each source does, of both agents."""
    ledgers = [SourceLedger(one) for one in Source]
    ledgers[0].success(T0)
    ledgers[1].success(T0)
    ledgers[1].failure(Reason.TIMEOUT, "no answer")
    facts: list[SourceFacts] = [one.facts() for one in ledgers]
    kubelet = SourceLedger(Source.KUBELET)
    kubelet.success(T0 + 1)
    kubelet.complaint(Reason.DECODE, "it is none")
    parts = [
        _written(one for one in cluster_agent.settled(facts, "abc") if "build" not in one.name),
        _written(cluster_agent.fresh(replace(busy(), clock_offset=-0.25), facts)),
        _written(one for one in node_agent.settled("n1", [kubelet.facts()], "abc") if "build" not in one.name),
        _written(node_agent.fresh("n1", [kubelet.facts()])),
    ]
    return "\n".join(parts)


TEXTS = dict(_texts())

if __name__ == "__main__":
    for name, text in TEXTS.items():
        (FOLDER / name).write_text(text(), encoding="utf-8")
