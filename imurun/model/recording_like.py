"""Interface of a recording (`Recorded`): all that an analysis reads, with samples in memory or on disk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, Self

from imurun.model.frames import FloatArray, Frame

if TYPE_CHECKING:
    from imurun.model.recording import Marker, Recording


class Recorded(Protocol):
    """The metadata of a recording, and its samples block by block.

    `Recording` holds its samples; `imurun.io.lazy_recording.StoredRecording` reads them from its
    file on each request. The attributes are explained at `imurun.model.recording.Recording`.
    """

    @property
    def rate_hz(self) -> float:
        """Samples a second."""
        ...

    @property
    def frame(self) -> Frame:
        """The axes: "sensor" or "anatomical"."""
        ...

    @property
    def start(self) -> datetime | None:
        """UTC time of the first sample, if known."""
        ...

    @property
    def acc_range_g(self) -> float | None:
        """Full scale of the accelerometer, if known."""
        ...

    @property
    def gyr_range_deg_s(self) -> float | None:
        """Full scale of the gyroscope, if known."""
        ...

    @property
    def source(self) -> str:
        """Its origin, for messages."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """Findings of the reader, one sentence each."""
        ...

    @property
    def markers(self) -> tuple[Marker, ...]:
        """Events that the runner noted, in order of time."""
        ...

    @property
    def n_bridged(self) -> int:
        """How many missing rows were bridged."""
        ...

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """Stretches of missing samples as half-open index intervals."""
        ...

    @property
    def has_gyro(self) -> bool:
        """Whether the blocks have angular rates."""
        ...

    @property
    def duration_s(self) -> float:
        """Length in seconds: the number of samples times the sampling interval."""
        ...

    def __len__(self) -> int:
        """Number of samples, missing ones included."""
        ...

    def blocks(self, n_samples: int) -> Iterator[tuple[FloatArray, FloatArray | None]]:
        """All samples in order, from the first one on each call.

        Args:
            n_samples: the largest length of a block; blocks may be shorter.

        Yields:
            Specific force, shape (n, 3), m/s2, and angular rate, shape (n, 3), rad/s, or None without a
            gyroscope; not to be written to. Short gaps are bridged, and longer ones are rows of NaN.

        Raises:
            FormatError: the file can no longer be read.
        """
        ...

    def without_gyro(self) -> Self:
        """The same specific force without angular rates; missing rows stay missing."""
        ...

    def with_start(self, start: datetime) -> Self:
        """The same samples with another start; a naive time is taken as UTC.

        Raises:
            RecordingError: a start outside the calendar.
        """
        ...

    def load(self) -> Recording:
        """All samples in memory.

        Raises:
            FormatError: the file can no longer be read.
        """
        ...
