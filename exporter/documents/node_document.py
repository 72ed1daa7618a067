"""One node's facts and findings in, the content of its agent's /facts out (docs/node-facts.schema.json)."""

from collections.abc import Sequence

from exporter.documents.certificate_data import certificate_data
from exporter.documents.encoding import SCHEMA
from exporter.facts.host.host_facts import FileFacts, HostFacts, SeenCertificate
from exporter.facts.rotation import RotationFacts
from exporter.findings import PUBLIC_RUNBOOKS, Finding, finding_data, worst_first
from exporter.findings.certificate_status import certificate_severity, certificate_window
from exporter.findings.limits import file_status
from exporter.findings.rotation_status import rotation_status

__all__ = ["node_document"]


def node_document(
    host: HostFacts, findings: Sequence[Finding], now: float, *, runbooks: str = PUBLIC_RUNBOOKS
) -> dict[str, object]:
    """The whole content. `now` in Unix seconds; `runbooks`: the base of the links to them."""
    return {
        "schema": SCHEMA,
        "agent": "node",
        "node": host.node,
        "looked_at": now,
        "certificates": [_certificate(host, seen, now) for seen in host.certificates],
        "files": [_file(file) for file in host.files],
        "rotation": [_rotation(host, facts, now) for facts in host.rotation],
        "bootstrap": {
            "method": host.bootstrap_method.value,
            "kubeconfig_present": host.bootstrap_kubeconfig_present,
            "leftovers": {role.value: count for role, count in host.leftovers.items()},
        },
        "findings": [finding_data(finding, runbooks) for finding in worst_first(tuple(findings))],
    }


def _certificate(host: HostFacts, seen: SeenCertificate, now: float) -> dict[str, object]:
    window, severity = certificate_window(host, seen), certificate_severity(host, seen, now)
    usable = host.usability.get((seen.role, seen.origin))
    return {
        "role": seen.role.value,
        "origin": seen.origin.value,
        "path": seen.path or None,
        "rotation": seen.rotation.value,
        **certificate_data(seen.certificate),
        "due": window[0] if window else None,
        "deadline": window[1] if window else None,
        "issued_by_cluster_ca": seen.issued_by_cluster_ca,
        "usable": usable.value if usable is not None else None,
        "severity": severity.value if severity else None,
        "bundle": [certificate_data(one) for one in seen.identities if one != seen.certificate],
    }


def _file(file: FileFacts) -> dict[str, object]:
    severity = file_status(file.status)
    return {
        "role": file.role.value,
        "path": file.path,
        "status": file.status.value,
        "detail": file.detail or None,
        "severity": severity.value if severity else None,
    }


def _rotation(host: HostFacts, facts: RotationFacts, now: float) -> dict[str, object]:
    status, window = rotation_status(host, facts, now), host.window(facts.role)
    return {
        "role": facts.role.value,
        "state": facts.state.value,
        "shown": status.word,
        "reason": facts.reason.value,
        "evidence": {place.value: word for place, word in sorted(facts.evidence.items())},
        "due": window[0] if window else None,
        "deadline": window[1] if window else None,
        "severity": status.severity.value if status.severity else None,
    }
