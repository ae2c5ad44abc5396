"""StoredRecording: a Parquet file in imurun's own layout, whose samples are read only as they are needed."""

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
from imurun.files.text import printable
from imurun.io.parquet_table import ParquetTable
from imurun.io.recording_file import described, sample_columns
from imurun.model.frames import FloatArray, Frame
from imurun.model.gaps import acc_and_gyr, find_holes, mend
from imurun.model.recording import (
    NO_USABLE_SAMPLE,
    Marker,
    Recording,
    count_damaged,
    damage_notes,
    in_utc,
    longest_bridge,
    missing_rows,
)


class Version(NamedTuple):
    """What tells one content of a path from another."""

    n_bytes: int
    modified_ns: int


@dataclass(frozen=True, eq=False)
class StoredRecording:
    """A recording that stays in its file: some thousand samples are in memory at once, however long it is.

    It says and gives what the `Recording` that `imurun.io.read` makes of the same file does. The file must
    stay as it was when it was opened. See `imurun.model.recording_like.Recorded` for what is not said here.

    Attributes:
        path: the file.
        version: of its content.
        n_samples: rows, missing ones counted.
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
        """Length in seconds: every sample stands for one sampling interval."""
        return self.n_samples / self.rate_hz

    def blocks(self, n_samples: int) -> Iterator[tuple[FloatArray, FloatArray | None]]:
        """All samples in order, up to `n_samples` at a time; the file is read anew each time.

        Raises:
            FormatError: the file is damaged, was changed or is no longer there.
        """
        try:
            with self.path.open("rb") as stream:
                table = self._unchanged(stream)
                for values, _ in mend(table.blocks(sample_columns(table)), longest_bridge(self.rate_hz)):
                    for first in range(0, len(values), n_samples):
                        rows = values[first : first + n_samples]
                        yield rows[:, :3], rows[:, 3:] if self.has_gyro else None
        except ImurunError as error:
            raise type(error)(f"{self.source}: {printable(str(error))}") from error
        except OSError as error:
            raise FormatError(
                f"{printable(str(self.path))} could not be read: {error.strerror or error}."
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
        """The table in the opened file, if its content is still the same."""
        if version_of(stream) != self.version:
            raise FormatError("the file was changed while it was read; start again.")
        return ParquetTable(stream, self.source, size=self.version.n_bytes)


def open_stored(
    table: ParquetTable, path: Path, version: Version, progress: Progress | None = None
) -> StoredRecording:
    """Look through the file once, for damage and for what is missing.

    Args:
        table: of a recording that `imurun.io.write_recording` wrote.
        path: its file.
        version: of the file's content.
        progress: told how far the look through it is.

    Raises:
        FormatError: damaged data, changed metadata or columns.
        RecordingError: what `Recording` refuses.
    """
    columns = sample_columns(table)
    facts = described(np.zeros((1, len(columns))), table.metadata, table.source)
    n_damaged = 0

    def looked_at() -> Iterator[FloatArray]:
        nonlocal n_damaged
        for block in table.blocks(columns, progress):
            acc, gyr = acc_and_gyr(block)
            n_damaged += count_damaged(acc, gyr, missing_rows(acc, gyr))
            yield block

    holes = find_holes(mend(looked_at(), longest_bridge(facts.rate_hz)))
    if holes.is_all:
        raise RecordingError(NO_USABLE_SAMPLE)
    return StoredRecording(
        path=path,
        version=version,
        n_samples=holes.n,
        rate_hz=facts.rate_hz,
        frame=facts.frame,
        start=facts.start,
        acc_range_g=facts.acc_range_g,
        gyr_range_deg_s=facts.gyr_range_deg_s,
        source=facts.source,
        warnings=(*facts.warnings, *damage_notes(n_damaged)),
        markers=facts.markers,
        n_bridged=holes.n_bridged,
        gaps=holes.gaps,
        has_gyro=facts.has_gyro,
    )


def version_of(stream: IO[bytes]) -> Version:
    """The content that an open file has at this time."""
    status = os.fstat(stream.fileno())
    return Version(status.st_size, status.st_mtime_ns)
