"""What a look at a cluster brought in, the report on it out."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from exporter.agents.cluster.apiserver_probe import shown
from exporter.agents.cluster.state import ClusterState
from exporter.check.azure import azure_sections
from exporter.check.cluster import certificate_row, cluster_sections
from exporter.check.report import NotLookedAt, Report, Section, report
from exporter.facts.azure.managed_cluster import AzureCluster
from exporter.facts.chain import distrust
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.csr import Csr
from exporter.facts.kube.kubeconfig_trust import KubeconfigTrust
from exporter.facts.source import Failure, SourceFacts
from exporter.facts.x509 import Certificate
from exporter.findings.azure import place_of
from exporter.findings.cluster import cluster_findings
from exporter.findings.control_plane import lifetime_class
from exporter.findings.kubeconfig import kubeconfig_findings
from exporter.reason import Ca, Reason
from exporter.sources.kube.kubeconfig import KubeconfigView

__all__ = ["Seen", "cluster_report"]


@dataclass(slots=True)
class Seen:
    """What one look brought. It fills while the look goes on."""

    view: KubeconfigView | None
    """None: a Pod's service account."""
    state: ClusterState
    server: tuple[str, int] | None = None
    endpoint: Endpoint | None = None
    chain: tuple[Certificate, ...] = ()
    """What the kubeconfig's server served, the leaf first."""
    csrs: list[Csr] | None = None
    offset: float | None = None
    azure: AzureCluster | Failure | None = None
    """None: not asked."""
    facts: ClusterFacts = field(default_factory=ClusterFacts)
    sources: tuple[SourceFacts, ...] = ()

    def closed(self) -> "Seen":
        """A copy that nothing changes any more."""
        return replace(self, facts=self.state.facts(), sources=self.state.sources())


def cluster_report(seen: Seen, now: float, *, max_age: float | None) -> Report:
    """The report. `now` in Unix seconds."""
    state, view = seen.state, seen.view
    if seen.endpoint is not None:
        state.endpoints_seen([_judged(seen, seen.endpoint, now)], now)
    facts = replace(state.facts(), clock_offset=seen.offset)
    sources = tuple(one for one in state.sources() if one.up is not None)
    findings = list(cluster_findings(facts, sources, now))
    sections: list[Section] = []
    if view is not None:
        known, place = facts.cas.get(Ca.CLUSTER, ()), place_of(facts.azure)
        trust = _trust(view, seen.chain, sources, now)
        findings.extend(kubeconfig_findings(trust, now, known=known, max_age=max_age, place=place))
        sections.append(_kubeconfig_section(view, now))
    sections.extend(cluster_sections(facts, seen.csrs, sources, now))
    sections.extend(azure_sections(seen.azure))
    name = view.context if view else "of this Pod"
    at = f" at {shown(seen.server)}" if seen.server else ""
    return report(f"cluster {name}{at}", now, findings, sections, tuple(_not_looked_at(seen, facts)))


def _judged(seen: Seen, endpoint: Endpoint, now: float) -> Endpoint:
    """The address by the CA that clients in the cluster use. By the kubeconfig's it is judged apart."""
    trust = seen.facts.cas.get(Ca.CLUSTER)
    if seen.view is None or seen.view.insecure or not seen.chain or not trust:
        return endpoint  # a CA that came over a connection nobody verified proves nothing
    against = distrust(seen.chain, trust, seen.view.server_name, now)
    return replace(endpoint, trusted=against is None, untrusted=against)


def _trust(
    view: KubeconfigView, chain: tuple[Certificate, ...], sources: tuple[SourceFacts, ...], now: float
) -> KubeconfigTrust:
    untrusted: Reason | None = None
    if chain and view.authorities:
        untrusted = distrust(chain, view.authorities, view.server_name, now)
    elif any(one.last_reason is Reason.CERTIFICATE_UNTRUSTED for one in sources):
        untrusted = Reason.CERTIFICATE_UNTRUSTED  # by the CAs of this machine
    return KubeconfigTrust(
        context=view.context,
        server=view.server,
        server_name=view.server_name,
        tls=view.tls,
        insecure=view.insecure,
        through=view.proxy.url if view.proxy else "",
        authorities=view.authorities,
        client=view.client,
        chain=chain,
        untrusted=untrusted,
    )


def _kubeconfig_section(view: KubeconfigView, now: float) -> Section:
    rows = [certificate_row("CA it trusts", one, now, lifetime_class(one)) for one in view.authorities or ()]
    rows += [certificate_row("client certificate", one, now, "renewed by hand only") for one in view.client[:1]]
    user = f"user {view.user}" if view.user else "no user"
    notes = [f"Context {view.context}, cluster {view.cluster}, {user}."]
    if not view.client:
        notes.append(f"It asks with {view.credential}.")
    if view.authorities is None and view.tls and not view.insecure:
        notes.append("It names no CA: those of this machine are trusted.")
    if view.proxy is not None:
        notes.append(f"The API server is reached through {view.proxy.url}.")
    if view.unreadable:
        notes.append(f"Could not be read: {view.unreadable}.")
    return Section(
        "Kubeconfig",
        ("WHAT", "SUBJECT", "FROM", "UNTIL", "LEFT", "NOTE"),
        tuple(rows),
        " ".join(notes),
        wrapping=("WHAT", "SUBJECT", "NOTE"),
    )


def _not_looked_at(seen: Seen, facts: ClusterFacts) -> Iterator[NotLookedAt]:
    if seen.view is not None and not seen.view.tls:
        yield NotLookedAt("the API server's certificate: its server is plain HTTP", "use an https:// server")
    nodes = "" if facts.nodes is None else f" of {len(facts.nodes)} node{'' if len(facts.nodes) == 1 else 's'}"
    yield NotLookedAt(
        f"the kubelets' certificates{nodes}: their files and what they serve",
        "install the node agents, or run check --host-root / on a node",
    )
    yield NotLookedAt(
        "what webhooks, CRD conversions and aggregated APIs serve: only the cluster's own network reaches them",
        "install the cluster agent",
    )
    if seen.azure is None:
        yield NotLookedAt("Azure's state of the cluster and its node pools", "--azure.enabled true, after az login")
