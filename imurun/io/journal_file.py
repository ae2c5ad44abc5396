"""Journals of raw notifications, as `imurun.ble` keeps them, to recordings."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from imurun.ble.block_journal import BLOCKS, read_blocks
from imurun.ble.journal import Event, Journal, open_journal
from imurun.ble.replay import Replay
from imurun.blocks import SampleBlock
from imurun.errors import FormatError, ImurunError, RecordingError
from imurun.frames import FloatArray
from imurun.io.streams import Progress
from imurun.recording import MAX_SAMPLES, Marker, Recording

MARKER, ANALYSED = "marker", "analysed"
"""Kinds of events: something that the runner noted, and the rate that a live run was analysed at."""


def read_journal(path: Path, source: str, progress: Progress | None = None) -> Recording:
    """Decode a journal, also one whose writer was killed.

    Raises:
        FormatError: it is damaged where it must not be, or holds no sample.
        RecordingError: its samples cannot be a recording.
    """
    journal = open_journal(path)
    of_blocks = journal.header.get("profile") == BLOCKS
    recording = _from_blocks(journal, source) if of_blocks else _from_notifications(journal, source)
    if progress is not None:
        size = path.stat().st_size
        progress(size, size)
    return recording


def _from_notifications(journal: Journal, source: str) -> Recording:
    replay = Replay(journal)
    gathered = _Gathered()
    begin_s = np.nan
    for item in replay.items():
        gathered.take(item)
        if isinstance(item, SampleBlock) and np.isnan(begin_s):
            begin_s = item.time_s - (gathered.n - 1) / replay.assembly.aligner.rate_hz
    rejects = sum(replay.assembly.decoder.rejects.values())
    if rejects:
        gathered.warnings.append(f"{rejects} packets of the sensor could not be decoded and were left out.")
    return gathered.recording(
        journal,
        source,
        rate_hz=replay.assembly.aligner.rate_hz,
        start=None if np.isnan(begin_s) else replay.utc(begin_s),
        acc_range_g=replay.settings.acc_range_g,
        gyr_range_deg_s=replay.settings.gyr_range_deg_s,
    )


def _from_blocks(journal: Journal, source: str) -> Recording:
    gathered = _Gathered()
    for item in read_blocks(journal):
        gathered.take(item)
    header = journal.header
    try:
        return gathered.recording(
            journal,
            source,
            rate_hz=float(header["rate_hz"]),
            start=datetime.fromisoformat(header["start"]) if header.get("start") else None,
            acc_range_g=header.get("acc_range_g"),
            gyr_range_deg_s=header.get("gyr_range_deg_s"),
            frame="anatomical" if header.get("frame") == "anatomical" else "sensor",
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ImurunError):
            raise
        raise FormatError("The header of this journal was changed; it cannot be read.") from error


class _Gathered:
    """The samples, markers and rate of a journal, one item after the other."""

    def __init__(self) -> None:
        self.n = 0
        self.warnings: list[str] = []
        self._acc: list[FloatArray] = []
        self._gyr: list[FloatArray | None] = []
        self._markers: list[Marker] = []
        self._rate_hz: float | None = None

    def take(self, item: SampleBlock | Event) -> None:
        if isinstance(item, SampleBlock):
            self.n += len(item)
            if self.n > MAX_SAMPLES:
                raise FormatError("The journal holds more samples than a recording can have; it is damaged.")
            self._acc.append(item.acc)
            self._gyr.append(item.gyr)
        elif item.what.get("kind") == MARKER:
            with suppress(RecordingError, TypeError):
                self._markers.append(Marker(**item.what["marker"]))
        elif item.what.get("kind") == ANALYSED and isinstance(item.what.get("rate_hz"), float):
            self._rate_hz = item.what["rate_hz"]

    def recording(self, journal: Journal, source: str, *, rate_hz: float, **known: Any) -> Recording:
        """What was gathered, at the rate of the live analysis if there was one: then steps are the same."""
        if not self.n:
            raise FormatError("The journal holds no sample that could be decoded; record again.")
        if journal.n_damaged_bytes:
            self.warnings.append(
                f"{journal.n_damaged_bytes} bytes of the journal are damaged and were left out."
            )
        gyr = [part for part in self._gyr if part is not None]
        return Recording(
            np.concatenate(self._acc),
            np.concatenate(gyr) if gyr else None,
            rate_hz=self._rate_hz or rate_hz,
            source=source,
            warnings=tuple(self.warnings),
            markers=tuple(self._markers),
            **known,
        )
