"""Recording and Runner: what goes into the analysis, validated once and immutable after."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from imurun.errors import RecordingError, SettingsError
from imurun.model.frames import FloatArray, Frame

MIN_RATE_HZ = 25.0
LOW_RATE_HZ = 50.0
MAX_RATE_HZ = 5000.0
BRIDGED_SAMPLES, BRIDGED_S = 3, 0.05
"""Missing stretches up to the longer of these are bridged by straight lines; longer ones stay gaps.

50 ms is a lost radio packet or two, and little for what contacts are timed on, which is smoothed to 4.5 Hz.
"""
LARGEST_ACC_M_S2, LARGEST_GYR_RAD_S = 2e5, 1e6
"""Beyond these a value is damage: 20,000 g, where sensors end at 400 g, or at 20 g where g are written as mg.

The latter shall be told of its unit, not emptied. A single value far beyond would shake the orientation for
the rest of the run.
"""
LARGEST_TIME_S = 1e12
"""Thirty thousand years."""
MAX_SAMPLES = 200_000_000
"""An even grid longer than this (11 days at 200 Hz) means that the time stamps are wrong."""
NO_USABLE_SAMPLE = (
    "The recording holds no sample that is a finite number of possible size on every axis; check its units."
)


MOST_MISSING, ALWAYS_ALLOWED = 10, 1_500_000
"""Missing samples take as much memory as others: ten for each that came, or two hours at 208 Hz."""


@dataclass(frozen=True)
class Runner:
    """Who runs. Everything works without it; loads are then in body weights only.

    Attributes:
        name: what to call the runner; never used in a calculation.
        mass_kg: body mass, 20 to 300 kg.
        height_m: stature, 0.9 to 2.6 m; scales the trunk's lever in the lumbar model.

    Raises:
        SettingsError: a number outside these ranges.
    """

    name: str = "runner"
    mass_kg: float | None = None
    height_m: float | None = None

    def __post_init__(self) -> None:
        check_range("mass_kg", self.mass_kg, 20.0, 300.0)
        check_range("height_m", self.height_m, 0.9, 2.6)


@dataclass(frozen=True)
class Marker:
    """Something the runner noted during a recording.

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


def check_range(name: str, value: float | None, low: float, high: float) -> None:
    """Raise SettingsError when a number that was given lies outside low to high, or is NaN."""
    if value is not None and not low <= value <= high:
        raise SettingsError(f"{name} is {value:g}; it must lie between {low:g} and {high:g}.")


