"""The whole run kept: a journal while it happens, a recording and a step table at the end.

The journal holds what came, the markers, the runner, and the rate that the run was analysed at: enough to
make the same recording and steps from what a crash leaves (`finish_session`, as `imurun recover` does).
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
from imurun.ble.journal import ANALYSED, MARKER, Event, JournalWriter, discard_empty, open_journal
from imurun.ble.journal_replay import journal_header
from imurun.ble.scan import Found
from imurun.errors import RecordingError, SettingsError
from imurun.io import read, write_recording, write_steps
from imurun.model.recording import Marker, Runner
from imurun.model.sample_block import SampleBlock
from imurun.session import Session, analyze

JOURNAL, RECORDING, STEPS = ".journal", ".parquet", "-steps.parquet"


def sensor_journal(file: Path, sensor: Found, settings: Settings, clock_s: float) -> JournalWriter:
    """A new journal of a sensor that was found.

    Args:
        file: which must not exist.
        sensor: as `imurun.ble.scan` gives it.
        settings: what it will be asked for.
        clock_s: now, on the monotonic clock of the client that will stamp arrivals.

    Raises:
        WrongSensorError: a sensor of unknown kind.
        RecordingError: the file exists or cannot be written.
    """
    profile = sensor.known_profile
    header = journal_header(
        profile,
        settings,
        name=sensor.name,
        address=sensor.address,
        start=datetime.now(UTC),
        clock_s=clock_s,
    )
    return JournalWriter(file, header, notifying(profile))


class Recorder:
    """Writes one sensor's journal, and goes on without when the disk is full.

    It stands in for the `JournalWriter` that a client is given.

    Args:
        journal: where to write.
        characteristic: whose notifications are samples.

    Attributes:
        failure: why nothing is kept any more, in a sentence; "" while all is.
    """

    def __init__(self, journal: JournalWriter, characteristic: str) -> None:
        self.failure = ""
        self._journal = journal
        self._characteristic = characteristic

    @property
    def path(self) -> Path:
        """Of the journal."""
        return self._journal.path

    def notification(self, arrival_s: float, characteristic: str, data: bytes) -> None:
        """As `JournalWriter.notification`, but a full disk is only noted."""
        self._keep(lambda: self._journal.notification(arrival_s, characteristic, data))

    def event(self, arrival_s: float, what: dict[str, Any]) -> None:
        """As `JournalWriter.event`, but a full disk is only noted."""
        self._keep(lambda: self._journal.event(arrival_s, what))

    def block(self, block: SampleBlock, now_s: float) -> None:
        """Keep samples that did not come as notifications."""
        self._keep(lambda: write_block(self._journal, block, now_s))

    def marker(self, marker: Marker, now_s: float) -> None:
        """Keep what the runner noted."""
        self.event(now_s, {"kind": MARKER, "marker": asdict(marker)})

    def analysed(self, rate_hz: float, runner: Runner, now_s: float) -> None:
        """Keep what the run is analysed with: the rate, and who wears the sensor."""
        self.event(now_s, {"kind": ANALYSED, "rate_hz": rate_hz, "runner": asdict(runner)})

    def close(self) -> Path | None:
        """Nothing more will come; returns the journal, or None where none is left since nothing came."""
        try:
            self._journal.close()
        except RecordingError as error:
            self.failure = self.failure or f"Recording has stopped: {error}"
        return None if discard_empty(self.path, self._characteristic) else self.path

    def _keep(self, write: Callable[[], None]) -> None:
        if self.failure:
            return
        try:
            write()
        except RecordingError as error:
            self.failure = f"Recording has stopped: {error}"


class Kept(NamedTuple):
    """The files of a finished session, and what came out of it."""

    journal: Path
    recording: Path
    steps: Path
    session: Session


def session_stem(out: Path) -> Path:
    """What the files of a session are called, without ending.

    Raises:
        SettingsError: a name that no file can have, another ending, or a folder that cannot be written to.
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
        SettingsError: one is there already.
    """
    journal, recording, steps = (stem.with_name(stem.name + ending) for ending in (JOURNAL, RECORDING, STEPS))
    for file in (journal, recording, steps):
        if file.exists():
            raise SettingsError(f"{file} is there already; give another name.")
    return journal, recording, steps


def finish_session(journal: Path, runner: Runner | None = None) -> Kept:
    """The recording and the step table of a journal, also one whose writer was killed.

    Args:
        journal: as a `Recorder` or `imurun record` wrote it.
        runner: who wore the sensor; None for the one that the journal tells.

    Raises:
        FormatError: it is no journal, or holds nothing.
        SettingsError: both files are there already.
        RecordingError: a file cannot be written; the journal stays.
    """
    if runner is None:
        runner = _runner_of(journal)
    stem = journal.with_suffix("")
    recording_file, steps_file = (stem.with_name(stem.name + ending) for ending in (RECORDING, STEPS))
    if recording_file.exists() and steps_file.exists():
        raise SettingsError(f"{recording_file} is there already; move it away to make it again.")
    recording = read(journal)
    session = analyze(recording, runner)
    try:
        if not recording_file.exists():
            write_recording(recording, recording_file)
        if not steps_file.exists():
            write_steps(session.steps, steps_file, metadata={"source": recording.source})
    except SettingsError as error:
        raise RecordingError(
            f"{error} All that came is in {journal}; `imurun recover` makes the rest."
        ) from error
    return Kept(journal, recording_file, steps_file, session)


def _runner_of(journal: Path) -> Runner:
    for record in open_journal(journal).records():
        if isinstance(record, Event) and record.what.get("kind") == ANALYSED:
            with suppress(KeyError, TypeError, SettingsError):
                return Runner(**record.what["runner"])
    return Runner()
