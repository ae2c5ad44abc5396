"""Reads a journal of a live run (raw notifications or sample blocks) as a Recording."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from imurun.ble.block_journal import BLOCKS, read_blocks
from imurun.ble.journal import ANALYSED, MARKER, Journal, JournalEvent, open_journal
from imurun.ble.journal_replay import Replay
from imurun.errors import FormatError, RecordingError
from imurun.files.byte_streams import Progress
from imurun.model.recording import Marker, Recording
from imurun.model.sample_block import Gathered, SampleBlock


def read_journal(path: Path, source: str, progress: Progress | None = None) -> Recording:
    """Decode a journal, even one whose writer was killed.

    Raises:
        FormatError: the header is damaged, or the journal holds no sample.
        RecordingError: the samples are not a valid recording.
    """
    journal = open_journal(path)
    journal.progress = progress
    content = _Content()
    if journal.header.get("profile") == BLOCKS:
        return _from_blocks(journal, content, source)
    return _from_notifications(journal, content, source)


def _from_notifications(journal: Journal, content: _Content, source: str) -> Recording:
    replay = Replay(journal)
    begin_s = np.nan
    for item in replay.items():
        if not content.take(item):
            break
        if isinstance(item, SampleBlock) and np.isnan(begin_s):
            begin_s = item.time_s - (content.samples.n - 1) / replay.stream_decoder.reassembler.rate_hz
    if replay.ended_early:
        content.samples.warnings.append(replay.ended_early)
    rejects = sum(replay.stream_decoder.decoder.rejects.values())
    if rejects:
        content.samples.warnings.append(
            f"{rejects} packets of the sensor could not be decoded and were left out."
        )
    return content.recording(
        journal,
        source,
        rate_hz=replay.stream_decoder.reassembler.rate_hz,
        start=None if np.isnan(begin_s) else replay.utc(begin_s),
        acc_range_g=replay.settings.acc_range_g,
        gyr_range_deg_s=replay.settings.gyr_range_deg_s,
    )


def _from_blocks(journal: Journal, content: _Content, source: str) -> Recording:
    for item in read_blocks(journal):
        if not content.take(item):
            break
    header = journal.header
    try:
        start = header.get("start")
        known = {
            "rate_hz": float(header["rate_hz"]),
            "start": datetime.fromisoformat(start) if start else None,
            "acc_range_g": _number(header.get("acc_range_g")),
            "gyr_range_deg_s": _number(header.get("gyr_range_deg_s")),
            "frame": "anatomical" if header.get("frame") == "anatomical" else "sensor",
        }
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise FormatError("The header of this journal was changed, so it cannot be read.") from error
    return content.recording(journal, source, **known)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _marker(time_s: Any, kind: Any, value: Any = None) -> Marker:
    return Marker(float(time_s), kind, _number(value))


class _Content:
    """Collects the samples, markers and rate of a journal, item by item."""

    def __init__(self) -> None:
        self.samples = Gathered()
        self._markers: list[Marker] = []
        self._rate_hz: float | None = None

    def take(self, item: SampleBlock | JournalEvent) -> bool:
        """Add the next item; returns False when a recording cannot hold more samples."""
        if isinstance(item, SampleBlock):
            return self.samples.take(item)
        if item.what.get("kind") == MARKER:
            with suppress(RecordingError, TypeError, KeyError, ValueError, OverflowError):
                self._markers.append(_marker(**item.what["marker"]))
        elif item.what.get("kind") == ANALYSED and isinstance(item.what.get("rate_hz"), float):
            self._rate_hz = item.what["rate_hz"]
        return True

    def recording(self, journal: Journal, source: str, *, rate_hz: float, **known: Any) -> Recording:
        """The Recording, at the rate of the live analysis if there was one, so that steps are the same."""
        samples = self.samples
        samples.end()
        if not samples.n:
            raise FormatError("The journal holds no sample that could be decoded; record again.")
        if journal.n_damaged_bytes:
            samples.warnings.append(
                f"{journal.n_damaged_bytes} bytes of the journal are damaged and were left out."
            )
        return Recording(
            samples.acc,
            samples.gyr,
            rate_hz=self._rate_hz or rate_hz,
            source=source,
            warnings=tuple(samples.warnings),
            markers=tuple(self._markers),
            **known,
        )
