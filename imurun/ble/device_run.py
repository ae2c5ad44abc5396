"""Controls a sensor's run over a connection: start or resume, stream, request missing samples, stop, drain.

    connection established
          |
          v
    start or resume --> stream --> stop --> drain --> end of the run
          |               |  ^       |        |
          |     missing samples,     |        |
          |     battery level        |        |
          +---------------+----------+--------+--> error: connection lost; the client reconnects

Data alone shows that a connection is alive: `is_connected` of the system may stay true when it is not, and
its disconnect callback may come late or never. A connection without data for about a second is given up.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from imurun.ble.backfill import Backfill, SampleRange
from imurun.ble.commands import CommandChannel, NoReplyError
from imurun.ble.connection import Connection, ConnectionLostError, lost_connection
from imurun.ble.control import LogState, Op, Status, StatusReport, Stopped, TimeSync, decode_capabilities
from imurun.ble.decoding import Settings, StreamDecoder, offering
from imurun.ble.devices import DeviceDriver
from imurun.ble.events import Battery, Connected, NotLogged
from imurun.ble.journal import END, GIVE_UP, Notification
from imurun.ble.stream_output import StreamOutput
from imurun.ble.timeouts import Timeouts
from imurun.errors import RecordingError, SensorError
from imurun.reassembly.chunks import BACKFILLED

if TYPE_CHECKING:
    from imurun.ble.reconnecting_client import RetryDelay

SILENT_SAMPLES = 150
"""Slow sensors put up to so many samples into a packet, so a shorter silence means nothing."""
STOP_TRIES = 2


class DeviceRun:
    """One run of a sensor, which may span several connections; `serve` handles one connection.

    Args:
        label: name of the sensor for messages.
        driver: its device driver.
        settings: the requested settings.
        timeouts: timeouts.
        stream_decoder: the decoder whose pending ranges are requested again.
        output: receives notifications, events and notes.
        retry_delay: is reset when data arrives.
        stop: set to end the run.
        clock: the host's monotonic clock, s.
        utc_us: Unix time, us.

    Attributes:
        connection: the one in use; None between connections.
        n_connections: how many connections have started or resumed the run.
        is_logged: whether the sensor writes its own log of this run.
    """

    def __init__(
        self,
        label: str,
        driver: DeviceDriver,
        settings: Settings,
        timeouts: Timeouts,
        stream_decoder: StreamDecoder,
        output: StreamOutput,
        *,
        retry_delay: RetryDelay,
        stop: asyncio.Event,
        clock: Callable[[], float],
        utc_us: Callable[[], int],
    ) -> None:
        self.connection: Connection | None = None
        self.n_connections = 0
        self.is_logged = False
        self._label = label
        self._driver = driver
        self._settings = settings
        self._timeouts = timeouts
        self._stream_decoder = stream_decoder
        self._output = output
        self._retry_delay = retry_delay
        self._stop = stop
        self._clock = clock
        self._utc_us = utc_us
        self._silence_s = max(timeouts.silence_s, SILENT_SAMPLES / settings.rate_hz)
        self._backfill = Backfill()
        self._run: tuple[int, int] | None = None  # boot and run number, where the sensor reports them
        self._is_over = self._has_storage = False
        self._n_dropped_before = 0

    @property
    def has_begun(self) -> bool:
        """Whether the sensor was started."""
        return self.n_connections > 0

    @property
    def is_measuring(self) -> bool:
        """Whether the sensor keeps measuring until it is stopped by a command."""
        return self._run is not None and not self._is_over

    @property
    def needs_connection(self) -> bool:
        """Whether a connection is needed even after `stop`: to end the run, or for samples it still holds."""
        return self.is_measuring or (self._run is not None and bool(self._pending()))

    @property
    def n_dropped(self) -> int:
        """Notifications dropped on arrival, over all connections."""
        return self._n_dropped_before + (self.connection.notifications.n_dropped if self.connection else 0)

    def detach(self) -> None:
        """Let go of the connection after it was closed."""
        self._n_dropped_before, self.connection = self.n_dropped, None

    async def serve(self, connection: Connection) -> None:
        """Start or resume the run over this connection; return when it was stopped after `stop` was set.

        Raises:
            SensorError: the connection is lost, or the sensor refused.
            SettingsError: the sensor does not have these settings.
            RecordingError: the journal cannot be written.
        """
        self.connection = connection
        self._backfill.reset()
        channel = CommandChannel(connection, self._driver, self._take, self._timeouts.reply_s)
        try:
            await self._stream(channel)
        except RecordingError:
            # replies cannot be journaled any more, so the stop commands do not wait for them
            for command in self._driver.stop_commands():
                with suppress(SensorError):
                    await connection.write(command.characteristic, command.data)
            raise

    async def _stream(self, channel: CommandChannel) -> None:
        await self._start_or_resume(channel)
        self.n_connections += 1
        mtu = channel.connection.mtu
        self._output.note(kind="connected", mtu=mtu)
        await self._output.report(Connected(self._clock(), mtu, self.n_connections))
        battery_due_s = self._clock()
        slice_s = self._silence_s / 2
        silent_s, allowed_s = 0.0, self._timeouts.first_data_s
        while not self._stop.is_set():
            taken = await self._take(slice_s)
            if taken is None:
                # Silence is counted in slices, not read off the clock: after the host was suspended, the
                # notifications that came meanwhile are taken before silence is judged.
                silent_s += slice_s
            elif taken.characteristic == self._driver.data_characteristic:
                silent_s, allowed_s = 0.0, self._silence_s
                self._retry_delay.reset()
            if silent_s >= allowed_s and not self._stop.is_set():
                raise ConnectionLostError(
                    f"{self._label} sent nothing for {allowed_s:.1f} s; bring it closer."
                )
            await self._request_missing(channel)
            if self._clock() >= battery_due_s:
                battery_due_s = self._clock() + self._timeouts.battery_s
                await self._check_log_and_battery(channel)
        await self._end(channel)

    # -- start and stop -----------------------------------------------------------------------------------

    async def _start_or_resume(self, channel: CommandChannel) -> None:
        driver = self._driver
        if self._run is None:
            await self._check_settings(channel)
        else:
            if await self._read_run(channel) == self._run:
                return  # the run continues on the sensor; samples missed meanwhile are requested again
            if self._stop.is_set():
                self._is_over = True  # the sensor was restarted: nothing is left to stop
                return
        if driver.syncs_time:
            await self._sync_time(channel)
        offered = offering(driver, self._settings) if driver.capabilities_characteristic else driver
        for command in offered.start_commands(*self._settings):
            await channel.send(command)
        if driver.reports_run:
            self._run = await self._read_run(channel)
            if driver.keeps_log and self._has_storage and not self.is_logged:
                await self._output.report(NotLogged(self._clock()))

    async def _check_settings(self, channel: CommandChannel) -> None:
        """Compare the settings with the capabilities that the sensor reports, where it does.

        Raises:
            SettingsError: the sensor does not have these settings.
        """
        uuid = self._driver.capabilities_characteristic
        if uuid is None or not channel.connection.has(uuid):
            return
        capabilities = decode_capabilities(await channel.connection.read(uuid))
        if capabilities is not None:
            self._has_storage = capabilities.log_bytes > 0
            self._driver.with_capabilities(capabilities).check(*self._settings)

    async def _sync_time(self, channel: CommandChannel) -> None:
        """Send Unix time to the sensor, which dates its log with it."""
        utc_us = self._utc_us()
        answer = (await channel.request(Op.TIME_SYNC, utc_us)).payload
        if isinstance(answer, TimeSync):
            self._output.note(kind="time sync", utc_us=utc_us, **answer._asdict())

    async def _end(self, channel: CommandChannel) -> None:
        """Stop the sensor, and receive the samples that it still sends or holds."""
        next_index = None
        if self._driver.reports_run:
            next_index = await self._stop_run(channel)
        else:
            commands = self._driver.stop_commands()
            for command in commands:
                await channel.send(command)
            if not commands:
                return  # this sensor sends until the connection ends
        # a sensor that refuses to stop sends on, and may lose samples for ever: what has come is taken, and
        # what is missing in it is fetched, within the longest time
        refuses = self._driver.reports_run and not self._is_over
        drain_s, longest_s = self._timeouts.drain_s, self._timeouts.longest_drain_s
        began_s = self._clock()
        drained_s = began_s + (drain_s if refuses else longest_s)
        give_up_s = began_s + longest_s if refuses else math.inf
        while self._clock() < drained_s or (self._pending() and self._clock() < give_up_s):
            taken = await self._take(drain_s)
            if taken is None and next_index is not None:
                # only when no more samples arrive: those under way are not missing
                self._output.note(kind=END, next_index=next_index)
                self._stream_decoder.reassembler.expect(next_index)
                next_index = None
            if taken is None and not self._pending():
                return
            if taken is None and channel.connection.notifications.is_closed:
                raise lost_connection(self._label)
            await self._request_missing(channel)

    async def _stop_run(self, channel: CommandChannel) -> int | None:
        """Stop, repeating the request where its answer was lost; return the index after the last sample."""
        if self._is_over:
            return None
        for _ in range(STOP_TRIES):
            with suppress(NoReplyError):
                answer = await channel.request(Op.STOP)
                if answer.status in (Status.OK, Status.NOT_RUNNING):
                    self._is_over = True
                    return answer.payload.next_index if isinstance(answer.payload, Stopped) else None
        return None

    async def _read_run(self, channel: CommandChannel) -> tuple[int, int] | None:
        """Boot and run number that the sensor reports; None while it does not measure."""
        payload = (await channel.request(Op.STATUS)).payload
        if not isinstance(payload, StatusReport) or not payload.running:
            return None
        self.is_logged = payload.log == LogState.WRITING
        return payload.boot_id, payload.run

    # -- while streaming ----------------------------------------------------------------------------------

    async def _take(self, timeout_s: float) -> Notification | None:
        """Process the next notification and return it; None where none came within the timeout.

        Raises:
            ConnectionLostError: the connection is lost, and `stop` is not set.
            RecordingError: the journal cannot be written.
        """
        assert self.connection is not None
        taken = await self.connection.notifications.get(timeout_s)
        if taken is None:
            if self.connection.notifications.is_closed and not self._stop.is_set():
                raise lost_connection(self._label)
            return None
        await self._output.process(taken, self.n_dropped)
        for chunk in self._stream_decoder.chunks:
            if chunk.flags & BACKFILLED and chunk.index is not None:
                self._backfill.received(chunk.index + len(chunk))
        return taken

    def _pending(self) -> list[SampleRange]:
        """Pending ranges that can be requested again."""
        return self._stream_decoder.reassembler.pending_ranges() if self._driver.can_backfill else []

    async def _request_missing(self, channel: CommandChannel) -> None:
        """Request missing samples, where a request is due."""
        wanted = self._backfill.next(self._pending(), self._clock())
        if wanted is None:
            return
        response = await channel.request(Op.FETCH, wanted[0], wanted[1] - wanted[0])
        reassembler = self._stream_decoder.reassembler
        if response.status == Status.OUT_OF_RANGE and reassembler.is_end_expected:
            self._output.note(kind=END, next_index=None)  # the reported end was wrong
            reassembler.expect(None)
            return
        stop = self._backfill.answered(response)
        if stop is not None:
            self._output.note(kind=GIVE_UP, stop=stop)
            await self._output.emit(reassembler.give_up(stop))

    async def _check_log_and_battery(self, channel: CommandChannel) -> None:
        """Read the state of the sensor's own log, if it keeps one, and the battery level."""
        if self.is_logged:
            await self._read_run(channel)
            if not self.is_logged:
                await self._output.report(NotLogged(self._clock()))
        percent = await channel.battery_percent()
        if percent is not None:
            await self._output.report(Battery(self._clock(), percent))
