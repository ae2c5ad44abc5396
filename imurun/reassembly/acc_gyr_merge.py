"""Merges separate streams of acceleration and angular rate, at the times of the acceleration."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from imurun.model.frames import FloatArray
from imurun.reassembly.chunks import PositionedRows


class AccGyrMerger:
    """Merges two ordered streams of rows by time.

    Angular rate is interpolated linearly at the times of the acceleration, only between neighbouring rows: in
    a gap, before the first and after the last row it is NaN. A row of acceleration is held until its angular
    rate has arrived, or until acceleration `wait_s` later has.

    Args:
        wait_s: must exceed the longest time for which either stream is held back before it gets here.
    """

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._acc: deque[PositionedRows] = deque()
        self._newest_s = -np.inf
        self._gyr = np.empty((0, 3))
        self._gyr_s = np.empty(0)
        self._segment: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._gyr_next: int | None = None
        self._n_segments = 0

    def push_acc(self, rows: PositionedRows) -> list[PositionedRows]:
        """Add rows of acceleration, shape (n, 3); return rows of both, shape (n, 6)."""
        self._acc.append(rows)
        self._newest_s = max(self._newest_s, rows.time_s)
        return self._release(final=False)

    def push_gyr(self, rows: PositionedRows) -> list[PositionedRows]:
        """Add rows of angular rate, shape (n, 3); return rows of both, shape (n, 6)."""
        if rows.first != self._gyr_next:
            self._n_segments += 1
        self._gyr_next = rows.stop
        times = _row_times(rows)
        if len(self._gyr_s):
            times = np.maximum(times, self._gyr_s[-1])  # keeps the times sorted where the rate was corrected
        self._gyr = np.concatenate([self._gyr, rows.values])
        self._gyr_s = np.concatenate([self._gyr_s, times])
        self._segment = np.concatenate([self._segment, np.full(len(times), self._n_segments)])
        out = self._release(final=False)
        self._drop_before(float(self._gyr_s[-1]) - 4 * self._wait_s)
        return out

    def finish(self) -> list[PositionedRows]:
        """End both streams; return the rows that were held."""
        return self._release(final=True)

    def _release(self, *, final: bool) -> list[PositionedRows]:
        out: list[PositionedRows] = []
        while self._acc:
            acc = self._acc[0]
            covered = len(self._gyr_s) > 0 and self._gyr_s[-1] >= acc.time_s
            if not covered and not final and self._newest_s - acc.time_s <= self._wait_s:
                break
            self._acc.popleft()
            times = _row_times(acc)
            out.append(acc._replace(values=np.hstack([acc.values, self._interpolate(times)])))
            self._drop_before(float(times[-1]))
        return out

    def _interpolate(self, times: FloatArray) -> FloatArray:
        rates = np.full((len(times), 3), np.nan)
        if not len(self._gyr_s):
            return rates
        after = np.searchsorted(self._gyr_s, times)
        last = len(self._gyr_s) - 1
        right = np.minimum(after, last)
        exact = (after <= last) & (self._gyr_s[right] == times)
        left = np.where(exact, right, after - 1)
        between = (after <= last) & (left >= 0) & (self._segment[left] == self._segment[right])
        left, right = left[between], right[between]
        span = self._gyr_s[right] - self._gyr_s[left]
        fraction = np.divide(
            times[between] - self._gyr_s[left], span, out=np.zeros(len(span)), where=span > 0
        )
        rates[between] = self._gyr[left] + fraction[:, None] * (self._gyr[right] - self._gyr[left])
        return rates

    def _drop_before(self, before_s: float) -> None:
        """Drop angular rates that no later row needs: all but the last one before `before_s`."""
        n = int(np.searchsorted(self._gyr_s, before_s)) - 1
        if n > 0:
            self._gyr, self._gyr_s, self._segment = self._gyr[n:], self._gyr_s[n:], self._segment[n:]


def _row_times(rows: PositionedRows) -> FloatArray:
    before = np.arange(len(rows.values) - 1, -1, -1, dtype=np.float64)
    return rows.time_s - before * rows.interval_s
