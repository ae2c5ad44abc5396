"""How `python -m benchmarks...` ends."""

from __future__ import annotations

import sys
from collections.abc import Callable

from imurun.errors import ImurunError


def exit_code(work: Callable[[], object]) -> int:
    """0, or 1 with a sentence when the input could not be used."""
    try:
        work()
    except ImurunError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
