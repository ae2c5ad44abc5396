"""Chunks of samples as they arrive, and rows that have been given their position in the stream."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Literal, NamedTuple

from imurun.model.frames import FloatArray

Kind = Literal["both", "acc", "gyr"]
"""Columns of a chunk: acceleration and angular rate, or one of them."""

Clock = Literal["device", "none"]
"""Whether chunks carry the device's own time."""


class Flag(IntFlag):
    """Properties of a chunk, as the device reports them; the values are those of imurun's wire format.

    Other bits may be set; they have no meaning yet.
    """

    ACC_CLIPPED = 1
    GYR_CLIPPED = 2
    BACKFILLED = 4
    LOST_BEFORE = 8
    BATTERY_LOW = 16


ACC_CLIPPED, GYR_CLIPPED, BACKFILLED = int(Flag.ACC_CLIPPED), int(Flag.GYR_CLIPPED), int(Flag.BACKFILLED)
"""Plain integers for tests made on every packet: `&` with a `Flag` is slow."""


@dataclass(frozen=True, slots=True, eq=False)
class SampleChunk:
    """Consecutive samples of one packet, in SI units and the sensor's own axes.

    Attributes:
        kind: which columns `values` has.
        values: shape (n, 6) for "both" (acceleration, then angular rate), else (n, 3); m/s2 and rad/s. A
            packet that carries only a time has no rows.
        arrival_s: when the packet arrived, on the host's monotonic clock.
        index: device index of the first row; None where the format has none.
        sequence: number of the packet; None where the format has none.
        time_device_s: device clock of the last row, or, without rows, of the row before the first one; None
            where the format carries no time. It does not wrap.
        flags: bits of `Flag`.
        run: number of starts of the device; index and device clock restart when it changes.
    """

    kind: Kind
    values: FloatArray
    arrival_s: float
    index: int | None = None
    sequence: int | None = None
    time_device_s: float | None = None
    flags: int = 0
    run: int = 0

    def __len__(self) -> int:
        return len(self.values)

    @property
    def acc(self) -> FloatArray | None:
        """Specific force, shape (n, 3), m/s2; None in a chunk of angular rate."""
        return None if self.kind == "gyr" else self.values[:, :3]

    @property
    def gyr(self) -> FloatArray | None:
        """Angular rate, shape (n, 3), rad/s; None in a chunk of acceleration."""
        return None if self.kind == "acc" else self.values[:, -3:]


class PositionedRows(NamedTuple):
    """Consecutive rows and their position in the stream.

    Rows of one stream are emitted in order; where one does not begin at the `stop` of the one before, the
    rows between are a gap.

    Attributes:
        first: position of the first row, missing ones counted.
        values: shape (n, k).
        time_s: when the last row was measured; NaN while unknown.
        interval_s: from row to row.
    """

    first: int
    values: FloatArray
    time_s: float
    interval_s: float

    @property
    def stop(self) -> int:
        """Position after the last row."""
        return self.first + len(self.values)
