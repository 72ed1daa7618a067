"""`check`: look once at a node or a cluster and print what was seen; the exit status is the verdict."""

import sys
import time

from exporter import logs
from exporter.agents.node import node_agent
from exporter.check.host import host_sections
from exporter.check.render import as_json, as_markdown, print_table
from exporter.check.report import Report, report
from exporter.findings.host import host_findings
from exporter.settings import Settings

__all__ = ["look_at_host", "run"]


def look_at_host(settings: Settings) -> Report:
    """The report on the node below --host-root."""
    agent = node_agent(settings)
    if agent.wire is not None:
        agent.wire.look()
    now = time.time()
    host, sources = agent.look(), agent.sources()
    findings = host_findings(host, sources, now, max_age=settings.max_age)
    return report(f"node {host.node}", now, findings, host_sections(host, sources, now))


def run(settings: Settings) -> int:
    """Print the report and return its exit status."""
    logs.configure(settings.log_level, settings.log_format)
    seen = look_at_host(settings)
    match settings.output:
        case "json":
            print(as_json(seen))  # noqa: T201 - what the command is for
        case "markdown":
            print(as_markdown(seen))  # noqa: T201
        case _:
            print_table(seen, sys.stdout)
    return seen.exit_status
