"""Order by sample number: for formats whose device numbers its samples."""

from __future__ import annotations

import math
from bisect import insort
from collections import Counter
from typing import NamedTuple

import numpy as np

from imurun.ble.codec import Flag
from imurun.ble.devices.driver import Piece
from imurun.model.frames import FloatArray
from imurun.reassembly.chunks import Placed

LEARN_S = 10.0
"""The rate is learnt from times at least this far apart."""
_NO_ROWS = np.zeros((0, 6))


class _Waiting(NamedTuple):
    first: int
    n: int  # before the rest, so that no two arrays are compared
    order: int
    values: FloatArray
    time_s: float | None
    sequence: int | None
    flags: int

    @property
    def stop(self) -> int:
        return self.first + self.n


class IndexedStream:
    """Pieces in any order, some twice and some not at all, to rows in order.

    What continues the rows given out is given out at once. What comes behind a hole waits until the hole is
    filled, known to be final, or more than `window` samples old.

    Args:
        rate_hz: nominal rate; the true one is learnt from device times.
        window: how many samples a hole is waited for.
        first: number of the first sample; None to find it, for which the first `window` samples are held.
        counts: where duplicates and late pieces are counted.
    """

    def __init__(self, rate_hz: float, window: int, first: int | None, counts: Counter[str]) -> None:
        self._window = window
        self._next = first
        self._counts = counts
        self._waiting: list[_Waiting] = []
        self._highest: int | None = None
        self._order = 0
        self._sequence: int | None = None
        self._end: int | None = None
        self._interval_s = 1.0 / rate_hz
        self._anchor: tuple[int, float] | None = None
        self._learn_from: tuple[int, float] | None = None

    @property
    def rate_hz(self) -> float:
        """Samples a second of the device clock, as learnt."""
        return 1.0 / self._interval_s

    @property
    def next_index(self) -> int | None:
        """Number of the sample that is to be given out next."""
        return self._next

    @property
    def highest(self) -> int | None:
        """Number after the highest sample that came."""
        return self._highest

    def push(self, piece: Piece) -> list[Placed]:
        """Take a piece, and return the rows that can be given out."""
        assert piece.index is not None
        n = len(piece.values)
        stop = piece.index + n
        if piece.time_device_s is not None:
            self._learn(stop - 1, piece.time_device_s)
        if not n:
            return []
        if self._next is not None and stop <= self._next:
            self._counts["late or twice"] += 1
            return []
        waiting = _Waiting(
            piece.index,
            n,
            self._order,
            piece.values,
            piece.time_device_s,
            piece.sequence,
            piece.flags,
        )
        self._order += 1
        if piece.index == self._next and not self._waiting:
            # what nearly every packet does
            self._highest = stop if self._highest is None else max(self._highest, stop)
            return [self._place(waiting, piece.values)]
        if any(other.first == waiting.first and other.n >= waiting.n for other in self._waiting):
            self._counts["late or twice"] += 1
            return []
        insort(self._waiting, waiting)
        self._highest = stop if self._highest is None else max(self._highest, stop)
        return self._release()

    def holes(self) -> list[tuple[int, int]]:
        """Samples that are waited for, as half-open intervals of their numbers, oldest first."""
        holes: list[tuple[int, int]] = []
        at = self._next
        for waiting in self._waiting:
            if at is not None and waiting.first > at:
                holes.append((at, waiting.first))
            at = waiting.stop if at is None else max(at, waiting.stop)
        if at is not None and self._end is not None and at < self._end:
            holes.append((at, self._end))
        return holes

    def expect(self, end: int | None) -> None:
        """The run ends before number `end`: samples up to there are missing if they have not come.

        None takes it back.
        """
        self._end = end

    @property
    def is_end_expected(self) -> bool:
        """Whether samples up to a known end are waited for."""
        return self._end is not None

    def give_up(self, stop: int) -> list[Placed]:
        """Samples before number `stop` that are missing will never come."""
        placed: list[Placed] = []
        if self._next is None:
            return placed
        stop = min(stop, max(self._highest or 0, self._end or 0))
        while self._waiting and self._next < stop:
            self._next = max(self._next, min(stop, self._waiting[0].first))
            placed += self._release()
        self._next = max(self._next, stop)
        return placed

    def finish(self) -> list[Placed]:
        """No more pieces will come."""
        placed: list[Placed] = []
        while self._waiting:
            self._next = self._waiting[0].first if self._next is None else self._next
            self._next = max(self._next, self._waiting[0].first)
            placed += self._release()
        if self._next is not None:  # no rows, but where they end
            self._next = max(self._next, self._end or 0)
            placed.append(Placed(self._next, _NO_ROWS, self._time_at(self._next - 1), self._interval_s))
        return placed

    def _release(self) -> list[Placed]:
        placed: list[Placed] = []
        while self._waiting:
            head = self._waiting[0]
            assert self._highest is not None
            if self._next is None:
                if self._highest - head.first < self._window:
                    break
                self._next = head.first
            if head.first > self._next:
                if self._highest - self._next <= self._window and not self._hole_is_final(head):
                    break
                self._next = head.first
            del self._waiting[0]
            if head.stop <= self._next:
                continue
            values = head.values[self._next - head.first :]
            placed.append(self._place(head, values))
        return placed

    def _place(self, head: _Waiting, values: FloatArray) -> Placed:
        """Give out `values`, which are all of `head` from the next number on."""
        assert self._next is not None
        placed = Placed(self._next, values, self._time_of(head), self._interval_s)
        self._next = head.stop
        self._sequence = head.sequence
        return placed

    def _hole_is_final(self, head: _Waiting) -> bool:
        """The device lost what is missing, and no packet is missing that could hold some of it."""
        if not head.flags & Flag.LOST_BEFORE or head.sequence is None or self._sequence is None:
            return False
        return head.sequence == (self._sequence + 1) & 0xFFFF

    def _time_of(self, waiting: _Waiting) -> float:
        """Device time of the last row; from the nearest one known where it has none of its own."""
        return self._time_at(waiting.stop - 1) if waiting.time_s is None else waiting.time_s

    def _time_at(self, index: int) -> float:
        """Device time of a sample, from the nearest one known."""
        if self._anchor is None:
            return math.nan
        return self._anchor[1] + (index - self._anchor[0]) * self._interval_s

    def _learn(self, index: int, time_s: float) -> None:
        if self._anchor is None or index > self._anchor[0]:
            self._anchor = index, time_s
        if self._learn_from is None:
            self._learn_from = index, time_s
            return
        elapsed_s, samples = time_s - self._learn_from[1], index - self._learn_from[0]
        if elapsed_s >= LEARN_S and samples > 0:
            self._interval_s = elapsed_s / samples
