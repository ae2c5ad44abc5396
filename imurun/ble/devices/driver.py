"""What a device profile must be: how a sensor is recognised, started, stopped, and its bytes decoded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np

from imurun.errors import SettingsError
from imurun.model.frames import FloatArray
from imurun.reassembly.chunks import Clock, Kind, SampleChunk

BATTERY_LEVEL = "00002a19-0000-1000-8000-00805f9b34fb"
"""The standard characteristic: one byte, percent."""


def uuid16(number: int) -> str:
    """The full form of a UUID that the Bluetooth SIG assigned."""
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


class Decoder(Protocol):
    """Notifications of one device, to chunks. Stateful; one for each recording.

    Attributes:
        rejects: how many packets were refused, by reason.
    """

    rejects: Counter[str]

    def feed(self, data: bytes, arrival_s: float) -> list[SampleChunk]:
        """Take one notification of the data characteristic. Never raises on bad bytes."""
        ...

    def reply(self, data: bytes) -> None:
        """Take what came on the reply characteristic, where that is another than the data's."""
        ...


class Reply(NamedTuple):
    """How a command went, in a word for messages."""

    ok: bool
    text: str = ""


@dataclass(frozen=True)
class Write:
    """Bytes to write to a characteristic.

    Attributes:
        characteristic: UUID.
        data: the bytes.
        replies: whether a reply comes, to be waited for and judged with `Profile.reply_to`.
        may_fail: a refusal does not matter.
        instead: what to write when this one is refused.
    """

    characteristic: str
    data: bytes
    replies: bool = False
    may_fail: bool = False
    instead: Write | None = None


@dataclass(frozen=True, kw_only=True)
class Profile(ABC):
    """A kind of sensor. A module of this folder with a `PROFILE` is found by the registry.

    Attributes:
        rates_hz: sampling rates that may be asked for.
        acc_ranges_g, gyr_ranges_deg_s: full scales that may be asked for.
    """

    name: ClassVar[str]
    """One word, as on the command line."""
    title: ClassVar[str]
    service: ClassVar[str]
    data_characteristic: ClassVar[str]
    """Where samples are notified."""
    control_characteristic: ClassVar[str]
    """Where commands are written."""
    reply_characteristic: ClassVar[str | None]
    """Where replies to commands come; None where nothing is replied."""
    streams: ClassVar[tuple[Kind, ...]]
    clock: ClassVar[Clock]
    has_index: ClassVar[bool] = False
    """Whether samples are numbered by the device."""
    battery: ClassVar[str]
    """How the charge is read."""
    battery_characteristic: ClassVar[str | None] = None
    """A characteristic to read for the charge: one byte, percent."""
    tested: ClassVar[str]
    """What was tested, and what was not."""

    rates_hz: tuple[int, ...]
    acc_ranges_g: tuple[int, ...]
    gyr_ranges_deg_s: tuple[int, ...]

    @abstractmethod
    def recognises(self, name: str, services: Collection[str]) -> bool:
        """Whether an advertisement (name, or "", and service UUIDs) is of this kind of sensor."""

    @abstractmethod
    def start_commands(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> list[Write]:
        """What to write, in order, once notifications are subscribed to.

        Raises:
            SettingsError: a rate or range that the sensor does not have.
        """

    @abstractmethod
    def stop_commands(self) -> list[Write]:
        """What to write, in order, before the link is given up."""

    @abstractmethod
    def decoder(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> Decoder:
        """A decoder for a device started with these settings.

        Raises:
            SettingsError: a rate or range that the sensor does not have.
        """

    def reply_to(self, write: Write, data: bytes) -> Reply | None:  # noqa: ARG002
        """Whether `data` is the reply to `write`, and how that went; None where it is not."""
        return None

    def battery_command(self) -> Write | None:
        """What to write to be told the charge, where no characteristic is read for it."""
        return None

    def battery_percent(self, data: bytes) -> int | None:  # noqa: ARG002
        """Charge in the reply to `battery_command`; None where it is not that reply."""
        return None

    def check(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> None:
        """Raise SettingsError for a rate or range that the sensor does not have."""
        _check(self.title, "a rate of", rate_hz, "Hz", self.rates_hz)
        _check(self.title, "an acceleration range of", acc_range_g, "g", self.acc_ranges_g)
        _check(self.title, "an angular rate range of", gyr_range_deg_s, "deg/s", self.gyr_ranges_deg_s)


def _check(title: str, what: str, value: float, unit: str, offered: tuple[int, ...]) -> None:
    if value not in offered:
        raise SettingsError(f"{title} does not offer {what} {value:g} {unit}; choose {_one_of(offered)}.")


def _one_of(values: tuple[int, ...]) -> str:
    words = [f"{value:g}" for value in values]
    if not words:
        return "another sensor"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def counts_to_floats(data: bytes, offset: int, count: int) -> FloatArray:
    """`count` little-endian i16 from `offset` on, as floats of shape (count / 3, 3)."""
    return np.frombuffer(data, "<i2", count, offset).astype(np.float64).reshape(-1, 3)


def lower(uuids: Iterable[str]) -> set[str]:
    """UUIDs in the case in which this package writes them."""
    return {uuid.lower() for uuid in uuids}
