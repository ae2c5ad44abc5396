"""Base class of device drivers: how a kind of sensor is recognised, started, stopped and decoded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Protocol

import numpy as np

from imurun.ble.control import Capabilities
from imurun.errors import SettingsError
from imurun.model.frames import FloatArray
from imurun.reassembly.chunks import Clock, Kind, SampleChunk

BATTERY_LEVEL = "00002a19-0000-1000-8000-00805f9b34fb"
"""The standard battery level characteristic: one byte, percent."""


def uuid16(number: int) -> str:
    """The full form of a 16-bit UUID assigned by the Bluetooth SIG."""
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


class Decoder(Protocol):
    """Decodes the notifications of one device to chunks. Stateful: one for each recording.

    Attributes:
        rejects: number of rejected packets, by reason.
    """

    rejects: Counter[str]

    def feed(self, data: bytes, arrival_s: float) -> list[SampleChunk]:
        """Decode one notification of the data characteristic. Never raises on malformed bytes."""
        ...

    def reply(self, data: bytes) -> None:
        """Take a notification of the reply characteristic, where that is not the data characteristic."""
        ...


class Reply(NamedTuple):
    """Whether a command succeeded, and the reason for messages where it did not."""

    ok: bool
    text: str = ""


@dataclass(frozen=True)
class Command:
    """Bytes to write to a characteristic.

    Attributes:
        characteristic: UUID.
        data: the bytes.
        replies: whether the sensor replies; the reply is awaited and checked with `reply_to`.
        may_fail: whether a refusal is ignored.
        instead: the command to send where this one is refused.
    """

    characteristic: str
    data: bytes
    replies: bool = False
    may_fail: bool = False
    instead: Command | None = None


@dataclass(frozen=True, kw_only=True)
class DeviceDriver(ABC):
    """Driver of one kind of sensor. The registry finds every module of this folder that has a `DRIVER`.

    Attributes:
        rates_hz: sampling rates that the sensor offers.
        acc_ranges_g, gyr_ranges_deg_s: full scales that the sensor offers.
        keeps_log: whether the sensor is to write its own log as well, where it has storage.
    """

    name: ClassVar[str]
    """One word, used on the command line and in journals."""
    title: ClassVar[str]
    service: ClassVar[str]
    data_characteristic: ClassVar[str]
    """Notifies samples."""
    control_characteristic: ClassVar[str]
    """Receives commands."""
    reply_characteristic: ClassVar[str | None]
    """Notifies replies to commands; None where the sensor does not reply."""
    streams: ClassVar[tuple[Kind, ...]]
    clock: ClassVar[Clock]
    has_index: ClassVar[bool] = False
    """Whether the device numbers its samples."""
    can_backfill: ClassVar[bool] = False
    """Whether missing samples can be requested again (`Op.FETCH`)."""
    syncs_time: ClassVar[bool] = False
    """Whether the sensor takes Unix time (`Op.TIME_SYNC`)."""
    reports_run: ClassVar[bool] = False
    """Whether the sensor reports its run (`Op.STATUS`), which then survives a lost connection, and ends only
    with `Op.STOP`."""
    can_log: ClassVar[bool] = False
    """Whether the sensor can write logs to its own storage (`Op.LOG_LIST`)."""
    capabilities_characteristic: ClassVar[str | None] = None
    """A characteristic to read for the sensor's `Capabilities`; they replace the rates and ranges given
    here."""
    battery: ClassVar[str]
    """How the battery level is read, in words."""
    battery_characteristic: ClassVar[str | None] = None
    """A characteristic to read for the battery level: one byte, percent."""
    tested: ClassVar[str]
    """What was tested and what was not, in words."""

    rates_hz: tuple[int, ...]
    acc_ranges_g: tuple[int, ...]
    gyr_ranges_deg_s: tuple[int, ...]
    keeps_log: bool = False

    @abstractmethod
    def recognises(self, name: str, services: Collection[str]) -> bool:
        """Whether an advertisement (name, or "", and service UUIDs) is of this kind of sensor."""

    @abstractmethod
    def start_commands(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> list[Command]:
        """Commands that start the sensor, in order, to be sent after subscribing.

        Raises:
            SettingsError: the sensor does not offer this rate or range.
        """

    @abstractmethod
    def stop_commands(self) -> list[Command]:
        """Commands that stop the sensor, in order, to be sent before disconnecting."""

    @abstractmethod
    def decoder(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> Decoder:
        """A decoder for a device started with these settings.

        Raises:
            SettingsError: the sensor does not offer this rate or range.
        """

    def with_log(self) -> DeviceDriver:
        """The same driver, which also starts the sensor's own log where the sensor can write one."""
        return replace(self, keeps_log=True) if self.can_log else self

    def with_capabilities(self, capabilities: Capabilities) -> DeviceDriver:  # noqa: ARG002
        """The same driver with the rates and ranges that the sensor reports.

        Raises:
            SettingsError: the sensor uses another version of the protocol.
        """
        return self

    def reply_to(self, command: Command, data: bytes) -> Reply | None:  # noqa: ARG002
        """The reply to `command` in `data`; None where `data` is not its reply."""
        return None

    def battery_command(self) -> Command | None:
        """Command that requests the battery level; None where a characteristic is read for it."""
        return None

    def battery_percent(self, data: bytes) -> int | None:  # noqa: ARG002
        """Battery level in the reply to `battery_command`; None where `data` is not that reply."""
        return None

    def check(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> None:
        """Raise SettingsError where the sensor does not offer this rate or range."""
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
    """UUIDs in lower case, as this package writes them."""
    return {uuid.lower() for uuid in uuids}
