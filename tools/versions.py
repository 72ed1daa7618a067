"""Do version, chart, changelog and tag agree? `python tools/versions.py [--tag vX.Y.Z]`; `--notes` prints the changes.

Only the standard library is used, so a workflow runs it before anything is installed.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

if __package__ in {None, ""}:  # started by its path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.image import ROOT, version

__all__ = ["disagreements", "notes", "version"]

CHART = "helm/aks-cert-exporter/Chart.yaml"
CHANGELOG = "CHANGELOG.md"
RELEASED = re.compile(r"^## (?P<version>\d+\.\d+\.\d+\S*) - (?P<date>\d{4}-\d{2}-\d{2})$", re.MULTILINE)
UNRELEASED = "## Unreleased"


def disagreements(tag: str = "", root: Path = ROOT) -> Iterator[str]:
    """What does not fit together, in words; with a tag also what a release of it would lack."""
    wanted = version(root)
    if not re.fullmatch(r"\d+\.\d+\.\d+", wanted):
        yield f"exporter/__init__.py: {wanted} is not X.Y.Z; Helm refuses PyPI's way to write anything more than that"
    chart = (root / CHART).read_text(encoding="utf-8")
    for key in ("version", "appVersion"):
        found = re.search(rf'^{key}: "?([^"\n]*)"?$', chart, re.MULTILINE)
        if found is None or found[1] != wanted:
            yield f"{CHART}: {key} is {found[1] if found else 'missing'}, not {wanted} as in exporter/__init__.py"
    changes = (root / CHANGELOG).read_text(encoding="utf-8")
    sections = re.findall(r"^## .*$", changes, re.MULTILINE)
    released = [found["version"] for found in RELEASED.finditer(changes)]
    for section in sections:
        if section != UNRELEASED and not RELEASED.match(section):
            yield f"{CHANGELOG}: the heading {section!r} is neither {UNRELEASED!r} nor '## X.Y.Z - YYYY-MM-DD'"
    if UNRELEASED not in sections and wanted not in released:
        yield f"{CHANGELOG}: neither {UNRELEASED!r} nor a section for {wanted}"
    if not tag:
        return
    if tag != f"v{wanted}":
        yield f"the tag is {tag}, and exporter/__init__.py says {wanted}: the tag must be v{wanted}"
    if wanted not in released:
        yield f"{CHANGELOG}: no section '## {wanted} - YYYY-MM-DD'"
    elif released[0] != wanted:
        yield f"{CHANGELOG}: the newest section is for {released[0]}, not {wanted}"
    elif not notes(root):
        yield f"{CHANGELOG}: the section for {wanted} is empty"


def notes(root: Path = ROOT) -> str:
    """The changes of this version, or those that are not released yet."""
    changes = (root / CHANGELOG).read_text(encoding="utf-8")
    for heading in (rf"## {re.escape(version(root))} - \S+", re.escape(UNRELEASED)):
        found = re.search(rf"^{heading}\n(.*?)(?=^## |\Z)", changes, re.MULTILINE | re.DOTALL)
        if found:
            return found[1].strip()
    return ""


def main() -> int:
    """0 where all agrees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", default="", help="the tag that is to be released")
    parser.add_argument("--notes", action="store_true", help="print the changes of this version")
    options = parser.parse_args()
    if options.notes:
        print(notes())
        return 0
    found = list(disagreements(options.tag))
    for line in found:
        print(f"versions: {line}", file=sys.stderr)
    if not found:
        print(f"versions: {version()} everywhere{f', as the tag {options.tag} says' if options.tag else ''}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
