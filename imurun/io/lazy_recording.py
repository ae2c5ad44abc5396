"""StoredRecording: a recording in imurun's Parquet layout whose samples are read from the file on demand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple, Self

import numpy as np

from imurun.errors import FormatError, ImurunError, RecordingError
from imurun.files.byte_streams import Progress
from imurun.files.text import sanitize
from imurun.io.parquet_table import ParquetTable
from imurun.io.recording_file import recording_from_table, sample_columns
from imurun.model.frames import FloatArray, Frame
from imurun.model.gaps import (
    acc_and_gyr,
    count_damaged,
    damage_notes,
    fill_blocks,
    find_gaps,
    longest_bridge,
    missing_rows,
)
from imurun.model.recording import NO_USABLE_SAMPLE, Marker, Recording, in_utc


class Version(NamedTuple):
    """Size and modification time, by which a changed file is detected."""

    n_bytes: int
    modified_ns: int


@dataclass(frozen=True, eq=False)
class StoredRecording:
    """A recording that stays in its file: only some thousand samples are in memory at a time.

    Samples and metadata are those of the `Recording` that `imurun.io.read` returns for the same file. The
    file must not change while it is open. The attributes are explained at `imurun.model.recording.Recording`.

    Attributes:
        path: the file.
        version: of its content.
        n_samples: number of rows, missing ones included.
    """

    path: Path
    version: Version
    n_samples: int
    rate_hz: float
    frame: Frame
    start: datetime | None
    acc_range_g: float | None
    gyr_range_deg_s: float | None
    source: str
    warnings: tuple[str, ...]
    markers: tuple[Marker, ...]
    n_bridged: int
    gaps: tuple[tuple[int, int], ...]
    has_gyro: bool

    def __len__(self) -> int:
        return self.n_samples

    @property
    def duration_s(self) -> float:
        """Length in seconds: the number of samples times the sampling interval."""
        return self.n_samples / self.rate_hz

    def blocks(self, n_samples: int) -> Iterator[tuple[FloatArray, FloatArray | None]]:
        """All samples in order, up to `n_samples` at a time; each call reads the file again.

        Raises:
            FormatError: the file is damaged, changed or missing.
        """
        try:
            with self.path.open("rb") as stream:
                table = self._unchanged(stream)
                blocks = table.blocks(sample_columns(table))
                for acc, gyr, _ in fill_blocks(blocks, longest_bridge(self.rate_hz)):
                    for first in range(0, len(acc), n_samples):
                        rows = slice(first, first + n_samples)
                        yield acc[rows], gyr[rows] if gyr is not None and self.has_gyro else None
        except ImurunError as error:
            raise type(error)(f"{self.source}: {sanitize(str(error))}") from error
        except OSError as error:
            raise FormatError(
                f"{sanitize(str(self.path))} could not be read: {error.strerror or error}."
            ) from error

    def without_gyro(self) -> Self:
        """The same specific force without angular rates; missing rows stay missing."""
        return replace(self, has_gyro=False)

    def with_start(self, start: datetime) -> Self:
        """The same samples with another start."""
        return replace(self, start=in_utc(start))

    def load(self) -> Recording:
        """All samples in memory.

        Raises:
            FormatError: as for `blocks`.
        """
        acc = np.empty((self.n_samples, 3))
        gyr = np.empty((self.n_samples, 3)) if self.has_gyro else None
        row = 0
        for some_acc, some_gyr in self.blocks(self.n_samples):
            rows = slice(row, row + len(some_acc))
            acc[rows] = some_acc
            if gyr is not None:
                gyr[rows] = some_gyr
            row = rows.stop
        return Recording(
            acc,
            gyr,
            rate_hz=self.rate_hz,
            frame=self.frame,
            start=self.start,
            acc_range_g=self.acc_range_g,
            gyr_range_deg_s=self.gyr_range_deg_s,
            source=self.source,
            warnings=self.warnings,
            markers=self.markers,
        )

    def _unchanged(self, stream: IO[bytes]) -> ParquetTable:
        """The table in the opened file; FormatError if the content has changed."""
        if version_of(stream) != self.version:
            raise FormatError("the file was changed while it was read; start again.")
        return ParquetTable(stream, self.source, size=self.version.n_bytes)


def open_stored(
    table: ParquetTable, path: Path, version: Version, progress: Progress | None = None
) -> StoredRecording:
    """Open a recording; reads the file once, to find damage and gaps.

    Args:
        table: of a recording that `imurun.io.write_recording` wrote.
        path: its file.
        version: of the file's content.
        progress: called with the progress of reading.

    Raises:
        FormatError: damaged data, changed metadata or columns.
        RecordingError: as of `Recording`.
    """
    columns = sample_columns(table)
    facts = recording_from_table(np.zeros((1, len(columns))), table.metadata, table.source)
    n_damaged = 0

    def counted() -> Iterator[FloatArray]:
        nonlocal n_damaged
        for block in table.blocks(columns, progress):
            acc, gyr = acc_and_gyr(block)
            n_damaged += count_damaged(acc, gyr, missing_rows(acc, gyr))
            yield block

    missing = find_gaps(fill_blocks(counted(), longest_bridge(facts.rate_hz)))
    if missing.is_all:
        raise RecordingError(NO_USABLE_SAMPLE)
    return StoredRecording(
        path=path,
        version=version,
        n_samples=missing.n,
        rate_hz=facts.rate_hz,
        frame=facts.frame,
        start=facts.start,
        acc_range_g=facts.acc_range_g,
        gyr_range_deg_s=facts.gyr_range_deg_s,
        source=facts.source,
        warnings=(*facts.warnings, *damage_notes(n_damaged)),
        markers=facts.markers,
        n_bridged=missing.n_bridged,
        gaps=missing.gaps,
        has_gyro=facts.has_gyro,
    )


def version_of(stream: IO[bytes]) -> Version:
    """The current version of an open file."""
    status = os.fstat(stream.fileno())
    return Version(status.st_size, status.st_mtime_ns)
