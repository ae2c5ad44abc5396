"""Files of a live run: a journal during the run, a recording and a step table at its end.

The journal holds everything received, the markers, the runner, and the rate and known speed of the analysis.
That is enough to make the same recording and steps after a crash (`finish_session`, which `imurun recover`
calls):

    session_files      checks that the names are free
    Recorder           NAME.journal grows; on a write error it stops, and the run continues
    finish_session     NAME.parquet and NAME-steps.parquet, from the journal; the journal stays
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from imurun.ble.block_journal import write_block
from imurun.ble.connection import notifying
from imurun.ble.decoding import Settings
from imurun.ble.journal import ANALYSED, MARKER, JournalEvent, JournalWriter, discard_empty, open_journal
from imurun.ble.journal_replay import journal_header
from imurun.ble.scan import DiscoveredSensor
from imurun.errors import RecordingError, SettingsError
from imurun.export import write_steps
from imurun.io import read, write_recording
from imurun.model.recording import Marker
from imurun.model.runner import Runner
from imurun.model.sample_block import SampleBlock
from imurun.model.speed import SpeedTable
from imurun.session import Session, analyze, sources

JOURNAL, RECORDING, STEPS = ".journal", ".parquet", "-steps.parquet"


def sensor_journal(file: Path, sensor: DiscoveredSensor, settings: Settings, clock_s: float) -> JournalWriter:
    """Open a new journal for a sensor.

    Args:
        file: of the journal; it must not exist.
        sensor: as `imurun.ble.scan` returns it.
        settings: rate and ranges that will be set.
        clock_s: the present time on the monotonic clock that arrivals are stamped with.

    Raises:
        WrongSensorError: a sensor of unknown kind.
        RecordingError: the file exists or cannot be written.
    """
    driver = sensor.known_driver
    header = journal_header(
        driver,
        settings,
        name=sensor.name,
        address=sensor.address,
        start=datetime.now(UTC),
        clock_s=clock_s,
    )
    return JournalWriter(file, header, notifying(driver))


class Recorder:
    """Writes one sensor's journal; a write error stops the recording, not the run.

    It has the interface of `JournalWriter` that a client writes to.

    Args:
        journal: to write to.
        characteristic: the one whose notifications are samples.

    Attributes:
        failure: why recording has stopped, in a sentence; "" while it continues.
    """

    def __init__(self, journal: JournalWriter, characteristic: str) -> None:
        self.failure = ""
        self._journal = journal
        self._characteristic = characteristic

    @property
    def path(self) -> Path:
        """Path of the journal."""
        return self._journal.path

    def notification(self, arrival_s: float, characteristic: str, data: bytes) -> None:
        """As `JournalWriter.notification`; a write error is stored in `failure`."""
        self._write(lambda: self._journal.notification(arrival_s, characteristic, data))

    def event(self, arrival_s: float, what: dict[str, Any]) -> None:
        """As `JournalWriter.event`; a write error is stored in `failure`."""
        self._write(lambda: self._journal.event(arrival_s, what))

    def block(self, block: SampleBlock, now_s: float) -> None:
        """Write samples that did not arrive as notifications."""
        self._write(lambda: write_block(self._journal, block, now_s))

    def marker(self, marker: Marker, now_s: float) -> None:
        """Write a lap or pain marker."""
        self.event(now_s, {"kind": MARKER, "marker": asdict(marker)})

    def analysed(self, rate_hz: float, runner: Runner, speed: SpeedTable | None, now_s: float) -> None:
        """Write the rate, the runner with their calibration, and the known speed of the analysis."""
        known = {} if speed is None else {"speed": speed.as_dict()}
        self.event(now_s, {"kind": ANALYSED, "rate_hz": rate_hz, "runner": runner.as_dict(), **known})

    def close(self) -> Path | None:
        """Close the journal and return its path; a journal without samples is deleted, and None returned."""
        try:
            self._journal.close()
        except RecordingError as error:
            self.failure = self.failure or f"Recording has stopped: {error}"
        return None if discard_empty(self.path, self._characteristic) else self.path

    def _write(self, write: Callable[[], None]) -> None:
        if self.failure:
            return
        try:
            write()
        except RecordingError as error:
            self.failure = f"Recording has stopped: {error}"


class FinishedSession(NamedTuple):
    """Files and result of a finished session."""

    journal: Path
    recording: Path
    steps: Path
    session: Session


def session_stem(out: Path) -> Path:
    """Path of a session's files without ending.

    Raises:
        SettingsError: not a possible file name, another ending, or a folder that is not writable.
    """
    if out.name in ("", "..") or out.suffix.lower() not in ("", JOURNAL, RECORDING):
        raise SettingsError(f"{out}: a session is kept as NAME{RECORDING}; change the name.")
    if out.is_dir():
        raise SettingsError(f"{out} is a folder; give a name inside it, such as {out / 'run'}.")
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise SettingsError(f"{out.parent} is no folder that can be written to; make it, or choose another.")
    return out.with_suffix("") if out.suffix else out


def session_files(stem: Path) -> tuple[Path, Path, Path]:
    """Journal, recording and step table of a session.

    Raises:
        SettingsError: one of them exists already.
    """
    journal, recording, steps = (stem.with_name(stem.name + ending) for ending in (JOURNAL, RECORDING, STEPS))
    for file in (journal, recording, steps):
        if file.exists():
            raise SettingsError(f"{file} is there already; give another name.")
    return journal, recording, steps


def finish_session(journal: Path, runner: Runner | None = None) -> FinishedSession:
    """Make the recording and the step table of a journal, also after its writer was killed.

    Args:
        journal: of a `Recorder` or of `imurun record`.
        runner: who wore the sensor; None for the runner in the journal.

    Raises:
        FormatError: the file is not a journal, or has no samples.
        SettingsError: both files exist already.
        RecordingError: a file cannot be written; the journal stays.
    """
    kept_runner, speed = _given(journal)
    if runner is None:
        runner = kept_runner
    stem = journal.with_suffix("")
    recording_file, steps_file = (stem.with_name(stem.name + ending) for ending in (RECORDING, STEPS))
    if recording_file.exists() and steps_file.exists():
        raise SettingsError(f"{recording_file} is there already; move it away to make it again.")
    recording = read(journal)
    session = analyze(recording, runner, speed=speed)
    try:
        if not recording_file.exists():
            write_recording(recording, recording_file)
        if not steps_file.exists():
            known = {key: value for key, value in sources(runner, speed).items() if value is not None}
            write_steps(session.steps, steps_file, metadata={"source": recording.source, **known})
    except SettingsError as error:
        raise RecordingError(
            f"{error} All samples are in {journal}; `imurun recover` makes the other files from it."
        ) from error
    return FinishedSession(journal, recording_file, steps_file, session)


def _given(journal: Path) -> tuple[Runner, SpeedTable | None]:
    """The runner and the known speed in a journal; an unnamed runner and None where it has none."""
    runner, speed = Runner(), None
    for record in open_journal(journal).records():
        if isinstance(record, JournalEvent) and record.what.get("kind") == ANALYSED:
            with suppress(KeyError, TypeError, SettingsError):
                speed = SpeedTable.from_dict(record.what["speed"])
            with suppress(KeyError, TypeError, SettingsError):
                return Runner.from_dict(record.what["runner"]), speed
    return runner, speed
