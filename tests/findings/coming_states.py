"""What comes, how each node and its certificates are, in a line each: kept beside the findings."""

from collections.abc import Iterator

from exporter.facts.cluster import ClusterFacts
from exporter.facts.host.host_facts import HostFacts
from exporter.findings import Severity
from exporter.findings.certificate_status import certificate_severity
from exporter.findings.cluster import cluster_findings
from exporter.findings.cluster_timeline import cluster_events
from exporter.findings.formatting import utc_time
from exporter.findings.node_status import NodeStatus, node_statuses
from exporter.findings.rotation_status import rotation_status
from exporter.findings.timeline import Event, host_events
from simulation.pki import DAY

__all__ = ["cluster_lines", "host_lines"]


def cluster_lines(cluster: ClusterFacts, now: float) -> Iterator[str]:
    """What comes for a cluster, and the state of its nodes."""
    yield from map(_event, cluster_events(cluster, now))
    findings = cluster_findings(cluster, (), now)
    yield from (line for one in node_statuses(cluster, now, findings)[:6] for line in _status(one))


def host_lines(host: HostFacts, now: float) -> Iterator[str]:
    """What comes for a node, and how its certificates and their rotation are."""
    for later in (0, 200, 340):
        moment = now + later * DAY
        yield f"after {later} days"
        yield from map(_event, host_events(host, moment))
        for seen in host.certificates:
            yield f"  {seen.role} {seen.origin}: {_word(certificate_severity(host, seen, moment))}"
        for facts in host.rotation:
            one = rotation_status(host, facts, moment)
            yield f"  {one.role} {one.word}, {_word(one.severity)}: {one.why}; next {one.next_rotation}"


def _word(severity: Severity | None) -> str:
    return severity or "ok"


def _event(one: Event) -> str:
    until = f" to {utc_time(one.until)}" if one.until is not None else ""
    return f"  {utc_time(one.at)}{until}: {one.about}: {one.what}{' (breaks)' if one.breaks else ''}"


def _status(one: NodeStatus) -> Iterator[str]:
    yield f"  {one.name} of {one.pool or 'no pool'} by {one.observed_by}: {one.word}"
    for trouble in one.troubles:
        yield f"    {trouble.severity} {trouble.state} {utc_time(trouble.since)}: {trouble.what}"
