"""SampleBlock: consecutive samples of a stream that has no end yet."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imurun.frames import FloatArray
from imurun.recording import missing_rows

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
