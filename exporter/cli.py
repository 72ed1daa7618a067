"""The command line: one subcommand per job. Each agent is imported inside its own branch, so that it stays small."""

import argparse
import errno
import importlib
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from exporter import __version__, logs
from exporter.check.output import OutputError, complain, settle, write_out
from exporter.examples import epilog
from exporter.settings import Command, Settings, SettingsError, add_flags, resolve
from exporter.sources.bug import bug

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

__all__ = ["main", "parser", "printed"]

_log = logging.getLogger(__name__)

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
"""Where each command's `run` is. By name, since to import one agent for the other would cost it its memory."""


LEFT_OUT = frozenset({"argcomplete", "azure", "kubernetes", "msgspec", "socks"})
"""Packages that the node agent's image does not hold."""

PROGRAM = "aks-cert-exporter"

SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ENOBUFS, errno.ENOSPC})
"""Errors that say of the system, or of the limits it set, what there is no more of."""

SHELLS = ("bash", "zsh", "fish", "powershell")
"""Those that can complete this command."""


class Parser(argparse.ArgumentParser):
    """An argument parser that ends with the command's own status for what cannot be used."""

    failure = 2
    of_command: Mapping[str, "Parser"]
    """The parsers of the subcommands."""

    def error(self, message: str) -> NoReturn:
        """One line after the usage. argparse itself would take standard output for a standard error that is closed."""
        for line in self.format_usage().splitlines():
            complain(line)
        complain(f"{self.prog}: error: {message}")
        self.exit(self.failure)

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        """Help and version. argparse itself would keep quiet about output that cannot be written, and exit with 0."""
        if file is sys.stdout:
            write_out(message)
        else:
            super()._print_message(message, file)


def parser(program: str = PROGRAM) -> Parser:
    """The argument parser of all subcommands."""
    top = Parser(
        prog=program,
        description="Certificates of Azure Kubernetes Service and their rotation.",
        epilog=epilog(program, ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _version(top)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def subcommand(name: str, summary: str) -> Parser:
        found: Parser = commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=epilog(program, name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        _version(found)
        return found

    for command, summary in SUMMARIES.items():
        one = subcommand(command.value, summary)
        one.failure = 3 if command is Command.CHECK else 2
        add_flags(one, command)
    metrics = subcommand("metrics", "print the metric catalogue")
    forms = ("markdown", "json")
    metrics.add_argument("-o", "--output", "--format", choices=forms, default="markdown", dest="format")
    completion = subcommand("completion", "print what a shell needs to complete this command")
    completion.add_argument("shell", choices=SHELLS)
    top.of_command = commands.choices
    return top


def _version(one: Parser) -> None:
    one.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Run a command and return its exit status; for settings that cannot be used 2, of `check` 3."""
    return printed(lambda: _main(_parsed(arguments, program)))


def printed(run: Callable[[], int]) -> int:
    """The exit status of what prints; 3, and a line, where that cannot be printed, and 130 where it is interrupted."""
    try:
        try:
            return run()
        finally:
            settle()
    except OutputError as error:
        complain(f"{PROGRAM}: {error}")
        return 3
    except KeyboardInterrupt:
        return 130


def _parsed(arguments: Sequence[str] | None, program: str) -> argparse.Namespace:
    """What the command line says. The parser itself is let go: an agent would keep it for as long as it runs."""
    top = parser(program)
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what may come next
        from exporter.completion import complete

        complete(top, top.of_command)
    parsed, unknown = top.parse_known_args(arguments)
    if unknown:
        top.of_command[parsed.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    return parsed


def _main(parsed: argparse.Namespace) -> int:
    try:
        return _run(parsed)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in LEFT_OUT:
            raise
        complain(
            f"{PROGRAM}: {parsed.command} needs the Python package {package}, which is not installed here; the "
            "node agent's image holds only what `node` and `check --host-root` need"
        )
        return 3 if parsed.command == Command.CHECK else 2


def _run(parsed: argparse.Namespace) -> int:
    if parsed.command == "completion":
        from exporter.completion import shell_code

        write_out(shell_code(parsed.shell))
        return 0
    if parsed.command == "metrics":
        from exporter.families import catalogue

        write_out(catalogue.markdown() if parsed.format == "markdown" else catalogue.as_json())
        return 0
    command = Command(parsed.command)
    settings: Settings | None = None
    try:
        settings = resolve(command, vars(parsed))
        run: Callable[[Settings], int] = importlib.import_module(MODULES[command]).run
        return run(settings)
    except SettingsError as error:
        complain(f"{PROGRAM}: {error}")
        return 3 if command is Command.CHECK else 2
    except (OutputError, ModuleNotFoundError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends in one line
        # Python's own status would be 1, which says of a look that there is a warning.
        if command is Command.CHECK:
            complain(f"{PROGRAM}: {_lack(error) or bug('check', error).words}")
            return 3
        # A line like all others, with the trace in it.
        logs.configure("error", settings.log_format if settings else "text")
        _log.critical("the %s agent ends: %s", command, _lack(error) or "a bug", exc_info=error)
        return 1


def _lack(error: Exception) -> str:
    """What the system is short of, where that is all that is wrong."""
    if isinstance(error, OSError) and error.errno in SHORTAGES:
        return str(error.strerror)
    if isinstance(error, MemoryError):
        return os.strerror(errno.ENOMEM)
    if isinstance(error, RuntimeError) and "new thread" in str(error):  # threading has no other sign of it
        return "no thread can be started"
    return ""
