"""Streams samples from one sensor and reconnects as needed.

    connect and subscribe <--------------------- delay (grows, with jitter) <--+
          |        |                                       ^                   |
          |        | failed: scan, for the system forgets devices              |
          |        +---------------------------------------+                   |
          v                                                                    |
    run on this connection (`device_run`) --- connection lost: report it ------+
          |
          | `stop`: the sensor was stopped and its last samples have arrived
          v
        done

Each attempt opens a new connection, after the one before was closed: reconnecting without closing duplicates
notifications (bleak 2002). The first connection is tried `Timeouts.tries` times, later ones until `stop`.
`stop` while the connection is lost makes one more attempt, so that the sensor does not keep measuring.

One task does everything in turn: it takes notifications from the queue, journals and decodes them, sends
commands and reads replies. So no two of these overlap.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from random import Random

from imurun.ble.connection import lock_sensor, open_connection
from imurun.ble.decoding import Settings, StreamDecoder, offering
from imurun.ble.device_run import DeviceRun
from imurun.ble.devices import DeviceDriver
from imurun.ble.events import ConnectionLost, NotStopped
from imurun.ble.journal import Sink
from imurun.ble.scan import DiscoveredSensor, find
from imurun.ble.stream_output import Item, StreamOutput
from imurun.ble.timeouts import Timeouts
from imurun.errors import AdapterError, SensorError, WrongSensorError

__all__ = ["Item", "RetryDelay", "SensorClient"]

QUEUE_LIMIT = 8192
"""Notifications that may wait to be decoded."""
OUTPUT_LIMIT = 1024
"""Items that may wait to be taken."""
GROWTH = 2.0
"""Factor between two delays before reconnecting."""


class SensorClient:
    """Samples and events of one sensor; an async context manager and iterator.

        async with SensorClient(await find("imurun-1"), Settings(208, 16, 2000)) as client:
            async for item in client:
                ...

    Items are `SampleBlock`s, each beginning where the one before ended, and events of `imurun.ble.events`.
    After `stop` the iterator ends as soon as the samples that the sensor still held have arrived.

    Args:
        sensor: a result of `scan` or `find` whose device driver is known.
        settings: the requested settings.
        keep_log: have the sensor write its own log as well, where it can.
        journal: receives every notification before it is decoded; the caller closes it.
        timeouts: timeouts.
        random: source of the jitter of delays.
        clock: the host's monotonic clock, s.
        utc_us: Unix time, us; the sensor's log is dated with it.

    Attributes:
        stream_decoder: counts of decoder and reassembler, clock and rate.

    Raises:
        WrongSensorError: the kind of sensor is unknown.
        SettingsError: the sensor does not have these settings.
        SensorError: on entering, another process uses it.
        While iterating also AdapterError, SensorNotFoundError and SensorError where the first connection
        fails, RecordingError where the journal cannot be written, and MissingExtraError without bleak.
    """

    def __init__(
        self,
        sensor: DiscoveredSensor,
        settings: Settings,
        *,
        keep_log: bool = False,
        journal: Sink | None = None,
        timeouts: Timeouts | None = None,
        random: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        utc_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._sensor = sensor
        self._driver: DeviceDriver = sensor.known_driver.with_log() if keep_log else sensor.known_driver
        self._timeouts = timeouts or Timeouts()
        self._clock = clock
        self._retry_delay = RetryDelay(
            self._timeouts.retry_s, self._timeouts.longest_retry_s, random or Random()
        )
        self._stop = asyncio.Event()
        self._lock = ExitStack()
        self._is_cancelled = False
        self._error: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        # a sensor that reports capabilities is asked for them once connected; until then any settings may fit
        reports = self._driver.capabilities_characteristic is not None
        self.stream_decoder = StreamDecoder(
            offering(self._driver, settings) if reports else self._driver, settings
        )
        self._output = StreamOutput(
            self.stream_decoder,
            settings,
            has_flags=self._driver.has_index,
            journal=journal,
            clock=clock,
            limit=OUTPUT_LIMIT,
        )
        self._run = DeviceRun(
            sensor.label,
            self._driver,
            settings,
            self._timeouts,
            self.stream_decoder,
            self._output,
            retry_delay=self._retry_delay,
            stop=self._stop,
            clock=clock,
            utc_us=utc_us,
        )

    @property
    def is_logged(self) -> bool:
        """Whether the sensor writes its own log of this run."""
        return self._run.is_logged

    @property
    def n_dropped(self) -> int:
        """Notifications dropped because the items were not taken fast enough."""
        return self._run.n_dropped

    async def __aenter__(self) -> SensorClient:
        self._lock.enter_context(lock_sensor(self._sensor.address, self._sensor.label))
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        with self._lock:
            if self._task is not None:
                self._task.cancel()
                with suppress(asyncio.CancelledError):
                    await self._task

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        item = await self._output.items.get()
        if item is not None:
            return item
        self._output.items.put_nowait(None)  # so that a further call ends in the same way
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    def stop(self) -> None:
        """Stop the sensor; the iteration ends after the items that are still to come.

        While the connection is lost one more attempt is made, so that the sensor does not keep measuring.
        """
        self._stop.set()
        if self._run.connection is not None:
            self._run.connection.notifications.wake()
        elif not self._run.has_begun and self._task is not None:
            self._is_cancelled = True  # the sensor was never started: nothing to stop
            self._task.cancel()

    async def _work(self) -> None:
        try:
            await self._stay_connected()
            await self._output.finish()
        except asyncio.CancelledError:
            if not self._is_cancelled:
                raise
        except Exception as error:  # raised by __anext__
            self._error = error
        await self._output.items.put(None)  # the end

    async def _stay_connected(self) -> None:
        failures, n_wrong, is_reported = 0, 0, False
        while not self._stop.is_set() or self._run.needs_connection:
            is_last, is_connected = self._stop.is_set(), False
            try:
                async with open_connection(
                    self._sensor,
                    self._driver,
                    self._clock,
                    limit=QUEUE_LIMIT,
                    connect_s=self._timeouts.connect_s,
                ) as connection:
                    is_connected = True
                    await self._run.serve(connection)
            except SensorError as error:
                failures += 1
                if is_last:
                    break
                # a single wrong list of services within a run may be an incomplete one
                n_wrong = n_wrong + 1 if isinstance(error, WrongSensorError) else 0
                if n_wrong and (not self._run.has_begun or n_wrong >= self._timeouts.tries):
                    raise
                if self._run.has_begun:
                    is_adapter = isinstance(error, AdapterError)
                    if is_connected or (is_adapter and not is_reported):
                        await self._report_loss(str(error))
                        is_reported = is_adapter
                elif failures >= self._timeouts.tries:
                    raise
                if not is_connected and not self._stop.is_set():
                    await self._scan()
            finally:
                self._run.detach()
            if is_last:
                break
            if not self._stop.is_set():
                await self._delay(self._retry_delay.next_s())
        if self._run.is_measuring:
            await self._output.report(NotStopped(self._clock()))

    async def _scan(self) -> None:
        """Scan for the sensor: some systems cannot connect to a device that they have not seen for a
        while.
        """
        with suppress(SensorError):
            found = await find(self._sensor.address, self._timeouts.scan_s, driver=self._driver)
            self._sensor = replace(self._sensor, device=found.device)

    async def _delay(self, delay_s: float) -> None:
        """Wait, but not longer than until `stop`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._stop.wait()

    async def _report_loss(self, reason: str) -> None:
        self._output.note(kind="lost", reason=reason)
        await self._output.report(ConnectionLost(self._clock(), reason))


class RetryDelay:
    """Delay that doubles up to a limit.

    Each delay is shortened at random by up to a half, so that several sensors lost at the same time are not
    all retried at the same time.

    Args:
        first_s: the first delay before it is shortened.
        longest_s: the limit.
        random: source of randomness.
    """

    def __init__(self, first_s: float, longest_s: float, random: Random) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._random = random
        self._delay_s = first_s

    def reset(self) -> None:
        """Return to the first delay, after a successful connection."""
        self._delay_s = self._first_s

    def next_s(self) -> float:
        """Delay before the next attempt; the one after it is twice as long."""
        delay_s = min(self._delay_s, self._longest_s)
        self._delay_s = delay_s * GROWTH
        return delay_s * self._random.uniform(0.5, 1.0)
