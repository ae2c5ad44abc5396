"""Reads device information and downloads, erases and stops logs, over connections without streaming."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import numpy as np

from imurun.ble.codec import LogData, decode_frame
from imurun.ble.commands import CommandChannel, NoReplyError
from imurun.ble.connection import Connection, ConnectionLostError, lock_sensor, open_connection
from imurun.ble.control import (
    Capabilities,
    LogEntry,
    LogList,
    LogReading,
    Op,
    Response,
    Status,
    StatusReport,
    decode_capabilities,
)
from imurun.ble.devices import DeviceDriver
from imurun.ble.devices.driver import uuid16
from imurun.ble.journal import Notification
from imurun.ble.scan import DiscoveredSensor, clean_name
from imurun.ble.timeouts import Timeouts
from imurun.errors import SensorError, SensorNotFoundError
from imurun.model.gaps import runs

MAKER, MODEL, FIRMWARE = uuid16(0x2A29), uuid16(0x2A24), uuid16(0x2A26)
"""Characteristics of the standard device information service: manufacturer, model, firmware revision."""
QUEUE_LIMIT = 8192
MAX_READ_BYTES = 0xFFFF
"""The most bytes of one log read: the protocol counts them in 16 bits."""
MAX_LOG_BYTES = 1 << 30
"""More than the storage of any sensor."""
CONNECTION_TRIES = 3
"""Consecutive connections without a new byte after which a download fails."""
LOG_TRIES = 8
"""Consecutive log reads without a new byte after which a connection is given up."""


class IncompleteLogError(SensorError):
    """Only a part of a log could be downloaded."""


@dataclass(frozen=True)
class SensorInfo:
    """Device information; None and () where the sensor does not report it.

    Attributes:
        mtu: negotiated ATT MTU in bytes.
        battery_percent: battery level.
        maker, model, firmware: texts of the device information service.
        capabilities, status, logs: of sensors with imurun's own protocol.
    """

    mtu: int
    battery_percent: int | None
    maker: str | None
    model: str | None
    firmware: str | None
    capabilities: Capabilities | None = None
    status: StatusReport | None = None
    logs: tuple[LogEntry, ...] = ()


class PartialLog:
    """A partly downloaded log, and which of its bytes are missing.

    Args:
        log: its entry in the sensor's list.

    Raises:
        SensorError: the entry gives a size that no log can have.
    """

    def __init__(self, log: LogEntry) -> None:
        if log.bytes > MAX_LOG_BYTES:
            raise SensorError(
                f"The sensor reports a size of {log.bytes} bytes for its log {log.log_id}; erase it."
            )
        self.log = log
        self._content = np.zeros(log.bytes, np.uint8)
        self._missing = np.ones(log.bytes, np.bool_)

    @property
    def n_missing(self) -> int:
        """Number of missing bytes."""
        return int(np.count_nonzero(self._missing))

    @property
    def share(self) -> float:
        """Downloaded fraction, 0 to 1."""
        return 1.0 - self.n_missing / max(self.log.bytes, 1)

    @property
    def content(self) -> bytes:
        """The bytes of the log; 0 where they are missing."""
        return self._content.tobytes()

    def first_missing(self) -> tuple[int, int]:
        """The first missing range of bytes, half-open."""
        return runs(self._missing)[0]

    def put(self, data: LogData) -> None:
        """Insert bytes at their offset; bytes beyond the end of the log are ignored."""
        place = slice(data.offset, data.offset + len(data.data))
        if place.stop <= len(self._content):
            self._content[place] = np.frombuffer(data.data, np.uint8)
            self._missing[place] = False


class ManagementConnection:
    """A connection for device information, logs and stopping; created by `open_management`."""

    def __init__(self, connection: Connection, driver: DeviceDriver, timeouts: Timeouts) -> None:
        self._connection = connection
        self._driver = driver
        self._timeouts = timeouts
        self._channel = CommandChannel(connection, driver, self._take, timeouts.reply_s)
        self._log_data: list[LogData] = []

    async def info(self) -> SensorInfo:
        """Read everything that the sensor reports about itself.

        Raises:
            SensorError: the sensor does not answer, or the connection is lost.
        """
        battery = await self._channel.battery_percent()
        maker, model, firmware = [await self._text(uuid) for uuid in (MAKER, MODEL, FIRMWARE)]
        capabilities = status = logs = None
        uuid = self._driver.capabilities_characteristic
        if uuid is not None and self._connection.has(uuid):
            capabilities = decode_capabilities(await self._connection.read(uuid))
        if self._driver.reports_run:
            status = (await self._channel.request(Op.STATUS)).payload
        if self._driver.can_log:
            logs = (await self._channel.request(Op.LOG_LIST)).payload
        return SensorInfo(
            self._connection.mtu,
            battery,
            maker,
            model,
            (capabilities.firmware if capabilities else "") or firmware,
            capabilities,
            status if isinstance(status, StatusReport) else None,
            logs.logs if isinstance(logs, LogList) else (),
        )

    async def battery_percent(self) -> int | None:
        """Read the battery level; None where that is not possible."""
        return await self._channel.battery_percent()

    async def read_log(self, part: PartialLog, progress: Callable[[float], None] | None = None) -> None:
        """Download the missing bytes of a log; bytes lost in transmission are requested again.

        Args:
            part: is filled.
            progress: called with the downloaded fraction.

        Raises:
            SensorError: the sensor is recording or no longer has the log, or the connection is lost; `part`
                keeps the bytes received so far.
        """
        tries = 0
        while part.n_missing:
            first, stop = part.first_missing()
            before = part.n_missing
            answer = await self._channel.request(
                Op.LOG_READ, part.log.log_id, first, min(stop - first, MAX_READ_BYTES)
            )
            if isinstance(answer.payload, LogReading):
                await self._take_log(first + answer.payload.length, part)
            elif answer.status == Status.BUSY:  # it still sends a part whose answer was lost
                await self._take(self._timeouts.drain_s)
            else:
                raise self._refused(answer)
            tries = tries + 1 if part.n_missing == before else 0
            if self._connection.notifications.is_closed or tries >= LOG_TRIES:
                raise IncompleteLogError(
                    f"{self._connection.label} does not send all of its log {part.log.log_id}; "
                    "bring it closer."
                )
            if progress is not None:
                progress(part.share)

    async def stop(self) -> None:
        """Stop the sensor's measurement, also one that another program started.

        Raises:
            SensorError: the sensor refuses, or the connection is lost.
        """
        if not self._driver.reports_run:
            for command in self._driver.stop_commands():
                await self._channel.send(command)
            return
        answer = await self._channel.request(Op.STOP)
        if answer.status not in (Status.OK, Status.NOT_RUNNING):
            raise self._refused(answer)

    async def erase_log(self, log: LogEntry) -> None:
        """Delete a log from the sensor.

        Raises:
            SensorError: the sensor is recording or does not have the log, or the connection is lost.
        """
        answer = await self._channel.request(Op.LOG_ERASE, log.log_id)
        if answer.status != Status.OK:
            raise self._refused(answer)

    async def _take_log(self, end: int, part: PartialLog) -> None:
        """Take chunks of a log up to the one that ends at `end`, or until no more arrive."""
        self._log_data.clear()
        while await self._take(self._timeouts.drain_s) is not None or self._log_data:
            for chunk in self._log_data:
                part.put(chunk)
            came = any(chunk.offset + len(chunk.data) >= end for chunk in self._log_data)
            self._log_data.clear()
            if came:
                return

    async def _take(self, timeout_s: float) -> Notification | None:
        taken = await self._connection.notifications.get(timeout_s)
        if taken is not None and taken.characteristic == self._driver.data_characteristic:
            frame = decode_frame(taken.data)
            if isinstance(frame, LogData):
                self._log_data.append(frame)
        return taken

    def _refused(self, answer: Response) -> SensorError:
        if answer.status == Status.RUNNING:
            label = self._connection.label
            return SensorError(f"{label} is recording; stop it first: imurun sensor {label} --stop")
        if answer.status == Status.OUT_OF_RANGE:
            return SensorError(f"{self._connection.label} no longer has this log; list its logs again.")
        return SensorError(
            f"{self._connection.label} refused (status {answer.status}); switch it off and on again."
        )

    async def _text(self, uuid: str) -> str | None:
        """Read a text characteristic, without unprintable characters; None where it is missing or empty."""
        if not self._connection.has(uuid):
            return None
        with suppress(SensorError):
            words = (await self._connection.read(uuid)).decode("utf-8", errors="replace")
            return clean_name(words).strip() or None
        return None


@asynccontextmanager
async def open_management(
    sensor: DiscoveredSensor, timeouts: Timeouts | None = None
) -> AsyncIterator[ManagementConnection]:
    """Connect to a sensor for its information and logs; disconnect on exit.

    Raises:
        WrongSensorError: the kind of sensor is unknown, or it lacks characteristics that its driver needs.
        SensorNotFoundError: the sensor does not answer.
        SensorError: another process uses the sensor, or the connection failed otherwise.
    """
    timeouts, driver = timeouts or Timeouts(), sensor.known_driver
    with lock_sensor(sensor.address, sensor.label):
        async with open_connection(
            sensor, driver, time.monotonic, limit=QUEUE_LIMIT, connect_s=timeouts.connect_s
        ) as connection:
            yield ManagementConnection(connection, driver, timeouts)


async def battery_of(sensor: DiscoveredSensor, timeouts: Timeouts) -> int | None:
    """Battery level of a sensor in range; None where it cannot be read or the sensor cannot be reached."""
    try:
        async with (
            asyncio.timeout(timeouts.connect_s + timeouts.reply_s),
            open_management(sensor, timeouts) as management,
        ):
            return await management.battery_percent()
    except (SensorError, TimeoutError):
        return None


async def download_log(
    sensor: DiscoveredSensor,
    log: LogEntry,
    progress: Callable[[float], None] | None = None,
    timeouts: Timeouts | None = None,
) -> bytes:
    """Download a log, reconnecting as long as connections bring new bytes.

    Args:
        sensor: a result of `scan` or `find`.
        log: an entry of `SensorInfo.logs`.
        progress: called with the downloaded fraction.
        timeouts: timeouts.

    Raises:
        SensorError: the sensor is recording or no longer has the log, or it sends no more of it.
    """
    part = PartialLog(log)
    fruitless = 0
    while part.n_missing:
        before = part.n_missing
        try:
            async with open_management(sensor, timeouts) as management:
                await management.read_log(part, progress)
        except (IncompleteLogError, ConnectionLostError, NoReplyError, SensorNotFoundError):
            fruitless = fruitless + 1 if part.n_missing == before else 0
            if fruitless >= CONNECTION_TRIES:
                raise
    return part.content
