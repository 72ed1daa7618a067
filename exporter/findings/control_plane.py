"""A cluster's facts in, what is wrong with its API server, CAs, signers and clocks out."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.ca_bundle import CaBundle
from exporter.facts.x509 import Certificate, ends_first
from exporter.findings import Finding, Severity
from exporter.findings.formatting import span, until
from exporter.reason import Ca, Lease, Reason, Rotation

__all__ = ["UNTRUSTED_WORDS", "control_plane_findings", "lifetime_class"]

DAY = 86400.0
YEAR = 365 * DAY

ROTATE = (
    "Plan a maintenance window and run az aks rotate-certs: all nodes are made anew, up to 30 minutes of downtime; "
    "then az aks get-credentials --overwrite-existing for every client."
)

UNTRUSTED_WORDS = {
    Reason.CERTIFICATE_UNTRUSTED: "is not signed by a CA that clients in the cluster trust",
    Reason.CERTIFICATE_EXPIRED: "is outside its dates, or one above it is",
    Reason.CERTIFICATE_HOSTNAME: "is not for this host name",
}

_CA_WORDS = {
    Ca.CLUSTER: "cluster CA",
    Ca.CLIENT: "CA of client certificates",
    Ca.REQUESTHEADER: "request-header CA of the API aggregator",
}

_SIGNER_WORDS = {
    Lease.KUBE_CONTROLLER_MANAGER: "approves the kubelets' client certificates and signs all",
    Lease.KUBELET_SERVING_CSR_APPROVER: "approves the kubelets' serving certificates",
}

SILENT = 15 * 60.0
"""Seconds without a renewal after which a lease's holder is gone; it renews every few seconds."""


def control_plane_findings(cluster: ClusterFacts, now: float) -> Iterator[Finding]:
    """The findings, in no order. `now` in Unix seconds."""
    for endpoint in cluster.endpoints:
        yield from _endpoint(endpoint, cluster.apiserver_rotation, now)
    for ca, bundle in cluster.cas.items():
        if bundle and not (ca is Ca.CLIENT and bundle == cluster.cas.get(Ca.CLUSTER)):
            yield from _ca(ca, ends_first(bundle), now)
    for held in cluster.bundles:
        yield from _bundle(cluster, held, now)
    yield from _signers(cluster, now)
    if cluster.clock_offset is not None and abs(cluster.clock_offset) > 60:
        behind = "behind" if cluster.clock_offset > 0 else "ahead of"
        yield Finding(
            Severity.CRITICAL if abs(cluster.clock_offset) > 240 else Severity.WARNING,
            "clock",
            f"The clock here is {abs(cluster.clock_offset):.0f} seconds {behind} the API server's. A new "
            "certificate is dated back by 5 minutes; a clock further behind calls it not yet valid.",
            "Look at the time service where this runs: chronyc tracking, then chronyc makestep.",
            "AksCertClockSkew",
        )


def _endpoint(endpoint: Endpoint, rotation: Rotation, now: float) -> Iterator[Finding]:
    certificate = endpoint.certificate
    if endpoint.failure is not None:
        yield Finding(
            Severity.BLIND,
            endpoint.address,
            f"The API server's certificate could not be looked at there: {endpoint.failure.words} "
            f"({endpoint.failure.reason}).",
            "Check the name and the way there: nslookup, a private DNS zone, a firewall; then openssl s_client "
            f"-connect {endpoint.address}.",
            "AksCertSourceDown",
        )
    if certificate is None:
        return
    if endpoint.trusted is False:
        why = UNTRUSTED_WORDS.get(endpoint.untrusted or Reason.ERROR, "does not verify")
        yield Finding(
            Severity.CRITICAL,
            endpoint.address,
            f"Clients do not trust the API server there: its certificate (until {until(certificate.not_after, now)}) "
            f"{why}.",
            "See whether a rotation runs or failed: az aks show --query provisioningState; after Failed run "
            "az aks rotate-certs again. A kubeconfig from before a rotation: az aks get-credentials "
            "--overwrite-existing.",
            "AksCertApiServerUntrusted",
        )
    if now >= certificate.not_after:
        yield Finding(
            Severity.CRITICAL,
            endpoint.address,
            f"The API server's certificate expired at {until(certificate.not_after, now)}.",
            ROTATE,
            "AksCertExpired",
        )
        return
    left, lifetime = certificate.not_after - now, certificate.lifetime
    if rotation is Rotation.DISABLED:
        if left <= 0.2 * lifetime:
            yield Finding(
                Severity.CRITICAL if left <= 0.05 * lifetime else Severity.WARNING,
                endpoint.address,
                f"The API server's certificate ends at {until(certificate.not_after, now)}, and nothing renews it: AKS "
                "does so with Kubernetes RBAC alone.",
                ROTATE,
                "AksCertExpiringWithoutRotation",
            )
        return
    # A certificate so short-lived that 30 days are most of its life is not early.
    critical, warning = (left < days * DAY and left < part * lifetime for days, part in ((7, 0.05), (30, 0.15)))
    if critical or warning:
        yield Finding(
            Severity.CRITICAL if critical else Severity.WARNING,
            endpoint.address,
            f"The API server's certificate ends at {until(certificate.not_after, now)}; AKS should have renewed it.",
            ROTATE,
            "AksCertApiServerExpiring",
        )


