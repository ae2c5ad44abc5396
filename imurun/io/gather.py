"""Blocks of a stream, one after the other, to the arrays of a recording."""

from __future__ import annotations

import numpy as np

from imurun.blocks import SampleBlock
from imurun.frames import FloatArray
from imurun.recording import MAX_SAMPLES

MOST_MISSING = 100
"""So many missing samples for each that came mean that the numbers of a file are damaged."""
ALWAYS_ALLOWED = 1_000_000
"""More than an hour at 208 Hz, whatever came before."""


class Gathered:
    """Takes blocks as long as they make sense.

    Attributes:
        n: samples so far, missing ones counted.
        warnings: what was noticed, one sentence each.
    """

    def __init__(self) -> None:
        self.n = 0
        self.warnings: list[str] = []
        self._n_came = 0
        self._is_full = False
        self._acc: list[FloatArray] = []
        self._gyr: list[FloatArray] = []

    def take(self, block: SampleBlock) -> bool:
        """Take the next block; returns whether to go on. Once it is no, it stays so."""
        if self._is_full:
            return False
        n_came = self._n_came + len(block) - int(block.missing.sum())
        n = self.n + len(block)
        if n > MAX_SAMPLES or n - n_came > MOST_MISSING * n_came + ALWAYS_ALLOWED:
            self._is_full = True
            self._leave_out_the_gap()
            self.warnings.append(
                f"After {self.n} samples comes a gap longer than any recording has; the rest was left out."
            )
            return False
        self.n, self._n_came = n, n_came
        self._acc.append(block.acc)
        if block.gyr is not None:
            self._gyr.append(block.gyr)
        return True

    def _leave_out_the_gap(self) -> None:
        """The part that was taken of a gap that never ends."""
        while self._acc and np.isnan(self._acc[-1]).all():
            self.n -= len(self._acc.pop())
            if self._gyr:
                self._gyr.pop()

    @property
    def acc(self) -> FloatArray:
        """Specific force, shape (n, 3), m/s2."""
        return np.concatenate(self._acc)

    @property
    def gyr(self) -> FloatArray | None:
        """Angular rate, shape (n, 3), rad/s; None without gyroscope."""
        return np.concatenate(self._gyr) if self._gyr else None
