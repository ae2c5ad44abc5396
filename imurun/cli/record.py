"""`imurun record`: what a sensor sends to a journal, and at the end to a recording."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imurun.ble.client import SensorClient
from imurun.ble.decoding import Settings
from imurun.ble.devices import get_profile
from imurun.ble.journal import JournalWriter, discard_empty
from imurun.ble.scan import SCAN_S, Found, find
from imurun.cli.choose_sensor import Wanted, settings_for
from imurun.cli.interrupt import on_interrupt
from imurun.cli.record_screen import RecordScreen
from imurun.errors import ImurunError, RecordingError, SettingsError
from imurun.io import read, write_recording
from imurun.live.recorder import sensor_journal, session_files, session_stem
from imurun.model.recording import Recording
from imurun.terminal_text import clock


def record_sensor(
    sensor: str,
    out: Path,
    *,
    seconds: float | None,
    wanted: Wanted,
    keep_log: bool,
) -> None:
    """Record until Ctrl-C or for so many seconds; then write the Parquet file.

    The journal is kept: it is what came, byte for byte, and there also where the Parquet file cannot be
    written.

    Raises:
        SettingsError: settings that the sensor does not have, an unknown kind, or a file ending.
        SensorError: the sensor cannot be reached or used.
        RecordingError: the journal or the recording cannot be written, or holds no samples.
    """
    if seconds is not None and not math.isfinite(seconds):
        raise SettingsError(f"--seconds is {seconds:g}; leave it out to record until Ctrl-C.")
    journal_file, recording_file, _ = session_files(session_stem(out))
    kept = f"All that came is in {journal_file}, which `imurun analyze` reads."
    try:
        asyncio.run(_record(sensor, journal_file, seconds=seconds, wanted=wanted, keep_log=keep_log))
    except ImurunError as error:
        if journal_file.exists() and str(journal_file) not in str(error):
            raise type(error)(f"{error} {kept}") from error
        raise
    try:
        recording = read(journal_file)
        write_recording(recording, recording_file)
    except SettingsError as error:
        raise RecordingError(f"{error} {kept}") from error
    print(f"{recording_file}: {describe(recording)}")
    print(f"What the sensor sent, byte for byte: {journal_file}")


def describe(recording: Recording) -> str:
    """Length, rate and gaps, in a line."""
    missing_s = sum(stop - first for first, stop in recording.gaps) / recording.rate_hz
    n = len(recording.gaps)
    gaps = f"{n} gap{'s' * (n > 1)}, {missing_s:.1f} s in all" if n else "no gap"
    return f"{clock(recording.duration_s)}, {len(recording)} samples at {recording.rate_hz:.6g} Hz, {gaps}."


async def _record(
    sensor: str,
    journal_file: Path,
    *,
    seconds: float | None,
    wanted: Wanted,
    keep_log: bool,
) -> None:
    profile = get_profile(wanted.kind) if wanted.kind is not None else None
    with RecordScreen(f"Looking for {sensor}") as screen:
        found = await find(sensor, SCAN_S, profile=profile)
        settings = settings_for(found, wanted)
        with _journal(journal_file, found, settings) as journal:
            async with SensorClient(found, settings, journal=journal, keep_log=keep_log) as client:
                screen.client = client
                with on_interrupt(client.stop):
                    timer = asyncio.create_task(_stop_after(client, seconds))
                    try:
                        async for item in client:
                            screen.take(item)
                    finally:
                        timer.cancel()
                        with suppress(asyncio.CancelledError):
                            await timer
        if not screen.n_samples:
            raise RecordingError(_why_nothing(found, screen.n_links, client.assembly.decoder.rejects.total()))


@contextmanager
def _journal(file: Path, found: Found, settings: Settings) -> Iterator[JournalWriter]:
    """A journal that is not left behind when nothing came."""
    journal = sensor_journal(file, found, settings, time.monotonic())
    try:
        with journal:
            yield journal
    finally:
        discard_empty(file, found.known_profile.data_characteristic)


def _why_nothing(found: Found, n_links: int, n_rejects: int) -> str:
    if n_rejects:
        return f"{found.label} sent {n_rejects} packets that cannot be decoded; say its --kind."
    if n_links:
        return f"{found.label} sent no sample before the end; wake it, and record again."
    return f"The recording ended before {found.label} was connected; nothing is kept."


async def _stop_after(client: SensorClient, seconds: float | None) -> None:
    if seconds is not None:
        await asyncio.sleep(seconds)
        client.stop()
