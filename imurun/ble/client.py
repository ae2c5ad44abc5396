"""Streams samples from one sensor and reconnects as needed.

One task takes notifications from the link's inbox, one after the other: journal, decoder, `Aligner`, output.
Commands, replies, samples asked for again and the charge go through the same task: nothing happens at once.

Whether a link is alive is told by its data alone: without any for about a second it is given up, for the
system's own word may come late or never. Then the client disconnects, waits, and connects again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from random import Random
from typing import Any, TypeAlias

from imurun.ble.backfill import Backfill
from imurun.ble.connection import Link, LinkLostError, open_link
from imurun.ble.control import LogState, Op, Status, StatusReport, Stopped, TimeSync, decode_capabilities
from imurun.ble.decoding import Assembly, Settings, offering
from imurun.ble.devices import Profile
from imurun.ble.devices.imurun import INFO, ImurunProfile
from imurun.ble.event_detection import GapWatch, SignalWatch
from imurun.ble.events import Battery, Connected, Dropped, Event, Lost, NotLogged, NotStopped
from imurun.ble.journal import END, GIVE_UP, Notification, Sink
from imurun.ble.lock import claim
from imurun.ble.requests import Dialogue, NoReplyError
from imurun.ble.scan import Found, find
from imurun.ble.timeouts import Waits
from imurun.errors import AdapterError, RecordingError, SensorError, WrongSensorError
from imurun.model.sample_block import SampleBlock
from imurun.reassembly.chunks import Flag

FACTOR = 2.0


class Backoff:
    """Waits that double up to a limit, each shortened at random by up to a half, so that several sensors that
    went at once are not all tried at once.

    Args:
        first_s: the first wait before it is shortened.
        longest_s: the limit.
        random: where chance comes from.
    """

    def __init__(self, first_s: float, longest_s: float, random: Random) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._random = random
        self._wait_s = first_s

    def reset(self) -> None:
        """It worked."""
        self._wait_s = self._first_s

    def next_s(self) -> float:
        """The next wait."""
        wait_s = min(self._wait_s, self._longest_s)
        self._wait_s = wait_s * FACTOR
        return wait_s * self._random.uniform(0.5, 1.0)


Item: TypeAlias = SampleBlock | Event

SILENT_SAMPLES = 150
"""Slow sensors put as many samples into a packet, so silence is not told before."""
INBOX_LIMIT = 8192
OUTPUT_LIMIT = 1024
STOP_TRIES = 2


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
        keep_log: let the sensor write its own log as well, where it has storage and room.
        journal: is given every notification before it is decoded; the caller closes it.
        waits: see `Waits`.
        random: for waits before a retry.
        clock: the host's monotonic clock, s.
        utc_us: Unix time, us; the sensor's log is dated with it.

    Attributes:
        assembly: counts of decoder and aligner, clock and rate.
        is_logged: whether the sensor writes its own log of this run.

    Raises:
        WrongSensorError: the sensor's profile is unknown.
        SettingsError: the sensor does not have these settings.
        SensorError: on entering, another process uses it.
        While iterating also AdapterError, SensorNotFoundError and SensorError where the first connection
        fails, and RecordingError where the journal cannot be written.
    """

    def __init__(
        self,
        sensor: Found,
        settings: Settings,
        *,
        keep_log: bool = False,
        journal: Sink | None = None,
        waits: Waits | None = None,
        random: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        utc_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._sensor = sensor
        self._profile: Profile = sensor.known_profile
        if keep_log and isinstance(self._profile, ImurunProfile):
            self._profile = replace(self._profile, keeps_log=True)
        self._settings = settings
        self._journal = journal
        self._waits = waits or Waits()
        self._clock = clock
        self._utc_us = utc_us
        self._backoff = Backoff(self._waits.retry_s, self._waits.longest_retry_s, random or Random())
        self._silence_s = max(self._waits.silence_s, SILENT_SAMPLES / settings.rate_hz)
        self._stop = asyncio.Event()
        self._claim = ExitStack()
        self._is_given_up = self._is_over = self._has_storage = False
        self._out: asyncio.Queue[Item | None] = asyncio.Queue(OUTPUT_LIMIT)
        self._error: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        self._link: Link | None = None
        self._links = 0
        self._n_dropped = self._n_dropped_told = 0
        self._run: tuple[int, int] | None = None
        self._backfill = Backfill()
        self._gaps = GapWatch()
        self._signal = SignalWatch(settings, has_flags=self._profile.has_index)
        self.is_logged = False
        self.assembly = Assembly(self._profile_for(settings), settings)

    @property
    def n_dropped(self) -> int:
        """Notifications for which there was no room because the items were not taken."""
        return self._n_dropped + (self._link.inbox.n_dropped if self._link else 0)

    async def __aenter__(self) -> SensorClient:
        self._claim.enter_context(claim(self._sensor.address, self._sensor.label))
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        with self._claim:
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
        """Stop the sensor; the items that are still to come end the iteration.

        While the link is lost it is tried once more, so that the sensor does not go on measuring.
        """
        self._stop.set()
        if self._link is not None:
            self._link.inbox.wake()
        elif not self._run_began() and self._task is not None:
            self._is_given_up = True
            self._task.cancel()

    # -- links ------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        try:
            await self._stay_connected()
            await self._give_out(self.assembly.aligner.finish())
            await self._tell(*self._gaps.finish(self._clock()))
        except asyncio.CancelledError:
            if not self._is_given_up:
                raise
        except Exception as error:  # raised where the items are taken
            self._error = error
        await self._out.put(None)  # the end

    async def _stay_connected(self) -> None:
        failures, n_wrong, is_told = 0, 0, False
        while not self._stop.is_set() or self._must_be_ended():
            is_last, linked = self._stop.is_set(), False
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
            except SensorError as error:
                failures += 1
                if is_last:
                    break
                # once in a run it may be half of a list of services
                n_wrong = n_wrong + 1 if isinstance(error, WrongSensorError) else 0
                if n_wrong and (not self._run_began() or n_wrong >= self._waits.tries):
                    raise
                if self._run_began():
                    if linked or (isinstance(error, AdapterError) and not is_told):
                        await self._lost(str(error))
                        is_told = isinstance(error, AdapterError)
                elif failures >= self._waits.tries:
                    raise
                if not linked and not self._stop.is_set():
                    await self._look_for_it()
            finally:
                self._n_dropped, self._link = self.n_dropped, None
            if is_last:
                break
            if not self._stop.is_set():
                await self._pause(self._backoff.next_s())
        if self._run is not None and not self._is_over:
            await self._tell(NotStopped(self._clock()))

    def _must_be_ended(self) -> bool:
        """Whether the sensor is in a run that nothing but a command ends, or holds some of it."""
        return self._run is not None and (not self._is_over or bool(self._holes()))

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
        dialogue = Dialogue(link, self._profile, lambda wait_s: self._take(link, wait_s), self._waits.reply_s)
        try:
            await self._go_on(dialogue)
        except RecordingError:
            for write in self._profile.stop_commands():  # whose answers cannot be kept
                with suppress(SensorError):
                    await link.write(write.characteristic, write.data)
            raise

    async def _go_on(self, dialogue: Dialogue) -> None:
        link = dialogue.link
        await self._begin(dialogue)
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
            await self._fetch(dialogue)
            if self._clock() >= battery_due_s:
                battery_due_s = self._clock() + self._waits.battery_s
                await self._look_after(dialogue)
        await self._end(dialogue)

    async def _begin(self, dialogue: Dialogue) -> None:
        link = dialogue.link
        if isinstance(self._profile, ImurunProfile):
            if self._run is None and link.has(INFO):
                capabilities = decode_capabilities(await link.read(INFO))
                if capabilities is not None:
                    self._has_storage = capabilities.log_bytes > 0
                    self._profile.with_capabilities(capabilities).check(*self._settings)
            if self._run is not None:
                if await self._running(dialogue) == self._run:
                    return  # ring and samples go on; what is missing is fetched
                if self._stop.is_set():
                    self._is_over = True
                    return
            await self._tell_the_time(dialogue)
        profile = self._profile_for(self._settings)
        for write in profile.start_commands(*self._settings):
            await dialogue.command(write)
        if isinstance(self._profile, ImurunProfile):
            self._run = await self._running(dialogue)
            if self._profile.keeps_log and self._has_storage and not self.is_logged:
                await self._tell(NotLogged(self._clock()))

    async def _tell_the_time(self, dialogue: Dialogue) -> None:
        """Unix time to the sensor, which dates its log with it."""
        utc_us = self._utc_us()
        answer = (await dialogue.request(Op.TIME_SYNC, utc_us)).payload
        if isinstance(answer, TimeSync):
            self._note(kind="time sync", utc_us=utc_us, **answer._asdict())

    async def _end(self, dialogue: Dialogue) -> None:
        """Stop the sensor, and take what it still sends or holds."""
        next_index = None
        if isinstance(self._profile, ImurunProfile):
            next_index = await self._stop_run(dialogue)
            if not self._is_over:
                return
        else:
            commands = self._profile.stop_commands()
            for write in commands:
                await dialogue.command(write)
            if not commands:
                return  # it sends as long as somebody listens
        deadline_s = self._clock() + self._waits.longest_drain_s
        while self._holes() or self._clock() < deadline_s:
            taken = await self._take(dialogue.link, self._waits.drain_s)
            if taken is None and next_index is not None:
                self._note(kind=END, next_index=next_index)
                self.assembly.aligner.expect(next_index)
                next_index = None
            if taken is None and not self._holes():
                return
            if taken is None and dialogue.link.inbox.is_closed:
                raise self._gone()
            await self._fetch(dialogue)

    async def _stop_run(self, dialogue: Dialogue) -> int | None:
        """Stop, again where an answer was lost; returns the number after the last sample, if it is told."""
        if self._is_over:
            return None
        for _ in range(STOP_TRIES):
            with suppress(NoReplyError):
                answer = await dialogue.request(Op.STOP)
                if answer.status in (Status.OK, Status.NOT_RUNNING):
                    self._is_over = True
                    return answer.payload.next_index if isinstance(answer.payload, Stopped) else None
        return None

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
                raise self._gone()
            return None
        if self._journal is not None:
            self._journal.notification(taken.arrival_s, taken.characteristic, taken.data)
        blocks = self.assembly.take(taken.characteristic, taken.data, taken.arrival_s)
        for chunk in self.assembly.pieces:
            if chunk.flags & Flag.BACKFILLED and chunk.index is not None:
                self._backfill.came(chunk.index + len(chunk))
        await self._give_out(blocks)
        if self.n_dropped > self._n_dropped_told:
            await self._tell(Dropped(self._clock(), self.n_dropped - self._n_dropped_told))
            self._n_dropped_told = self.n_dropped
        await self._tell(*self._signal.look(self.assembly.pieces, self.assembly.aligner))
        return taken

    def _gone(self) -> LinkLostError:
        return LinkLostError(f"The link to {self._sensor.label} is gone; bring the sensor closer.")

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

    async def _running(self, dialogue: Dialogue) -> tuple[int, int] | None:
        """Boot and run that the sensor is in; None while it does not measure."""
        payload = (await dialogue.request(Op.STATUS)).payload
        if not isinstance(payload, StatusReport) or not payload.running:
            return None
        self.is_logged = payload.log == LogState.WRITING
        return payload.boot_id, payload.run

    def _holes(self) -> list[tuple[int, int]]:
        return self.assembly.aligner.holes() if isinstance(self._profile, ImurunProfile) else []

    async def _fetch(self, dialogue: Dialogue) -> None:
        """Ask for missing samples again, where it is time for that."""
        hole = self._backfill.next(self._holes(), self._clock())
        if hole is None:
            return
        response = await dialogue.request(Op.FETCH, hole[0], hole[1] - hole[0])
        aligner = self.assembly.aligner
        if response.status == Status.OUT_OF_RANGE and aligner.is_end_expected:
            self._note(kind=END, next_index=None)  # the sensor never had what it said
            aligner.expect(None)
            return
        stop = self._backfill.answered(response)
        if stop is not None:
            self._note(kind=GIVE_UP, stop=stop)
            await self._give_out(aligner.give_up(stop))

    async def _look_after(self, dialogue: Dialogue) -> None:
        """Ask for the charge, and for the sensor's own log if it keeps one."""
        if self.is_logged:
            await self._running(dialogue)
            if not self.is_logged:
                await self._tell(NotLogged(self._clock()))
        percent = await dialogue.battery_percent()
        if percent is not None:
            await self._tell(Battery(self._clock(), percent))
