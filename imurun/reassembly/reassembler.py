"""Reassembles out-of-order chunks of samples into contiguous blocks; gaps become rows of NaN.

The position of a sample follows from its number (`by_index`), else from the packet's device time (`by_time`),
else from counting (`by_count`). Acceleration and angular rate that arrive apart are merged onto one time base
(`acc_gyr_merge`). A gap has as many rows as the numbers or times on both sides say. Chunks with a number or a
device time may arrive in any order within the window (half of it at the start, where there is only time) and
any number of times: the rows are the same.

What happens to the samples of a run:

      not received --------------------------------> received
          | a later chunk arrives, or `expect`          | extends the output
          v                                             v
       pending ---- arrives (late, backfilled) ----> emitted (SampleBlock)
          |                                             ^
          | window over; `give_up`; the device          | rows behind it are
          | reports the loss; `finish`                  | released
          v                                             |
         gap ------------ emitted as NaN ---------------+

A restart of the device ends the run: what is held is emitted, and the next run begins behind a gap that is as
long as the time without samples.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Literal

from imurun.model.frames import FloatArray
from imurun.model.sample_block import SampleBlock, nan_rows
from imurun.reassembly.acc_gyr_merge import AccGyrMerger
from imurun.reassembly.by_count import CountedStream
from imurun.reassembly.by_index import IndexedStream
from imurun.reassembly.by_time import TimedStream
from imurun.reassembly.chunks import BACKFILLED, Clock, Kind, PositionedRows, SampleChunk
from imurun.reassembly.clock_fit import ClockFit

Plausibility = Literal["fits", "implausible", "restart"]

WINDOW_S = 2.0
"""How long a pending range stays open where missing samples cannot be requested again."""
SLACK_S = 10.0
"""How far a packet may be behind the newest one, and ahead of what the elapsed time allows."""
RATE_ERROR = 0.1
LONGEST_GAP_S = 86400.0
"""More than a day without samples ends a run, whatever position the next packet states."""


class Reassembler:
    """Reassembles the chunks of one sensor into contiguous blocks.

    After a restart of the device the length of the gap is estimated from arrivals, and is at most a day; all
    other gaps are exact.

    Args:
        rate_hz: the device's nominal rate.
        streams: kinds of chunks: ("both",) or ("acc", "gyr").
        clock: whether chunks carry device time.
        has_index: whether chunks carry sample numbers.
        window_s: how long a pending range stays open, in device time. Longer where missing samples are
            requested again.
        first_index: number of the first sample of the run, where it is known; else the first `window_s` are
            held to detect it.

    Attributes:
        counts: rejected chunks, by reason ("late or duplicate", "duplicate", "late", "implausible"), and
            "restart", "too close", "gaps by lateness", "missing rows".
        clock: fit of the device clock; not used where chunks carry no device time.
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
        self._plausible = {kind: PlausibilityCheck() for kind in streams}
        self._next: int | None = None
        self._offset = 0
        self._ended_s = math.nan
        self._begin(first_index)

    def _begin(self, first_index: int | None) -> None:
        """Set up the streams of a new run."""
        window = round(self._window_s * self._rate_hz)
        self._indexed = IndexedStream(self._rate_hz, window, first_index, self.counts)
        self._timed = {kind: TimedStream(self._rate_hz, self._window_s, self.counts) for kind in self._kinds}
        self._counted = {kind: CountedStream(self._rate_hz, self.counts) for kind in self._kinds}
        self._merger = AccGyrMerger(2 * self._window_s + 1.0)

    @property
    def rate_hz(self) -> float:
        """Estimated samples per second of the host's clock; the nominal rate at first."""
        kind = self._kinds[0]
        if self._has_index:
            estimated = self._indexed.rate_hz
        else:
            estimated = self._timed[kind].rate_hz if self._has_clock else self._counted[kind].rate_hz
        if self._has_clock and self.clock.known:
            return estimated * (1.0 + self.clock.rate_ppm * 1e-6)
        return estimated

    @property
    def next_index(self) -> int:
        """Position in the stream of the row that is emitted next."""
        return self._next or 0

    def push(self, chunk: SampleChunk) -> list[SampleBlock]:
        """Add a chunk; return the blocks that can be emitted."""
        if chunk.kind not in self._kinds:
            self.counts["implausible"] += 1
            return []
        out: list[SampleBlock] = []
        backfilled = bool(chunk.flags & BACKFILLED)
        restart = self._run is not None and chunk.run != self._run
        self._run = chunk.run
        position_s, plausible = self._position_s(chunk), self._plausible[chunk.kind]
        is_repeated = backfilled and self._indexed.next_index is not None
        is_repeated = is_repeated and position_s is not None and plausible.behind(position_s)
        if not restart and position_s is not None and not is_repeated:
            result = plausible.classify(position_s, chunk.arrival_s)
            if result == "implausible":
                self.counts["implausible"] += 1
                return []
            restart = result == "restart"
        if restart:
            out += self._restart(chunk)
        if self._has_clock and chunk.time_device_s is not None and not backfilled:
            self.clock.add(chunk.time_device_s, chunk.arrival_s)
        rows = self._order(chunk)
        if not rows:
            return out
        return out + self._blocks(rows) if out else self._blocks(rows)

    def position_of(self, index: int) -> int:
        """Position in the stream of the device's sample number `index` in the current run."""
        return index + self._offset

    def pending_ranges(self) -> list[tuple[int, int]]:
        """Pending ranges of the device's sample numbers, half-open, oldest first."""
        return self._indexed.pending()

    def expect(self, end: int | None) -> None:
        """Declare that the device's run ends before sample number `end`, so that samples up to there are
        pending.

        An end further ahead than `SLACK_S` is ignored as implausible. None withdraws the end.
        """
        if end is None or end - (self._indexed.highest or 0) <= SLACK_S * self._rate_hz:
            self._indexed.expect(end)

    @property
    def is_end_expected(self) -> bool:
        """Whether an end was declared with `expect`."""
        return self._indexed.is_end_expected

    def give_up(self, stop: int) -> list[SampleBlock]:
        """Make pending samples before the device's sample number `stop` a gap; return the blocks this
        releases.
        """
        return self._blocks(self._indexed.give_up(stop))

    def finish(self) -> list[SampleBlock]:
        """End the stream; return the blocks that were held."""
        rows = self._indexed.finish() if self._has_index else []
        for kind in self._kinds if not self._has_index else ():
            stream = self._timed[kind] if self._has_clock else self._counted[kind]
            rows += self._merge(kind, stream.finish())
        if self._kinds != ("both",):
            rows += self._merger.finish()
        return self._blocks(rows)

    def _position_s(self, chunk: SampleChunk) -> float | None:
        if self._has_index:
            return None if chunk.index is None else chunk.index / self._rate_hz
        return chunk.time_device_s

    def _order(self, chunk: SampleChunk) -> list[PositionedRows]:
        if self._has_index:
            return self._indexed.push(chunk)
        if not self._has_clock:
            rows = self._counted[chunk.kind].push(chunk.values, chunk.arrival_s)
        elif chunk.time_device_s is not None:
            rows = self._timed[chunk.kind].push(chunk.values, chunk.time_device_s)
        else:
            rows = []
        return self._merge(chunk.kind, rows)

    def _merge(self, kind: Kind, rows: list[PositionedRows]) -> list[PositionedRows]:
        if kind == "both":
            return rows
        push = self._merger.push_acc if kind == "acc" else self._merger.push_gyr
        return [merged for item in rows for merged in push(item)]

    def _restart(self, chunk: SampleChunk) -> list[SampleBlock]:
        """End the run, and position the new one, which `chunk` begins, by the time between arrivals."""
        self.counts["restart"] += 1
        out = self.finish()
        self.clock.reset()
        for plausible in self._plausible.values():
            plausible.reset()
        position_s = self._position_s(chunk)
        if position_s is not None:
            self._plausible[chunk.kind].classify(position_s, chunk.arrival_s)
        first = None
        if self._has_index and chunk.index is not None and chunk.index <= SLACK_S * self._rate_hz:
            first = 0  # numbers begin at 0, and samples before this chunk may still arrive
        self._begin(first)
        ended = self._next or 0
        begun = ended
        if math.isfinite(self._ended_s):
            idle_s = min(chunk.arrival_s - self._ended_s, LONGEST_GAP_S)
            begun += max(0, round(idle_s * self._rate_hz) - len(chunk))
        if self._has_index and chunk.index is not None:
            start = chunk.index if first is None else first
            self._offset = max(begun - chunk.index, ended - start)
        else:
            self._offset = begun
        return out

    def _blocks(self, positioned: list[PositionedRows]) -> list[SampleBlock]:
        blocks: list[SampleBlock] = []
        for rows in positioned:
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
                continue  # the gap was at the end
            blocks.append(self._block(rows.values, time_s))
            if math.isfinite(time_s):
                self._ended_s = time_s
        return blocks

    def _block(self, values: FloatArray, time_s: float) -> SampleBlock:
        first = self._next or 0
        self._next = first + len(values)
        gyr = values[:, 3:] if values.shape[1] == 6 else None
        return SampleBlock(first, values[:, :3], gyr, time_s)


