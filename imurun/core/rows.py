"""Rows of steps and seconds, one part after the other.

numpy copies and joins structured arrays field by field, which takes longer than the kernel takes for the
samples; so rows are copied as the bytes that they are, and what is empty is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imurun.core.seconds import SECOND
from imurun.core.step import STEP

NO_STEPS = np.zeros(0, dtype=STEP)
NO_SECONDS = np.zeros(0, dtype=SECOND)


def joined(parts: Sequence[np.ndarray], none: np.ndarray) -> np.ndarray:
    """All rows in order: `none` where there are none, the part itself where only one has any."""
    filled = [part for part in parts if len(part)]
    if len(filled) > 1:
        return np.concatenate([in_bytes(part) for part in filled]).view(none.dtype)
    return filled[0] if filled else none


class RowPile:
    """Rows that become more, in one piece of memory: a day of steps is 100 MB, and is not to be there twice.

    Args:
        none: no rows, of the dtype of those to come.
    """

    def __init__(self, none: np.ndarray) -> None:
        self._none = none
        self._bytes = bytearray()

    def add(self, rows: np.ndarray) -> None:
        """Put rows after those that are there."""
        if len(rows):
            self._bytes += rows.tobytes()

    def taken(self) -> np.ndarray:
        """All rows in order; the pile is empty then."""
        rows = np.frombuffer(self._bytes, dtype=self._none.dtype) if self._bytes else self._none
        self._bytes = bytearray()
        return rows


def copied(rows: np.ndarray) -> np.ndarray:
    """A copy of rows that lie one behind the other."""
    return in_bytes(rows).copy().view(rows.dtype)


def in_bytes(rows: np.ndarray) -> np.ndarray:
    """The same memory, each row as so many bytes."""
    return rows.view(f"V{rows.dtype.itemsize}")
