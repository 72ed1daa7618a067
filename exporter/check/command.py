"""`check`: look once at a node or a cluster and print what was seen; the exit status is the verdict."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from exporter import logs
from exporter.agents.node.agent import NodeAgent, node_agent
from exporter.check.host import host_sections
from exporter.check.output import standard_output, write_out
from exporter.check.progress import progress
from exporter.check.render import as_json, as_markdown, as_table
from exporter.check.report import NotLookedAt, Report, report
from exporter.documents.node_document import node_document
from exporter.findings import Severity
from exporter.findings.host import host_findings
from exporter.reason import FileStatus
from exporter.settings import Settings, SettingsError

__all__ = ["cluster_meant", "look_at_host", "run"]

CLEAR = "\x1b[H\x1b[2J"
"""Empties a terminal, for the next look."""

ABSENT = frozenset({FileStatus.NOT_FOUND, FileStatus.NOT_EXPECTED})

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""A Pod that may ask its cluster has it; the node agent's has none."""


def look_at_host(settings: Settings) -> Report:
    """The report on the node below --host-root."""
    agent = node_agent(settings)
    with progress() as tell:
        if agent.wire is not None:
            tell(["the kubelet"])
            agent.wire.look()
        tell(["the node's files"])
        now = time.time()
        host, sources = agent.look(), agent.sources()
    if "host_root" not in settings.explicit and all(file.status in ABSENT for file in host.files):
        raise SettingsError(
            "no --kubeconfig, no KUBECONFIG, no ~/.kube/config, and this machine has none of an AKS node's files: "
            "give --kubeconfig FILE for a cluster, or --host-root DIR for a node"
        )
    findings = host_findings(host, sources, now, max_age=settings.max_age)
    apart = tuple(_not_looked_at(agent))
    document = node_document(host, findings, now)
    return report(f"node {host.node}", now, findings, host_sections(host, sources, now), apart, document)


def _not_looked_at(agent: NodeAgent) -> Iterator[NotLookedAt]:
    if agent.wire is None:
        yield NotLookedAt(
            "what the kubelet serves on its port", "--kubelet-address HOST:10250, or HOST_IP in the environment"
        )
    if not agent.named:
        yield NotLookedAt("whether the certificates are this node's own: its name is not known", "--node-name NAME")
    yield NotLookedAt(
        "the cluster: its API server, CAs, certificate requests, signers and Azure's state", "check --kubeconfig FILE"
    )


def cluster_meant(settings: Settings, account: Path = SERVICE_ACCOUNT) -> bool:
    """Whether to look at a cluster: where a kubeconfig is given or usual, or in a Pod with a service account.

    Raises SettingsError where both a node and a cluster are asked for.
    """
    host, cluster = settings.explicit & {"host_root", "kubelet_address"}, settings.explicit & {"kubeconfig", "context"}
    if host and cluster:
        raise SettingsError("check looks at a node (--host-root) or at a cluster (--kubeconfig), not at both at once")
    if host:
        return False
    # Imported here: a look at a node does not need the Kubernetes client.
    from exporter.sources.kube.kubeconfig import default_kubeconfig

    reachable = bool(settings.kubeconfig or default_kubeconfig()) or account.is_file()
    if cluster and not reachable:
        raise SettingsError("no --kubeconfig, no KUBECONFIG, no ~/.kube/config, and this is no Pod")
    return reachable


def run(settings: Settings) -> int:
    """Print the report and return its exit status. OutputError, before anything is looked at, where that cannot be."""
    stream = standard_output()
    logs.configure(settings.log_level, settings.log_format)
    if "log_level" not in settings.explicit:
        logging.getLogger().setLevel(logging.ERROR)  # the report says the same in its own words
    status: int | None = None
    try:
        while True:
            seen = _look(settings)
            status = seen.exit_status
            read = _print(seen, settings, stream)
            if settings.watch is None or not read:
                return status
            time.sleep(settings.watch)
    except KeyboardInterrupt:
        if settings.watch is None or status is None:  # nobody may take for ok what was not looked at
            raise
        return status


def _look(settings: Settings) -> Report:
    if cluster_meant(settings):
        from exporter.check.cluster_look import look_at_cluster

        return look_at_cluster(settings)
    return look_at_host(settings)


def _print(seen: Report, settings: Settings, stream: TextIO) -> bool:
    """Whether somebody may still read it."""
    shown = seen.shown(Severity(settings.severity), quiet=settings.quiet)
    match settings.output:
        case "json":
            text = as_json(shown)
        case "markdown":
            text = as_markdown(shown) if shown.told else ""
        case _:
            text = as_table(shown, stream) if shown.told else ""
    if settings.watch is not None and stream.isatty():
        text = f"{CLEAR}{text}"
    return write_out(text) if text else True
