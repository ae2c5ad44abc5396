"""A block of consecutive samples from a running stream, and joining blocks into arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imurun.model.frames import FloatArray
from imurun.model.recording import MAX_SAMPLES, missing_rows

MOST_NAN_ROWS = 4096
_NAN = np.full((MOST_NAN_ROWS, 6), np.nan)
_NAN.flags.writeable = False  # the blocks of all holes share it


def nan_rows(n: int, columns: int) -> FloatArray:
    """Rows of missing samples: `n` of them or the most that a block of a hole has, not to be written to."""
    return _NAN[:n, :columns]


@dataclass(frozen=True, eq=False)
class SampleBlock:
    """Consecutive samples of one sensor, in its own axes and SI units; what `RunAnalyzer.push` takes.

    Blocks of a stream follow each other without hole or overlap: each starts at the `next_index` of the one
    before. Samples that never came are rows of NaN.

    Attributes:
        first_index: place of the first row in the stream, missing samples counted.
        acc: specific force, shape (n, 3), m/s2.
        gyr: angular rate, shape (n, 3), rad/s; None for a sensor without gyroscope.
        time_s: when the last row was measured, on the host's monotonic clock; NaN while that is unknown.
    """

    first_index: int
    acc: FloatArray
    gyr: FloatArray | None = None
    time_s: float = math.nan

    def __len__(self) -> int:
        return len(self.acc)

    @property
    def next_index(self) -> int:
        """Place of the row that follows the last one."""
        return self.first_index + len(self.acc)

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Rows, shape (n,), in which any value is not finite."""
        return missing_rows(self.acc, self.gyr)


MOST_MISSING = 100
"""So many missing samples for each that came mean that the numbers of a file are damaged."""
ALWAYS_ALLOWED = 500_000
"""Forty minutes at 208 Hz, whatever came."""


class Gathered:
    """Takes blocks; those that are missing cost no memory until `end` has left out what makes no sense.

    Attributes:
        n: samples so far, missing ones counted.
        is_full: whether there is no room for more.
        warnings: what was noticed, one sentence each.
    """

    def __init__(self) -> None:
        self.n = 0
        self.is_full = False
        self.warnings: list[str] = []
        self._acc: list[FloatArray] = []
        self._gyr: list[FloatArray | None] = []
        self._n_missing: list[int] = []

    def take(self, block: SampleBlock) -> bool:
        """Take the next block; returns whether to go on. Once it is no, it stays so."""
        self.is_full = self.is_full or self.n + len(block) > MAX_SAMPLES
        if self.is_full:
            return False
        self.n += len(block)
        self._acc.append(block.acc)
        self._gyr.append(block.gyr)
        self._n_missing.append(int(np.isnan(block.acc[:, 0]).sum()))
        return True

    def end(self) -> None:
        """No more blocks will come: what is behind a gap too long for all that came is left out."""
        missing = np.cumsum(self._n_missing, dtype=np.int64)
        n_missing = int(missing[-1]) if len(missing) else 0
        most = MOST_MISSING * (self.n - n_missing) + ALWAYS_ALLOWED
        if n_missing <= most and not self.is_full:
            return
        kept = int(np.searchsorted(missing, most, side="right"))
        while kept and self._n_missing[kept - 1] == len(self._acc[kept - 1]):
            kept -= 1  # the part of that gap which would have been allowed
        del self._acc[kept:], self._gyr[kept:], self._n_missing[kept:]
        self.n = sum(len(acc) for acc in self._acc)
        self.warnings.append(
            f"After {self.n} samples comes a gap longer than any recording has, or more than a recording can "
            "hold; the rest was left out."
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
