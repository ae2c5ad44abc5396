"""`imurun record`: a sensor's packets into a journal, and at the end into a Parquet recording."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imurun.cli.options import AccRangeOption, GyrRangeOption, KindOption, SensorArgument, SensorRateOption
from imurun.errors import ImurunError, RecordingError, SettingsError

if TYPE_CHECKING:
    from imurun.ble.decoding import Settings
    from imurun.ble.journal import JournalWriter
    from imurun.ble.reconnecting_client import SensorClient
    from imurun.ble.scan import DiscoveredSensor
    from imurun.cli.choose_sensor import SensorOptions
    from imurun.model.recording import Recording


def record(
    sensor: SensorArgument,
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Recording to write, .parquet; its .journal stays beside it."),
    ],
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", metavar="S", min=0.1, help="Duration; default: until Ctrl-C."),
    ] = None,
    rate: SensorRateOption = None,
    acc_range: AccRangeOption = None,
    gyr_range: GyrRangeOption = None,
    kind: KindOption = None,
    log: Annotated[
        bool, typer.Option("--log/--no-log", help="Have the sensor write its own log too, if it can.")
    ] = True,
) -> None:
    """Record a sensor: its packets go into a journal, at the end the samples into a Parquet file."""
    if seconds is not None and not math.isfinite(seconds):
        raise SettingsError(f"--seconds is {seconds:g}; leave it out to record until Ctrl-C.")
    import asyncio

    from imurun.cli.choose_sensor import SensorOptions
    from imurun.io import read, write_recording
    from imurun.live.recorder import session_files, session_stem

    journal_file, recording_file, _ = session_files(session_stem(out))
    options = SensorOptions(rate, acc_range, gyr_range, kind)
    advice = f"All packets received are in {journal_file}, which `imurun analyze` reads."
    try:
        asyncio.run(_record(sensor, journal_file, seconds=seconds, options=options, keep_log=log))
    except ImurunError as error:
        if journal_file.exists() and str(journal_file) not in str(error):
            raise type(error)(f"{error} {advice}") from error
        raise
    try:
        recording = read(journal_file)
        write_recording(recording, recording_file)
    except SettingsError as error:
        raise RecordingError(f"{error} {advice}") from error
    print(f"{recording_file}: {_describe(recording)}")
    print(f"Packets as received: {journal_file}")


def _describe(recording: Recording) -> str:
    """Length, rate and gaps, in one line."""
    from imurun.terminal_text import clock

    missing_s = sum(stop - first for first, stop in recording.gaps) / recording.rate_hz
    n = len(recording.gaps)
    gaps = f"{n} gap{'s' * (n > 1)}, {missing_s:.1f} s in all" if n else "no gap"
    return f"{clock(recording.duration_s)}, {len(recording)} samples at {recording.rate_hz:.6g} Hz, {gaps}."


async def _record(
    name: str, journal_file: Path, *, seconds: float | None, options: SensorOptions, keep_log: bool
) -> None:
    """Write packets to the journal until Ctrl-C or for so many seconds.

    Raises:
        SettingsError: settings that the sensor does not offer, or an unknown kind.
        SensorError: the sensor cannot be reached or used.
        RecordingError: the journal cannot be written, or no sample came.
    """
    import asyncio

    from imurun.ble.devices import get_driver
    from imurun.ble.reconnecting_client import SensorClient
    from imurun.ble.scan import SCAN_S, find
    from imurun.cli.choose_sensor import settings_for
    from imurun.cli.interrupt import on_interrupt
    from imurun.cli.record_screen import RecordScreen

    driver = get_driver(options.kind) if options.kind is not None else None
    with RecordScreen(f"Looking for {name}") as screen:
        found = await find(name, SCAN_S, driver=driver)
        settings = settings_for(found, options)
        with _journal(journal_file, found, settings) as journal:
            async with SensorClient(found, settings, journal=journal, keep_log=keep_log) as client:
                screen.client = client
                with on_interrupt(client.stop):
                    timer = asyncio.create_task(_stop_after(client, seconds))
                    try:
                        async for item in client:
                            screen.show(item)
                    finally:
                        timer.cancel()
                        with suppress(asyncio.CancelledError):
                            await timer
        if not screen.n_samples:
            n_rejects = client.stream_decoder.decoder.rejects.total()
            raise RecordingError(_why_empty(found, screen.n_connections, n_rejects))


@contextmanager
def _journal(file: Path, found: DiscoveredSensor, settings: Settings) -> Iterator[JournalWriter]:
    """A journal that is deleted at the end if no packet came."""
    from imurun.ble.journal import discard_empty
    from imurun.live.recorder import sensor_journal

    journal = sensor_journal(file, found, settings, time.monotonic())
    try:
        with journal:
            yield journal
    finally:
        discard_empty(file, found.known_driver.data_characteristic)


def _why_empty(found: DiscoveredSensor, n_connections: int, n_rejects: int) -> str:
    if n_rejects:
        return f"{found.label} sent {n_rejects} packets that cannot be decoded; give its kind with --kind."
    if n_connections:
        return f"{found.label} sent no sample before the end; wake it, and record again."
    return f"The recording ended before {found.label} was connected; no file was written."


async def _stop_after(client: SensorClient, seconds: float | None) -> None:
    import asyncio

    if seconds is not None:
        await asyncio.sleep(seconds)
        client.stop()
