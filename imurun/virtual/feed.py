"""Converts a recording to the raw samples of a sensor, in a loop if wanted."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from imurun.model.frames import FloatArray, G
from imurun.model.recording import Recording

SAME_RATE = 0.01
"""Rates that differ by less are treated as equal: real sensors deviate by as much from the requested rate."""
LOWEST, HIGHEST = -(2**15), 2**15 - 1


class Feed:
    """Raw counts that a sensor would measure if it moved as the sensor of the recording did.

    At the recording's own rate, sample k is row k. At another rate the rows are read by linear interpolation
    in time; nothing is filtered, so a lower rate can alias.

    Args:
        recording: without a gyroscope, the angular rate is zero.
        loop: repeat the recording without end; its last row is followed by the first.
    """

    def __init__(self, recording: Recording, *, loop: bool = True) -> None:
        gyr = np.zeros_like(recording.acc) if recording.gyr is None else recording.gyr
        self._values: FloatArray = np.hstack([recording.acc, gyr])
        self._rate_hz = recording.rate_hz
        self._loop = loop

    def n_samples(self, rate_hz: float) -> float:
        """How many samples there are at this rate; infinite where it loops."""
        return math.inf if self._loop else math.ceil(len(self._values) / self._step(rate_hz))

    def counts(
        self, first: int, n: int, *, rate_hz: float, acc_scale_g: float, gyr_scale_deg_s: float
    ) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
        """Samples `first` to `first + n` of a sensor with this rate and these scales per count.

        Returns:
            Counts, shape (n, 6), clipped at 16 bits; and which samples are missing, shape (n,): those in gaps
            of the recording.
        """
        values = self._values_at(np.arange(first, first + n, dtype=np.float64) * self._step(rate_hz))
        missing = np.asarray(~np.isfinite(values).all(axis=1), dtype=np.bool_)
        scale = np.repeat([acc_scale_g * G, gyr_scale_deg_s * math.pi / 180], 3)
        counts = np.clip(np.rint(np.where(missing[:, None], 0.0, values) / scale), LOWEST, HIGHEST)
        return counts.astype(np.int16), missing

    def _step(self, rate_hz: float) -> float:
        """Rows of the recording per sample."""
        step = self._rate_hz / rate_hz
        return 1.0 if abs(step - 1.0) < SAME_RATE else step

    def _values_at(self, rows: FloatArray) -> FloatArray:
        below = np.floor(rows)
        share = (rows - below)[:, None]
        row = below.astype(np.int64)
        n = len(self._values)
        # beyond the end the last row is repeated
        at, after = (
            (row % n, (row + 1) % n) if self._loop else (np.minimum(row, n - 1), np.minimum(row + 1, n - 1))
        )
        # a sample exactly on a row does not need the next row, which may be in a gap
        mixed = (1.0 - share) * self._values[at] + share * np.where(share > 0.0, self._values[after], 0.0)
        return np.where(share > 0.0, mixed, self._values[at])
