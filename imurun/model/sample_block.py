"""SampleBlock: consecutive samples of a stream; and Gathered, which joins blocks into arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imurun.model.frames import FloatArray
from imurun.model.gaps import missing_rows
from imurun.model.time_grid import MAX_SAMPLES

MOST_NAN_ROWS = 4096
_NAN = np.full((MOST_NAN_ROWS, 6), np.nan)
_NAN.flags.writeable = False  # shared by the blocks of all gaps


def nan_rows(n: int, columns: int) -> FloatArray:
    """Rows of missing samples, read-only: `n`, or the largest number that one block has."""
    return _NAN[:n, :columns]


@dataclass(frozen=True, eq=False)
class SampleBlock:
    """Consecutive samples of one sensor, in its own axes and SI units; what `RunAnalyzer.push` takes.

    Blocks of a stream are contiguous: each starts at the `next_index` of the one before. Missing samples are
    rows of NaN.

    Attributes:
        first_index: index of the first row in the stream, missing samples included.
        acc: specific force, shape (n, 3), m/s2.
        gyr: angular rate, shape (n, 3), rad/s; None for a sensor without gyroscope.
        time_s: when the last row was measured, on the host's monotonic clock; NaN if unknown.
    """

    first_index: int
    acc: FloatArray
    gyr: FloatArray | None = None
    time_s: float = math.nan

    def __len__(self) -> int:
        return len(self.acc)

    @property
    def next_index(self) -> int:
        """Index of the row after the last one."""
        return self.first_index + len(self.acc)

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Rows, shape (n,), in which any value is not finite."""
        return missing_rows(self.acc, self.gyr)


MOST_MISSING = 100
"""More missing samples for each measured one mean that the sample numbers of a file are damaged."""
ALWAYS_ALLOWED = 500_000
"""This many may be missing in any case: forty minutes at 208 Hz."""


class Gathered:
    """Joins the blocks of a stream; missing samples need no memory before `end` has dropped implausible gaps.

    Attributes:
        n: samples so far, missing ones included.
        is_full: whether the largest size of a recording is reached.
        warnings: one sentence for each finding.
    """

    def __init__(self) -> None:
        self.n = 0
        self.is_full = False
        self.warnings: list[str] = []
        self._acc: list[FloatArray] = []
        self._gyr: list[FloatArray | None] = []
        self._n_missing: list[int] = []

    def take(self, block: SampleBlock) -> bool:
        """Take the next block; returns whether there is room for more. Once False, it stays False."""
        self.is_full = self.is_full or self.n + len(block) > MAX_SAMPLES
        if self.is_full:
            return False
        self.n += len(block)
        self._acc.append(block.acc)
        self._gyr.append(block.gyr)
        self._n_missing.append(int(np.isnan(block.acc[:, 0]).sum()))
        return True

    def end(self) -> None:
        """End the stream, and drop everything after a gap too long for the number of measured samples."""
        missing = np.cumsum(self._n_missing, dtype=np.int64)
        n_missing = int(missing[-1]) if len(missing) else 0
        most = MOST_MISSING * (self.n - n_missing) + ALWAYS_ALLOWED
        if n_missing <= most and not self.is_full:
            return
        kept = int(np.searchsorted(missing, most, side="right"))
        while kept and self._n_missing[kept - 1] == len(self._acc[kept - 1]):
            kept -= 1  # the allowed part of that gap
        del self._acc[kept:], self._gyr[kept:], self._n_missing[kept:]
        self.n = sum(len(acc) for acc in self._acc)
        self.warnings.append(
            f"After {self.n} samples comes a gap longer than any recording has, or more than a recording can "
            "hold; the rest was omitted."
        )

    @property
    def acc(self) -> FloatArray:
        """Specific force, shape (n, 3), m/s2."""
        return np.concatenate(self._acc)

    @property
    def gyr(self) -> FloatArray | None:
        """Angular rate, shape (n, 3), rad/s; None without gyroscope."""
        gyr = [part for part in self._gyr if part is not None]
        return np.concatenate(gyr) if gyr else None
