"""What a sensor tells about itself, and the logs that it holds; nothing is streamed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import numpy as np

from imurun.ble.codec import LogData, decode_frame
from imurun.ble.connection import Link, LinkLostError, open_link
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
from imurun.ble.devices import Profile
from imurun.ble.devices.driver import uuid16
from imurun.ble.devices.imurun import INFO, ImurunProfile
from imurun.ble.journal import Notification
from imurun.ble.lock import claim
from imurun.ble.requests import Dialogue, NoReplyError
from imurun.ble.scan import Found, printable
from imurun.ble.timeouts import Waits
from imurun.errors import SensorError, SensorNotFoundError
from imurun.model.recording import runs

MAKER, MODEL, FIRMWARE = uuid16(0x2A29), uuid16(0x2A24), uuid16(0x2A26)
"""Characteristics of the standard device information service."""
INBOX_LIMIT = 8192
MOST_BYTES = 0xFFFF
"""A log read asks for no more: the protocol counts them in 16 bits."""
MOST_LOG_BYTES = 1 << 30
"""No sensor has room for more."""
LINK_TRIES = 3
LOG_TRIES = 8
"""A stretch of a log that was asked for so often without gaining a byte is given up."""


class LogCutError(SensorError):
    """A log of which only a part came."""


@dataclass(frozen=True)
class SensorInfo:
    """What a sensor says of itself; None and () where it does not.

    Attributes:
        mtu: bytes of an ATT packet that the link agreed on.
        battery_percent: the charge.
        maker, model, firmware: as the sensor words them.
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


class PartOfLog:
    """What has come of a log.

    Args:
        log: as the sensor lists it.

    Raises:
        SensorError: it says a size that no log has.
    """

    def __init__(self, log: LogEntry) -> None:
        if log.bytes > MOST_LOG_BYTES:
            raise SensorError(f"The sensor says that its log {log.log_id} has {log.bytes} bytes; erase it.")
        self.log = log
        self._content = np.zeros(log.bytes, np.uint8)
        self._missing = np.ones(log.bytes, np.bool_)

    @property
    def n_missing(self) -> int:
        """Bytes that have not come."""
        return int(np.count_nonzero(self._missing))

    @property
    def share(self) -> float:
        """How much has come, 0 to 1."""
        return 1.0 - self.n_missing / max(self.log.bytes, 1)

    @property
    def content(self) -> bytes:
        """The bytes; 0 where they have not come."""
        return self._content.tobytes()

    def first_hole(self) -> tuple[int, int]:
        """The first missing bytes, half-open."""
        return runs(self._missing)[0]

    def put(self, chunk: LogData) -> None:
        """Put bytes where they belong; what lies outside is no part of this log."""
        place = slice(chunk.offset, chunk.offset + len(chunk.data))
        if place.stop <= len(self._content):
            self._content[place] = np.frombuffer(chunk.data, np.uint8)
            self._missing[place] = False


