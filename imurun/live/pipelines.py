"""Builds the pipeline of a live run, from a sensor or a recording, with the recorder of its files."""

from __future__ import annotations

import asyncio
from pathlib import Path

from imurun.ble.block_journal import BLOCKS, block_header
from imurun.ble.decoding import Settings
from imurun.ble.journal import JournalWriter
from imurun.ble.scan import DiscoveredSensor
from imurun.live.pipeline import Pipeline
from imurun.live.recorder import Recorder, sensor_journal, session_files
from imurun.live.runner_profile import RunnerProfile
from imurun.live.source import ReplaySource, SensorSource
from imurun.model.recording import Recording


def sensor_pipeline(
    found: DiscoveredSensor, settings: Settings, runner_profile: RunnerProfile, stem: Path | None
) -> Pipeline:
    """A pipeline that streams from a sensor; call it in a running event loop.

    Args:
        found: as `imurun.ble.scan` returns it.
        settings: rate and ranges to set.
        runner_profile: the runner, with rules and limits.
        stem: path of the session's files without ending; None to write no files.

    Raises:
        WrongSensorError, SettingsError: a sensor of unknown kind, or settings that it does not have.
        SettingsError, RecordingError: files that exist already or cannot be written.
    """
    recorder = None
    if stem is not None:
        now_s = asyncio.get_running_loop().time()
        journal = sensor_journal(session_files(stem)[0], found, settings, now_s)
        recorder = Recorder(journal, found.known_driver.data_characteristic)
    return Pipeline(
        SensorSource(found, settings, journal=recorder, keep_log=True), runner_profile, recorder=recorder
    )


def replay_pipeline(
    recording: Recording,
    speed: float,
    runner_profile: RunnerProfile,
    stem: Path | None = None,
    *,
    name: str = "",
) -> Pipeline:
    """A pipeline that replays a recording as a live run; call it in a running event loop.

    Args:
        recording: whose samples are replayed.
        speed: how much faster than they were measured.
        runner_profile, stem: as for `sensor_pipeline`.
        name: shown by the outputs; the recording's source if left out.

    Raises:
        SettingsError, RecordingError: files that exist already or cannot be written.
    """
    source = ReplaySource(recording, speed, name)
    recorder = None
    if stem is not None:
        header = block_header(recording, name=source.name)
        recorder = Recorder(JournalWriter(session_files(stem)[0], header, [BLOCKS]), BLOCKS)
    return Pipeline(source, runner_profile, recorder=recorder, records_blocks=True, frame=recording.frame)
