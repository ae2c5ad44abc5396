"""Rows of steps and seconds, one part after the other.

Most blocks of a stream bring neither, and numpy takes longer to copy or join structured arrays without a row
than the kernel takes for a sample; so what is empty is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imurun.core.second import SECOND
from imurun.core.step import STEP

NO_STEPS = np.zeros(0, dtype=STEP)
NO_SECONDS = np.zeros(0, dtype=SECOND)


def joined(parts: Sequence[np.ndarray], none: np.ndarray) -> np.ndarray:
    """All rows in order: `none` where there are none, the part itself where only one has any."""
    filled = [part for part in parts if len(part)]
    if len(filled) > 1:
        return np.concatenate(filled)
    return filled[0] if filled else none
