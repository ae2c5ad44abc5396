"""Finds sample times by counting samples, for formats with neither device time nor sample number.

The count of received samples serves as the device clock: it is fitted to arrival times
(`imurun.reassembly.clock_fit`), which also estimates the true rate, and a sample's time is read off the
fitted line. Lost packets show as lateness: a stalled transmission catches up, but after a loss every later
packet stays late. Lateness that persists is therefore a gap.

Limits: gaps shorter than `LATE_S` cannot be distinguished from jitter and lower the estimated rate slightly
until enough of them add up. Swapped and duplicate packets cannot be detected.
"""

from __future__ import annotations

from collections import Counter

from imurun.model.frames import FloatArray
from imurun.reassembly.chunks import PositionedRows
from imurun.reassembly.clock_fit import ClockFit

LATE_S = 0.2
"""Packets later than this are held until the lateness has either gone or persisted."""
SETTLE_S = 1.0
"""Lateness that persists for so long is a gap."""
RATE_ERROR = 0.1
"""The true rate is assumed within this fraction of the nominal one."""


class CountedStream:
    """Adds times on the host's clock, and gaps inferred from lateness, to chunks that arrive in order.

        normal: every packet is positioned at once
          | a packet is later than LATE_S          ^
          v                                        | a packet is on time: no loss
        holding: packets are queued  --------------+
          | still late after SETTLE_S: insert a gap of the smallest lateness seen
          v
        normal

    Args:
        rate_hz: nominal rate; the true one is estimated.
        counts: counter to which inferred gaps are added.
    """

    def __init__(self, rate_hz: float, counts: Counter[str]) -> None:
        self._nominal_hz = rate_hz
        self._counts = counts
        self._clock = ClockFit(RATE_ERROR)
        self._next = 0
        self._held: list[tuple[FloatArray, float]] = []
        self._n_held = 0
        self._least_late_s = 0.0

    @property
    def rate_hz(self) -> float:
        """Estimated samples per second of the host's clock; the nominal rate at first."""
        return (
            self._nominal_hz * (1.0 + self._clock.rate_ppm * 1e-6) if self._clock.known else self._nominal_hz
        )

    @property
    def next_index(self) -> int:
        """Position of the row that is emitted next."""
        return self._next

    def push(self, values: FloatArray, arrival_s: float) -> list[PositionedRows]:
        """Add the rows of one packet; return the rows that can be emitted."""
        if not len(values):
            return []
        late_s = self._late_s(self._next + self._n_held + len(values), arrival_s)
        if not self._held and late_s <= LATE_S:
            return [self._position(values, arrival_s)]
        self._least_late_s = min(self._least_late_s, late_s) if self._held else late_s
        self._held.append((values, arrival_s))
        self._n_held += len(values)
        if late_s <= LATE_S:
            return self._emit_held()
        if arrival_s - self._held[0][1] >= SETTLE_S:
            # some of the held packets may be delayed as well as late, so the smallest lateness is the gap
            self._next += round(self._least_late_s * self.rate_hz)
            self._counts["gaps by lateness"] += 1
            return self._emit_held()
        return []

    def finish(self) -> list[PositionedRows]:
        """End the stream; return the rows that were held."""
        return self._emit_held()

    def _emit_held(self) -> list[PositionedRows]:
        held, self._held, self._n_held = self._held, [], 0
        return [self._position(values, arrival_s) for values, arrival_s in held]

    def _position(self, values: FloatArray, arrival_s: float) -> PositionedRows:
        first = self._next
        self._next += len(values)
        count_s = (self._next - 1) / self._nominal_hz
        self._clock.add(count_s, arrival_s)
        return PositionedRows(first, values, self._clock.host_s(count_s), 1.0 / self.rate_hz)

    def _late_s(self, stop: int, arrival_s: float) -> float:
        return arrival_s - self._clock.host_s((stop - 1) / self._nominal_hz) if self._clock.known else 0.0
