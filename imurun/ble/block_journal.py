"""Writes blocks of samples that come from a file or a simulation to a journal, and reads them back.

A journal is made for the notifications of a Bluetooth sensor (`imurun.ble.journal`). Here each holds a block:
position of its first row (u64), columns (u8: 3 or 6), then rows of f64, little-endian. NaN rows are missing
samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from struct import Struct
from typing import Any

import numpy as np

from imurun.ble.journal import Journal, JournalEvent, JournalWriter, Notification
from imurun.model.recording import Recording
from imurun.model.sample_block import SampleBlock, nan_rows

BLOCKS = "blocks"
"""Replaces the driver's name in the header; also the name of the one characteristic."""
ROWS = 1024
"""A block of more rows is stored as several."""
_HEAD = Struct("<QB")


def block_header(recording: Recording, *, name: str) -> dict[str, Any]:
    """Header of a journal with this recording's blocks; `name` is stored with it."""
    return {
        "profile": BLOCKS,
        "name": name,
        "rate_hz": recording.rate_hz,
        "acc_range_g": recording.acc_range_g,
        "gyr_range_deg_s": recording.gyr_range_deg_s,
        "frame": recording.frame,
        "start": None if recording.start is None else recording.start.isoformat(),
    }


def write_block(journal: JournalWriter, block: SampleBlock, arrival_s: float) -> None:
    """Store a block.

    Raises:
        RecordingError: the disk is full or removed; earlier records stay readable.
    """
    values = block.acc if block.gyr is None else np.concatenate((block.acc, block.gyr), axis=1)
    for first in range(0, len(values), ROWS):
        rows = values[first : first + ROWS].astype("<f8", copy=False)
        head = _HEAD.pack(block.first_index + first, rows.shape[1])
        journal.notification(arrival_s, BLOCKS, head + rows.tobytes())


def read_blocks(journal: Journal) -> Iterator[SampleBlock | JournalEvent]:
    """Blocks in order, with NaN rows for damaged records, and the events between them.

    Raises:
        FormatError: the file cannot be read.
    """
    place: int | None = None
    for record in journal.records():
        if isinstance(record, JournalEvent):
            yield record
            continue
        block = _decode(record)
        if block is None or (place is not None and block.first_index < place):
            continue
        while place is not None and place < block.first_index:
            lost = nan_rows(block.first_index - place, 3)
            yield SampleBlock(place, lost, None if block.gyr is None else lost)
            place += len(lost)
        yield block
        place = block.next_index


def _decode(record: Notification) -> SampleBlock | None:
    if len(record.data) < _HEAD.size:
        return None
    first, columns = _HEAD.unpack_from(record.data)
    body = record.data[_HEAD.size :]
    if columns not in (3, 6) or len(body) % (8 * columns):
        return None
    rows = np.frombuffer(body, "<f8").reshape(-1, columns).astype(np.float64)
    return SampleBlock(first, rows[:, :3], rows[:, 3:] if columns == 6 else None, math.nan)
