"""`check`: look once at a node or a cluster and print what was seen; the exit status is the verdict."""

import logging
import sys
import time
from pathlib import Path

from exporter import logs
from exporter.agents.node.agent import node_agent
from exporter.check.host import host_sections
from exporter.check.progress import progress
from exporter.check.render import as_json, as_markdown, print_table
from exporter.check.report import Report, report
from exporter.findings.host import host_findings
from exporter.settings import Settings, SettingsError

__all__ = ["cluster_meant", "look_at_host", "run"]

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
    findings = host_findings(host, sources, now, max_age=settings.max_age)
    return report(f"node {host.node}", now, findings, host_sections(host, sources, now))


def cluster_meant(settings: Settings) -> bool:
    """Whether to look at a cluster: where a kubeconfig is given or usual, or in a Pod with a service account.

    Raises SettingsError where both a node and a cluster are asked for.
    """
    host, cluster = settings.explicit & {"host_root", "kubelet_address"}, settings.explicit & {"kubeconfig", "context"}
    if host and cluster:
        raise SettingsError("check looks at a node (--host-root) or at a cluster (--kubeconfig), not at both at once")
    if host or cluster:
        return bool(cluster)
    # Imported here: a look at a node does not need the Kubernetes client.
    from exporter.sources.kube.kubeconfig import default_kubeconfig

    return bool(default_kubeconfig()) or SERVICE_ACCOUNT.is_file()


def run(settings: Settings) -> int:
    """Print the report and return its exit status."""
    logs.configure(settings.log_level, settings.log_format)
    if "log_level" not in settings.explicit:
        logging.getLogger("exporter").setLevel(logging.ERROR)  # the report says the same in its own words
    if cluster_meant(settings):
        from exporter.check.cluster_look import look_at_cluster

        seen = look_at_cluster(settings)
    else:
        seen = look_at_host(settings)
    match settings.output:
        case "json":
            print(as_json(seen))  # noqa: T201 - what the command is for
        case "markdown":
            print(as_markdown(seen))  # noqa: T201
        case _:
            print_table(seen, sys.stdout)
    return seen.exit_status
