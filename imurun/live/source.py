"""Sources of a live run's samples: a Bluetooth sensor, or a recording replayed at any speed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from imurun.ble.decoding import Settings
from imurun.ble.journal import Sink
from imurun.ble.reconnecting_client import Item, SensorClient
from imurun.ble.scan import DiscoveredSensor
from imurun.ble.timeouts import Timeouts
from imurun.errors import SettingsError
from imurun.model.recording import Recording
from imurun.model.sample_block import SampleBlock

TICK_S = 0.05
"""Host time between two blocks of a replayed recording."""
FASTEST_S = 2.0
"""Longest block of a replayed recording, s of the stream, whatever the speed."""


class Source(Protocol):
    """Blocks and events of one sensor; an async context manager and iterator.

    Attributes:
        name: shown by the outputs.
        has_gyro: whether blocks have angular rates.
        acc_range_g: full scale, where known.
    """

    name: str
    has_gyro: bool
    acc_range_g: float | None

    @property
    def rate_hz(self) -> float | None:
        """Samples a second; None while it is not known well enough for the analysis."""
        ...

    @property
    def best_rate_hz(self) -> float:
        """The current estimate of the rate, also while `rate_hz` is None."""
        ...

    @property
    def filling_s(self) -> float:
        """Duration of the missing samples that may still arrive, s."""
        ...

    async def __aenter__(self) -> Source: ...

    async def __aexit__(self, *_: object) -> None: ...

    def __aiter__(self) -> AsyncIterator[Item]: ...

    async def __anext__(self) -> Item: ...

    def stop(self) -> None:
        """End the stream after the current item."""
        ...


class SensorSource:
    """A sensor over Bluetooth.

    A sensor's true rate differs from its nominal rate. It is measured against the device clock, and is known
    well enough after `LEARN_S`.

    Args:
        found: the sensor.
        settings: rate and ranges to set.
        journal: receives every notification.
        keep_log: whether the sensor also writes its own log, where it has storage and room.
        timeouts: timeouts of the connection; None for the defaults.

    Raises:
        WrongSensorError, SettingsError: as `SensorClient`.
    """

    LEARN_S = 12.0

    def __init__(
        self,
        found: DiscoveredSensor,
        settings: Settings,
        *,
        journal: Sink | None = None,
        keep_log: bool = False,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.name = found.label
        self.has_gyro = True
        self.acc_range_g: float | None = settings.acc_range_g
        self._n_samples = 0
        clock = asyncio.get_running_loop().time
        self._client = SensorClient(
            found, settings, journal=journal, keep_log=keep_log, timeouts=timeouts, clock=clock
        )

    @property
    def rate_hz(self) -> float | None:
        """See `Source`."""
        return self.best_rate_hz if self._n_samples > self.LEARN_S * self.best_rate_hz else None

    @property
    def best_rate_hz(self) -> float:
        """See `Source`."""
        return self._client.stream_decoder.reassembler.rate_hz

    @property
    def filling_s(self) -> float:
        """See `Source`."""
        missing = sum(
            stop - first for first, stop in self._client.stream_decoder.reassembler.pending_ranges()
        )
        return missing / self.best_rate_hz

    async def __aenter__(self) -> SensorSource:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._client.__aexit__(*raised)

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        item = await anext(self._client)
        if isinstance(item, SampleBlock):
            self._n_samples = item.next_index
        return item

    def stop(self) -> None:
        """See `Source`."""
        self._client.stop()


class ReplaySource:
    """A recording replayed as a live run.

    Args:
        recording: whose samples are replayed.
        speed: how much faster than they were measured; infinite for no waiting.
        name: shown by the outputs; the recording's source if left out.

    Raises:
        SettingsError: a speed that is not positive.
    """

    def __init__(self, recording: Recording, speed: float = 1.0, name: str = "") -> None:
        if not speed > 0.0:
            raise SettingsError(f"The speed is {speed:g}; it must be positive.")
        self.name = name or recording.source or "recording"
        self.has_gyro = recording.gyr is not None
        self.acc_range_g = recording.acc_range_g
        self.rate_hz: float | None = recording.rate_hz
        self.best_rate_hz = recording.rate_hz
        self.filling_s = 0.0
        self._recording = recording
        self._speed = speed
        self._place = 0
        self._begun_s = 0.0
        self._stop = asyncio.Event()
        block_s = min(TICK_S * speed, FASTEST_S)
        self._n_block = max(1, round(block_s * recording.rate_hz))

    async def __aenter__(self) -> ReplaySource:
        self._begun_s = asyncio.get_running_loop().time()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop()

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        first, stop = self._place, min(self._place + self._n_block, len(self._recording))
        if first >= len(self._recording) or self._stop.is_set():
            raise StopAsyncIteration
        measured_s = self._begun_s + stop / self.best_rate_hz / self._speed
        wait_s = measured_s - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(wait_s, 0.0)):
                await self._stop.wait()
            raise StopAsyncIteration
        except TimeoutError:
            pass
        self._place = stop
        gyr = self._recording.gyr
        rows = slice(first, stop)
        return SampleBlock(first, self._recording.acc[rows], None if gyr is None else gyr[rows], measured_s)

    def stop(self) -> None:
        """See `Source`."""
        self._stop.set()
