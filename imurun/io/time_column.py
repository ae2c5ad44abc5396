"""Parses time columns (numbers, dates, times of day) into seconds from the first sample and a UTC start."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from imurun.errors import FormatError
from imurun.files.text import shown
from imurun.io.units import SI_FACTOR
from imurun.model.frames import FloatArray
from imurun.model.time_grid import MAX_RATE_HZ, MIN_RATE_HZ

if TYPE_CHECKING:
    import pyarrow as pa

TimeKind = Literal["number", "date", "clock"]
Ticks = npt.NDArray[np.int64 | np.float64]
"""Raw numbers of a time column: int64 where the cells are whole numbers, else float64."""

_DAY_NS = 86_400_000_000_000
_EPOCH_S = (8.0e8, 4.2e9)
"""Seconds since 1970 that count as a date: the years 1995 to 2103."""
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?)?\s?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)
_CLOCK = re.compile(r"\d{1,2}:\d\d:\d\d([.,]\d{1,9})?")
_SLASHED = re.compile(r"(\d{1,4})[/.-](\d{1,2})[/.-](\d{1,4})[T ]+\d{1,2}:\d\d.*")


@dataclass(frozen=True)
class Stamps:
    """Time of each sample.

    Attributes:
        seconds: shape (n,), s from the first sample.
        first_s: the first stamp as written, s.
        start_ns: the first stamp in ns since 1970 UTC, None when the stamps are not dates.
    """

    seconds: FloatArray
    first_s: float
    start_ns: int | None

    @property
    def start(self) -> datetime | None:
        """UTC time of the first sample, if known."""
        return None if self.start_ns is None else utc_from_ns(self.start_ns)


def utc_from_ns(ns: int) -> datetime:
    """The UTC time `ns` nanoseconds after 1970, to the microsecond."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)


def time_kind(cell: str) -> TimeKind | None:
    """How a time cell is written: number, date with time, or time of day (clock); None for anything else."""
    text = cell.strip().strip('"')
    if _CLOCK.fullmatch(text):
        return "clock"
    if _ISO.fullmatch(text) or _SLASHED.fullmatch(text):
        return "date"
    try:
        float(text.replace(",", "."))
    except ValueError:
        return None
    return "number"


def parse_cells(
    cells: pa.Array | pa.ChunkedArray, kind: TimeKind, *, decimal: str = ".", day_first: bool | None = None
) -> Ticks:
    """Numbers of a block of time cells.

    Args:
        cells: Arrow strings without nulls.
        kind: from `time_kind`.
        decimal: the decimal sign.
        day_first: whether 3/4/2025 is the 3rd of April; None: only when the month would exceed 12.

    Returns:
        Shape (n,): the numbers (int64 where all are whole), ns since 1970, or ns since midnight.

    Raises:
        ValueError: a cell that is not of that kind.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if decimal == "," or kind != "number":
        cells = pc.call_function("replace_substring", [cells], pc.ReplaceSubstringOptions(",", "."))
    if kind == "number":
        try:
            return np.asarray(cells.cast(pa.int64()))
        except pa.ArrowInvalid:
            return np.asarray(cells.cast(pa.float64()))
    if kind == "clock":
        cells = pc.call_function(
            "replace_substring_regex", [cells], pc.ReplaceSubstringOptions(r"^(\d):", r"0\1:")
        )
        dated = pc.call_function(
            "replace_substring_regex",
            [cells],
            pc.ReplaceSubstringOptions(r"^", "1970-01-01 ", max_replacements=1),
        )
        return _parse_dates(dated, None)
    return _parse_dates(cells, day_first)


def _parse_dates(cells: pa.Array | pa.ChunkedArray, day_first: bool | None) -> npt.NDArray[np.int64]:
    import pyarrow as pa

    first = cells[0].as_py()
    if _ISO.fullmatch(first):
        zoned = re.search(r"(Z|[+-]\d\d:?\d\d)$", first[10:], re.IGNORECASE) is not None
        try:
            stamps = cells.cast(pa.timestamp("ns", "UTC" if zoned else None))
            return np.asarray(stamps.cast(pa.int64()))
        except pa.ArrowInvalid:
            pass
    import pandas as pd

    texts = pd.Series(cells.to_pylist(), dtype=object)
    parts = _SLASHED.fullmatch(first)
    if day_first is None and parts is not None:
        day_first = int(parts.group(1)) > 12 and len(parts.group(1)) < 4
    parsed = pd.to_datetime(texts, format="mixed", dayfirst=bool(day_first), utc=True)
    return parsed.to_numpy(dtype="datetime64[ns]").astype(np.int64)


def to_stamps(
    ticks: Ticks,
    kind: TimeKind,
    unit: str,
    *,
    wraps_at: float | None = None,
    warnings: list[str],
    column: str,
) -> Stamps:
    """Convert a time column to seconds from its first sample.

    Args:
        ticks: shape (n,), from `parse_cells`, finite.
        kind: how the cells were written.
        unit: unit of a number; "" when not stated: then the first that gives a possible rate.
        wraps_at: value at which the counter restarts at zero, in its unit.
        warnings: a sentence is added for an inferred unit.
        column: name of the column, for messages.

    Raises:
        FormatError: the unit is not stated and none fits, or the column counts samples.
    """
    if kind == "clock":
        wraps_at, unit = _DAY_NS, "ns"
    elif kind == "date":
        unit = "ns"
    if wraps_at:
        falls = np.flatnonzero(np.diff(ticks) < -0.5 * wraps_at)
        if len(falls):
            ticks = ticks.astype(np.float64 if ticks.dtype.kind == "f" else np.int64)
            for at in falls:
                ticks[at + 1 :] += ticks.dtype.type(wraps_at)
    elapsed = (ticks - ticks[0]).astype(np.float64)
    if not unit:
        unit = _infer_time_unit(elapsed, warnings, column)
    factor = SI_FACTOR["time"][unit]
    start_ns = None
    first_s = float(ticks[0]) * factor
    if kind == "date" or (kind == "number" and _EPOCH_S[0] < first_s < _EPOCH_S[1]):
        start_ns = (
            round(float(ticks[0]) * factor * 1e9) if ticks.dtype.kind == "f" else _whole_ns(ticks[0], unit)
        )
    return Stamps(elapsed * factor, first_s, start_ns)


def _whole_ns(tick: np.int64, unit: str) -> int:
    return int(tick) * round(SI_FACTOR["time"][unit] * 1e9)


def _infer_time_unit(elapsed: FloatArray, warnings: list[str], column: str) -> str:
    steps = np.diff(elapsed)
    median_step = float(np.median(steps)) if len(steps) else 0.0
    if len(steps) and (steps == 1.0).all():
        raise FormatError(
            f"the column {shown(column)} counts samples; it is not a time; "
            "give the rate with --rate or with a profile."
        )
    if median_step <= 0 and len(steps):
        median_step = float(elapsed[-1]) / len(steps)
    for unit, factor in SI_FACTOR["time"].items():
        if median_step > 0 and MIN_RATE_HZ <= 1.0 / (median_step * factor) <= MAX_RATE_HZ:
            warnings.append(f"The unit of the column {shown(column)} is not stated; its steps fit {unit}.")
            return unit
    if (steps < 0).any():
        return "s"  # Recording raises the error for time that runs backwards
    raise FormatError(
        f"the unit of the column {shown(column)} is not stated, and with its median step of "
        f"{median_step:.6g} the rate is between {MIN_RATE_HZ:g} and {MAX_RATE_HZ:g} Hz in no unit; "
        "name the unit in a profile."
    )
