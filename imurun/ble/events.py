"""What happens to a sensor's stream, beside its samples.

Times are when the client learnt of it, on the host's monotonic clock. Places count samples of the stream, as
`SampleBlock.first_index` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class Connected:
    """The link stands and notifications are subscribed to; `mtu` in bytes, `count` links so far."""

    time_s: float
    mtu: int
    count: int


@dataclass(frozen=True)
class Lost:
    """The link is gone, and will be tried again; `reason` is one sentence."""

    time_s: float
    reason: str


@dataclass(frozen=True)
class Dropped:
    """`n_notifications` found no room, for the items were not taken; what the sensor holds is fetched."""

    time_s: float
    n_notifications: int


@dataclass(frozen=True)
class NotLogged:
    """The sensor does not, or no longer, keep a log of its own: its storage is full or failing."""

    time_s: float


@dataclass(frozen=True)
class NotStopped:
    """The sensor could not be told to stop: it goes on measuring until it is told or switched off."""

    time_s: float


@dataclass(frozen=True)
class GapFilled:
    """Of a gap that began at `first_index`, `n_samples` came after all."""

    time_s: float
    first_index: int
    n_samples: int


@dataclass(frozen=True)
class GapFinal:
    """`n_samples` from `first_index` on will never come: rows of NaN in the blocks."""

    time_s: float
    first_index: int
    n_samples: int


@dataclass(frozen=True)
class Battery:
    """Charge in percent."""

    time_s: float
    percent: int


@dataclass(frozen=True)
class Clipping:
    """Samples at the end of the range; those that follow within a second are not told again."""

    time_s: float
    what: Literal["acc", "gyr"]


@dataclass(frozen=True)
class RateOff:
    """The sensor samples at another rate than it was asked for."""

    time_s: float
    rate_hz: float
    asked_hz: float


Event: TypeAlias = (
    Connected | Lost | Dropped | NotLogged | NotStopped | GapFilled | GapFinal | Battery | Clipping | RateOff
)


def sentence(event: Event) -> str:
    """An event in words; "" for one that is shown elsewhere."""
    match event:
        case Connected():
            again = "Connected" if event.count == 1 else "Connected again"
            return f"{again} (MTU {event.mtu})."
        case Lost():
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
            return "The sensor could not be told to stop; stop it with: imurun sensor NAME --stop"
        case Battery():
            return ""
