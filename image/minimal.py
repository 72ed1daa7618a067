"""Copies what a Python program needs at run time into an empty root: `minimal.py ROOT`, inside a finished image.

That is the virtual environment, the interpreter with its library, the shared objects that those link to, the CA
certificates and the records of the Debian packages that any of it belongs to, so that a scanner still knows them.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

ENVIRONMENT = Path("/opt/aks-cert-exporter")
PLAIN = (
    *("/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/os-release", "/etc/ssl/certs/ca-certificates.crt"),
    *("/etc/ssl/openssl.cnf", "/etc/host.conf", "/etc/ld.so.cache"),
)
UNUSED = {"test", "tests", "idlelib", "lib2to3", "turtledemo", "ensurepip", "tkinter", "site-packages", "dist-packages"}
DPKG = Path("/var/lib/dpkg")


def shared(files: list[Path]) -> set[Path]:
    """The shared objects that ELF files link to, and the dynamic loader."""
    found = set()
    for start in range(0, len(files), 100):
        listing = subprocess.run(
            ["ldd", *map(str, files[start : start + 100])], capture_output=True, text=True, check=False
        ).stdout
        for line in listing.splitlines():
            words = [word for word in line.split() if word.startswith("/") and not word.endswith(":")]
            found |= {Path(word) for word in words if Path(word).exists()}
    return found


def links(path: Path) -> Iterator[Path]:
    """A path and what its links lead to, each step of the way."""
    while True:
        yield path
        if not path.is_symlink():
            return
        path = Path(os.path.normpath(path.parent / path.readlink()))


def put(path: Path, root: Path) -> None:
    """Copy a file, or its chain of links, to the same place below the root."""
    for one in links(path):
        # Debian's /lib is a link to /usr/lib; a copy of the file below a real /lib serves as well.
        target = root / str(one).lstrip("/")
        if not (target.exists() or target.is_symlink()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(one, target, follow_symlinks=False)


def records(files: set[str]) -> Iterator[tuple[str, str]]:
    """Name and record of each Debian package that owns one of the files."""
    owners = set()
    for listing in sorted(DPKG.glob("info/*.list")):
        if files & set(listing.read_text().splitlines()):
            owners.add(listing.stem.partition(":")[0])
    for paragraph in (DPKG / "status").read_text().split("\n\n") if (DPKG / "status").exists() else ():
        name = paragraph.partition("\n")[0].removeprefix("Package: ").strip()
        if name in owners:
            yield name, paragraph.strip() + "\n"


def main(root: Path) -> None:
    """Fill the root."""
    library = Path(sysconfig.get_path("stdlib"))
    interpreter = ENVIRONMENT / "bin" / "python3"
    ignored = lambda _, names: [name for name in names if name in UNUSED]  # noqa: E731
    shutil.copytree(ENVIRONMENT, root / str(ENVIRONMENT)[1:], symlinks=True)
    shutil.copytree(library, root / str(library)[1:], symlinks=True, ignore=ignored)
    modules = [file for folder in (ENVIRONMENT, library) for file in folder.rglob("*.so*") if file.is_file()]
    copied = {*links(interpreter), *shared([interpreter.resolve(), *modules]), *(Path(one) for one in PLAIN)}
    for one in sorted(copied):
        if one.exists():
            put(one, root)
    # What a program is given at run time where the root is read-only, and what runtimes mount into.
    for folder, mode in (
        ("tmp", 0o1777),
        ("proc", 0o755),
        ("dev", 0o755),
        ("sys", 0o755),
        ("run", 0o755),
        ("host", 0o755),
    ):
        (root / folder).mkdir(exist_ok=True)
        (root / folder).chmod(mode)
    real = {str(step) for one in copied for step in links(one)}
    for name, record in records(real | {path.replace("/lib/", "/usr/lib/", 1) for path in real}):
        target = root / "var/lib/dpkg/status.d" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(record)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
