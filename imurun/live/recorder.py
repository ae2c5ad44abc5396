"""The whole run kept: a journal while it happens, a recording and a step table at the end.

The journal holds what came, the markers, and the rate that the run was analysed at: enough to make the same
recording and steps from what a crash leaves (`finish_session`, as `imurun recover` does).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from imurun.ble.block_journal import write_block
from imurun.ble.journal import JournalWriter, discard_empty
from imurun.blocks import SampleBlock
from imurun.errors import RecordingError, SettingsError
from imurun.io import read, write_recording, write_steps
from imurun.io.journal_file import ANALYSED, MARKER
from imurun.recording import Marker, Runner
from imurun.session import Session, analyze

JOURNAL, RECORDING, STEPS = ".journal", ".parquet", "-steps.parquet"


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

    def analysed(self, rate_hz: float, now_s: float) -> None:
        """Keep the rate that the run is analysed at."""
        self.event(now_s, {"kind": ANALYSED, "rate_hz": rate_hz})

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


def finish_session(journal: Path, runner: Runner) -> Kept:
    """The recording and the step table of a journal, also one whose writer was killed.

    Raises:
        FormatError: the journal holds nothing.
        SettingsError: the files are there already.
        RecordingError: a file cannot be written; the journal stays.
    """
    stem = journal.with_suffix("")
    recording_file, steps_file = (stem.with_name(stem.name + ending) for ending in (RECORDING, STEPS))
    for file in (recording_file, steps_file):
        if file.exists():
            raise SettingsError(f"{file} is there already; give another name.")
    recording = read(journal)
    session = analyze(recording, runner)
    try:
        write_recording(recording, recording_file)
        write_steps(session.steps, steps_file, metadata={"source": recording.source})
    except SettingsError as error:
        raise RecordingError(
            f"{error} All that came is in {journal}; `imurun recover` makes the rest."
        ) from error
    return Kept(journal, recording_file, steps_file, session)
