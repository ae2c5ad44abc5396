"""Journals of raw notifications, as `imurun.ble` keeps them, to recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imurun.ble.journal import open_journal
from imurun.ble.replay import Replay
from imurun.errors import FormatError
from imurun.io.streams import Progress
from imurun.recording import MAX_SAMPLES, Recording


def read_journal(path: Path, source: str, progress: Progress | None = None) -> Recording:
    """Decode a journal, also one whose writer was killed.

    Raises:
        FormatError: it is damaged where it must not be, or holds no sample.
        RecordingError: its samples cannot be a recording.
    """
    journal = open_journal(path)
    replay = Replay(journal)
    acc, gyr, n = [], [], 0
    begin_s = np.nan
    for block in replay.blocks():
        n += len(block)
        if n > MAX_SAMPLES:
            raise FormatError("The journal holds more samples than a recording can have; it is damaged.")
        acc.append(block.acc)
        gyr.append(block.gyr)
        if np.isnan(begin_s):
            begin_s = block.time_s - (n - 1) / replay.assembly.aligner.rate_hz
    if not n:
        raise FormatError("The journal holds no sample that could be decoded; record again.")
    if progress is not None:
        size = path.stat().st_size
        progress(size, size)
    return Recording(
        np.concatenate(acc),
        None if gyr[0] is None else np.concatenate(gyr),
        rate_hz=replay.assembly.aligner.rate_hz,
        start=None if np.isnan(begin_s) else replay.utc(begin_s),
        acc_range_g=replay.settings.acc_range_g,
        gyr_range_deg_s=replay.settings.gyr_range_deg_s,
        source=source,
        warnings=_warnings(journal.n_damaged_bytes, replay),
    )


def _warnings(n_damaged_bytes: int, replay: Replay) -> tuple[str, ...]:
    warnings: list[str] = []
    if n_damaged_bytes:
        warnings.append(f"{n_damaged_bytes} bytes of the journal are damaged and were left out.")
    rejects = sum(replay.assembly.decoder.rejects.values())
    if rejects:
        warnings.append(f"{rejects} packets of the sensor could not be decoded and were left out.")
    return tuple(warnings)
