"""Facts in, what is wrong out, as data: how bad, about what, since or until when, why, and what to do next. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from exporter.reason import Role

__all__ = [
    "PUBLIC_RUNBOOKS",
    "Finding",
    "Kind",
    "Severity",
    "Step",
    "Subject",
    "finding_data",
    "runbook_url",
    "worst_first",
]

PUBLIC_RUNBOOKS = "https://github.com/aks-cert-exporter/aks-cert-exporter/blob/main/docs/runbooks/"
"""Where everybody can read the runbooks: for `check` and for alerts of an installation that names no other place."""


def runbook_url(alert: str, base: str = PUBLIC_RUNBOOKS) -> str:
    """Where an alert's runbook is read. `base` is a URL or a relative one: the agents serve pages under `runbooks/`.

    A base on a code host's file view needs the file's name, any other the alert's.
    """
    stem = base if base.endswith("/") else f"{base}/"
    return f"{stem}{alert}{'.md' if '/blob/' in base else ''}"


class Severity(StrEnum):
    """How bad, worst first. UNKNOWN: could not look, which is never hidden behind a warning or anything that is ok."""

    CRITICAL = "critical"
    UNKNOWN = "unknown"
    WARNING = "warning"
    INFO = "info"


class Kind(StrEnum):
    """What a finding may be about."""

    NODE = "node"
    NODE_POOL = "node_pool"
    CLUSTER = "cluster"
    """As Azure knows it."""
    APISERVER = "apiserver"
    """One address of the API server."""
    CA = "ca"
    SIGNER = "signer"
    """Who approves or signs certificate requests, by the name of its lease."""
    CSR = "csr"
    WEBHOOK = "webhook"
    APISERVICE = "apiservice"
    CRD = "crd"
    ENDPOINT = "endpoint"
    """The Service behind a webhook, an APIService or a CRD conversion."""
    WORKLOAD = "workload"
    KUBECONFIG = "kubeconfig"
    CLOCK = "clock"
    SOURCE = "source"
    """A place outside the process that is asked."""


_BEFORE_NAME = {
    Kind.NODE_POOL: "node pool ",
    Kind.APISERVICE: "APIService ",
    Kind.CRD: "CustomResourceDefinition ",
    Kind.KUBECONFIG: "kubeconfig context ",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        """For people: the name, and what it names where that is not plain from it."""
        return f"{_BEFORE_NAME.get(self.kind, '')}{self.name}"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do next."""

    text: str
    """A whole sentence."""
    command: str = ""
    """Complete, to be pasted into a shell; what has to be filled in is in upper case, and `text` says what it is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    severity: Severity
    subject: Subject
    what: str
    """One sentence with the date in it."""
    next: tuple[Step, ...]
    """What to do, in this order; at least one."""
    alert: str = ""
    """The alert of the rules that says the same, if there is one."""
    why: str = ""
    """Cause or consequence, in whole sentences, where there is more to say."""
    node: str = ""
    """The node it is about, as the alert's label has it; empty: not about one node."""
    role: Role | None = None
    """The certificate's role, as the alert's label has it."""
    since: float | None = None
    """Unix seconds since when it is so, where that is known."""
    until: float | None = None
    """Unix seconds at which something ends, or ended."""


def finding_data(finding: Finding, base: str = PUBLIC_RUNBOOKS) -> dict[str, object]:
    """A finding for JSON: what is empty is null, times are Unix seconds. `base` is where runbooks are read."""
    return {
        "alert": finding.alert or None,
        "severity": finding.severity.value,
        "subject": {"kind": finding.subject.kind.value, "name": finding.subject.name},
        "node": finding.node or None,
        "role": finding.role.value if finding.role else None,
        "since": finding.since,
        "until": finding.until,
        "what": finding.what,
        "why": finding.why or None,
        "next": [{"text": step.text, "command": step.command or None} for step in finding.next],
        "runbook_url": runbook_url(finding.alert, base) if finding.alert else None,
    }


_ORDER = list(Severity)


def worst_first(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """By severity, then by subject."""
    return tuple(sorted(findings, key=lambda finding: (_ORDER.index(finding.severity), str(finding.subject))))
