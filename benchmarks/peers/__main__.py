"""Command line of the peers benchmark.

python -m benchmarks.peers [--out DIR] [--environments DIR] [--rounds N] [--fresh] [--quick]
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
        prog="python -m benchmarks.peers", description="What the same hour costs others."
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the figures")
    parser.add_argument("--environments", type=Path, metavar="DIR", help="folder of the environments")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each is measured")
    parser.add_argument("--fresh", action="store_true", help="make the environments again")
    parser.add_argument("--quick", action="store_true", help="ten minutes of data, fewer rounds")
    given = parser.parse_args(argv)
    from benchmarks.peers.command import run_benchmark

    return exit_code(
        lambda: run_benchmark(
            given.out, given.environments, n_rounds=given.rounds, fresh=given.fresh, quick=given.quick
        )
    )


if __name__ == "__main__":
    sys.exit(main())
