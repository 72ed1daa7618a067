"""A kubeconfig's certificates and what the API server served in, what is wrong with the kubeconfig out."""

from collections.abc import Iterator

from exporter.facts.x509 import Certificate, ends_first
from exporter.findings import Finding, Severity
from exporter.findings.control_plane import UNTRUSTED_WORDS, lifetime_class
from exporter.findings.formatting import span, until, utc_time
from exporter.reason import Reason

__all__ = ["GET_CREDENTIALS", "kubeconfig_findings"]

DAY = 86400.0

GET_CREDENTIALS = "Run az aks get-credentials --overwrite-existing -g RG -n CLUSTER."


def kubeconfig_findings(
    context: str,
    authorities: tuple[Certificate, ...] | None,
    client: tuple[Certificate, ...],
    untrusted: Reason | None,
    served: Certificate | None,
    now: float,
    *,
    max_age: float | None = None,
) -> Iterator[Finding]:
    """The findings, in no order. `untrusted`: why the kubeconfig's CAs do not verify what the API server `served`."""
    subject = f"kubeconfig context {context}"
    if untrusted is not None and served is not None:
        yield Finding(
            Severity.CRITICAL,
            subject,
            f"It no longer trusts the API server: the served certificate, made {utc_time(served.not_before)}, "
            f"{UNTRUSTED_WORDS.get(untrusted, 'does not verify')}.",
            GET_CREDENTIALS
            if untrusted is Reason.CERTIFICATE_UNTRUSTED
            else "Check the server's name in the kubeconfig, and whether the certificates were rotated: az aks show.",
            "AksCertApiServerUntrusted",
        )
    if authorities:
        yield from _authority(subject, ends_first(authorities), now)
    if client:
        yield from _client(subject, client[0], now, max_age)


def _authority(subject: str, certificate: Certificate, now: float) -> Iterator[Finding]:
    left = certificate.not_after - now
    if left < 180 * DAY:
        yield Finding(
            Severity.CRITICAL if left < 30 * DAY else Severity.WARNING,
            subject,
            f"The CA it trusts ({lifetime_class(certificate)}) {'ended' if left <= 0 else 'ends'} at "
            f"{until(certificate.not_after, now)}.",
            f"If the cluster has a newer one: {GET_CREDENTIALS} If not: az aks rotate-certs, in a maintenance window.",
            "AksCertClusterCaExpiring",
        )


def _client(subject: str, certificate: Certificate, now: float, max_age: float | None) -> Iterator[Finding]:
    left, age = certificate.not_after - now, now - certificate.not_before
    if left <= 0:
        yield Finding(
            Severity.CRITICAL,
            subject,
            f"Its client certificate expired at {until(certificate.not_after, now)}: nobody is let in with it.",
            GET_CREDENTIALS,
            "AksCertExpired",
        )
    elif left < 30 * DAY and left < 0.2 * certificate.lifetime:
        yield Finding(
            Severity.WARNING,
            subject,
            f"Its client certificate ends at {until(certificate.not_after, now)}, and nothing renews it.",
            GET_CREDENTIALS,
            "AksCertExpiringWithoutRotation",
        )
    elif age < 0:
        yield Finding(
            Severity.WARNING,
            subject,
            f"Its client certificate is not valid before {until(certificate.not_before, now)}.",
            "Compare this machine's clock with the API server's.",
            "AksCertClockSkew",
        )
    if max_age is not None and age > max_age:
        yield Finding(
            Severity.WARNING,
            subject,
            f"Its client certificate is {span(age)} old; your policy allows {span(max_age)}.",
            "It is renewed by az aks rotate-certs alone; with Entra (kubelogin) none is needed.",
            "AksCertOlderThanPolicy",
        )
