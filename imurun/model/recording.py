"""Recording: evenly sampled data of one sensor, validated once and immutable afterwards; and its markers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from imurun.errors import RecordingError
from imurun.model.frames import FloatArray, Frame
from imurun.model.gaps import count_damaged, damage_notes, fill_in_place, longest_bridge, missing_rows, runs
from imurun.model.time_grid import check_rate, even_grid

LOW_RATE_HZ = 50.0
NO_USABLE_SAMPLE = (
    "The recording holds no sample that is a finite number of possible size on every axis; check its units."
)


@dataclass(frozen=True)
class Marker:
    """An event that the runner noted during a recording.

    Attributes:
        time_s: when, from the start of the recording.
        kind: "lap", or "pain": how much it hurts now.
        value: pain from 0 to 10; None for a lap.

    Raises:
        RecordingError: another kind, or a value that it cannot have.
    """

    time_s: float
    kind: Literal["lap", "pain"]
    value: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.time_s < np.inf:
            raise RecordingError(f"A marker is at {self.time_s!r} s; it must lie within the recording.")
        if self.kind == "lap" and self.value is None:
            return
        if self.kind != "pain" or self.value is None or not 0.0 <= self.value <= 10.0:
            raise RecordingError(
                f"A marker is {self.kind!r} with {self.value!r}; a lap has no value, pain has 0 to 10."
            )


@dataclass(frozen=True, eq=False)
class Recording:
    """Evenly sampled specific force and angular rate of one sensor, in SI units.

    A row in which any value is not finite, or larger than any sensor measures (2e5 m/s2, 1e6 rad/s), is
    missing as a whole. Missing stretches between good ones of up to 50 ms, or three rows, are bridged by
    straight lines; longer ones are kept as NaN rows and listed in `gaps` (see `imurun.model.gaps`).

    Attributes:
        acc: specific force, shape (n, 3), m/s2; at rest the upward axis reads +9.81.
        gyr: angular rate, shape (n, 3), rad/s, same axes; None without a gyroscope.
        rate_hz: samples a second, 25 to 5000.
        frame: "sensor" (any mounting) or "anatomical" (x anterior, y left, z up).
        start: time of the first sample in UTC, if known. A naive time is taken as UTC.
        acc_range_g: full scale of the accelerometer, if known; finds clipped samples.
        gyr_range_deg_s: full scale of the gyroscope, if known; kept with the recording.
        source: its origin, for messages.
        warnings: findings of the reader, one sentence each.
        markers: events that the runner noted, in order of time.
        n_bridged: how many missing rows were bridged.

    Raises:
        RecordingError: wrong shapes, no usable sample, or an impossible rate, range or start.
    """

    acc: FloatArray
    gyr: FloatArray | None = None
    rate_hz: float = field(kw_only=True)
    frame: Frame = field(default="sensor", kw_only=True)
    start: datetime | None = field(default=None, kw_only=True)
    acc_range_g: float | None = field(default=None, kw_only=True)
    gyr_range_deg_s: float | None = field(default=None, kw_only=True)
    source: str = field(default="", kw_only=True)
    warnings: tuple[str, ...] = field(default=(), kw_only=True)
    markers: tuple[Marker, ...] = field(default=(), kw_only=True)
    n_bridged: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        acc = _as_samples("acc", self.acc)
        gyr = None if self.gyr is None else _as_samples("gyr", self.gyr)
        if gyr is not None and len(gyr) != len(acc):
            raise RecordingError(f"acc has {len(acc)} rows but gyr has {len(gyr)}; give both the same.")
        if len(acc) == 0:
            raise RecordingError("The recording holds no samples.")
        rate_hz = check_rate(self.rate_hz)
        for name in ("acc_range_g", "gyr_range_deg_s"):
            full_scale = getattr(self, name)
            if full_scale is not None and not 0 < full_scale < np.inf:
                raise RecordingError(f"{name} is {full_scale!r}; it must be a positive number.")
        if self.frame not in ("sensor", "anatomical"):
            raise RecordingError(f"frame is {self.frame!r}; it must be 'sensor' or 'anatomical'.")
        warnings = list(self.warnings)
        missing = missing_rows(acc, gyr)
        if missing.all():
            raise RecordingError(NO_USABLE_SAMPLE)
        n_bridged, damage = 0, []
        if missing.any():
            damage = damage_notes(count_damaged(acc, gyr, missing))
            n_bridged = fill_in_place(acc, gyr, longest_bridge(rate_hz))
        if rate_hz < LOW_RATE_HZ:
            note = (
                f"The rate is {rate_hz:.3g} Hz; "
                f"below {LOW_RATE_HZ:g} Hz contact times and impacts are coarse."
            )
            if note not in warnings:
                warnings.append(note)
        warnings += damage
        start = None if self.start is None else in_utc(self.start)
        for array in (acc, gyr):
            if array is not None:
                array.flags.writeable = False
        _set(self, "acc", acc)
        _set(self, "gyr", gyr)
        _set(self, "rate_hz", rate_hz)
        _set(self, "start", start)
        _set(self, "warnings", tuple(warnings))
        _set(self, "markers", tuple(sorted(self.markers, key=lambda marker: marker.time_s)))
        _set(self, "n_bridged", n_bridged)

    @classmethod
    def from_timed_samples(
        cls,
        time_s: npt.ArrayLike,
        acc: npt.ArrayLike,
        gyr: npt.ArrayLike | None = None,
        *,
        frame: Frame = "sensor",
        start: datetime | None = None,
        acc_range_g: float | None = None,
        gyr_range_deg_s: float | None = None,
        source: str = "",
        warnings: Sequence[str] = (),
    ) -> Recording:
        """Build a recording from samples with irregular or jittered time stamps, on an even time grid.

        The rate is the number of samples a second outside gaps. Stamps that lie within a quarter
        sample of the even grid are taken as evenly sampled; otherwise values are interpolated
        linearly. Missing stretches of up to 50 ms, or three samples, are bridged; longer ones stay gaps.

        Args:
            time_s: shape (n,), s, never decreasing. Stamps shared by a packet's samples are spread.
            acc, gyr: shape (n, 3), m/s2 and rad/s.
            start: UTC time of the first sample.

        Raises:
            RecordingError: time going backwards or not finite, fewer than two samples, or an error of
                `Recording`.
        """
        acc_array = _as_samples("acc", acc)
        gyr_array = None if gyr is None else _as_samples("gyr", gyr)
        missing = missing_rows(acc_array, gyr_array)
        notes = [*warnings, *damage_notes(count_damaged(acc_array, gyr_array, missing))]
        values = acc_array if gyr_array is None else np.hstack([acc_array, gyr_array])
        values[missing] = np.nan
        grid, rate_hz, note = even_grid(np.asarray(time_s, dtype=np.float64), values)
        if note:
            notes.append(note)
        return cls(
            grid[:, :3],
            None if gyr_array is None else grid[:, 3:],
            rate_hz=rate_hz,
            frame=frame,
            start=start,
            acc_range_g=acc_range_g,
            gyr_range_deg_s=gyr_range_deg_s,
            source=source,
            warnings=tuple(notes),
        )

    def __len__(self) -> int:
        return len(self.acc)

    @property
    def duration_s(self) -> float:
        """Length in seconds: the number of samples times the sampling interval."""
        return len(self.acc) / self.rate_hz

    @property
    def time_s(self) -> FloatArray:
        """Time of each sample from the start, shape (n,)."""
        return np.arange(len(self.acc)) / self.rate_hz

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """Stretches of missing samples as half-open index intervals."""
        return tuple(runs(np.isnan(self.acc[:, 0])))

    @property
    def has_gyro(self) -> bool:
        """Whether there are angular rates."""
        return self.gyr is not None

    def blocks(self, n_samples: int) -> Iterator[tuple[FloatArray, FloatArray | None]]:
        """All samples in order, up to `n_samples` at a time; see `imurun.model.recording_like.Recorded`."""
        for first in range(0, len(self), n_samples):
            rows = slice(first, first + n_samples)
            yield self.acc[rows], None if self.gyr is None else self.gyr[rows]

    def without_gyro(self) -> Self:
        """The same specific force without angular rates; missing rows stay missing."""
        return self._changed("gyr", None)

    def with_start(self, start: datetime) -> Self:
        """The same samples with another start; see `imurun.model.recording_like.Recorded`."""
        return self._changed("start", in_utc(start))

    def load(self) -> Recording:
        """The recording itself: its samples are in memory."""
        return self

    def _changed(self, name: str, value: object) -> Self:
        """A copy with another attribute; a new instance would lose `n_bridged`."""
        other = copy.copy(self)
        _set(other, name, value)
        return other


def in_utc(start: datetime) -> datetime:
    """The start in UTC; a naive time is taken as UTC. RecordingError for a time outside the calendar."""
    try:
        return start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    except OverflowError as error:
        raise RecordingError(f"The start {start} lies outside the calendar.") from error


def _set(instance: object, name: str, value: object) -> None:
    object.__setattr__(instance, name, value)


def _as_samples(name: str, values: npt.ArrayLike) -> FloatArray:
    try:
        array = np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise RecordingError(f"{name} holds something that is not a number.") from error
    if array.ndim != 2 or array.shape[1] != 3:
        raise RecordingError(f"{name} has shape {array.shape}; it must be (samples, 3 axes).")
    return array
