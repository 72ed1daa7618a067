"""Where the program starts, as `aks-cert-exporter` and as `python -m exporter`."""

import signal
import sys

__all__ = ["kubectl_completion", "kubectl_plugin", "main"]

SERVERS = ("node", "cluster")
"""Commands that read their web configuration again on SIGHUP."""


def main() -> int:
    """Run the command line and return its exit status."""
    # Before anything else is imported, which takes longer than a reloader waits: a SIGHUP that comes before it can be
    # honoured would end the process. `check` keeps ending with its terminal.
    if hasattr(signal, "SIGHUP") and sys.argv[1:2] and sys.argv[1] in SERVERS:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from exporter.cli import main as command_line

    return command_line()


def kubectl_plugin() -> int:
    """The same program as `kubectl akscert`: without a command it is `check`."""
    given = sys.argv[1:]
    known = given[:1] and (not given[0].startswith("-") or given[0] in {"-h", "--help", "--version"})
    from exporter.cli import main as command_line

    return command_line(given if known else ["check", *given], "kubectl akscert")


def kubectl_completion() -> int:
    """What may come next in `kubectl akscert …`: kubectl 1.26 and newer start this at each TAB."""
    from exporter.check.output import write_out
    from exporter.cli import parser
    from exporter.completion import plugin_words

    top = parser("kubectl akscert")
    write_out("\n".join(plugin_words(top, top.of_command, sys.argv[1:])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
