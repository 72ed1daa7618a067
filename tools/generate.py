"""Writes every generated text again; `python -m tools.generate --check` says instead which have drifted."""

import difflib
import sys
from itertools import islice

from tools import alerts, azure_rules, dashboards, lead_times, measured, reference, runbooks, values
from tools.generated import ROOT, Generated
from tools.mutants import table

LONGEST_DIFF = 60
"""Lines shown of what has drifted in one file."""

GENERATED: tuple[Generated, ...] = (
    *reference.GENERATED,
    *runbooks.GENERATED,  # before the table of alerts, which reads the pages
    *alerts.GENERATED,
    *lead_times.GENERATED,
    *azure_rules.GENERATED,
    *dashboards.GENERATED,
    *values.GENERATED,
    *table.GENERATED,
    *measured.GENERATED,
)
"""Every generated text. A module of tools/ adds its own here."""


def main(arguments: list[str]) -> int:
    """0, or with --check 1 where anything has drifted."""
    drifted = False
    for generated in GENERATED:
        wanted = generated.wanted()
        if wanted == generated.written():
            continue
        drifted = True
        if "--check" in arguments:
            print(f"{generated.path} has drifted: run `make generate`")
            before, after = generated.written().splitlines(), wanted.splitlines()
            shown = difflib.unified_diff(before, after, "as committed", "as generated", n=1, lineterm="")
            print("\n".join(islice(shown, LONGEST_DIFF)))
        else:
            (ROOT / generated.path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / generated.path).write_text(wanted, encoding="utf-8")
            print(f"wrote {generated.path}")
    return int(drifted and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
