"""A kubeconfig's certificates and what the API server served in, what is wrong with the kubeconfig out."""

from collections.abc import Iterator

from exporter.facts.ca_use import ca_use
from exporter.facts.x509 import Certificate
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.commands import Place, step
from exporter.findings.control_plane import lifetime_class
from exporter.findings.formatting import ends, span, when
from exporter.findings.former_ca import former_members
from exporter.findings.limits import ca_end, kubeconfig_client_end
from exporter.findings.wording import UNTRUSTED_WORDS
from exporter.reason import Reason

__all__ = ["kubeconfig_findings"]


def kubeconfig_findings(
    context: str,
    authorities: tuple[Certificate, ...] | None,
    client: tuple[Certificate, ...],
    untrusted: Reason | None,
    served: Certificate | None,
    now: float,
    *,
    max_age: float | None = None,
    place: Place | None = None,
) -> Iterator[Finding]:
    """The findings, in no order. `untrusted`: why the kubeconfig's CAs do not verify what the API server `served`."""
    subject, at = Subject(Kind.KUBECONFIG, context), place or Place()
    if untrusted is not None and served is not None:
        renew = step("Write the kubeconfig anew.", at.get_credentials)
        yield Finding(
            Severity.CRITICAL,
            subject,
            "It does not trust the API server: the served certificate "
            f"{UNTRUSTED_WORDS.get(untrusted, 'does not verify')}.",
            (renew,)
            if untrusted is Reason.CERTIFICATE_UNTRUSTED
            else (
                Step("Compare the server's name in the kubeconfig.", "kubectl config view --minify"),
                step("See whether the certificates are being rotated.", at.state),
            ),
            "AksCertApiServerUntrusted",
            f"The served certificate became valid {when(served.not_before, now)}.",
            since=served.not_before,
        )
    if authorities:
        use = ca_use(authorities, (served,) if served else ())
        yield from _authority(subject, use.counts, at, now)
        yield from former_members(use, subject, now)
    if client:
        yield from _client(subject, client[0], at, now, max_age)


def _authority(subject: Subject, certificate: Certificate, place: Place, now: float) -> Iterator[Finding]:
    if severity := ca_end(certificate.not_after, now):
        yield Finding(
            severity,
            subject,
            f"The CA it trusts ({lifetime_class(certificate)}) {ends(certificate.not_after, now)}.",
            (
                step("If the cluster has a newer CA, write the kubeconfig anew.", place.get_credentials),
                step("If not, rotate the cluster's certificates in a maintenance window.", place.rotate_certs),
            ),
            "AksCertClusterCaExpiring",
            until=certificate.not_after,
        )


def _client(
    subject: Subject, certificate: Certificate, place: Place, now: float, max_age: float | None
) -> Iterator[Finding]:
    age, severity = (
        now - certificate.not_before,
        kubeconfig_client_end(certificate.not_before, certificate.not_after, now),
    )
    renew = (step("Write the kubeconfig anew.", place.get_credentials),)
    if severity is Severity.CRITICAL:
        yield Finding(
            severity,
            subject,
            f"Its client certificate {ends(certificate.not_after, now)}: the API server lets nobody in with it.",
            renew,
            "AksCertExpired",
            until=certificate.not_after,
        )
    elif severity is not None:
        yield Finding(
            severity,
            subject,
            f"Its client certificate {ends(certificate.not_after, now)}, and nothing renews it.",
            renew,
            "AksCertExpiringWithoutRotation",
            until=certificate.not_after,
        )
    elif age < 0:
        yield Finding(
            Severity.WARNING,
            subject,
            f"Its client certificate becomes valid {when(certificate.not_before, now)}.",
            (Step("Compare this machine's clock with the right time.", "date -u"),),
            "AksCertClockSkew",
            until=certificate.not_before,
        )
    if max_age is not None and age > max_age:
        yield Finding(
            Severity.WARNING,
            subject,
            f"Its client certificate is {span(age)} old; your policy allows {span(max_age)}.",
            (
                step("Only a rotation of all certificates renews it.", place.rotate_certs),
                Step("With Microsoft Entra ID (kubelogin) no client certificate is needed."),
            ),
            "AksCertOlderThanPolicy",
            since=certificate.not_before + max_age,
        )
