"""What answers to the API server's calls in, which of it ends soon, is not accepted or could not be seen out."""

from collections.abc import Iterator
from shlex import quote

from exporter.facts.cluster import ClusterFacts
from exporter.facts.kube.aks_component import aks_component
from exporter.facts.kube.endpoint import ServedEndpoint
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.azure import place_of
from exporter.findings.commands import Place, step
from exporter.findings.formatting import ends, lasting, names_listed
from exporter.findings.limits import endpoint_end, endpoint_untrusted
from exporter.findings.wording import ENDPOINT_STATUS_WORDS, NOT_ACCEPTED_WORDS
from exporter.reason import EndpointStatus, FailurePolicy, Reason

__all__ = ["endpoint_findings"]

_UNSEEN = {EndpointStatus.UNREACHABLE, EndpointStatus.UNRESOLVED}
NAMED = 3
"""Endpoints that are named in a note on many."""


def endpoint_findings(cluster: ClusterFacts, now: float) -> Iterator[Finding]:
    """The findings, in no order. `now` in Unix seconds."""
    place = place_of(cluster.azure)
    unseen = []
    for one in cluster.served or ():
        yield from _served(one, place, now)
        if one.failure is not None:
            if one.status in _UNSEEN:
                unseen.append(one)
            else:
                yield _silent(one, now)
    if unseen:
        yield _not_seen(unseen)


def _subject(one: ServedEndpoint) -> Subject:
    return Subject(Kind.ENDPOINT, f"{one.target.kind}/{one.target.name} at {one.target.address}")


def _served(one: ServedEndpoint, place: Place, now: float) -> Iterator[Finding]:
    target, certificate = one.target, one.certificate
    if certificate is None or not target.verified:
        return
    if severity := endpoint_end(certificate.not_before, certificate.not_after, now):
        yield Finding(
            severity,
            _subject(one),
            f"The certificate that it serves {ends(certificate.not_after, now)}.",
            (*_mend(one, place), _compare(one)),
            "AksCertEndpointExpiring",
            f"From then on the API server does not accept it. {_effect(one)}",
            until=certificate.not_after,
        )
    if one.trusted is False:
        why = NOT_ACCEPTED_WORDS.get(one.untrusted or Reason.ERROR, "does not verify")
        yield Finding(
            endpoint_untrusted(target.kind, target.failure_policy),
            _subject(one),
            f"The API server does not accept it: its certificate {why}.",
            (_look(one), *_mend(one, place), _compare(one)),
            "AksCertEndpointUntrusted",
            _effect(one),
            until=certificate.not_after,
        )


def _effect(one: ServedEndpoint) -> str:
    if one.target.kind == "APIService":
        return "Its API does not answer; where that is metrics, kubectl top and autoscalers see nothing."
    if one.target.kind == "CustomResourceDefinition":
        return "Objects of this kind cannot be read or written in any version but the stored one."
    if one.target.failure_policy is FailurePolicy.FAIL:
        return "Its failurePolicy is Fail: every write that it covers is refused."
    return "Its failurePolicy is Ignore: writes go on without it, and nobody is told."


def _look(one: ServedEndpoint) -> Step:
    return Step(
        "Look at the caBundle of the object.",
        f"kubectl get {quote(one.target.kind.lower())} {quote(one.target.name)} -o yaml",
    )


def _compare(one: ServedEndpoint) -> Step:
    script = f"openssl s_client -connect {one.target.address} -servername {one.target.host} -showcerts </dev/null"
    return Step(
        "See what is served, from inside the cluster.",
        f"kubectl run tls-look --rm -i --restart=Never --image=alpine/openssl --command -- sh -c {quote(script)}",
    )


def _mend(one: ServedEndpoint, place: Place) -> tuple[Step, ...]:
    service = one.target.service
    if service is None:
        return (Step(f"It is outside the cluster: whoever runs {one.target.host} renews its certificate."),)
    namespace, name = service
    if words := aks_component(namespace, name):
        return (
            step(
                f"It belongs to {words}, which AKS installs and mends: have AKS bring its add-ons up to date, and open "
                "a support request if that changes nothing.",
                place.aks("update", "--yes"),
            ),
        )
    return (
        Step(
            "Where cert-manager makes it, see why it did not renew it.",
            f"kubectl get certificates -n {quote(namespace)}",
        ),
        step(
            "Restart what serves it: many load or make their certificate, and write the caBundle, only at their start.",
            f"kubectl rollout restart -n {quote(namespace)} deployment DEPLOYMENT",
        ),
    )


def _silent(one: ServedEndpoint, now: float) -> Finding:
    since = one.silent_since if one.silent_since is not None else now
    namespace, name = one.target.service or ("", "")
    steps = (
        (Step("See whether it has Pods that are ready.", f"kubectl get pods -n {quote(namespace)} -o wide"),)
        if name
        else ()
    )
    return Finding(
        Severity.INFO,
        _subject(one),
        f"What it serves could not be seen {lasting(since, now)}: it {ENDPOINT_STATUS_WORDS[one.status]}"
        f"{f' ({one.failure.words})' if one.failure else ''}.",
        (*steps, _compare(one)),
        why="The API server probably meets the same. That is not a matter of its certificate, as far as can be seen.",
        since=since,
    )


def _not_seen(unseen: list[ServedEndpoint]) -> Finding:
    addresses = list(dict.fromkeys(one.target.address for one in unseen))
    shown = names_listed(addresses[:NAMED]) + (", …" if addresses[NAMED:] else "")
    many = len(addresses) != 1
    return Finding(
        Severity.INFO,
        Subject(Kind.ENDPOINT, f"{len(addresses)} endpoints" if many else addresses[0]),
        f"Not reachable from here, so whether {'their certificates are' if many else 'its certificate is'} in date is "
        f"not known: {shown}.",
        (
            Step(
                "Let the cluster agent through the NetworkPolicies there, or leave it: the API server may reach what "
                "other Pods cannot.",
                "kubectl get networkpolicies --all-namespaces",
            ),
        ),
        why="A NetworkPolicy that lets in only the API server, or an agent that runs outside the cluster, looks so.",
    )
