"""Runs benchmarks, each as a process of its own: python -m benchmarks [--keep] [NAME…] [-- ARGUMENTS for each]

Without names all of them. With --keep what each prints is kept in benchmarks/measured/, with the day and the machine
in front, and docs/benchmarks.md shows it after `make generate`.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).parent
MEASURED = HERE / "measured"


def names() -> list[str]:
    """Of every benchmark."""
    ending = 'if __name__ == "__main__"'
    files = (file for file in HERE.glob("*.py") if file != Path(__file__))
    return sorted(file.stem for file in files if ending in file.read_text(encoding="utf-8"))


def machine() -> str:
    """When and where, and how busy it was just before."""
    day, cores = time.strftime("%Y-%m-%d", time.gmtime()), len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return f"{day}, {cores} cores, CPython {platform.python_version()}, load average before {load:.1f}"


def lines(name: str, arguments: Sequence[str]) -> Iterator[str]:
    """What one prints, as it prints it. Raises SystemExit where it fails."""
    command = [sys.executable, "-u", "-m", f"benchmarks.{name}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield from process.stdout
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}")


def main(arguments: Sequence[str]) -> None:
    """Run what is named."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    own, passed = arguments[:at], arguments[at + 1 :]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run benchmarks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names()))
    parser.add_argument("--keep", action="store_true", help="keep what is printed, for docs/benchmarks.md")
    given = parser.parse_args(own)
    if unknown := [name for name in given.names if name not in names()]:
        parser.error(f"no benchmark is named {unknown[0]}; there are {', '.join(names())}")
    for name in given.names or names():
        kept = [f"{machine()}\n"]
        print(f"== {name}: {kept[0]}", end="", flush=True)
        for line in lines(name, passed):
            print(line, end="", flush=True)
            kept.append(line)
        if given.keep:
            MEASURED.mkdir(exist_ok=True)
            (MEASURED / f"{name}.txt").write_text("".join(kept), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
