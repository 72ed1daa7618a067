"""What the API server calls, and workloads and rights, in each state that matters: what findings are kept for."""

from collections.abc import Iterator
from dataclasses import replace

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.facts.kube.endpoint_target import EndpointTarget
from exporter.facts.kube.preflight import Preflight, Question
from exporter.facts.kube.workload import WorkloadUse
from exporter.facts.source import Failure
from exporter.reason import FailurePolicy, PreflightStep, Reason, Requestor, RetiredPathUse
from simulation.pki import DAY, YEAR, Authority
from tests.findings.cluster_states import read
from tests.pages.example import NOW

__all__ = ["endpoint_states"]

MINUTE = 60.0
ISSUER = Authority("ca", NOW - 2 * YEAR, NOW + 2 * YEAR)
KINDS = {
    "ValidatingWebhookConfiguration": FailurePolicy.FAIL,
    "MutatingWebhookConfiguration": FailurePolicy.IGNORE,
    "APIService": FailurePolicy.NONE,
    "CustomResourceDefinition": FailurePolicy.NONE,
}
SERVICES = {"its own": ("security", "policy"), "AKS's": ("kube-system", "metrics-server"), "no": None}


def _target(kind: str = "APIService", service: tuple[str, str] | None = ("security", "policy")) -> EndpointTarget:
    host = f"{service[1]}.{service[0]}.svc" if service else "hooks.example"
    return EndpointTarget(kind, "one", host, 8443, service, KINDS[kind])


def endpoint_states() -> Iterator[tuple[str, ClusterFacts]]:
    """Clusters of which that one thing is known."""
    for name, one in (*_served(), *_silent()):
        yield name, ClusterFacts(served=(one,))
    for many in (1, 2, 3, 4):
        yield f"{many} are out of reach", ClusterFacts(served=tuple(_unseen(number) for number in range(many)))
    both = ("APIService", "CustomResourceDefinition")
    alike = tuple(ServedEndpoint(_target(kind), failure=Failure(Reason.DNS, "no such name")) for kind in both)
    yield "one address of two objects is out of reach", ClusterFacts(served=alike)
    yield from _workloads()
    yield from _rights()


def _served() -> Iterator[tuple[str, ServedEndpoint]]:
    for left in (22, 20, 4, 2, 0, -1):
        leaf = read(ISSUER.issue("x", NOW + (left - 365) * DAY, NOW + left * DAY))[0]
        yield f"what is served ends in {left} days", ServedEndpoint(_target(), leaf, True)
    fresh = read(ISSUER.issue("x", NOW - DAY, NOW + YEAR))[0]
    for kind in KINDS:
        for owner, service in SERVICES.items():
            one = ServedEndpoint(_target(kind, service), fresh, False, Reason.CERTIFICATE_UNTRUSTED)
            yield f"a {kind} with {owner} Service is not accepted", one
    for reason in (Reason.CERTIFICATE_HOSTNAME, Reason.CERTIFICATE_EXPIRED, None):
        yield f"not accepted: {reason}", ServedEndpoint(_target(), fresh, False, reason)
    unverified = replace(_target(), verified=False)
    yield "not verified by anybody", ServedEndpoint(unverified, fresh, False, Reason.CERTIFICATE_UNTRUSTED)
    yield "not known whether it is accepted", ServedEndpoint(_target(), fresh, None)


def _silent() -> Iterator[tuple[str, ServedEndpoint]]:
    for reason in (Reason.REFUSED, Reason.TIMEOUT, Reason.RESET, Reason.TLS_ALERT, Reason.ERROR):
        for owner, service in SERVICES.items():
            target = _target("ValidatingWebhookConfiguration", service)
            one = ServedEndpoint(target, failure=Failure(reason, "it said so"), silent_since=NOW - 9 * MINUTE)
            yield f"{owner} Service's answer: {reason}", one
    yield "silent since now", ServedEndpoint(_target(), failure=Failure(Reason.REFUSED, ""))
    seen = read(ISSUER.issue("x", NOW - 364 * DAY, NOW + DAY))[0]
    yield "seen before it fell silent", ServedEndpoint(_target(), seen, True, None, Failure(Reason.REFUSED, "no"), NOW)


def _unseen(number: int) -> ServedEndpoint:
    target = replace(_target(), host=f"s{number}.n.svc")
    return ServedEndpoint(target, failure=Failure(Reason.UNREACHABLE, "no route"))


def _workloads() -> Iterator[tuple[str, ClusterFacts]]:
    for how in RetiredPathUse:
        for of_aks in (False, True):
            use = WorkloadUse("DaemonSet", "monitoring", "agent", how, of_aks)
            yield f"{'an add-on' if of_aks else 'a workload'} uses it by {how}", ClusterFacts(workloads=(use,))
    uses = tuple(WorkloadUse("CronJob", "a", name, how) for name in ("x", "y") for how in RetiredPathUse)
    yield "two workloads use it in each way", ClusterFacts(workloads=uses)


def _rights() -> Iterator[tuple[str, ClusterFacts]]:
    for requestor in (Requestor.NODE, Requestor.BOOTSTRAP):
        for step in PreflightStep:
            for allowed in (True, False):
                pools = ("p", "q") if requestor is Requestor.NODE else ("",)
                asked = tuple(Preflight(Question(requestor, pool, step, "u", ()), allowed) for pool in pools)
                yield f"{requestor} {step}: {'allowed' if allowed else 'refused'}", ClusterFacts(preflight=asked)
    loose = Preflight(Question(Requestor.NODE, "", PreflightStep.APPROVAL, "u", ()), False)
    yield "a node of no pool may not", ClusterFacts(preflight=(loose,))
