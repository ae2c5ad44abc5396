"""Sends commands and requests over one connection, and matches the sensor's replies.

    write command --> take notifications until one is the reply --> reply
                          |
                          +-- no reply within `reply_s`, or connection lost --> NoReplyError

Samples keep arriving while a reply is awaited; `take` processes them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from imurun.ble.connection import Connection
from imurun.ble.control import Op, Parts, Request, Response, encode_request
from imurun.ble.devices import Command, DeviceDriver
from imurun.ble.journal import Notification
from imurun.errors import SensorError

T = TypeVar("T")
Take = Callable[[float], Awaitable[Notification | None]]

FIRST_REF = 16
"""Smaller references are used by the drivers' own commands."""


class NoReplyError(SensorError):
    """The sensor did not reply to a command."""


class CommandChannel:
    """Writes commands to a sensor and waits for the replies among its notifications.

    Args:
        connection: where to write.
        driver: the device driver, which recognises replies.
        take: processes the next notification and returns it, or returns None where none arrives within so
            many seconds.
        reply_s: timeout of a reply.
    """

    def __init__(self, connection: Connection, driver: DeviceDriver, take: Take, reply_s: float) -> None:
        self.connection = connection
        self._driver = driver
        self._take = take
        self._reply_s = reply_s
        self._refs = itertools.cycle(range(FIRST_REF, 256))

    async def exchange(self, command: Command, parse: Callable[[bytes], T | None]) -> T:
        """Write a command, and take notifications until `parse` recognises the reply in one; return the
        reply.

        Raises:
            NoReplyError: no reply arrived.
            SensorError: the connection is lost.
        """
        await self.connection.write(command.characteristic, command.data)
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._reply_s
        while (left_s := deadline_s - loop.time()) > 0:
            taken = await self._take(left_s)
            if taken is not None and taken.characteristic == self._driver.reply_characteristic:
                reply = parse(taken.data)
                if reply is not None:
                    return reply
            if taken is None and self.connection.notifications.is_closed:
                break
        raise NoReplyError(f"{self.connection.label} did not answer a command; switch it off and on again.")

    async def send(self, command: Command) -> None:
        """Send a command of the driver, and check its reply.

        Raises:
            SensorError: the command was refused or not answered, or the connection is lost.
        """
        if not command.replies or self._driver.reply_characteristic is None:
            await self.connection.write(command.characteristic, command.data)
            return
        try:
            reply = await self.exchange(command, lambda data: self._driver.reply_to(command, data))
        except NoReplyError:
            if command.may_fail:
                return
            raise
        if reply.ok or command.may_fail:
            return
        if command.instead is not None:
            await self.send(command.instead)
            return
        raise SensorError(
            f"{self.connection.label} refused a command ({reply.text}); choose other settings, or "
            "switch it off and on again."
        )

    async def request(self, op: Op, *values: int) -> Response:
        """Send a request to the control point of imurun's own protocol, and return the response.

        Raises:
            SensorError: no response arrived, or the connection is lost.
        """
        request = Request(op, next(self._refs), values)
        parts = Parts()

        def parse(data: bytes) -> Response | None:
            response = parts.feed(data)
            ours = response is not None and (response.op, response.ref) == (request.op, request.ref)
            return response if ours else None

        command = Command(self._driver.control_characteristic, encode_request(request), replies=True)
        return await self.exchange(command, parse)

    async def battery_percent(self) -> int | None:
        """Read the battery level; None where that is not possible: a failed read must not drop the
        connection.
        """
        command = self._driver.battery_command()
        uuid = self._driver.battery_characteristic
        with suppress(SensorError):
            if command is not None:
                return await self.exchange(command, self._driver.battery_percent)
            if uuid is not None and self.connection.has(uuid):
                data = await self.connection.read(uuid)
                return data[0] if data and data[0] <= 100 else None
        return None
