"""`python -m simulation [--once]`: the demo."""

import argparse

from simulation.demo.command import run


def main() -> int:
    """Run the demo and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m simulation",
        description="Simulate a small AKS cluster on this machine and run the real agents against it.",
        allow_abbrev=False,
    )
    parser.add_argument("--once", action="store_true", help="print the table and end; 1 unless every row is right")
    return run(once=parser.parse_args().once)


if __name__ == "__main__":
    raise SystemExit(main())
