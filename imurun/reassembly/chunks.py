"""Rows of a stream that have found their place."""

from __future__ import annotations

from typing import NamedTuple

from imurun.model.frames import FloatArray


class Placed(NamedTuple):
    """Consecutive rows. Those of a stream come in order; a step between one's end and the next is a hole.

    Attributes:
        first: place of the first row, missing ones counted.
        values: shape (n, k).
        time_s: when the last row was measured; NaN while unknown.
        interval_s: from row to row.
    """

    first: int
    values: FloatArray
    time_s: float
    interval_s: float

    @property
    def stop(self) -> int:
        """Place of the row that follows the last one."""
        return self.first + len(self.values)
