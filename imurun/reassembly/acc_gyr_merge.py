"""Acceleration and angular rate that come apart, on the times of the acceleration."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from imurun.model.frames import FloatArray
from imurun.reassembly.chunks import Placed


class Merger:
    """Two streams of rows in order to one, by time.

    Angular rates are interpolated linearly onto the times of the acceleration, between neighbours only: in a
    hole, before the first and after the last there are none, and the rates are NaN. A row of acceleration
    waits for its angular rate until acceleration has gone on for `wait_s`.

    Args:
        wait_s: longer than either stream is held back.
    """

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._acc: deque[Placed] = deque()
        self._newest_s = -np.inf
        self._gyr = np.empty((0, 3))
        self._gyr_s = np.empty(0)
        self._stretch: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._gyr_next: int | None = None
        self._n_stretches = 0

    def push_acc(self, placed: Placed) -> list[Placed]:
        """Take rows of acceleration, shape (n, 3); return rows of both, shape (n, 6)."""
        self._acc.append(placed)
        self._newest_s = max(self._newest_s, placed.time_s)
        return self._release(final=False)

    def push_gyr(self, placed: Placed) -> list[Placed]:
        """Take rows of angular rate, shape (n, 3); return rows of both, shape (n, 6)."""
        if placed.first != self._gyr_next:
            self._n_stretches += 1
        self._gyr_next = placed.stop
        times = _row_times(placed)
        if len(self._gyr_s):
            times = np.maximum(times, self._gyr_s[-1])
        self._gyr = np.concatenate([self._gyr, placed.values])
        self._gyr_s = np.concatenate([self._gyr_s, times])
        self._stretch = np.concatenate([self._stretch, np.full(len(times), self._n_stretches)])
        out = self._release(final=False)
        self._forget(float(self._gyr_s[-1]) - 4 * self._wait_s)
        return out

    def finish(self) -> list[Placed]:
        """No more rows will come."""
        return self._release(final=True)

    def _release(self, *, final: bool) -> list[Placed]:
        out: list[Placed] = []
        while self._acc:
            acc = self._acc[0]
            covered = len(self._gyr_s) > 0 and self._gyr_s[-1] >= acc.time_s
            if not covered and not final and self._newest_s - acc.time_s <= self._wait_s:
                break
            self._acc.popleft()
            times = _row_times(acc)
            out.append(acc._replace(values=np.hstack([acc.values, self._interpolate(times)])))
            self._forget(float(times[-1]))
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
        between = (after <= last) & (left >= 0) & (self._stretch[left] == self._stretch[right])
        left, right = left[between], right[between]
        span = self._gyr_s[right] - self._gyr_s[left]
        share = np.divide(times[between] - self._gyr_s[left], span, out=np.zeros(len(span)), where=span > 0)
        rates[between] = self._gyr[left] + share[:, None] * (self._gyr[right] - self._gyr[left])
        return rates

    def _forget(self, before_s: float) -> None:
        """Drop angular rates that no row can need: all but the last one before `before_s`."""
        n = int(np.searchsorted(self._gyr_s, before_s)) - 1
        if n > 0:
            self._gyr, self._gyr_s, self._stretch = self._gyr[n:], self._gyr_s[n:], self._stretch[n:]


def _row_times(placed: Placed) -> FloatArray:
    before = np.arange(len(placed.values) - 1, -1, -1, dtype=np.float64)
    return placed.time_s - before * placed.interval_s
