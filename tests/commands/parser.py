"""A command line in, what is wrong with it out: az by its recorded parser, kubectl by the real program."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import lru_cache

from exporter.findings.commands import PLACEHOLDERS
from tests.commands.az import az_faults
from tools.helm import binary

__all__ = ["faults", "parts"]

PROGRAMS = {
    "aks-cert-exporter",
    "az",
    "base64",
    "chronyc",
    "date",
    "dmesg",
    "echo",
    "grep",
    "head",
    "journalctl",
    "jq",
    "kubectl",
    "kubectl-akscert",
    "ls",
    "nslookup",
    "openssl",
    "sort",
    "tail",
    "uniq",
    "w32tm",
    "wc",
}
UPPER = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b")


def parts(command: str) -> list[list[str]]:
    """The words of each program of a pipeline. Raises ValueError where a shell could not read it."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|;&<>")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    words = iter(lexer)
    for word in words:
        if word in {"|", "&&", "||", ";"}:
            found.append([])
        elif word in {"<", ">", "2>"}:
            next(words)
        else:
            found[-1].append(word)
    return found


def faults(command: str) -> Iterator[str]:
    """What a shell, az or kubectl would complain about, one each."""
    if command != command.strip() or command.endswith("."):
        yield f"ends in a full stop or a space: {command}"
    if "…" in command or "..." in command:
        yield f"is not whole: {command}"
    try:
        programs = parts(command)
    except ValueError as error:
        yield f"{error}: {command}"
        return
    for words in programs:
        if not words or words[0] not in PROGRAMS:
            yield f"no program {words[:1]}: {command}"
        elif words[0] == "az":
            yield from (f"{fault}: {command}" for fault in az_faults(words[1:]))
        elif words[0] == "kubectl":
            yield from (f"{fault}: {command}" for fault in _kubectl(tuple(words[1:])))


def unknown_placeholders(command: str, known: frozenset[str] = frozenset(PLACEHOLDERS)) -> set[str]:
    """Words in upper case that are no placeholder anybody explains."""
    return {word for word in UPPER.findall(command) if len(word) > 2} - known


@lru_cache(maxsize=1000)
def _kubectl(words: tuple[str, ...]) -> tuple[str, ...]:
    """With --help the real kubectl reads the flags, and does nothing."""
    before = words[: words.index("--")] if "--" in words else words
    command = [str(binary("kubectl")), *before, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        return (done.stderr.strip(),)
    shown = done.stdout + done.stderr
    return () if f"kubectl {before[0]}" in shown else (f"kubectl has no {before[0]}",)
