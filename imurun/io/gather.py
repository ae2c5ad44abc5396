"""Blocks of a stream, one after the other, to the arrays of a recording."""

from __future__ import annotations

import numpy as np

from imurun.blocks import SampleBlock
from imurun.frames import FloatArray
from imurun.recording import MAX_SAMPLES

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
