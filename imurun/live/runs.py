"""Pipelines made: of a sensor, of a recording; each with what keeps it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from imurun.ble.assembly import Settings
from imurun.ble.block_journal import BLOCKS, block_header
from imurun.ble.journal import JournalWriter
from imurun.ble.link import notifying
from imurun.ble.replay import journal_header
from imurun.ble.scan import Found
from imurun.errors import WrongSensorError
from imurun.live.pipeline import Pipeline
from imurun.live.recorder import Recorder, session_files
from imurun.live.source import ReplaySource, SensorSource
from imurun.live.wearer import Wearer
from imurun.recording import Recording


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
    profile = found.profile
    if profile is None:
        raise WrongSensorError(f"{found.label} is no sensor that imurun knows; say its --kind.")
    profile.check(*settings)
    recorder = None
    if stem is not None:
        header = journal_header(
            profile,
            settings,
            name=found.name,
            address=found.address,
            start=datetime.now(UTC),
            clock_s=asyncio.get_running_loop().time(),
        )
        journal = JournalWriter(session_files(stem)[0], header, notifying(profile))
        recorder = Recorder(journal, profile.data_characteristic)
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
