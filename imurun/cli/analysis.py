"""Reading and analysing one file with a progress bar, its start time, and writing its step table."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from imurun.cli.compile_core import COMPILING, needs_compiling
from imurun.cli.screen import progress_bar
from imurun.errors import SettingsError
from imurun.export import write_steps
from imurun.files.text import sanitize
from imurun.io import open_recording, read, read_runner
from imurun.model.recording import Recording
from imurun.model.recording_like import Recorded
from imurun.model.runner import Runner
from imurun.model.speed import SpeedTable
from imurun.session import MountingWord, Session, analyze

AnyRecorded = TypeVar("AnyRecorded", bound=Recorded)


def parse_start(text: str) -> datetime:
    """An ISO 8601 date and time as UTC; without a zone, it is in the zone of this machine.

    Raises:
        SettingsError: the text is no date and time.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SettingsError(
            f"--start {sanitize(text)} is no date and time; write it as 2026-05-01T07:30, in this machine's "
            "zone, or with a zone as 2026-05-01T07:30:00Z."
        ) from error


def with_start(recording: AnyRecorded, start: datetime | None) -> AnyRecorded:
    """The recording with this start; unchanged if it is None."""
    return recording if start is None else recording.with_start(start)


def make_runner(file: Path | None, mass_kg: float | None, height_m: float | None) -> Runner:
    """The runner of the file; mass and height from the command line take precedence.

    Raises:
        SettingsError: the file cannot be read, or its values make no sense.
    """
    runner = Runner() if file is None else read_runner(file)
    return replace(
        runner,
        mass_kg=runner.mass_kg if mass_kg is None else mass_kg,
        height_m=runner.height_m if height_m is None else height_m,
    )


def read_file(file: Path, profile: str | None, rate_hz: float | None) -> Recording:
    """Read one file into memory, with a progress bar on a terminal."""
    with progress_bar(f"Reading {file.name}") as progress:
        return read(file, profile=profile, rate_hz=rate_hz, progress=_as_share(progress))


def open_file(file: Path, profile: str | None, rate_hz: float | None) -> Recorded:
    """Open one file for an analysis, its samples left on disk if the format allows; with a progress bar."""
    with progress_bar(f"Reading {file.name}") as progress:
        return open_recording(file, profile=profile, rate_hz=rate_hz, progress=_as_share(progress))


def analyze_with_progress(
    recording: Recorded,
    runner: Runner,
    mounting: MountingWord,
    method: str = "imurun",
    speed: SpeedTable | None = None,
) -> Session:
    """Analyse a recording, with a progress bar on a terminal."""
    if needs_compiling():
        print(COMPILING, file=sys.stderr)
    with progress_bar("Analysing") as progress:
        return analyze(recording, runner, mounting=mounting, method=method, speed=speed, progress=progress)


def parse_treadmill(text: str | None) -> SpeedTable | None:
    """The speed of `--treadmill`; None where it is not given.

    Raises:
        SettingsError: the text is no speed.
    """
    return None if text is None else SpeedTable.parse(text)


def analyze_with_watch(
    recording: Recorded, runner: Runner, mounting: MountingWord, watch: Path, method: str = "imurun"
) -> Session:
    """Analyse a recording with the speed from a watch's activity; prints notes on the activity to stderr.

    It is analysed twice: the steps of the first time align the activity.

    Raises:
        SettingsError, FormatError: the activity cannot be used.
    """
    from imurun.export.fit_read import read_fit
    from imurun.watch.speed import watch_speed

    track = read_fit(watch)
    first = analyze_with_progress(recording, runner, mounting)
    speed, notes = watch_speed(first, track)
    for note in notes:
        print(f"imurun: {note}", file=sys.stderr)
    return analyze_with_progress(recording, runner, mounting, method, speed)


def save_steps(session: Session, path: Path) -> None:
    """Write the step table, with the analysis settings as its metadata."""
    metadata = {key: str(value) for key, value in session.settings.items() if value is not None}
    metadata["source"] = session.source
    if session.start is not None:
        metadata["start"] = session.start.isoformat()
    write_steps(session.steps, path, metadata=metadata)


def _as_share(progress: Callable[[float], None]) -> Callable[[int, int], None]:
    return lambda done, total: progress(done / max(total, 1))