def lifetime_class(certificate: Certificate) -> str:
    """AKS makes cluster CAs of 30 years; before May 2019 it made them of 2 (AKS page on certificate rotation)."""
    years = round(certificate.lifetime / YEAR)
    return f"{years}-year class" if years >= 2 else f"lives {span(certificate.lifetime)}"


def _ca(ca: Ca, certificate: Certificate, now: float) -> Iterator[Finding]:
    left = certificate.not_after - now
    name = f"{_CA_WORDS[ca]} ({lifetime_class(certificate)})"
    severity: Severity | None
    if left <= 0:
        severity = Severity.CRITICAL
    elif ca is Ca.REQUESTHEADER:
        severity = Severity.WARNING if left < 90 * DAY else None
    else:
        severity = Severity.CRITICAL if left < 30 * DAY else Severity.WARNING if left < 180 * DAY else None
    if severity is None:
        if ca is Ca.CLUSTER and certificate.lifetime < 3 * YEAR:
            yield Finding(
                Severity.INFO,
                _CA_WORDS[ca],
                f"The cluster CA is of the {lifetime_class(certificate)}, not of 30 years, and ends at "
                f"{until(certificate.not_after, now)}. Nothing renews it by itself.",
                ROTATE,
            )
        return
    verb = "ended" if left <= 0 else "ends"
    yield Finding(
        severity,
        _CA_WORDS[ca],
        f"The {name} {verb} at {until(certificate.not_after, now)}, and nothing renews it by itself.",
        ROTATE,
        "AksCertRequestHeaderCaExpiring" if ca is Ca.REQUESTHEADER else "AksCertClusterCaExpiring",
    )


def _bundle(cluster: ClusterFacts, held: CaBundle, now: float) -> Iterator[Finding]:
    subject = f"{held.kind} {held.name}"
    restart = (
        "Restart or reinstall the component that owns it: most write the bundle anew when they start "
        "(kubectl rollout restart)."
    )
    if cluster.outdated(held):
        yield Finding(
            Severity.WARNING,
            subject,
            "Its caBundle holds a former cluster CA and not the present one: the API server does not trust it.",
            restart,
            "AksCertCaBundleOutdated",
        )
    elif held.certificates and ends_first(held.certificates).not_after <= now:
        expired = ends_first(held.certificates).not_after
        yield Finding(
            Severity.WARNING, subject, f"A certificate of its caBundle expired at {until(expired, now)}.", restart
        )
    if held.unreadable:
        yield Finding(
            Severity.WARNING,
            subject,
            f"Its caBundle cannot be read: {held.unreadable}.",
            f"See it: kubectl get {held.kind} {held.name} -o yaml.",
        )


def _signers(cluster: ClusterFacts, now: float) -> Iterator[Finding]:
    for lease, renewed in cluster.leases.items():
        if now - renewed > SILENT:
            yield Finding(
                Severity.WARNING,
                lease,
                f"It {_SIGNER_WORDS[lease]}, and gives no sign of life since {until(renewed, now)}.",
                "See whether an operation runs: az aks show --query provisioningState. None, and still silent: open a "
                f"support request that names the lease kube-system/{lease}.",
                "AksCertSignerSilent",
            )
    rotating = any(one.serving_rotation is Rotation.ENABLED for one in cluster.nodes or ())
    missing = [lease for lease in Lease if lease not in cluster.leases]
    if cluster.leases and Lease.KUBELET_SERVING_CSR_APPROVER in missing and rotating:
        yield Finding(
            Severity.INFO,
            Lease.KUBELET_SERVING_CSR_APPROVER,
            "Nodes rotate their serving certificate, but its approver has no lease here: whether it lives cannot be "
            "told before the next request.",
            "Watch the next one: kubectl get csr --field-selector spec.signerName=kubernetes.io/kubelet-serving.",
        )
