"""What a look at a cluster brought in, the report on it out."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from exporter.agents.cluster.apiserver_probe import shown
from exporter.agents.cluster.state import ClusterState
from exporter.check.agent_findings import agent_findings
from exporter.check.azure import azure_sections
from exporter.check.cluster import certificate_row, cluster_sections
from exporter.check.kubelet_look import KubeletsSeen
from exporter.check.kubelets import kubelets_section
from exporter.check.report import NotLookedAt, Report, Section, report
from exporter.documents.cluster_document import cluster_document
from exporter.facts.azure.managed_cluster import AzureCluster
from exporter.facts.certificate import Certificate
from exporter.facts.chain import distrust
from exporter.facts.cluster import ClusterFacts, Endpoint
from exporter.facts.kube.csr import Csr
from exporter.facts.kube.kubeconfig_trust import KubeconfigTrust
from exporter.facts.source import Failure, SourceFacts
from exporter.findings import Finding, Kind, Severity, Step, Subject, worst_first
from exporter.findings.azure import place_of
from exporter.findings.cluster import cluster_findings
from exporter.findings.control_plane import lifetime_class
from exporter.findings.formatting import span
from exporter.findings.kubeconfig import by_this_way, kubeconfig_findings
from exporter.reason import Ca, Reason, Source
from exporter.sources.kube.cluster_agent import AgentSaid
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
    agent: AgentSaid | Failure | None = None
    """The cluster agent that is installed."""
    kubelets: KubeletsSeen | None = None
    """None: not asked."""
    endpoints_left: int = 0
    """How many of those that the API server calls no time was left for."""
    workloads_unseen: Failure | None = None
    """Why not all workloads could be looked at."""
    facts: ClusterFacts = field(default_factory=ClusterFacts)
    sources: tuple[SourceFacts, ...] = ()

    def closed(self) -> "Seen":
        """A copy that nothing changes any more."""
        return replace(self, facts=self.state.facts(), sources=self.state.sources())


def cluster_report(seen: Seen, now: float, *, max_age: float | None, kubelets: str) -> Report:
    """The report. `now` in Unix seconds; `kubelets`: the setting of that name."""
    state, view = seen.state, seen.view
    if seen.endpoint is not None:
        state.endpoints_seen([_judged(seen, seen.endpoint, now)], now)
    facts = replace(state.facts(), clock_offset=seen.offset)
    asked = seen.kubelets is not None and bool(seen.kubelets.reports)
    silent = seen.kubelets.unreachable if seen.kubelets else ""
    if not asked or (silent and kubelets != "true"):
        facts = replace(facts, observations=None)
    sources = tuple(one for one in state.sources() if one.up is not None)
    told = seen.agent.document.observed if isinstance(seen.agent, AgentSaid) else frozenset()
    findings = list(cluster_findings(facts, sources, now, told=told))
    if seen.kubelets is not None and seen.kubelets.refused and kubelets == "true":
        findings.append(_refused(seen.kubelets.refused))
    sections: list[Section] = []
    if view is not None:
        known, place = facts.cas.get(Ca.CLUSTER, ()), place_of(facts.azure)
        trust = _trust(view, seen.chain, sources, now)
        findings = [by_this_way(one, trust) for one in findings]
        findings.extend(kubeconfig_findings(trust, now, known=known, max_age=max_age, place=place))
        sections.append(_kubeconfig_section(view, now))
    if isinstance(seen.agent, AgentSaid):
        findings.extend(agent_findings(seen.agent.document, findings))
    findings = list(worst_first(tuple(findings)))
    sections.extend(cluster_sections(facts, seen.csrs, sources, now))
    if facts.observations is not None:
        nodes = {one.name: one for one in facts.nodes or ()}
        sections.append(kubelets_section(facts.views(), nodes, findings, now))
    sections.extend(_agent_section(seen.agent, now))
    sections.extend(azure_sections(seen.azure))
    name = view.context if view else "of this Pod"
    at = f" at {shown(seen.server)}" if seen.server else ""
    document = cluster_document(facts, findings, sources, now, name=shown(seen.server) if seen.server else name)
    apart = tuple(_not_looked_at(seen, facts))
    return report(f"cluster {name}{at}", now, findings, sections, apart, document)


def _refused(words: str) -> Finding:
    return Finding(
        Severity.UNKNOWN,
        Subject(Kind.SOURCE, "kubelets"),
        f"The kubelets could not be asked: {words}.",
        (Step("See what you may do.", "kubectl auth can-i get nodes/proxy"),),
        "AksCertSourceDown",
    )


def _agent_section(said: AgentSaid | Failure | None, now: float) -> Iterator[Section]:
    if isinstance(said, AgentSaid):
        age = span(now - said.document.looked_at)
        words = f"{said.service} was asked through the API server's service proxy; it looked {age} ago."
        yield Section("Cluster agent", (), (), f"{words} What it found is among the findings.")
    elif isinstance(said, Failure):
        yield Section("Cluster agent", (), (), f"It was not asked: {said.words}.")


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
    yield from _nodes_not_looked_at(seen, facts)
    agent = seen.agent.document if isinstance(seen.agent, AgentSaid) else None
    if facts.served is None and (agent is None or not agent.looks_at(Source.ENDPOINTS)):
        yield NotLookedAt(
            "what webhooks, CRD conversions and aggregated APIs serve: only the cluster's own network reaches them",
            "install the cluster agent" if agent is None else "start the cluster agent with --endpoints.enabled true",
        )
    if seen.endpoints_left:
        yield NotLookedAt(
            f"what {seen.endpoints_left} more of those that the API server calls serve: no time was left",
            "--timeout 5m",
        )
    if seen.workloads_unseen is not None and not (agent and agent.looks_at(Source.WORKLOADS)):
        yield NotLookedAt(
            f"all workloads that may read the retired serving certificate: {seen.workloads_unseen.words}",
            "the right to list workloads and ConfigMaps",
        )
    if facts.preflight is None and not (agent and agent.looks_at(Source.PREFLIGHT)):
        yield NotLookedAt("whether the nodes' next certificate requests would be approved", "--preflight")
    if seen.azure is None and agent is not None:
        yield NotLookedAt("Azure's state, from here; the cluster agent may ask it", "--azure.enabled true")
    elif seen.azure is None:
        yield NotLookedAt("Azure's state of the cluster and its node pools", "--azure.enabled true, after az login")


def _nodes_not_looked_at(seen: Seen, facts: ClusterFacts) -> Iterator[NotLookedAt]:
    """The kubelets' certificates: of which nodes nobody told anything, or not all."""
    everywhere = "install the node agents, or run check --host-root / on a node"
    count = len(facts.nodes or ())
    told = seen.agent.document.observed if isinstance(seen.agent, AgentSaid) else frozenset()
    left = [one for one in facts.nodes or () if one.name not in told]
    of = f"{count} node{'' if count == 1 else 's'}" if len(left) == count else f"{len(left)} of {count} nodes"
    kubelets = seen.kubelets
    if facts.observations is not None and kubelets is not None:
        if kubelets.left:
            more = f"{kubelets.left} more node{'' if kubelets.left == 1 else 's'}"
            yield NotLookedAt(f"the kubelets' certificates of {more}: no time was left", "--timeout 5m")
        yield NotLookedAt("the nodes' files, and what the kubelets serve on their ports", everywhere)
    elif left or facts.nodes is None:
        why = "--kubelets false was given"
        how = f"--kubelets true; or {everywhere}"
        if kubelets is not None:
            why, how = kubelets.refused or f"the API server reaches none of them ({kubelets.unreachable})", everywhere
        elif facts.nodes is None:
            why, how = "the nodes could not be listed", everywhere
        yield NotLookedAt(f"the kubelets' certificates of {of if facts.nodes is not None else 'any node'}: {why}", how)
