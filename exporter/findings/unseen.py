"""A node's facts and sources in, what was not seen there out: not looked at, not answered, not read, not verified."""

from collections.abc import Iterable, Iterator, Mapping

from exporter.facts.host.host_facts import HostFacts
from exporter.facts.kubeconfig import ServerTrust
from exporter.facts.source import SourceFacts
from exporter.findings import Finding, Kind, Severity, Step, Subject
from exporter.findings.commands import Machine, step
from exporter.reason import FileStatus, Reason, Role, RotationState

__all__ = ["source_findings", "trust_findings", "unread_findings"]

_ANYBODY = "Whoever is between them can take over the node. Which CA signed a certificate says nothing here."
_TRUST_WORDS: Mapping[ServerTrust | None, tuple[str, str]] = {
    ServerTrust.ANYBODY: (
        "The kubelet does not verify the API server: its kubeconfig has insecure-skip-tls-verify.",
        _ANYBODY,
    ),
    ServerTrust.PLAIN_HTTP: (
        "The kubelet does not verify the API server: the server in its kubeconfig is plain http://.",
        _ANYBODY,
    ),
    ServerTrust.SYSTEM_CAS: (
        "The kubelet's kubeconfig names no CA, so the kubelet goes by the machine's own.",
        "None of those signs for an AKS API server: started anew, the kubelet does not trust it. Which CA signed the "
        "node's certificates cannot be told either.",
    ),
}
"""What is wrong with a kubelet's trust in the API server, and what that means."""


def source_findings(
    host: HostFacts, this: Machine, sources: Iterable[SourceFacts], requests: tuple[Step, ...]
) -> Iterator[Finding]:
    """Sources without an answer, or that are not asked. `requests`: how to find and answer the node's request."""
    status = "Get-Service kubelet" if this.windows else "systemctl status kubelet --no-pager"
    # A kubelet that waits for its certificate cannot answer yet, and AksCertRotationWaiting says so.
    waiting = any(one.state is RotationState.WAITING for one in host.rotation)
    silent = "" if waiting else "AksCertSourceDown"
    for source in sources:
        if source.skipped:
            # Where somebody chose it, it is said and no more; else nobody knows what the kubelet serves.
            yield _finding(
                host,
                Severity.INFO if source.up is None else Severity.UNKNOWN,
                "" if source.up is None else "AksCertSourceDown",
                f"The {source.source}'s port was not looked at: {source.skipped}.",
                (Step("Set HOST_IP to the node's address, or give the port with --kubelet-address."),),
            )
        elif source.up is False and source.last_reason is Reason.NO_CERTIFICATE:
            yield _finding(
                host,
                Severity.WARNING,
                silent,
                "The kubelet runs, and serves no certificate: it has none that is usable.",
                requests,
                why="kubectl logs and exec fail for this node until its request for a serving certificate is approved "
                "and signed; the kubelet then takes it by itself. Reimaging the node does not help.",
                role=Role.KUBELET_SERVING,
            )
        elif source.up is False:
            yield _finding(
                host,
                Severity.UNKNOWN,
                silent,
                f"What the {source.source} serves could not be seen: {source.last_error}.",
                (step("See whether the kubelet runs and listens on its port.", this.run(status)),),
            )


def unread_findings(host: HostFacts, this: Machine) -> Iterator[Finding]:
    """Settings that could not be read, where no file's status says so already."""
    told = (f.path for f in host.files if f.status not in {FileStatus.OK, FileStatus.NOT_EXPECTED})
    if host.settings_unread and not any(path in host.settings_unread for path in told):
        look = "Get-Content C:\\k\\kubeclusterconfig.json" if this.windows else "systemctl cat kubelet --no-pager"
        yield _finding(
            host,
            Severity.UNKNOWN,
            "",
            f"The kubelet's settings could not all be read: {host.settings_unread}.",
            (step("Look at how the kubelet is started.", this.run(look)),),
            why="Whether rotation is configured is not known as long as a source of settings cannot be read.",
        )


def trust_findings(host: HostFacts, this: Machine) -> Iterator[Finding]:
    """A kubelet that talks to any server, or cannot know the right one."""
    if host.server_trust in _TRUST_WORDS:
        what, why = _TRUST_WORDS[host.server_trust]
        yield _finding(host, Severity.WARNING, "", what, this.replace, why=why, role=Role.KUBELET_CLIENT)


def _finding(
    host: HostFacts,
    severity: Severity,
    alert: str,
    what: str,
    steps: tuple[Step, ...],
    *,
    why: str = "",
    role: Role | None = None,
) -> Finding:
    return Finding(severity, Subject(Kind.NODE, host.node), what, steps, alert, why, host.node, role)
