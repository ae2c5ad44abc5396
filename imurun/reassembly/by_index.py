"""Orders chunks by sample number, for formats in which the device numbers its samples."""

from __future__ import annotations

import math
from bisect import insort
from collections import Counter
from typing import NamedTuple

import numpy as np

from imurun.model.frames import FloatArray
from imurun.reassembly.chunks import Flag, PositionedRows, SampleChunk

RATE_SPAN_S = 10.0
"""The rate is estimated from device times at least this far apart."""
_NO_ROWS = np.zeros((0, 6))


class _Held(NamedTuple):
    first: int
    n: int  # with `order`, decides comparisons before they reach the array, which cannot be compared
    order: int
    values: FloatArray
    time_s: float | None
    sequence: int | None
    flags: int

    @property
    def stop(self) -> int:
        return self.first + self.n


class IndexedStream:
    """Orders chunks by sample number; chunks may arrive in any order, twice, or not at all.

    Rows that extend the output are emitted immediately. Rows behind a pending range are held until

    - the range has arrived (it is filled), or
    - the device reports that it lost the samples, or `give_up` is called, or the range is more than `window`
      samples old (it becomes a gap).

    Args:
        rate_hz: nominal rate; the true one is estimated from device times.
        window: how many samples a pending range stays open.
        first: number of the first sample; None to detect it, for which the first `window` samples are held.
        counts: counter to which duplicate and late chunks are added.
    """

    def __init__(self, rate_hz: float, window: int, first: int | None, counts: Counter[str]) -> None:
        self._window = window
        self._next = first
        self._counts = counts
        self._held: list[_Held] = []
        self._highest: int | None = None
        self._order = 0
        self._sequence: int | None = None
        self._end: int | None = None
        self._interval_s = 1.0 / rate_hz
        self._anchor: tuple[int, float] | None = None
        self._rate_from: tuple[int, float] | None = None

    @property
    def rate_hz(self) -> float:
        """Estimated samples per second of the device clock; the nominal rate at first."""
        return 1.0 / self._interval_s

    @property
    def next_index(self) -> int | None:
        """Number of the sample that is emitted next; None before the first is known."""
        return self._next

    @property
    def highest(self) -> int | None:
        """Number after the highest sample received; None before any."""
        return self._highest

    def push(self, chunk: SampleChunk) -> list[PositionedRows]:
        """Add a chunk; return the rows that can be emitted."""
        assert chunk.index is not None
        n = len(chunk.values)
        stop = chunk.index + n
        if chunk.time_device_s is not None:
            self._estimate_rate(stop - 1, chunk.time_device_s)
        if not n:
            return []
        if self._next is not None and stop <= self._next:
            self._counts["late or duplicate"] += 1
            return []
        held = _Held(
            chunk.index,
            n,
            self._order,
            chunk.values,
            chunk.time_device_s,
            chunk.sequence,
            chunk.flags,
        )
        self._order += 1
        if chunk.index == self._next and not self._held:
            # fast path, taken by nearly every packet: nothing is held and the chunk extends the output
            self._highest = stop if self._highest is None else max(self._highest, stop)
            return [self._position(held, chunk.values)]
        if any(other.first == held.first and other.n >= held.n for other in self._held):
            self._counts["late or duplicate"] += 1
            return []
        insort(self._held, held)
        self._highest = stop if self._highest is None else max(self._highest, stop)
        return self._release()

    def pending(self) -> list[tuple[int, int]]:
        """Pending ranges as half-open intervals of sample numbers, oldest first."""
        pending: list[tuple[int, int]] = []
        at = self._next
        for held in self._held:
            if at is not None and held.first > at:
                pending.append((at, held.first))
            at = held.stop if at is None else max(at, held.stop)
        if at is not None and self._end is not None and at < self._end:
            pending.append((at, self._end))
        return pending

    def expect(self, end: int | None) -> None:
        """Declare that the run ends before number `end`, so that samples up to there are pending.

        None withdraws it.
        """
        self._end = end

    @property
    def is_end_expected(self) -> bool:
        """Whether an end was declared with `expect`."""
        return self._end is not None

    def give_up(self, stop: int) -> list[PositionedRows]:
        """Make all pending samples before number `stop` a gap; return the rows that this releases."""
        rows: list[PositionedRows] = []
        if self._next is None:
            return rows
        stop = min(stop, max(self._highest or 0, self._end or 0))
        while self._held and self._next < stop:
            self._next = max(self._next, min(stop, self._held[0].first))
            rows += self._release()
        self._next = max(self._next, stop)
        return rows

    def finish(self) -> list[PositionedRows]:
        """End the stream; return the rows that were held, and an empty item at the declared end."""
        rows: list[PositionedRows] = []
        while self._held:
            self._next = self._held[0].first if self._next is None else self._next
            self._next = max(self._next, self._held[0].first)
            rows += self._release()
        if self._next is not None:  # an item without rows carries the position of the end
            self._next = max(self._next, self._end or 0)
            rows.append(PositionedRows(self._next, _NO_ROWS, self._time_at(self._next - 1), self._interval_s))
        return rows

    def _release(self) -> list[PositionedRows]:
        rows: list[PositionedRows] = []
        while self._held:
            head = self._held[0]
            assert self._highest is not None
            if self._next is None:
                if self._highest - head.first < self._window:
                    break
                self._next = head.first
            if head.first > self._next:
                if self._highest - self._next <= self._window and not self._is_gap(head):
                    break
                self._next = head.first
            del self._held[0]
            if head.stop <= self._next:
                continue
            values = head.values[self._next - head.first :]
            rows.append(self._position(head, values))
        return rows

    def _position(self, head: _Held, values: FloatArray) -> PositionedRows:
        """Position `values`, which are all rows of `head` from the next number on."""
        assert self._next is not None
        rows = PositionedRows(self._next, values, self._time_of(head), self._interval_s)
        self._next = head.stop
        self._sequence = head.sequence
        return rows

    def _is_gap(self, head: _Held) -> bool:
        """Whether the device lost the missing samples, and no packet that could hold some of them is
        missing.
        """
        if not head.flags & Flag.LOST_BEFORE or head.sequence is None or self._sequence is None:
            return False
        return head.sequence == (self._sequence + 1) & 0xFFFF

    def _time_of(self, held: _Held) -> float:
        """Device time of the last row; extrapolated from the nearest known one where the chunk has none."""
        return self._time_at(held.stop - 1) if held.time_s is None else held.time_s

    def _time_at(self, index: int) -> float:
        """Device time of a sample, extrapolated from the newest known one."""
        if self._anchor is None:
            return math.nan
        return self._anchor[1] + (index - self._anchor[0]) * self._interval_s

    def _estimate_rate(self, index: int, time_s: float) -> None:
        if self._anchor is None or index > self._anchor[0]:
            self._anchor = index, time_s
        if self._rate_from is None:
            self._rate_from = index, time_s
            return
        elapsed_s, samples = time_s - self._rate_from[1], index - self._rate_from[0]
        if elapsed_s >= RATE_SPAN_S and samples > 0:
            self._interval_s = elapsed_s / samples
