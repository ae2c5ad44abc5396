"""Copies and joins the core's results quickly: structured arrays with one row a step, or one a second.

numpy copies and joins structured arrays field by field, which takes longer than the kernels take for the
samples. Here rows are copied as bytes, and empty parts are skipped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imurun.core.seconds import SECOND
from imurun.core.step import STEP

NO_STEPS = np.zeros(0, dtype=STEP)
NO_SECONDS = np.zeros(0, dtype=SECOND)


def joined(parts: Sequence[np.ndarray], none: np.ndarray) -> np.ndarray:
    """All rows in order: `none` without any, the part itself (no copy) where only one part has rows."""
    filled = [part for part in parts if len(part)]
    if len(filled) > 1:
        return np.concatenate([in_bytes(part) for part in filled]).view(none.dtype)
    return filled[0] if filled else none


class RowPile:
    """Collects rows in one growing buffer: a day of steps is 100 MB, and joining parts would need it twice.

    Args:
        none: an empty array of the rows' dtype.
    """

    def __init__(self, none: np.ndarray) -> None:
        self._none = none
        self._bytes = bytearray()

    def add(self, rows: np.ndarray) -> None:
        """Append rows."""
        if len(rows):
            self._bytes += rows.tobytes()

    def taken(self) -> np.ndarray:
        """Returns all rows in order and empties the pile."""
        rows = np.frombuffer(self._bytes, dtype=self._none.dtype) if self._bytes else self._none
        self._bytes = bytearray()
        return rows


def copied(rows: np.ndarray) -> np.ndarray:
    """A copy of contiguous rows."""
    return in_bytes(rows).copy().view(rows.dtype)


def in_bytes(rows: np.ndarray) -> np.ndarray:
    """A view of the same memory, each row as plain bytes."""
    return rows.view(f"V{rows.dtype.itemsize}")
