"""Packets as they come, to blocks of samples without hole, overlap or disorder.

Where a sample belongs is told by its number (`indexed`), else by the packet's device time (`timed`), else by
counting (`counted`). Acceleration and angular rate that come apart are put on one time base (`merge`).
Samples that never came are rows of NaN, as many as the number or the time says. Packets with a number or a
device time may come in any order within the window (half of it at the start, where there is only time) and
any number of times: the rows are the same.
"""

from __future__ import annotations

import math
from collections import Counter

from imurun.ble.codec import BACKFILLED
from imurun.ble.devices.driver import Clock, Kind, Piece
from imurun.model.frames import FloatArray
from imurun.model.sample_block import SampleBlock, nan_rows
from imurun.reassembly.acc_gyr_merge import Merger
from imurun.reassembly.by_count import CountedStream
from imurun.reassembly.by_index import IndexedStream
from imurun.reassembly.by_time import TimedStream
from imurun.reassembly.chunks import Placed
from imurun.reassembly.clock_fit import ClockFit
from imurun.reassembly.plausibility import LONGEST_S, SLACK_S, Plausible

WINDOW_S = 2.0


class Aligner:
    """Pieces of one sensor in, blocks out.

    After a new start of the device the stream goes on behind a hole as long as the time without samples, as
    arrivals tell it, at most a day; all other holes are exact.

    Args:
        rate_hz: the device's rate, as it said or was asked for.
        streams: what comes: ("both",) or ("acc", "gyr").
        clock: whether pieces carry device time.
        has_index: whether they carry sample numbers.
        window_s: how long a hole is waited for, in device time. Longer where samples are asked for again.
        first_index: number of the first sample of the run, where it is known; else the first `window_s` are
            held to find it.

    Attributes:
        counts: what happened to pieces: "late or twice", "twice", "late", "odd", "restart", "too close",
            "holes by lateness"; and "missing rows".
        clock: the device's clock; the host's arrivals against counts where there is none.
    """

    def __init__(
        self,
        rate_hz: float,
        *,
        streams: tuple[Kind, ...] = ("both",),
        clock: Clock = "device",
        has_index: bool = False,
        window_s: float = WINDOW_S,
        first_index: int | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.clock = ClockFit()
        self._rate_hz = float(rate_hz)
        self._kinds = streams
        self._has_clock = clock == "device"
        self._has_index = has_index
        self._window_s = window_s
        self._run: int | None = None
        self._plausible = {kind: Plausible() for kind in streams}
        self._next: int | None = None
        self._offset = 0
        self._ended_s = math.nan
        self._begin(first_index)

    def _begin(self, first_index: int | None) -> None:
        """Streams of a new run."""
        window = round(self._window_s * self._rate_hz)
        self._indexed = IndexedStream(self._rate_hz, window, first_index, self.counts)
        self._timed = {kind: TimedStream(self._rate_hz, self._window_s, self.counts) for kind in self._kinds}
        self._counted = {kind: CountedStream(self._rate_hz, self.counts) for kind in self._kinds}
        self._merger = Merger(2 * self._window_s + 1.0)

    @property
    def rate_hz(self) -> float:
        """Samples a second of the host's clock, as learnt; the nominal rate at first."""
        kind = self._kinds[0]
        if self._has_index:
            learnt = self._indexed.rate_hz
        else:
            learnt = self._timed[kind].rate_hz if self._has_clock else self._counted[kind].rate_hz
        if self._has_clock and self.clock.known:
            return learnt * (1.0 + self.clock.rate_ppm * 1e-6)
        return learnt

    @property
    def next_index(self) -> int:
        """Place in the stream of the row that comes next."""
        return self._next or 0

    def push(self, piece: Piece) -> list[SampleBlock]:
        """Take a piece, and return the blocks that can be given out."""
        if piece.kind not in self._kinds:
            self.counts["odd"] += 1
            return []
        out: list[SampleBlock] = []
        backfilled = bool(piece.flags & BACKFILLED)
        restart = self._run is not None and piece.run != self._run
        self._run = piece.run
        place_s, plausible = self._place_s(piece), self._plausible[piece.kind]
        sent_again = backfilled and self._indexed.next_index is not None
        sent_again = sent_again and place_s is not None and plausible.behind(place_s)
        if not restart and place_s is not None and not sent_again:
            verdict = plausible.judge(place_s, piece.arrival_s)
            if verdict == "odd":
                self.counts["odd"] += 1
                return []
            restart = verdict == "restart"
        if restart:
            out += self._restart(piece)
        if self._has_clock and piece.time_device_s is not None and not backfilled:
            self.clock.add(piece.time_device_s, piece.arrival_s)
        placed = self._sort(piece)
        if not placed:
            return out
        return out + self._blocks(placed) if out else self._blocks(placed)

    def place_of(self, index: int) -> int:
        """Place in the stream of the device's sample number `index`, of the run that goes on."""
        return index + self._offset

    def holes(self) -> list[tuple[int, int]]:
        """Sample numbers of the device that are waited for, half-open, oldest first."""
        return self._indexed.holes()

    def expect(self, end: int | None) -> None:
        """The device's run ends before its sample number `end`: what did not come until there is missing.

        More than a lost link could hide is not believed. None takes it back.
        """
        if end is None or end - (self._indexed.highest or 0) <= SLACK_S * self._rate_hz:
            self._indexed.expect(end)

    @property
    def is_end_expected(self) -> bool:
        """Whether samples up to a known end are waited for."""
        return self._indexed.is_end_expected

    def give_up(self, stop: int) -> list[SampleBlock]:
        """The device no longer holds what is missing before its sample number `stop`."""
        return self._blocks(self._indexed.give_up(stop))

    def finish(self) -> list[SampleBlock]:
        """No more pieces will come: give out what is held."""
        placed = self._indexed.finish() if self._has_index else []
        for kind in self._kinds if not self._has_index else ():
            stream = self._timed[kind] if self._has_clock else self._counted[kind]
            placed += self._join(kind, stream.finish())
        if self._kinds != ("both",):
            placed += self._merger.finish()
        return self._blocks(placed)

    def _place_s(self, piece: Piece) -> float | None:
        if self._has_index:
            return None if piece.index is None else piece.index / self._rate_hz
        return piece.time_device_s

    def _sort(self, piece: Piece) -> list[Placed]:
        if self._has_index:
            return self._indexed.push(piece)
        if not self._has_clock:
            placed = self._counted[piece.kind].push(piece.values, piece.arrival_s)
        elif piece.time_device_s is not None:
            placed = self._timed[piece.kind].push(piece.values, piece.time_device_s)
        else:
            placed = []
        return self._join(piece.kind, placed)

    def _join(self, kind: Kind, placed: list[Placed]) -> list[Placed]:
        if kind == "both":
            return placed
        push = self._merger.push_acc if kind == "acc" else self._merger.push_gyr
        return [row for rows in placed for row in push(rows)]

    def _restart(self, piece: Piece) -> list[SampleBlock]:
        """End the run, and let the one of `piece` begin where arrivals say."""
        self.counts["restart"] += 1
        out = self.finish()
        self.clock.reset()
        for plausible in self._plausible.values():
            plausible.reset()
        place_s = self._place_s(piece)
        if place_s is not None:
            self._plausible[piece.kind].judge(place_s, piece.arrival_s)
        first = None
        if self._has_index and piece.index is not None and piece.index <= SLACK_S * self._rate_hz:
            first = 0  # numbers begin at 0, and what came before this piece may still come
        self._begin(first)
        ended = self._next or 0
        begun = ended
        if math.isfinite(self._ended_s):
            idle_s = min(piece.arrival_s - self._ended_s, LONGEST_S)
            begun += max(0, round(idle_s * self._rate_hz) - len(piece))
        if self._has_index and piece.index is not None:
            start = piece.index if first is None else first
            self._offset = max(begun - piece.index, ended - start)
        else:
            self._offset = begun
        return out

    def _blocks(self, placed: list[Placed]) -> list[SampleBlock]:
        blocks: list[SampleBlock] = []
        for rows in placed:
            first = rows.first + self._offset
            if self._next is None:
                self._next = first
            time_s = self.clock.host_s(rows.time_s) if self._has_clock else rows.time_s
            before_s = time_s - len(rows.values) * rows.interval_s
            while self._next < first:
                values = nan_rows(first - self._next, rows.values.shape[1])
                self.counts["missing rows"] += len(values)
                left = first - self._next - len(values)
                blocks.append(self._block(values, before_s - left * rows.interval_s))
            if not len(rows.values):
                continue  # the hole was at the end
            blocks.append(self._block(rows.values, time_s))
            if math.isfinite(time_s):
                self._ended_s = time_s
        return blocks

    def _block(self, values: FloatArray, time_s: float) -> SampleBlock:
        first = self._next or 0
        self._next = first + len(values)
        gyr = values[:, 3:] if values.shape[1] == 6 else None
        return SampleBlock(first, values[:, :3], gyr, time_s)
