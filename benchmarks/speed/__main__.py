"""Command line of the speed benchmark.

python -m benchmarks.speed [--only NAME]... [--out DIR] [--quick]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.exit_code import exit_code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 1 if the input cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description="What imurun costs.")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the results")
    parser.add_argument("--only", action="append", metavar="NAME", help="entry to measure; again for more")
    parser.add_argument("--quick", action="store_true", help="less data, fewer repeats")
    given = parser.parse_args(argv)
    from benchmarks.speed.command import run_benchmark

    return exit_code(lambda: run_benchmark(given.out, given.only, quick=given.quick))


if __name__ == "__main__":
    sys.exit(main())
