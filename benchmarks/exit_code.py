"""Exit codes of `python -m benchmarks...`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from imurun.errors import ImurunError


def exit_code(work: Callable[[], object]) -> int:
    """Run a command; returns 0, or prints a sentence and returns 1 if its input cannot be used."""
    try:
        work()
    except ImurunError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