class PlausibilityCheck:
    """Classifies packets by comparing their position, in seconds of the device, with their arrival.

    A position that the elapsed time does not explain is implausible: a flipped bit, or a device that was
    restarted. One such packet is rejected; a second one that continues the first means a restart.
    """

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self._suspect: tuple[float, float] | None = None

    def reset(self) -> None:
        """Forget all packets, after a restart of the device."""
        self._last = self._suspect = None

    def behind(self, position_s: float) -> bool:
        """Whether this position is not after the newest one, as that of backfilled samples is."""
        return self._last is not None and position_s <= self._last[0]

    def classify(self, position_s: float, arrival_s: float) -> Plausibility:
        """Classify a packet: it fits, is implausible, or confirms the one before as the start of a new
        run.
        """
        packet = position_s, arrival_s
        if self._last is None or _follows(self._last, packet):
            if self._last is None or position_s > self._last[0]:
                self._last = packet
            return "fits"
        if self._suspect is not None and position_s > self._suspect[0] and _follows(self._suspect, packet):
            self._last, self._suspect = packet, None
            return "restart"
        self._suspect = packet
        return "implausible"


def _follows(last: tuple[float, float], packet: tuple[float, float]) -> bool:
    advance = packet[0] - last[0]
    elapsed = max(packet[1] - last[1], 0.0)
    return -SLACK_S <= advance <= min(SLACK_S + (1.0 + RATE_ERROR) * elapsed, LONGEST_GAP_S)
