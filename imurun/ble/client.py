"""A sensor's samples, over as many links as it takes.

One task takes notifications from the link's inbox, one after the other: journal, decoder, `Aligner`, output.
Commands, replies, samples asked for again and the charge go through the same task: nothing happens at once.

Whether a link is alive is told by its data alone: without any for about a second it is given up, for the
system's own word may come late or never. Then the client disconnects, waits, and connects again.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from typing import Any, TypeAlias, TypeVar

from imurun.ble.assembly import Assembly, Settings, offering
from imurun.ble.backfill import Backfill
from imurun.ble.backoff import Backoff
from imurun.ble.control import (
    Op,
    Parts,
    Request,
    Response,
    StatusReport,
    decode_capabilities,
    encode_request,
)
from imurun.ble.events import Battery, Connected, Event, Lost
from imurun.ble.journal import JournalWriter, Notification
from imurun.ble.link import Link, LinkLostError, open_link
from imurun.ble.profiles import Profile, Write
from imurun.ble.profiles.imurun import INFO, ImurunProfile
from imurun.ble.replay import GIVE_UP
from imurun.ble.scan import Found, find
from imurun.ble.watch import GapWatch, SignalWatch
from imurun.blocks import SampleBlock
from imurun.errors import SensorError, WrongSensorError

Item: TypeAlias = SampleBlock | Event
T = TypeVar("T")

SILENT_SAMPLES = 150
"""Slow sensors put as many samples into a packet, so silence is not told before."""
INBOX_LIMIT = 8192
OUTPUT_LIMIT = 1024


@dataclass(frozen=True)
class Waits:
    """How long for what, seconds.

    Attributes:
        silence_s: without data for so long, the link is taken as gone.
        first_data_s: the same before the first data of a link.
        reply_s: for the reply to a command.
        connect_s: for a connection.
        scan_s: for a sensor that the system has forgotten.
        retry_s, longest_retry_s: the first wait before connecting again, and the limit to its growth.
        battery_s: between readings of the charge.
        drain_s, longest_drain_s: for the next of the last samples after a stop, and for all of them where
            none are asked for again.
        tries: how often the first connection is tried; later ones are tried until `stop`.
    """

    silence_s: float = 1.0
    first_data_s: float = 5.0
    reply_s: float = 3.0
    connect_s: float = 10.0
    scan_s: float = 10.0
    retry_s: float = 0.5
    longest_retry_s: float = 15.0
    battery_s: float = 60.0
    drain_s: float = 0.3
    longest_drain_s: float = 3.0
    tries: int = 3


class NoReplyError(SensorError):
    """A command that was not answered."""


class SensorClient:
    """Samples and events of one sensor; an async context manager and iterator.

        async with SensorClient(await find("imurun-1"), Settings(208, 16, 2000)) as client:
            async for item in client:
                ...

    Items are `SampleBlock`s, each where the one before ended, and events of `imurun.ble.events`. The iterator
    ends after `stop`, when what the sensor still held has come.

    Args:
        sensor: what `scan` or `find` gave; its profile must be known.
        settings: what to ask the sensor for.
        journal: is given every notification before it is decoded; the caller closes it.
        waits: see `Waits`.
        random: for waits before a retry.
        clock: the host's monotonic clock, s.

    Attributes:
        assembly: counts of decoder and aligner, clock and rate.

    Raises:
        WrongSensorError: the sensor's profile is unknown.
        SettingsError: the sensor does not have these settings.
        While iterating also AdapterError, SensorNotFoundError and SensorError where the first connection
        fails, and RecordingError where the journal cannot be written.
    """

    def __init__(
        self,
        sensor: Found,
        settings: Settings,
        *,
        journal: JournalWriter | None = None,
        waits: Waits | None = None,
        random: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if sensor.profile is None:
            raise WrongSensorError(
                f"{sensor.label} is no sensor that imurun knows; choose another, or say which profile it has."
            )
        self._sensor = sensor
        self._profile: Profile = sensor.profile
        self._settings = settings
        self._journal = journal
        self._waits = waits or Waits()
        self._clock = clock
        self._backoff = Backoff(self._waits.retry_s, self._waits.longest_retry_s, random or Random())
        self._silence_s = max(self._waits.silence_s, SILENT_SAMPLES / settings.rate_hz)
        self._stop = asyncio.Event()
        self._out: asyncio.Queue[Item | None] = asyncio.Queue(OUTPUT_LIMIT)
        self._error: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        self._link: Link | None = None
        self._links = 0
        self._n_dropped = 0
        self._run: tuple[int, int] | None = None
        self._refs = itertools.cycle(range(16, 256))  # those below are of the profile's commands
        self._backfill = Backfill()
        self._gaps = GapWatch()
        self._signal = SignalWatch(settings, has_flags=self._profile.has_index)
        self.assembly = Assembly(self._profile_for(settings), settings)

    @property
    def n_dropped(self) -> int:
        """Notifications for which there was no room because the items were not taken."""
        return self._n_dropped + (self._link.inbox.n_dropped if self._link else 0)

    async def __aenter__(self) -> SensorClient:
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        item = await self._out.get()
        if item is not None:
            return item
        self._out.put_nowait(None)  # whoever asks again gets the same answer
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    def stop(self) -> None:
        """Stop the sensor; the items that are still to come end the iteration."""
        self._stop.set()
        if self._link is not None:
            self._link.inbox.wake()

    # -- links ------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        try:
            await self._stay_connected()
            await self._give_out(self.assembly.aligner.finish())
            await self._tell(*self._gaps.finish(self._clock()))
        except Exception as error:  # raised where the items are taken
            self._error = error
        await self._out.put(None)  # the end

    async def _stay_connected(self) -> None:
        failures = 0
        while not self._stop.is_set():
            linked = False
            try:
                async with open_link(
                    self._sensor,
                    self._profile,
                    self._clock,
                    limit=INBOX_LIMIT,
                    connect_s=self._waits.connect_s,
                ) as link:
                    linked = True
                    await self._use(link)
            except WrongSensorError:
                raise
            except SensorError as error:
                failures += 1
                if self._run_began():
                    if linked:
                        await self._lost(str(error))
                elif failures >= self._waits.tries:
                    raise
                if not linked:
                    await self._look_for_it()
            finally:
                self._n_dropped, self._link = self.n_dropped, None
            if not self._stop.is_set():
                await self._pause(self._backoff.next_s())

    async def _look_for_it(self) -> None:
        """Scan, for the system forgets devices that it has not seen for a while."""
        with suppress(SensorError):
            found = await find(self._sensor.address, self._waits.scan_s, profile=self._profile)
            self._sensor = replace(self._sensor, device=found.device)

    async def _pause(self, wait_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._stop.wait()

    def _run_began(self) -> bool:
        return self._links > 0

    async def _lost(self, reason: str) -> None:
        self._note(kind="lost", reason=reason)
        await self._tell(Lost(self._clock(), reason))

    async def _use(self, link: Link) -> None:
        """Start the sensor or go on with it, until the link is lost or `stop`."""
        self._link = link
        self._backfill.reset()
        await self._begin(link)
        self._links += 1
        self._note(kind="connected", mtu=link.mtu)
        await self._tell(Connected(self._clock(), link.mtu, self._links))
        battery_due_s = self._clock()
        slice_s = self._silence_s / 2
        silent_s, allowed_s = 0.0, self._waits.first_data_s
        while not self._stop.is_set():
            taken = await self._take(link, slice_s)
            if taken is None:
                # counted in slices: a host that stood still must get the chance to see what came meanwhile
                silent_s += slice_s
            elif taken.characteristic == self._profile.data_characteristic:
                silent_s, allowed_s = 0.0, self._silence_s
                self._backoff.reset()
            if silent_s >= allowed_s and not self._stop.is_set():
                raise LinkLostError(
                    f"{self._sensor.label} sent nothing for {allowed_s:.1f} s; bring it closer."
                )
            await self._fetch(link)
            if self._clock() >= battery_due_s:
                battery_due_s = self._clock() + self._waits.battery_s
                await self._read_battery(link)
        await self._end(link)

    async def _begin(self, link: Link) -> None:
        if isinstance(self._profile, ImurunProfile):
            if self._run is None and link.has(INFO):
                capabilities = decode_capabilities(await link.read(INFO))
                if capabilities is not None:
                    self._profile.with_capabilities(capabilities).check(*self._settings)
            if self._run is not None and await self._running(link) == self._run:
                return  # ring and samples go on; what is missing is fetched
        profile = self._profile_for(self._settings)
        for write in profile.start_commands(*self._settings):
            await self._command(link, write)
        if isinstance(self._profile, ImurunProfile):
            self._run = await self._running(link)

    async def _end(self, link: Link) -> None:
        """Stop the sensor, and take what it still sends or holds."""
        commands = self._profile.stop_commands()
        for write in commands:
            await self._command(link, write)
        if not commands:
            return  # it sends as long as somebody listens
        deadline_s = self._clock() + self._waits.longest_drain_s
        while self._holes() or self._clock() < deadline_s:
            taken = await self._take(link, self._waits.drain_s)
            if taken is None and (link.inbox.is_closed or not self._holes()):
                return
            await self._fetch(link)

    def _profile_for(self, settings: Settings) -> Profile:
        """The profile; a sensor with imurun's own protocol says itself what it offers."""
        if isinstance(self._profile, ImurunProfile):
            return offering(self._profile, settings)
        return self._profile

    # -- notifications ----------------------------------------------------------------------------------

    async def _take(self, link: Link, timeout_s: float) -> Notification | None:
        """The next notification, its samples given out; None where none came."""
        taken = await link.inbox.get(timeout_s)
        if taken is None:
            if link.inbox.is_closed and not self._stop.is_set():
                raise LinkLostError(f"The link to {self._sensor.label} is gone; bring the sensor closer.")
            return None
        if self._journal is not None:
            self._journal.notification(taken.arrival_s, taken.characteristic, taken.data)
        blocks = self.assembly.take(taken.characteristic, taken.data, taken.arrival_s)
        await self._give_out(blocks)
        await self._tell(*self._signal.look(self.assembly.pieces, self.assembly.aligner))
        return taken

    async def _give_out(self, blocks: list[SampleBlock]) -> None:
        for block in blocks:
            await self._out.put(block)
        aligner = self.assembly.aligner
        self._gaps.holes([(aligner.place_of(a), aligner.place_of(b)) for a, b in aligner.holes()])
        await self._tell(*self._gaps.blocks(blocks, self._clock()))

    async def _tell(self, *events: Event) -> None:
        for event in events:
            await self._out.put(event)

    def _note(self, **what: Any) -> None:
        if self._journal is not None:
            self._journal.event(self._clock(), what)

    # -- questions --------------------------------------------------------------------------------------

    async def _ask(self, link: Link, write: Write, judge: Callable[[bytes], T | None]) -> T:
        """Write, and take notifications until `judge` finds the reply in one.

        Raises:
            SensorError: no reply came, or the link is gone.
        """
        await link.write(write.characteristic, write.data)
        deadline_s = asyncio.get_running_loop().time() + self._waits.reply_s
        while (left_s := deadline_s - asyncio.get_running_loop().time()) > 0:
            taken = await self._take(link, left_s)
            if taken is not None and taken.characteristic == self._profile.reply_characteristic:
                reply = judge(taken.data)
                if reply is not None:
                    return reply
            if taken is None and link.inbox.is_closed:
                break
        raise NoReplyError(f"{self._sensor.label} did not answer a command; switch it off and on again.")

    async def _command(self, link: Link, write: Write) -> None:
        """Write a command of the profile, and judge its reply."""
        if not write.replies or self._profile.reply_characteristic is None:
            await link.write(write.characteristic, write.data)
            return
        try:
            reply = await self._ask(link, write, lambda data: self._profile.reply_to(write, data))
        except NoReplyError:
            if write.may_fail:
                return
            raise
        if reply.ok or write.may_fail:
            return
        if write.instead is not None:
            await self._command(link, write.instead)
            return
        raise SensorError(
            f"{self._sensor.label} refused a command ({reply.text}); choose other settings, or switch it off "
            "and on again."
        )

    async def _request(self, link: Link, op: Op, *values: int) -> Response:
        """Ask over the control point of imurun's own protocol."""
        request = Request(op, next(self._refs), values)
        parts = Parts()

        def judge(data: bytes) -> Response | None:
            response = parts.feed(data)
            ours = response is not None and (response.op, response.ref) == (request.op, request.ref)
            return response if ours else None

        write = Write(self._profile.control_characteristic, encode_request(request), replies=True)
        return await self._ask(link, write, judge)

    async def _running(self, link: Link) -> tuple[int, int] | None:
        """Boot and run that the sensor is in; None while it does not measure."""
        payload = (await self._request(link, Op.STATUS)).payload
        if not isinstance(payload, StatusReport) or not payload.running:
            return None
        return payload.boot_id, payload.run

    def _holes(self) -> list[tuple[int, int]]:
        return self.assembly.aligner.holes() if isinstance(self._profile, ImurunProfile) else []

    async def _fetch(self, link: Link) -> None:
        """Ask for missing samples again, where it is time for that."""
        hole = self._backfill.next(self._holes(), self._clock())
        if hole is None:
            return
        response = await self._request(link, Op.FETCH, hole[0], hole[1] - hole[0])
        stop = self._backfill.answered(response)
        if stop is not None:
            self._note(kind=GIVE_UP, stop=stop)
            await self._give_out(self.assembly.aligner.give_up(stop))

    async def _read_battery(self, link: Link) -> None:
        """The charge, where the sensor tells it; it is never worth a link."""
        command = self._profile.battery_command()
        uuid = self._profile.battery_characteristic
        percent: int | None = None
        with suppress(SensorError):
            if command is not None:
                percent = await self._ask(link, command, self._profile.battery_percent)
            elif uuid is not None and link.has(uuid):
                data = await link.read(uuid)
                percent = data[0] if data and data[0] <= 100 else None
        if percent is not None:
            await self._tell(Battery(self._clock(), percent))
