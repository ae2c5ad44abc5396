"""Times from counting: for formats that tell neither time nor number.

What came is counted. A clock that ticks once a sample is fitted to arrivals as a device clock is
(`imurun.reassembly.clock_fit`), which learns the true rate; a sample's time is where its count lies on that
line. A packet that is lost makes all later ones late for good, while a link that stalls catches up:
lateness that stays is a hole. Holes shorter than the lateness that is looked for cannot be told from the
link's own jitter; they pass as a slightly lower rate until enough have gathered. Order and duplicates cannot be seen at all.
"""

from __future__ import annotations

from collections import Counter

from imurun.model.frames import FloatArray
from imurun.reassembly.chunks import Placed
from imurun.reassembly.clock_fit import ClockFit

LATE_S = 0.2
"""Packets later than this wait to see whether the link catches up."""
SETTLE_S = 1.0
"""Those that stay late for so long have lost some before them."""
RATE_ERROR = 0.1
"""A sensor's own rate is within this share of the nominal one."""


class CountedStream:
    """Pieces in order to rows in order, with times on the host's clock and the holes that arrivals betray.

    Args:
        rate_hz: nominal rate; the true one is learnt.
        counts: where holes are counted.
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
        """Samples a second of the host's clock, as learnt."""
        return (
            self._nominal_hz * (1.0 + self._clock.rate_ppm * 1e-6) if self._clock.known else self._nominal_hz
        )

    @property
    def next_index(self) -> int:
        """Place of the row that is to be given out next."""
        return self._next

    def push(self, values: FloatArray, arrival_s: float) -> list[Placed]:
        """Take rows that came together, and return those that can be given out."""
        if not len(values):
            return []
        late_s = self._late_s(self._next + self._n_held + len(values), arrival_s)
        if not self._held and late_s <= LATE_S:
            return [self._place(values, arrival_s)]
        self._least_late_s = min(self._least_late_s, late_s) if self._held else late_s
        self._held.append((values, arrival_s))
        self._n_held += len(values)
        if late_s <= LATE_S:
            return self._give_out()
        if arrival_s - self._held[0][1] >= SETTLE_S:
            # the first that was held may have been stalled too, so the least late tells the hole
            self._next += round(self._least_late_s * self.rate_hz)
            self._counts["holes by lateness"] += 1
            return self._give_out()
        return []

    def finish(self) -> list[Placed]:
        """No more pieces will come."""
        return self._give_out()

    def _give_out(self) -> list[Placed]:
        held, self._held, self._n_held = self._held, [], 0
        return [self._place(values, arrival_s) for values, arrival_s in held]

    def _place(self, values: FloatArray, arrival_s: float) -> Placed:
        first = self._next
        self._next += len(values)
        count_s = (self._next - 1) / self._nominal_hz
        self._clock.add(count_s, arrival_s)
        return Placed(first, values, self._clock.host_s(count_s), 1.0 / self.rate_hz)

    def _late_s(self, stop: int, arrival_s: float) -> float:
        return arrival_s - self._clock.host_s((stop - 1) / self._nominal_hz) if self._clock.known else 0.0
