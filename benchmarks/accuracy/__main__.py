"""Command line of the accuracy benchmark.

python -m benchmarks.accuracy [--out DIR] [--methods NAME] [--datasets NAME] [--quick]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.exit_code import exit_code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 1 if the input cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description="Methods against force plates and cameras."
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the results")
    parser.add_argument(
        "--methods", action="append", metavar="NAME", help="method to score, may be given again"
    )
    parser.add_argument("--datasets", action="append", metavar="NAME", help="dataset, may be given again")
    parser.add_argument("--quick", action="store_true", help="without worse sensors, straps and places")
    given = parser.parse_args(argv)
    from benchmarks.accuracy.command import run_benchmark

    return exit_code(lambda: run_benchmark(given.out, given.methods, given.datasets, quick=given.quick))


if __name__ == "__main__":
    sys.exit(main())
