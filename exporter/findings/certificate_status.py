"""One certificate of a node in, how bad its state is out: dates, fitness for its role and signer together."""

from exporter.facts.host.host_facts import HostFacts, SeenCertificate
from exporter.facts.usability import Usability
from exporter.findings import Severity
from exporter.findings.limits import ca_end, kubelet_end, not_yet_valid, worst
from exporter.reason import Origin, Role, Rotation

__all__ = ["certificate_severity", "certificate_window"]


def certificate_window(host: HostFacts, seen: SeenCertificate) -> tuple[float, float] | None:
    """From when it may be rotated and by when it has been, in Unix seconds; None where nothing rotates it.

    The served certificate has the window of the file it was loaded from.
    """
    if seen.rotation is not Rotation.ENABLED:
        return None
    same = seen.origin is Origin.FILE or host.served_matches_file
    return host.window(seen.role) if same else None


def certificate_severity(host: HostFacts, seen: SeenCertificate, now: float) -> Severity | None:
    """The worst that the findings say about this certificate; None: ok. `now` in Unix seconds.

    Nobody uses the copy of the API server's certificate: it is never judged.
    """
    if seen.role is Role.APISERVER_COPY:
        return None
    if seen.role is Role.CLUSTER_CA:
        return worst(ca_end(seen.certificate.not_after, now), not_yet_valid(seen.certificate.not_before, now))
    certificate = seen.certificate
    fit = host.usability.get((seen.role, seen.origin), Usability.OK) is Usability.OK
    signed = seen.issued_by_cluster_ca is not False or seen.rotation is not Rotation.ENABLED
    return worst(
        kubelet_end(certificate.not_before, certificate.not_after, seen.rotation, certificate_window(host, seen), now),
        None if fit and signed else Severity.CRITICAL,
    )
