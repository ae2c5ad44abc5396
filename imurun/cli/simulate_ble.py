"""`imurun simulate --ble`: a sensor that does not exist, on a real Bluetooth adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from imurun.cli.simulate import simulated_run
from imurun.errors import SettingsError
from imurun.io import read
from imurun.model.recording import Recording
from imurun.virtual.faults import Faults, parse_faults
from imurun.virtual.feed import Feed
from imurun.virtual.offer import NAME, build_device_side, offer
from imurun.virtual.sensor import VirtualSensor

SENSOR_RATE_HZ = 208.0
NOTIFICATIONS_PER_S = 400.0
"""What a link may carry: at MTU 23 and 208 Hz the sensor needs 221."""


def offer_simulation(
    adapter: str,
    *,
    recording_file: Path | None,
    fault_words: Sequence[str],
    seconds: float | None,
    name: str | None,
    duration_s: float | None,
    speed_m_s: float | None,
    rate_hz: float | None,
    seed: int,
    eventful: bool,
) -> None:
    """Offer the sensor until Ctrl-C, or for `seconds`.

    Raises:
        SettingsError: options that make no sense, no such adapter, or no C compiler.
        AdapterError: the adapter cannot be used, or went away.
        FormatError, RecordingError: the recording cannot be read.
    """
    faults = parse_faults(fault_words)
    if recording_file is None:
        simulation = simulated_run(
            duration_s=duration_s,
            speed_m_s=speed_m_s,
            rate_hz=SENSOR_RATE_HZ if rate_hz is None else rate_hz,
            seed=seed,
            eventful=eventful,
        )
        recording = simulation.recording
    else:
        if eventful or any(value is not None for value in (duration_s, speed_m_s, rate_hz)):
            raise SettingsError("--recording is a run already; leave out what describes a simulated one.")
        recording = read(recording_file)
    offering = _offer(adapter, recording, faults, seed=seed, seconds=seconds, name=name or NAME)
    try:
        asyncio.run(offering)
    except KeyboardInterrupt:
        pass
    print("The sensor is off.", flush=True)


async def _offer(
    adapter: str, recording: Recording, faults: Faults, *, seed: int, seconds: float | None, name: str
) -> None:
    loop = asyncio.get_running_loop()
    sensor = VirtualSensor(
        build_device_side(),
        Feed(recording),
        faults,
        seed=seed,
        notifications_per_s=NOTIFICATIONS_PER_S,
        now_s=loop.time(),
    )
    began_s = loop.time()

    def tell(line: str) -> None:
        print(f"{loop.time() - began_s:8.1f} s  {line}", flush=True)

    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await offer(adapter, sensor, name=name, tell=tell)
    except TimeoutError:
        if not limit.expired():
            raise
    finally:
        done = ", ".join(f"{n} {what}" for what, n in sensor.air.counts.items() if n)
        if done:
            tell(f"notifications: {done}")
        sensor.close()
