"""Where the program starts, as `aks-cert-exporter` and as `python -m exporter`."""

import functools
import signal
import sys
from collections.abc import Callable
from types import FrameType

__all__ = ["kubectl_completion", "kubectl_plugin", "main"]

SERVERS = ("node", "cluster")
"""Commands that read their web configuration again on SIGHUP, and end in order on SIGTERM."""


def _interruptible(run: Callable[[], int]) -> Callable[[], int]:
    """The exit status is 130 where it is interrupted, be it while it still imports what it needs."""

    @functools.wraps(run)
    def status() -> int:
        _own_signals()
        try:
            return run()
        except KeyboardInterrupt:
            return 130

    return status


def main() -> int:
    """Run the command line and return its exit status."""
    # Before anything else is imported, which takes longer than a reloader waits: a SIGHUP that comes before it can be
    # honoured would end the process. `check` keeps ending with its terminal.
    if sys.argv[1:2] and sys.argv[1] in SERVERS:
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # A container's first process is not ended by a signal that it does not handle, and the kubelet sends one only.
        signal.signal(signal.SIGTERM, _end)
    try:
        return _command_line()
    finally:
        if signal.getsignal(signal.SIGTERM) is _end:  # it is ending: another one would only interrupt that
            signal.signal(signal.SIGTERM, signal.SIG_IGN)


@_interruptible
def _command_line() -> int:
    from exporter.cli import main as command_line

    return command_line()


@_interruptible
def kubectl_plugin() -> int:
    """The same program as `kubectl akscert`: without a command it is `check`."""
    given = sys.argv[1:]
    known = given[:1] and (not given[0].startswith("-") or given[0] in {"-h", "--help", "--version"})
    from exporter.cli import main as command_line

    return command_line(given if known else ["check", *given], "kubectl akscert")


@_interruptible
def kubectl_completion() -> int:
    """What may come next in `kubectl akscert …`: kubectl 1.26 and newer start this at each TAB."""
    from exporter.check.output import write_out
    from exporter.cli import parser, printed
    from exporter.completion import plugin_words

    def complete() -> int:
        top = parser("kubectl akscert")
        write_out("\n".join(plugin_words(top, top.of_command, sys.argv[1:])))
        return 0

    return printed(complete)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _own_signals() -> None:
    """Take back what a process inherits from whoever started it and what would lead astray: with SIGCHLD ignored every
    child seems to have ended with 0, and a SIGTERM that is blocked never comes. Signals that are ignored on purpose, as
    by nohup, stay ignored.
    """
    if hasattr(signal, "SIGCHLD"):  # not on Windows
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())


if __name__ == "__main__":
    sys.exit(main())
