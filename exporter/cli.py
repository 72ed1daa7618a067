"""The command line: one subcommand per job. Each agent is imported inside its own branch, so that it stays small."""

import argparse
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from exporter import __version__
from exporter.check.output import OutputError, complain, settle, write_out
from exporter.settings import Command, Settings, SettingsError, add_flags, resolve
from exporter.sources.bug import bug

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


class Parser(argparse.ArgumentParser):
    """An argument parser that ends with the command's own status for what cannot be used."""

    failure = 2
    of_command: Mapping[str, "Parser"]
    """The parsers of the subcommands."""

    def error(self, message: str) -> NoReturn:
        """One line after the usage."""
        self.print_usage(sys.stderr)
        self.exit(self.failure, f"{self.prog}: error: {message}\n")


def parser() -> Parser:
    """The argument parser of all subcommands."""
    top = Parser(prog="aks-cert-exporter", description="Certificates of Azure Kubernetes Service and their rotation.")
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, summary in SUMMARIES.items():
        one = commands.add_parser(command.value, help=summary, description=summary, allow_abbrev=False)
        one.failure = 3 if command is Command.CHECK else 2
        add_flags(one, command)
    metrics = commands.add_parser("metrics", help="print the metric catalogue", allow_abbrev=False)
    top.of_command = commands.choices
    metrics.add_argument("--format", choices=("markdown", "json"), default="markdown")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; for settings that cannot be used 2, of `check` 3."""
    try:
        try:
            return _main(arguments)
        finally:
            settle()
    except OutputError as error:
        complain(f"aks-cert-exporter: {error}")
        return 3
    except KeyboardInterrupt:
        return 130


def _main(arguments: Sequence[str] | None) -> int:
    top = parser()
    parsed, unknown = top.parse_known_args(arguments)
    if unknown:
        top.of_command[parsed.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        return _run(parsed)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in LEFT_OUT:
            raise
        complain(
            f"aks-cert-exporter: {parsed.command} needs the Python package {package}, which is not installed here; the "
            "node agent's image holds only what `node` and `check --host-root` need"
        )
        return 3 if parsed.command == Command.CHECK else 2


def _run(parsed: argparse.Namespace) -> int:
    if parsed.command == "metrics":
        from exporter.families import catalogue

        write_out(catalogue.markdown() if parsed.format == "markdown" else catalogue.as_json())
        return 0
    command = Command(parsed.command)
    try:
        settings = resolve(command, vars(parsed))
        run: Callable[[Settings], int] = importlib.import_module(MODULES[command]).run
        return run(settings)
    except SettingsError as error:
        complain(f"aks-cert-exporter: {error}")
        return 3 if command is Command.CHECK else 2
    except (OutputError, ModuleNotFoundError):
        raise
    except Exception as error:
        if command is not Command.CHECK:
            raise
        # Python's own status would be 1, which says that there is a warning.
        complain(f"aks-cert-exporter: {bug('check', error).words}")
        return 3
