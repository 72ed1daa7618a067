"""A shell's name in, the lines that complete this command in it out; and at each TAB, what may come next.

argcomplete does it: of the libraries for argparse that are kept it is the one with bash, zsh, fish and PowerShell, and
it asks the program itself, so that contexts of the kubeconfig are completed too. shtab writes static files, which start
faster, and has neither PowerShell nor anything that must be read first.
"""

import argparse
import itertools
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from exporter.settings import Command

__all__ = ["PROGRAMS", "complete", "plugin_words", "shell_code"]

PROGRAMS = ("aks-cert-exporter", "kubectl-akscert")


def shell_code(shell: str) -> str:
    """What the shell reads to complete both programs."""
    from argcomplete.shell_integration import shellcode

    return shellcode(list(PROGRAMS), shell=shell)


def complete(top: argparse.ArgumentParser, of_command: Mapping[str, argparse.ArgumentParser]) -> None:
    """Answer a shell's question and end the process; nothing where it cannot be answered."""
    import argcomplete

    _name_contexts(of_command)
    argcomplete.autocomplete(top)


def plugin_words(
    top: argparse.ArgumentParser, of_command: Mapping[str, argparse.ArgumentParser], words: Sequence[str]
) -> Iterator[str]:
    """What may come in the last place of these words, as kubectl reads it from a plugin's completion.

    A word a line; then `:4`, or `:0` where there is none and the shell may offer files (directives of Cobra; kubectl,
    pkg/cmd/plugin/plugin_completion.go). Without a command the plugin is `check`.
    """
    from argcomplete.completers import SuppressCompleter
    from argcomplete.finders import CompletionFinder

    _name_contexts(of_command)
    *before, last = words or [""]
    if (before or [last])[0].startswith("-"):
        before = [Command.CHECK.value, *before]
    line = " ".join([*map(shlex.quote, before), last])
    finder = CompletionFinder(top, always_complete_options=False, default_completer=SuppressCompleter())
    found = itertools.takewhile(bool, (finder.rl_complete(line, number) for number in itertools.count()))
    choices = [_word(str(one)[len(line) - len(last) :]) for one in found]
    yield from choices
    yield ":4" if choices else ":0"


def _word(quoted: str) -> str:
    return "".join(shlex.split(quoted))


def _name_contexts(of_command: Mapping[str, argparse.ArgumentParser]) -> None:
    for name in (Command.CHECK, Command.CLUSTER):
        for action in of_command[name]._actions:
            if action.dest == "context":
                action.completer = _contexts  # type: ignore[attr-defined]


def _contexts(parsed_args: argparse.Namespace, **_: object) -> list[str]:
    """The names of the contexts there are."""
    from exporter.facts.kube.kubeconfig_entries import KubeconfigError
    from exporter.sources.kube.kubeconfig import context_names, default_kubeconfig

    given = getattr(parsed_args, "kubeconfig", None)
    paths = Path(given) if given else default_kubeconfig()
    try:
        return list(context_names(paths)) if paths else []
    except KubeconfigError:
        return []
