"""Order by device time: for formats that tell the time of a packet and do not number samples."""

from __future__ import annotations

from bisect import insort
from collections import Counter, deque
from typing import NamedTuple

import numpy as np

from imurun.model.frames import FloatArray
from imurun.reassembly.chunks import Placed

TOLERANCE_SAMPLES, TOLERANCE = 1.5, 0.02
"""A packet follows the one before when its time fits within so many samples and this share of its own: stamps
are rounded, and the rate is known only so well. A lost packet holds more."""
FOLLOWS = 0.3
"""Packets follow each other, at the start, when their interval is within this share of the median."""
LEARN_S = 60.0
"""The rate is that of about the last so many seconds."""
WIDEST = 2.0
"""The true rate is within this factor of the nominal one."""


class _Waiting(NamedTuple):
    time_s: float
    n: int
    values: FloatArray


class TimedStream:
    """Pieces in any order, some twice and some not at all, to rows in order.

    The first `window_s` are held to find where the stream begins and how fast it runs. From then on, what
    follows the rows given out is given out at once; what comes behind a hole waits until the hole is filled
    or `window_s` old. A hole is as long as its time says.

    Args:
        rate_hz: nominal rate; the true one is learnt.
        window_s: how long a hole is waited for, in device time.
        counts: where duplicates, late pieces and pieces closer than the rate allows are counted.
    """

    def __init__(self, rate_hz: float, window_s: float, counts: Counter[str]) -> None:
        self._nominal_hz = rate_hz
        self._window_s = window_s
        self._counts = counts
        self._waiting: list[_Waiting] = []
        self._last_s: float | None = None
        self._next = 0
        self._recent: deque[float] = deque(maxlen=256)
        self._rate_hz = rate_hz
        self._samples = self._seconds = 0.0

    @property
    def rate_hz(self) -> float:
        """Samples a second of the device clock, as learnt."""
        return self._rate_hz

    @property
    def next_index(self) -> int:
        """Place of the row that is to be given out next."""
        return self._next

    def push(self, values: FloatArray, time_s: float) -> list[Placed]:
        """Take rows of which the last was measured at `time_s`, and return those that can be given out."""
        if not len(values):
            return []
        if self._last_s is not None and time_s <= self._last_s:
            self._counts["twice" if time_s in self._recent else "late"] += 1
            return []
        if any(other.time_s == time_s for other in self._waiting):
            self._counts["twice"] += 1
            return []
        insort(self._waiting, _Waiting(time_s, len(values), values))
        return self._release(final=False)

    def finish(self) -> list[Placed]:
        """No more pieces will come."""
        return self._release(final=True)

    def _release(self, *, final: bool) -> list[Placed]:
        placed: list[Placed] = []
        while self._waiting:
            head, newest_s = self._waiting[0], self._waiting[-1].time_s
            if self._last_s is None:
                if newest_s - head.time_s < self._window_s and not final:
                    break
                self._first_rate()
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
                    self._learn(head.n, head.time_s - self._last_s)
            del self._waiting[0]
            placed.append(Placed(self._next, head.values, head.time_s, 1.0 / self._rate_hz))
            self._next += head.n
            self._last_s = head.time_s
            self._recent.append(head.time_s)
        return placed

    def _first_rate(self) -> None:
        """The mean over those packets held at the start that follow each other, as the median tells."""
        # of the first half only, which later packets no longer change
        until_s = self._waiting[0].time_s + self._window_s / 2
        held = [waiting for waiting in self._waiting if waiting.time_s <= until_s]
        seconds = np.diff([waiting.time_s for waiting in held])
        if len(seconds) > 1:
            counts = np.array([waiting.n for waiting in held[1:]])
            intervals = seconds / counts
            follow = np.abs(intervals / np.median(intervals) - 1.0) < FOLLOWS
            if follow.any():
                self._set_rate(float(counts[follow].sum() / seconds[follow].sum()))

    def _learn(self, n: int, seconds: float) -> None:
        self._samples += n
        self._seconds += seconds
        if self._seconds > 2 * self._window_s:
            self._set_rate(self._samples / self._seconds)
        if self._seconds > LEARN_S:
            self._samples /= 2
            self._seconds /= 2

    def _set_rate(self, rate_hz: float) -> None:
        self._rate_hz = min(max(rate_hz, self._nominal_hz / WIDEST), self._nominal_hz * WIDEST)
