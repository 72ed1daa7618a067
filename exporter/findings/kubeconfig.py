"""A kubeconfig's certificates and what the API server served in, what is wrong with the kubeconfig out."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from shlex import quote
from urllib.parse import urlsplit

from exporter.facts.ca_use import ca_use
from exporter.facts.certificate import Certificate
from exporter.facts.kube.kubeconfig_trust import Cause, KubeconfigTrust
from exporter.facts.usability import Usability, client_usability
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.commands import Place, step
from exporter.findings.control_plane import lifetime_class
from exporter.findings.formatting import ends, names_listed, span, when
from exporter.findings.former_ca import former_members
from exporter.findings.limits import ca_end, kubeconfig_client_end

__all__ = ["by_this_way", "kubeconfig_findings"]

_UNUSABLE = {
    Usability.NOT_A_LEAF: "it is a CA, and the API server lets nobody in with one",
    Usability.WRONG_USAGE: "its extendedKeyUsage does not allow clients to show it",
    Usability.UNLOADABLE: "kubectl cannot read it",
}


def kubeconfig_findings(
    trust: KubeconfigTrust,
    now: float,
    *,
    known: tuple[Certificate, ...] = (),
    max_age: float | None = None,
    place: Place | None = None,
) -> Iterator[Finding]:
    """The findings, in no order. `known`: the cluster's CAs, of which all is said elsewhere."""
    subject, at = Subject(Kind.KUBECONFIG, trust.context), place or Place()
    if not trust.tls:
        yield Finding(
            Severity.UNKNOWN,
            subject,
            f"No certificate was seen: its server is {trust.server}, which is plain HTTP.",
            (Step("Look with a kubeconfig whose server is an https:// URL.", "kubectl config get-contexts"),),
            "AksCertSourceDown",
            "kubectl proxy is such a server. What else is told here, nobody has vouched for.",
        )
    elif trust.insecure:
        yield Finding(
            Severity.UNKNOWN,
            subject,
            "Nothing was verified: it says insecure-skip-tls-verify, so whoever answers is believed.",
            (
                step("Write the kubeconfig anew, with the cluster's CA.", at.get_credentials),
                Step("Or look with another context.", "kubectl config get-contexts"),
            ),
            "AksCertSourceDown",
            f"What answers was issued by {_names(trust.issuers)}." if trust.chain else "",
        )
    elif trust.cause is not None:
        yield _untrusted(trust, trust.cause, subject, at, now)
    if trust.authorities and not set(trust.authorities) <= set(known):
        use = ca_use(trust.authorities, trust.chain[:1], trust.chain[1:])
        yield from _authority(subject, use.counts, at, now)
        yield from former_members(use, subject, now)
    if trust.client:
        yield from _client(subject, trust.client[0], at, now, max_age)


def by_this_way(finding: Finding, trust: KubeconfigTrust) -> Finding:
    """A finding about the cluster with the steps that fit how this kubeconfig leads there."""
    if finding.severity is not Severity.UNKNOWN:
        return finding
    kind = finding.subject.kind
    if kind is Kind.SOURCE and finding.subject.name != "Azure" and trust.cause is not None:
        return replace(finding, next=(Step("Find out first why the kubeconfig does not trust the API server."),))
    if kind is Kind.APISERVER and trust.through:
        way = Step(
            f"See where the proxy {trust.through} comes from: proxy-url in the kubeconfig, or HTTPS_PROXY.",
            "kubectl config view --minify",
        )
        socks = trust.through.startswith("socks")
        try_it = () if socks else (Step("See whether it leads to the API server.", _show(trust)),)
        return replace(finding, next=(way, *try_it))
    return finding


def _untrusted(trust: KubeconfigTrust, cause: Cause, subject: Subject, place: Place, now: float) -> Finding:
    leaf = trust.chain[0]
    trusted = _names(dict.fromkeys(one.subject for one in trust.authorities or ())) or "the CAs of this machine"
    issuers = _names(trust.issuers) or "a CA without a name"
    served = f"The served certificate was issued by {issuers}; the kubeconfig trusts {trusted}."
    renew = step("Write the kubeconfig anew.", place.get_credentials)
    state = step("See whether the certificates are being rotated.", place.state)
    show = Step("See the whole chain that is served.", _show(trust))
    steps: tuple[Step, ...]
    names = _names(trust.served_names[:4]) or "no name"
    match cause:
        case Cause.ROTATED:
            what = "a CA of the same name and with another key signed what is served: the cluster's CA was rotated"
            why = f"{served} The certificate became valid {when(leaf.not_before, now)}."
            steps = (renew, state)
        case Cause.ANOTHER_CLUSTER:
            what = "what is served is for other names, by a CA of the same name and with another key: another cluster"
            why = f"{served} It is for {names}, and {trust.server_name} was asked for."
            steps = (Step("Compare the server's address in the kubeconfig.", "kubectl config view --minify"), renew)
        case Cause.INTERCEPTED:
            what = "the issuer of what is served has never been the cluster's CA: a proxy or firewall opens TLS"
            way = f" It came through the proxy {trust.through}." if trust.through else ""
            why = f"{served}{way} A new kubeconfig does not help against that."
            steps = (
                show,
                Step(
                    f"Have {trust.server_name} exempted from TLS inspection by whoever runs the proxy or firewall, or "
                    "look from another network."
                ),
                Step("If nothing is in between, another server has this name: resolve it.", _resolve(trust)),
            )
        case Cause.NAME:
            what = f"what is served is not for the name {trust.server_name}"
            why = f"It is for {names}. Set tls-server-name only where the certificate bears another name on purpose."
            steps = (Step("Compare the server's name in the kubeconfig.", "kubectl config view --minify"), state)
        case Cause.DATES:
            what = "what is served is outside its dates, or a certificate above it is"
            why = f"It {ends(leaf.not_after, now)}."
            steps = (state, Step("Compare this machine's clock with the right time.", "date -u"))
    return Finding(
        Severity.CRITICAL,
        subject,
        f"It does not trust the API server: {what}.",
        steps,
        "AksCertApiServerUntrusted",
        why,
        since=leaf.not_before if cause is Cause.ROTATED else None,
    )


def _names(names: Iterable[str]) -> str:
    """The names, listed; empty where there is none."""
    known = tuple(names)
    return names_listed(known) if known else ""


def _show(trust: KubeconfigTrust) -> str:
    parts = urlsplit(trust.server)
    place = quote(f"{parts.hostname}:{parts.port or 443}")
    proxy = urlsplit(trust.through)
    way = f" -proxy {quote(f'{proxy.hostname}:{proxy.port}')}" if proxy.scheme.startswith("http") else ""
    return f"openssl s_client -connect {place}{way} -servername {quote(trust.server_name)} -showcerts </dev/null"


def _resolve(trust: KubeconfigTrust) -> str:
    return f"nslookup {quote(urlsplit(trust.server).hostname or '')}"


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
    usable = client_usability(certificate.purpose) if certificate.purpose is not None else Usability.UNLOADABLE
    if usable is not Usability.OK:
        yield Finding(
            Severity.CRITICAL,
            subject,
            f"Its client certificate cannot be used: {_UNUSABLE[usable]}.",
            renew,
            "AksCertUnusable",
            f"It is for {certificate.subject or 'no name'}.",
        )
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
