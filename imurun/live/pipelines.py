"""Pipelines made: of a sensor, of a recording; each with what keeps it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from imurun.ble.block_journal import BLOCKS, block_header
from imurun.ble.decoding import Settings
from imurun.ble.journal import JournalWriter
from imurun.ble.scan import Found
from imurun.live.pipeline import Pipeline
from imurun.live.recorder import Recorder, sensor_journal, session_files
from imurun.live.runner_profile import Wearer
from imurun.live.source import ReplaySource, SensorSource
from imurun.model.recording import Recording


def sensor_run(found: Found, settings: Settings, wearer: Wearer, stem: Path | None) -> Pipeline:
    """The run of a sensor; in a running event loop.

    Args:
        found: as `imurun.ble.scan` gives it.
        settings: what to ask it for.
        wearer: who wears it.
        stem: what the session's files are called, without ending; None to keep nothing.

    Raises:
        WrongSensorError, SettingsError: a sensor of unknown kind, or settings that it does not have.
        SettingsError, RecordingError: files that are there already or cannot be written.
    """
    recorder = None
    if stem is not None:
        now_s = asyncio.get_running_loop().time()
        journal = sensor_journal(session_files(stem)[0], found, settings, now_s)
        recorder = Recorder(journal, found.known_profile.data_characteristic)
    return Pipeline(SensorSource(found, settings, journal=recorder, keep_log=True), wearer, recorder=recorder)


def replay_run(
    recording: Recording, speed: float, wearer: Wearer, stem: Path | None = None, *, name: str = ""
) -> Pipeline:
    """A recording as if it happened now; in a running event loop.

    Args:
        recording: whose samples come.
        speed: how much faster than they were measured.
        wearer: who wears the sensor.
        stem: as for `sensor_run`.
        name: for the faces; the recording's source if left out.

    Raises:
        SettingsError, RecordingError: files that are there already or cannot be written.
    """
    source = ReplaySource(recording, speed, name)
    recorder = None
    if stem is not None:
        header = block_header(recording, name=source.name)
        recorder = Recorder(JournalWriter(session_files(stem)[0], header, [BLOCKS]), BLOCKS)
    return Pipeline(source, wearer, recorder=recorder, records_blocks=True, frame=recording.frame)