@dataclass(frozen=True, eq=False)
class Recording:
    """Evenly sampled specific force and angular rate of one sensor, in SI units.

    A row in which any value is not finite, or larger than any sensor measures (2e5 m/s2, 1e6 rad/s), is
    missing as a whole. Missing stretches between good ones of up to 50 ms, or three rows, are bridged by
    straight lines; longer ones are kept as NaN rows and listed in `gaps`.

    Attributes:
        acc: specific force, shape (n, 3), m/s2; at rest the upward axis reads +9.81.
        gyr: angular rate, shape (n, 3), rad/s, same axes; None without a gyroscope.
        rate_hz: samples a second, 25 to 5000.
        frame: "sensor" (any mounting) or "anatomical" (x anterior, y left, z up).
        start: time of the first sample in UTC, if known. A naive time is taken as UTC.
        acc_range_g: full scale of the accelerometer, if known; finds clipped samples.
        gyr_range_deg_s: full scale of the gyroscope, if known; kept with the recording.
        source: where it came from, for messages.
        warnings: what the reader noticed, one sentence each.
        markers: what the runner noted, in order of time.
        n_bridged: how many missing rows were bridged.

    Raises:
        RecordingError: wrong shapes, no usable sample, or a rate, range or start that cannot be.
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
            bridge = _short_inner_runs(missing, longest_bridge(rate_hz))
            for array in (acc, gyr):
                if array is not None:
                    _fill(array, missing, bridge)
            n_bridged = int(bridge.sum())
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
        """Put samples with irregular or jittered time stamps on an even grid.

        The rate is the number of samples a second outside gaps. Stamps that lie within a quarter
        sample of the even grid are taken as evenly sampled; otherwise values are interpolated
        linearly. Holes of up to 50 ms, or three samples, are bridged; longer ones stay gaps.

        Args:
            time_s: shape (n,), s, never decreasing. Stamps shared by a packet's samples are spread.
            acc, gyr: shape (n, 3), m/s2 and rad/s.
            start: UTC time of the first sample.

        Raises:
            RecordingError: time going backwards or not finite, fewer than two samples, or what
                `Recording` refuses.
        """
        acc_array = _as_samples("acc", acc)
        gyr_array = None if gyr is None else _as_samples("gyr", gyr)
        missing = missing_rows(acc_array, gyr_array)
        notes = [*warnings, *damage_notes(count_damaged(acc_array, gyr_array, missing))]
        values = acc_array if gyr_array is None else np.hstack([acc_array, gyr_array])
        values[missing] = np.nan
        grid, rate_hz, note = _even_grid(np.asarray(time_s, dtype=np.float64), values)
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
        """Length in seconds: every sample stands for one sampling interval."""
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
        """Made anew, it would not know how many rows were bridged."""
        other = copy.copy(self)
        _set(other, name, value)
        return other


def in_utc(start: datetime) -> datetime:
    """The start in UTC, which a naive time is taken for; RecordingError when it leaves the calendar."""
    try:
        return start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    except OverflowError as error:
        raise RecordingError(f"The start {start} lies outside the calendar.") from error


def check_rate(rate_hz: float) -> float:
    """Return the rate as a float, or raise RecordingError when the core cannot work with it."""
    rate = float(rate_hz)
    if not np.isfinite(rate) or rate <= 0:
        raise RecordingError(f"The sampling rate is {rate_hz!r}; it must be a positive number of Hz.")
    if rate < MIN_RATE_HZ:
        raise RecordingError(
            f"The sampling rate is {rate:.3g} Hz; foot strikes need at least {MIN_RATE_HZ:g} Hz."
        )
    if rate > MAX_RATE_HZ:
        raise RecordingError(
            f"The sampling rate is {rate:.4g} Hz, above {MAX_RATE_HZ:g} Hz; check the unit of time."
        )
    return rate


def runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches where `mask` (shape (n,)) is true, as half-open index intervals."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def missing_rows(acc: FloatArray, gyr: FloatArray | None) -> npt.NDArray[np.bool_]:
    """Rows, shape (n,), in which any value is not finite, or larger than any sensor measures."""
    sound_acc = np.abs(acc) <= LARGEST_ACC_M_S2  # false for NaN
    sound_gyr = None if gyr is None else np.abs(gyr) <= LARGEST_GYR_RAD_S
    if sound_acc.all() and (sound_gyr is None or sound_gyr.all()):
        return np.zeros(len(acc), dtype=np.bool_)  # the usual case, for a tenth of the time
    missing = np.asarray(~sound_acc.all(axis=1), dtype=np.bool_)
    if sound_gyr is not None:
        missing |= ~sound_gyr.all(axis=1)
    return missing


def count_damaged(acc: FloatArray, gyr: FloatArray | None, missing: npt.NDArray[np.bool_]) -> int:
    """How many of the missing rows are so for a finite number that no sensor measures."""
    finite = np.isfinite(acc[missing]).all(axis=1)
    if gyr is not None:
        finite &= np.isfinite(gyr[missing]).all(axis=1)
    return int(finite.sum())


def damage_notes(n: int) -> list[str]:
    """What to say of so many damaged rows."""
    if not n:
        return []
    return [f"{n} samples were larger than any sensor measures and count as missing: damage or a wrong unit."]


def stretches(missing: npt.NDArray[np.bool_]) -> Iterator[tuple[slice, bool]]:
    """Rows as they follow each other, present and missing in turn; each with whether it is missing."""
    position = 0
    for first, stop in runs(missing):
        if first > position:
            yield slice(position, first), False
        yield slice(first, stop), True
        position = stop
    if position < len(missing):
        yield slice(position, len(missing)), False


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


def _short_inner_runs(missing: npt.NDArray[np.bool_], longest: int) -> npt.NDArray[np.bool_]:
    """Rows of the missing runs of up to `longest` that have a good row on either side."""
    chosen = np.zeros(len(missing), dtype=bool)
    for first, stop in runs(missing):
        if stop - first <= longest and first > 0 and stop < len(missing):
            chosen[first:stop] = True
    return chosen


def longest_bridge(rate_hz: float) -> int:
    """How many missing samples in a row are bridged."""
    return max(BRIDGED_SAMPLES, int(BRIDGED_S * rate_hz + 1e-9))


def _fill(values: FloatArray, missing: npt.NDArray[np.bool_], bridge: npt.NDArray[np.bool_]) -> None:
    """Set missing rows to NaN, and those of `bridge` to straight lines between their neighbours."""
    values[missing] = np.nan
    for first, stop in runs(bridge):
        values[first:stop] = straight_line(values[first - 1], values[stop], stop - first)


def straight_line(before: FloatArray, after: FloatArray, n: int) -> FloatArray:
    """The n rows between two, on straight lines; shape (n, k) for rows of shape (k,)."""
    share = np.arange(1, n + 1)[:, None] / (n + 1)
    return before + share * (after - before)


def _even_grid(time_s: FloatArray, values: FloatArray) -> tuple[FloatArray, float, str]:
    """Values on an even grid from the first stamp on, the rate, and what was done (or "")."""
    if time_s.ndim != 1 or len(time_s) != len(values):
        raise RecordingError(f"{len(values)} samples came with {time_s.size} time stamps; give one each.")
    if len(time_s) < 2:
        raise RecordingError("The recording holds fewer than two samples, so it has no rate; record again.")
    if not np.isfinite(time_s).all():
        row = int(np.flatnonzero(~np.isfinite(time_s))[0])
        raise RecordingError(f"The time of sample {row} is not a number.")
    if np.abs(time_s).max() > LARGEST_TIME_S:
        raise RecordingError("The time column jumps so far that it cannot be right.")
    steps = np.diff(time_s)
    if (steps < 0).any():
        row = int(np.flatnonzero(steps < 0)[0]) + 1
        raise RecordingError(f"Time goes backwards at sample {row}; sort or split the recording there.")
    time_s, shared = _spread_shared_stamps(time_s)
    steps = np.diff(time_s)
    typical = float(np.median(steps))
    if typical <= 0:
        raise RecordingError("The time column does not advance; export it with fractions of a second.")
    inside = steps < (longest_bridge(1.0 / typical) + 1.5) * typical
    counted = steps < (BRIDGED_SAMPLES + 1.5) * typical
    regular = float(np.median(np.abs(steps - typical))) < 0.1 * typical
    # jitter as large as the interval cannot be told from lost samples: then each step counts as one
    whole = np.maximum(np.rint(steps[counted] / typical), 1.0) if regular else np.ones(counted.sum())
    rate_hz = float(whole.sum() / steps[counted].sum())
    if abs(round(rate_hz, 3) - rate_hz) < 1e-8 * rate_hz:
        rate_hz = round(rate_hz, 3)  # what the stamps' own rounding took away
    rate_hz = check_rate(rate_hz)
    position = (time_s - time_s[0]) * rate_hz
    n = round(float(position[-1])) + 1
    if n > MAX_SAMPLES or n > MOST_MISSING * len(time_s) + ALWAYS_ALLOWED:
        raise RecordingError(
            f"The time column jumps so far that it cannot be right: {len(time_s)} samples over "
            f"{position[-1] / rate_hz:.4g} s; correct it, or split the recording at its longest pause."
        )
    even, offset = _even_segments(position, ~inside)
    grid = np.full((n, values.shape[1]), np.nan)
    if np.abs(offset).max() <= 0.25 and len(np.unique(even)) == len(even):
        kept = even < n
        grid[even[kept]] = values[kept]
        note = ""
    else:
        starts = [0, *(np.flatnonzero(~inside) + 1).tolist(), len(position)]
        for first, stop in pairwise(starts):
            at = np.arange(int(np.ceil(position[first] - 1e-6)), int(position[stop - 1] + 1e-6) + 1)
            at = at[at < n]
            for axis in range(values.shape[1]):
                grid[at, axis] = np.interp(at, position[first:stop], values[first:stop, axis])
        note = f"Irregular time stamps were put on an even grid of {rate_hz:.6g} Hz."
    if shared:
        note = f"Time stamps shared by several samples were spread evenly ({rate_hz:.6g} Hz)."
    return grid, rate_hz, note


def _even_segments(
    position: FloatArray, gap_after: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Nearest grid index of each sample, and how far off it lies once each segment's own phase is out."""
    even = np.empty(len(position), dtype=np.intp)
    offset = np.empty(len(position))
    starts = [0, *(np.flatnonzero(gap_after) + 1).tolist(), len(position)]
    for first, stop in pairwise(starts):
        part = position[first:stop]
        phase = float(np.median(part - np.rint(part)))
        even[first:stop] = np.rint(part - phase)
        offset[first:stop] = part - phase - even[first:stop]
    return even, offset


def _spread_shared_stamps(time_s: FloatArray) -> tuple[FloatArray, bool]:
    """Where packets of samples share one stamp (the time of the last), spread them evenly before it."""
    repeated = np.diff(time_s) == 0
    if repeated.mean() < 0.3:
        return time_s, False
    stamps, first, counts = np.unique(time_s, return_index=True, return_counts=True)
    if len(stamps) < 2:
        raise RecordingError("The time column does not advance; export it with fractions of a second.")
    interval = float(np.median(np.diff(stamps) / counts[1:]))
    within = np.arange(len(time_s)) - np.repeat(first, counts)
    return np.repeat(stamps, counts) - (np.repeat(counts, counts) - 1 - within) * interval, True
