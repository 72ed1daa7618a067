"""The command line: one subcommand per job. Each agent is imported inside its own branch, so that it stays small."""

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence

from exporter import __version__
from exporter.settings import Command, Settings, SettingsError, add_flags, resolve

__all__ = ["main"]

SUMMARIES = {
    Command.NODE: "the node agent: one node's certificates, files and rotation evidence",
    Command.CLUSTER: "the cluster agent: CSRs, nodes, API server, trust, signers, Azure state",
    Command.CHECK: "look once and print it: from a laptop with a kubeconfig, or on a node with --host-root",
}

MODULES = {
    Command.NODE: "exporter.agents.node.agent",
    Command.CLUSTER: "exporter.agents.cluster.agent",
    Command.CHECK: "exporter.check.command",
}
"""Where each command's `run` stands. By name, since to import one agent for the other would cost it its memory."""


LEFT_OUT = frozenset({"azure", "kubernetes", "msgspec"})
"""Packages that the node agent's image does not hold."""


def parser() -> argparse.ArgumentParser:
    """The argument parser of all subcommands."""
    top = argparse.ArgumentParser(
        prog="aks-cert-exporter", description="Certificates of Azure Kubernetes Service and their rotation."
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, summary in SUMMARIES.items():
        add_flags(commands.add_parser(command.value, help=summary, description=summary, allow_abbrev=False), command)
    metrics = commands.add_parser("metrics", help="print the metric catalogue", allow_abbrev=False)
    metrics.add_argument("--format", choices=("markdown", "json"), default="markdown")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; 2 for settings that cannot be used."""
    parsed = parser().parse_args(arguments)
    try:
        return _run(parsed)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in LEFT_OUT:
            raise
        print(
            f"aks-cert-exporter: {parsed.command} needs the Python package {package}, which is not installed here; the "
            "node agent's image holds only what `node` and `check --host-root` need",
            file=sys.stderr,
        )
        return 3 if parsed.command == Command.CHECK else 2


def _run(parsed: argparse.Namespace) -> int:
    if parsed.command == "metrics":
        from exporter.families import catalogue

        print(catalogue.markdown() if parsed.format == "markdown" else catalogue.as_json())
        return 0
    command = Command(parsed.command)
    try:
        settings = resolve(command, vars(parsed))
        run: Callable[[Settings], int] = importlib.import_module(MODULES[command]).run
        return run(settings)
    except SettingsError as error:
        print(f"aks-cert-exporter: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