class Inquiry:
    """Questions to one sensor over one link; made by `open_inquiry`."""

    def __init__(self, link: Link, profile: Profile, waits: Waits) -> None:
        self._link = link
        self._profile = profile
        self._waits = waits
        self._dialogue = Dialogue(link, profile, self._take, waits.reply_s)
        self._log_data: list[LogData] = []

    async def info(self) -> SensorInfo:
        """Ask for all that it tells.

        Raises:
            SensorError: it does not answer, or the link is gone.
        """
        battery = await self._dialogue.battery_percent()
        maker, model, firmware = [await self._text(uuid) for uuid in (MAKER, MODEL, FIRMWARE)]
        if not isinstance(self._profile, ImurunProfile):
            return SensorInfo(self._link.mtu, battery, maker, model, firmware)
        capabilities = decode_capabilities(await self._link.read(INFO)) if self._link.has(INFO) else None
        status = (await self._dialogue.request(Op.STATUS)).payload
        logs = (await self._dialogue.request(Op.LOG_LIST)).payload
        return SensorInfo(
            self._link.mtu,
            battery,
            maker,
            model,
            (capabilities.firmware if capabilities else "") or firmware,
            capabilities,
            status if isinstance(status, StatusReport) else None,
            logs.logs if isinstance(logs, LogList) else (),
        )

    async def battery_percent(self) -> int | None:
        """The charge; None where it is not told."""
        return await self._dialogue.battery_percent()

    async def read_log(self, part: PartOfLog, progress: Callable[[float], None] | None = None) -> None:
        """Download what is missing of a log; what is lost on the way is asked for again.

        Args:
            part: is filled.
            progress: called with the share that has come.

        Raises:
            SensorError: it is recording, no longer has the log, or the link is gone; what
                came stays in `part`.
        """
        tries = 0
        while part.n_missing:
            first, stop = part.first_hole()
            before = part.n_missing
            answer = await self._dialogue.request(
                Op.LOG_READ, part.log.log_id, first, min(stop - first, MOST_BYTES)
            )
            if isinstance(answer.payload, LogReading):
                await self._take_log(first + answer.payload.length, part)
            elif answer.status == Status.BUSY:  # with what is under way since an answer was lost
                await self._take(self._waits.drain_s)
            else:
                raise self._refused(answer)
            tries = tries + 1 if part.n_missing == before else 0
            if self._link.inbox.is_closed or tries >= LOG_TRIES:
                raise LogCutError(
                    f"{self._link.label} does not send all of its log {part.log.log_id}; bring it closer."
                )
            if progress is not None:
                progress(part.share)

    async def stop(self) -> None:
        """Let the sensor stop measuring, whoever started it.

        Raises:
            SensorError: it refuses, or the link is gone.
        """
        if not isinstance(self._profile, ImurunProfile):
            for write in self._profile.stop_commands():
                await self._dialogue.command(write)
            return
        answer = await self._dialogue.request(Op.STOP)
        if answer.status not in (Status.OK, Status.NOT_RUNNING):
            raise self._refused(answer)

    async def erase_log(self, log: LogEntry) -> None:
        """Delete a log from the sensor.

        Raises:
            SensorError: it is recording, does not have it, or the link is gone.
        """
        answer = await self._dialogue.request(Op.LOG_ERASE, log.log_id)
        if answer.status != Status.OK:
            raise self._refused(answer)

    async def _take_log(self, end: int, part: PartOfLog) -> None:
        """Take chunks of a log up to the one that ends at `end`, or until none come any more."""
        self._log_data.clear()
        while await self._take(self._waits.drain_s) is not None or self._log_data:
            for chunk in self._log_data:
                part.put(chunk)
            came = any(chunk.offset + len(chunk.data) >= end for chunk in self._log_data)
            self._log_data.clear()
            if came:
                return

    async def _take(self, timeout_s: float) -> Notification | None:
        taken = await self._link.inbox.get(timeout_s)
        if taken is not None and taken.characteristic == self._profile.data_characteristic:
            frame = decode_frame(taken.data)
            if isinstance(frame, LogData):
                self._log_data.append(frame)
        return taken

    def _refused(self, answer: Response) -> SensorError:
        if answer.status == Status.RUNNING:
            return SensorError(
                f"{self._link.label} is recording; stop it first: imurun sensor {self._link.label} --stop"
            )
        if answer.status == Status.OUT_OF_RANGE:
            return SensorError(f"{self._link.label} no longer has this log; list its logs again.")
        return SensorError(
            f"{self._link.label} refused (status {answer.status}); switch it off and on again."
        )

    async def _text(self, uuid: str) -> str | None:
        """A characteristic that holds words, without what cannot be printed."""
        if not self._link.has(uuid):
            return None
        with suppress(SensorError):
            words = (await self._link.read(uuid)).decode("utf-8", errors="replace")
            return printable(words).strip() or None
        return None


@asynccontextmanager
async def open_inquiry(sensor: Found, waits: Waits | None = None) -> AsyncIterator[Inquiry]:
    """Connect to a sensor to ask it; on the way out, disconnect.

    Raises:
        WrongSensorError: its profile is unknown, or it lacks what the profile needs.
        SensorNotFoundError: it does not answer.
        SensorError: another process uses it, or the link failed otherwise.
    """
    waits, profile = waits or Waits(), sensor.known_profile
    with claim(sensor.address, sensor.label):
        async with open_link(
            sensor, profile, time.monotonic, limit=INBOX_LIMIT, connect_s=waits.connect_s
        ) as link:
            yield Inquiry(link, profile, waits)


async def battery_of(sensor: Found, waits: Waits) -> int | None:
    """The charge of a sensor in range; None where it is not told or the sensor cannot be reached."""
    try:
        async with asyncio.timeout(waits.connect_s + waits.reply_s), open_inquiry(sensor, waits) as inquiry:
            return await inquiry.battery_percent()
    except (SensorError, TimeoutError):
        return None


async def download_log(
    sensor: Found,
    log: LogEntry,
    progress: Callable[[float], None] | None = None,
    waits: Waits | None = None,
) -> bytes:
    """A log, over as many links as it takes while each brings some of it.

    Args:
        sensor: as `scan` or `find` gave it.
        log: as `Inquiry.info` lists it.
        progress: called with the share that has come.
        waits: see `Waits`.

    Raises:
        SensorError: it is recording, no longer has the log, or nothing comes any more.
    """
    part = PartOfLog(log)
    fruitless = 0
    while part.n_missing:
        before = part.n_missing
        try:
            async with open_inquiry(sensor, waits) as inquiry:
                await inquiry.read_log(part, progress)
        except (LogCutError, LinkLostError, NoReplyError, SensorNotFoundError):
            fruitless = fruitless + 1 if part.n_missing == before else 0
            if fruitless >= LINK_TRIES:
                raise
    return part.content
