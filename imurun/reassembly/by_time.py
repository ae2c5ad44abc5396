"""Orders chunks by device time, for formats that time-stamp packets and do not number samples."""

from __future__ import annotations

from bisect import insort
from collections import Counter, deque
from typing import NamedTuple

import numpy as np

from imurun.model.frames import FloatArray
from imurun.reassembly.chunks import PositionedRows

TOLERANCE_SAMPLES, TOLERANCE = 1.5, 0.02
"""A packet follows the one before when its time fits within so many samples plus this fraction of its own:
time stamps are rounded, and the rate is only estimated. A lost packet holds more samples than that."""
CONSECUTIVE = 0.3
"""At the start, packets are consecutive when their interval is within this fraction of the median."""
RATE_SPAN_S = 60.0
"""The rate is averaged over about the last so many seconds."""
MAX_RATE_FACTOR = 2.0
"""The true rate is assumed within this factor of the nominal one."""


class _Held(NamedTuple):
    time_s: float
    n: int
    values: FloatArray


class TimedStream:
    """Orders chunks by device time; chunks may arrive in any order, twice, or not at all.

    The first `window_s` are held to detect where the stream begins and to estimate its rate. From then on,
    rows that extend the output are emitted immediately; rows behind a pending range are held until the range
    is filled or `window_s` old. The length of a gap follows from the device times on both sides.

    Args:
        rate_hz: nominal rate; the true one is estimated.
        window_s: how long a pending range stays open, in device time.
        counts: counter to which duplicate chunks, late chunks and chunks closer than the rate allows are
            added.
    """

    def __init__(self, rate_hz: float, window_s: float, counts: Counter[str]) -> None:
        self._nominal_hz = rate_hz
        self._window_s = window_s
        self._counts = counts
        self._held: list[_Held] = []
        self._last_s: float | None = None
        self._next = 0
        self._recent: deque[float] = deque(maxlen=256)
        self._rate_hz = rate_hz
        self._samples = self._seconds = 0.0

    @property
    def rate_hz(self) -> float:
        """Estimated samples per second of the device clock; the nominal rate at first."""
        return self._rate_hz

    @property
    def next_index(self) -> int:
        """Position of the row that is emitted next."""
        return self._next

    def push(self, values: FloatArray, time_s: float) -> list[PositionedRows]:
        """Add rows of which the last was measured at `time_s`; return the rows that can be emitted."""
        if not len(values):
            return []
        if self._last_s is not None and time_s <= self._last_s:
            self._counts["duplicate" if time_s in self._recent else "late"] += 1
            return []
        if any(other.time_s == time_s for other in self._held):
            self._counts["duplicate"] += 1
            return []
        insort(self._held, _Held(time_s, len(values), values))
        return self._release(final=False)

    def finish(self) -> list[PositionedRows]:
        """End the stream; return the rows that were held."""
        return self._release(final=True)

    def _release(self, *, final: bool) -> list[PositionedRows]:
        rows: list[PositionedRows] = []
        while self._held:
            head, newest_s = self._held[0], self._held[-1].time_s
            if self._last_s is None:
                if newest_s - head.time_s < self._window_s and not final:
                    break
                self._initial_rate()
            else:
                missing = (head.time_s - self._last_s) * self._rate_hz - head.n
                tolerance = TOLERANCE_SAMPLES + TOLERANCE * head.n
                if missing > tolerance:
                    if newest_s - self._last_s <= self._window_s and not final:
                        break
                    self._next += round(missing)
                else:
                    if missing < -tolerance:
                        self._counts["too close"] += 1
                    self._update_rate(head.n, head.time_s - self._last_s)
            del self._held[0]
            rows.append(PositionedRows(self._next, head.values, head.time_s, 1.0 / self._rate_hz))
            self._next += head.n
            self._last_s = head.time_s
            self._recent.append(head.time_s)
        return rows

    def _initial_rate(self) -> None:
        """Estimate the rate from those packets held at the start that are consecutive, judged by the
        median.
        """
        # only the first half of the window is complete: later packets can still fill the second
        until_s = self._held[0].time_s + self._window_s / 2
        held = [held for held in self._held if held.time_s <= until_s]
        seconds = np.diff([held.time_s for held in held])
        if len(seconds) > 1:
            counts = np.array([held.n for held in held[1:]])
            intervals = seconds / counts
            consecutive = np.abs(intervals / np.median(intervals) - 1.0) < CONSECUTIVE
            if consecutive.any():
                self._set_rate(float(counts[consecutive].sum() / seconds[consecutive].sum()))

    def _update_rate(self, n: int, seconds: float) -> None:
        self._samples += n
        self._seconds += seconds
        if self._seconds > 2 * self._window_s:
            self._set_rate(self._samples / self._seconds)
        if self._seconds > RATE_SPAN_S:
            self._samples /= 2
            self._seconds /= 2

    def _set_rate(self, rate_hz: float) -> None:
        self._rate_hz = min(
            max(rate_hz, self._nominal_hz / MAX_RATE_FACTOR), self._nominal_hz * MAX_RATE_FACTOR
        )
