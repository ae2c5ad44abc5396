"""Where samples come from, live: a sensor, or a recording at any speed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from imurun.ble.client import Item, SensorClient
from imurun.ble.decoding import Settings
from imurun.ble.journal import Sink
from imurun.ble.scan import Found
from imurun.ble.timeouts import Waits
from imurun.errors import SettingsError
from imurun.model.recording import Recording
from imurun.model.sample_block import SampleBlock

TICK_S = 0.05
"""A recording is given out in blocks as long as this, or as the samples of so long are at its speed."""
FASTEST_S = 2.0
"""Longest block of a recording, s of the stream: as fast as the computer can is no speed to schedule."""


class Source(Protocol):
    """Blocks and events of one sensor; an async context manager and iterator.

    Attributes:
        name: for the faces.
        has_gyro: whether blocks have angular rates.
        acc_range_g: full scale, where known.
    """

    name: str
    has_gyro: bool
    acc_range_g: float | None

    @property
    def rate_hz(self) -> float | None:
        """Samples a second; None while it is not known well enough to analyse by."""
        ...

    @property
    def best_rate_hz(self) -> float:
        """The best that is known of the rate, well enough or not."""
        ...

    @property
    def filling_s(self) -> float:
        """Samples that are missing and may still come, s."""
        ...

    async def __aenter__(self) -> Source: ...

    async def __aexit__(self, *_: object) -> None: ...

    def __aiter__(self) -> AsyncIterator[Item]: ...

    async def __anext__(self) -> Item: ...

    def stop(self) -> None:
        """End the stream in good order."""
        ...


class SensorSource:
    """A sensor over Bluetooth.

    Its rate is its own: known well enough once the device clock has told it for `LEARN_S`.

    Args:
        found: the sensor.
        settings: what to ask it for.
        journal: is given every notification.

    Raises:
        WrongSensorError, SettingsError: as `SensorClient`.
    """

    LEARN_S = 12.0

    def __init__(
        self,
        found: Found,
        settings: Settings,
        *,
        journal: Sink | None = None,
        keep_log: bool = False,
        waits: Waits | None = None,
    ) -> None:
        self.name = found.label
        self.has_gyro = True
        self.acc_range_g: float | None = settings.acc_range_g
        self._n_samples = 0
        clock = asyncio.get_running_loop().time
        self._client = SensorClient(
            found, settings, journal=journal, keep_log=keep_log, waits=waits, clock=clock
        )

    @property
    def rate_hz(self) -> float | None:
        """See `Source`."""
        return self.best_rate_hz if self._n_samples > self.LEARN_S * self.best_rate_hz else None

    @property
    def best_rate_hz(self) -> float:
        """See `Source`."""
        return self._client.assembly.aligner.rate_hz

    @property
    def filling_s(self) -> float:
        """See `Source`."""
        missing = sum(stop - first for first, stop in self._client.assembly.aligner.holes())
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
    """A recording as if it happened now.

    Args:
        recording: whose samples come.
        speed: how much faster than they were measured; infinite for as fast as can be.
        name: for the faces; the recording's source if left out.

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
