"""Events of a sensor's stream, such as lost connections, gaps and clipping, and their detection.

`time_s` is when the client noticed the event, on the host's monotonic clock. Positions count samples of the
stream, as `SampleBlock.first_index` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from imurun.ble.decoding import Settings
from imurun.model.frames import G
from imurun.model.gaps import stretches
from imurun.model.sample_block import SampleBlock
from imurun.reassembly.chunks import ACC_CLIPPED, GYR_CLIPPED, SampleChunk
from imurun.reassembly.reassembler import Reassembler


@dataclass(frozen=True)
class Connected:
    """Connected and subscribed; `mtu` in bytes, `count` connections so far."""

    time_s: float
    mtu: int
    count: int


@dataclass(frozen=True)
class ConnectionLost:
    """The connection is lost, and the client will reconnect; `reason` is one sentence."""

    time_s: float
    reason: str


@dataclass(frozen=True)
class Dropped:
    """`n_notifications` were dropped because items were not taken; samples the sensor holds are requested
    again.
    """

    time_s: float
    n_notifications: int


@dataclass(frozen=True)
class NotLogged:
    """The sensor does not write its own log, or has stopped to: its storage is full or failing."""

    time_s: float


@dataclass(frozen=True)
class NotStopped:
    """The sensor could not be stopped: it keeps measuring until it is stopped or switched off."""

    time_s: float


@dataclass(frozen=True)
class GapFilled:
    """`n_samples` of the pending range that began at `first_index` arrived later."""

    time_s: float
    first_index: int
    n_samples: int


@dataclass(frozen=True)
class GapFinal:
    """`n_samples` from `first_index` on will never arrive: rows of NaN in the blocks."""

    time_s: float
    first_index: int
    n_samples: int


@dataclass(frozen=True)
class Battery:
    """Battery level in percent."""

    time_s: float
    percent: int


@dataclass(frozen=True)
class Clipping:
    """Samples at the limit of the range; reported again only after a second without any."""

    time_s: float
    what: Literal["acc", "gyr"]


@dataclass(frozen=True)
class RateOff:
    """The sensor samples at another rate than requested."""

    time_s: float
    rate_hz: float
    requested_hz: float


Event: TypeAlias = (
    Connected
    | ConnectionLost
    | Dropped
    | NotLogged
    | NotStopped
    | GapFilled
    | GapFinal
    | Battery
    | Clipping
    | RateOff
)


def sentence(event: Event) -> str:
    """An event as a sentence; "" for the battery level, which is shown elsewhere."""
    match event:
        case Connected():
            again = "Connected" if event.count == 1 else "Connected again"
            return f"{again} (MTU {event.mtu})."
        case ConnectionLost():
            return event.reason
        case Dropped():
            return f"{event.n_notifications} packets were dropped: the queue was full."
        case GapFilled():
            return f"{event.n_samples} missing samples were received later."
        case GapFinal():
            return f"{event.n_samples} samples are lost (a gap)."
        case Clipping():
            what = "acceleration" if event.what == "acc" else "angular rate"
            return f"The {what} is clipped; choose a larger range."
        case RateOff():
            return f"The sensor samples at {event.rate_hz:.2f} Hz, not {event.requested_hz:g} Hz."
        case NotLogged():
            return "The sensor does not log: its storage is full or failing."
        case NotStopped():
            return "The sensor could not be stopped; stop it with: imurun sensor NAME --stop"
        case Battery():
            return ""


CLIPPED = 0.9995
"""Fraction of the range from which a value counts as clipped: the last step of 16 bits is 0.99997 of it."""
CLIPPING_S = 1.0
"""Clipping within so long after the last is part of the same event."""
RATE_OFF = 0.02
"""Deviation of the rate that is reported. Chosen by hand: step times are off by the same fraction."""


class GapDetector:
    """Reports pending ranges that were filled and gaps that became final.

    Positions count samples of the stream.
    """

    def __init__(self) -> None:
        self._pending: list[tuple[int, int]] = []
        self._missing: tuple[int, int] | None = None
        self._final: list[tuple[int, int]] = []

    def add_blocks(self, blocks: list[SampleBlock], now_s: float) -> list[Event]:
        """Process emitted blocks, in order; return the events they cause."""
        events: list[Event] = []
        for block in blocks:
            for rows, missing in stretches(block.missing):
                first, stop = block.first_index + rows.start, block.first_index + rows.stop
                if missing:
                    began = first if self._missing is None else self._missing[0]
                    self._missing = began, stop
                else:
                    events += self._end_missing(now_s)
        if blocks:
            events += self._settle(blocks[-1].next_index, now_s)
        return events

    def add_pending(self, pending: list[tuple[int, int]]) -> None:
        """Add pending ranges, as positions of the stream."""
        for first, stop in pending:
            if not any(first < b and a < stop for a, b in self._pending):
                self._pending.append((first, stop))

    def finish(self, now_s: float) -> list[Event]:
        """Report a gap at the end of the stream."""
        return self._end_missing(now_s)

    def _end_missing(self, now_s: float) -> list[Event]:
        if self._missing is None:
            return []
        first, stop = self._missing
        self._missing = None
        self._final.append((first, stop))
        return [GapFinal(now_s, first, stop - first)]

    def _settle(self, done: int, now_s: float) -> list[Event]:
        """Report how much arrived of the pending ranges that lie wholly before position `done`."""
        events: list[Event] = []
        for first, stop in [one for one in self._pending if one[1] < done]:
            lost = sum(max(0, min(b, stop) - max(a, first)) for a, b in self._final)
            if lost < stop - first:
                events.append(GapFilled(now_s, first, stop - first - lost))
        self._pending = [one for one in self._pending if one[1] >= done]
        before = min((first for first, _ in self._pending), default=done)
        self._final = [gap for gap in self._final if gap[1] > before]
        return events


class SignalDetector:
    """Reports clipping and a wrong sampling rate, each once until it is over.

    Args:
        settings: the requested settings.
        has_flags: whether packets carry flags for clipping; else it is inferred from the values.
    """

    def __init__(self, settings: Settings, *, has_flags: bool) -> None:
        self._settings = settings
        self._has_flags = has_flags
        self._clipped_s = {"acc": -np.inf, "gyr": -np.inf}
        self._rate_is_off = False

    def examine(self, chunks: list[SampleChunk], reassembler: Reassembler) -> list[Event]:
        """Return the events that new chunks cause."""
        events: list[Event] = []
        for chunk in chunks:
            for what in ("acc", "gyr"):
                if self._is_clipped(chunk, what):
                    if chunk.arrival_s - self._clipped_s[what] > CLIPPING_S:
                        events.append(Clipping(chunk.arrival_s, what))
                    self._clipped_s[what] = chunk.arrival_s
            is_off = abs(reassembler.rate_hz / self._settings.rate_hz - 1.0) > RATE_OFF
            if is_off and not self._rate_is_off:
                events.append(RateOff(chunk.arrival_s, reassembler.rate_hz, self._settings.rate_hz))
            self._rate_is_off = is_off
        return events

    def _is_clipped(self, chunk: SampleChunk, what: str) -> bool:
        if self._has_flags:
            return bool(chunk.flags & (ACC_CLIPPED if what == "acc" else GYR_CLIPPED))
        values = chunk.acc if what == "acc" else chunk.gyr
        if values is None or not len(values):
            return False
        acc_range, gyr_range = self._settings.acc_range_g * G, np.radians(self._settings.gyr_range_deg_s)
        return bool(np.abs(values).max() >= CLIPPED * (acc_range if what == "acc" else gyr_range))
