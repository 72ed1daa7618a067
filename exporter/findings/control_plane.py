"""A cluster's facts in, what is wrong with its API server, CAs, signers and clocks out."""

from collections.abc import Iterator
from shlex import quote

from exporter.facts.certificate import Certificate
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.azure import place_of
from exporter.findings.bundles import bundle_findings
from exporter.findings.commands import Place, step
from exporter.findings.formatting import ends, span, when
from exporter.findings.former_ca import former_members
from exporter.findings.limits import (
    apiserver_end,
    ca_end,
    clock_skew,
    not_yet_valid,
    requestheader_ca_end,
)
from exporter.findings.signing import signing_findings
from exporter.findings.wording import CA_WORDS, UNTRUSTED_WORDS
from exporter.reason import Ca, Reason, Rotation

__all__ = ["control_plane_findings", "lifetime_class", "rotate_steps"]

YEAR = 365 * 86400.0


def rotate_steps(place: Place) -> tuple[Step, ...]:
    """How everything is rotated by hand, which is the one way for what nothing else renews."""
    return (
        step(
            "Rotate in a maintenance window: all nodes are made anew, with up to 30 minutes of downtime.",
            place.rotate_certs,
        ),
        step("Then write every client's kubeconfig anew.", place.get_credentials),
    )


def control_plane_findings(cluster: ClusterFacts, now: float) -> Iterator[Finding]:
    """The findings, in no order. `now` in Unix seconds."""
    place = place_of(cluster.azure)
    for endpoint in cluster.endpoints:
        yield from _endpoint(endpoint, cluster.apiserver_rotation, place, now)
    for ca, bundle in cluster.cas.items():
        use = cluster.ca_use(ca)
        if use is not None and not (ca is Ca.CLIENT and bundle == cluster.cas.get(Ca.CLUSTER)):
            yield from _ca(ca, use.counts, place, now)
            yield from former_members(use, Subject(Kind.CA, CA_WORDS[ca]), now)
    yield from bundle_findings(cluster, now)
    yield from signing_findings(cluster, now)
    if cluster.clock_offset is not None and (severity := clock_skew(cluster.clock_offset)):
        behind = "behind" if cluster.clock_offset > 0 else "ahead of"
        yield Finding(
            severity,
            Subject(Kind.CLOCK, "clock"),
            f"The clock here is {abs(cluster.clock_offset):.0f} seconds {behind} the API server's.",
            (Step("Look at the time service where this runs.", "chronyc tracking"),),
            "AksCertClockSkew",
            "A new certificate is dated back by 5 minutes; a clock further behind calls it not yet valid.",
        )


def _endpoint(endpoint: Endpoint, rotation: Rotation, place: Place, now: float) -> Iterator[Finding]:
    certificate, subject = endpoint.certificate, Subject(Kind.APISERVER, endpoint.address)
    name = endpoint.address.rpartition(":")[0].removeprefix("[").removesuffix("]")
    if endpoint.failure is not None:
        yield Finding(
            Severity.UNKNOWN,
            subject,
            f"The API server's certificate could not be looked at: {endpoint.failure.words} "
            f"({endpoint.failure.reason}).",
            (
                Step("See whether the name resolves: a private cluster needs its DNS zone.", f"nslookup {quote(name)}"),
                Step(
                    "See whether anything answers: a firewall may be in the way.",
                    f"openssl s_client -connect {quote(endpoint.address)} -servername {quote(name)} </dev/null",
                ),
            ),
            "AksCertSourceDown",
        )
    if certificate is None:
        return
    if endpoint.trusted is False:
        why = UNTRUSTED_WORDS.get(endpoint.untrusted or Reason.ERROR, "does not verify")
        yield Finding(
            Severity.CRITICAL,
            subject,
            f"Clients do not trust the API server: its certificate {why}.",
            (
                step("See whether a rotation runs or has failed.", place.state),
                step("After Failed, rotate again.", place.rotate_certs),
                step("Write a kubeconfig from before a rotation anew.", place.get_credentials),
            ),
            "AksCertApiServerUntrusted",
            f"The certificate {ends(certificate.not_after, now)}.",
            until=certificate.not_after,
        )
    if now >= certificate.not_after:
        yield Finding(
            Severity.CRITICAL,
            subject,
            f"The API server's certificate {ends(certificate.not_after, now)}.",
            rotate_steps(place),
            "AksCertExpired",
            until=certificate.not_after,
        )
        return
    severity = apiserver_end(certificate.not_before, certificate.not_after, rotation, now)
    if severity is None:
        return
    nothing = rotation is Rotation.DISABLED
    yield Finding(
        severity,
        subject,
        f"The API server's certificate {ends(certificate.not_after, now)}"
        + (", and nothing renews it." if nothing else "; AKS should have renewed it."),
        rotate_steps(place),
        "AksCertExpiringWithoutRotation" if nothing else "AksCertApiServerExpiring",
        "AKS renews it only on clusters with Kubernetes RBAC." if nothing else "",
        until=certificate.not_after,
    )


def lifetime_class(certificate: Certificate) -> str:
    """AKS makes cluster CAs of 30 years; before May 2019 it made them of 2 (AKS page on certificate rotation)."""
    years = round(certificate.lifetime / YEAR)
    return f"{years}-year class" if years >= 2 else f"lives {span(certificate.lifetime)}"


def _ca(ca: Ca, certificate: Certificate, place: Place, now: float) -> Iterator[Finding]:
    subject, end = Subject(Kind.CA, CA_WORDS[ca]), certificate.not_after
    if early := not_yet_valid(certificate.not_before, now):
        yield Finding(
            early,
            subject,
            f"The {CA_WORDS[ca]} becomes valid {when(certificate.not_before, now)}: until then nobody trusts what it "
            "signed.",
            (Step("Compare the clock here with the right time.", "date -u"), *rotate_steps(place)),
            "AksCertUnusable" if early is Severity.CRITICAL else "",
            until=certificate.not_before,
        )
    severity = requestheader_ca_end(end, now) if ca is Ca.REQUESTHEADER else ca_end(end, now)
    if severity is None:
        if ca is Ca.CLUSTER and certificate.lifetime < 3 * YEAR:
            yield Finding(
                Severity.INFO,
                subject,
                f"The cluster CA is of the {lifetime_class(certificate)}, not of 30 years, and "
                f"{ends(certificate.not_after, now)}.",
                rotate_steps(place),
                why="Nothing renews it by itself.",
                until=certificate.not_after,
            )
        return
    yield Finding(
        severity,
        subject,
        f"The {CA_WORDS[ca]} ({lifetime_class(certificate)}) {ends(certificate.not_after, now)}, and nothing renews "
        "it by itself.",
        rotate_steps(place),
        "AksCertRequestHeaderCaExpiring" if ca is Ca.REQUESTHEADER else "AksCertClusterCaExpiring",
        until=certificate.not_after,
    )
