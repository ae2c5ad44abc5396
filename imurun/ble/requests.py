"""Commands and what a sensor replies to them, over one link."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from imurun.ble.connection import Link
from imurun.ble.control import Op, Parts, Request, Response, encode_request
from imurun.ble.devices import Profile, Write
from imurun.ble.journal import Notification
from imurun.errors import SensorError

T = TypeVar("T")
Take = Callable[[float], Awaitable[Notification | None]]

FIRST_REF = 16
"""References below are those of the profiles' own commands."""


class NoReplyError(SensorError):
    """A command that was not answered."""


class Dialogue:
    """Writes, and waits for the reply among the notifications.

    Args:
        link: where to write.
        profile: says what a reply looks like.
        take: gives the next notification, or None where none came within so many seconds; whoever it is
            also uses the samples that come meanwhile.
        reply_s: how long to wait for a reply.
    """

    def __init__(self, link: Link, profile: Profile, take: Take, reply_s: float) -> None:
        self.link = link
        self._profile = profile
        self._take = take
        self._reply_s = reply_s
        self._refs = itertools.cycle(range(FIRST_REF, 256))

    async def ask(self, write: Write, judge: Callable[[bytes], T | None]) -> T:
        """Write, and take notifications until `judge` finds the reply in one.

        Raises:
            NoReplyError: no reply came.
            SensorError: the link is gone.
        """
        await self.link.write(write.characteristic, write.data)
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._reply_s
        while (left_s := deadline_s - loop.time()) > 0:
            taken = await self._take(left_s)
            if taken is not None and taken.characteristic == self._profile.reply_characteristic:
                reply = judge(taken.data)
                if reply is not None:
                    return reply
            if taken is None and self.link.inbox.is_closed:
                break
        raise NoReplyError(f"{self.link.label} did not answer a command; switch it off and on again.")

    async def command(self, write: Write) -> None:
        """Write a command of the profile, and judge its reply.

        Raises:
            SensorError: it was refused or not answered, or the link is gone.
        """
        if not write.replies or self._profile.reply_characteristic is None:
            await self.link.write(write.characteristic, write.data)
            return
        try:
            reply = await self.ask(write, lambda data: self._profile.reply_to(write, data))
        except NoReplyError:
            if write.may_fail:
                return
            raise
        if reply.ok or write.may_fail:
            return
        if write.instead is not None:
            await self.command(write.instead)
            return
        raise SensorError(
            f"{self.link.label} refused a command ({reply.text}); choose other settings, or switch it off "
            "and on again."
        )

    async def request(self, op: Op, *values: int) -> Response:
        """Ask over the control point of imurun's own protocol.

        Raises:
            SensorError: no answer came, or the link is gone.
        """
        request = Request(op, next(self._refs), values)
        parts = Parts()

        def judge(data: bytes) -> Response | None:
            response = parts.feed(data)
            ours = response is not None and (response.op, response.ref) == (request.op, request.ref)
            return response if ours else None

        write = Write(self._profile.control_characteristic, encode_request(request), replies=True)
        return await self.ask(write, judge)

    async def battery_percent(self) -> int | None:
        """The charge; None where the sensor does not tell it, for it is never worth a link."""
        command = self._profile.battery_command()
        uuid = self._profile.battery_characteristic
        with suppress(SensorError):
            if command is not None:
                return await self.ask(command, self._profile.battery_percent)
            if uuid is not None and self.link.has(uuid):
                data = await self.link.read(uuid)
                return data[0] if data and data[0] <= 100 else None
        return None
