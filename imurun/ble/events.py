"""Events of a sensor's stream: connections, gaps, battery level, clipping, and their sentences.

`time_s` is when the client noticed the event, on the host's monotonic clock. Positions count samples of the
stream, as `SampleBlock.first_index` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


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
    """`n_samples` of the pending range that began at `first_index` arrived after all."""

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
    asked_hz: float


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
            return f"{event.n_notifications} packets came faster than they could be kept."
        case GapFilled():
            return f"{event.n_samples} samples that were missing came after all."
        case GapFinal():
            return f"{event.n_samples} samples will never come: a gap."
        case Clipping():
            what = "acceleration" if event.what == "acc" else "angular rate"
            return f"The {what} is at the end of its range; choose a larger one."
        case RateOff():
            return f"The sensor samples at {event.rate_hz:.2f} Hz, not {event.asked_hz:g} Hz."
        case NotLogged():
            return "The sensor keeps no log of its own: its storage is full or failing."
        case NotStopped():
            return "The sensor could not be stopped; stop it with: imurun sensor NAME --stop"
        case Battery():
            return ""
