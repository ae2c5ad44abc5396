"""Reads the samples of one table in the units of the file: sensor columns, time, rate and start."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np

from imurun.errors import FormatError
from imurun.files.byte_streams import Progress
from imurun.files.text import shown
from imurun.io.formats.file_format import FileFormat, first_group
from imurun.io.table import LoadedColumns, Table, refuse_duplicates
from imurun.io.time_column import Stamps, parse_cells, time_kind, to_stamps, utc_from_ns
from imurun.io.two_sensors import are_interleaved, finite_rows, interpolate_at
from imurun.io.units import Quantity
from imurun.model.frames import FloatArray

_LARGEST_NUMBER = 1e12
"""Larger numbers count as missing, whatever the unit."""


@dataclass
class Samples:
    """Samples of one table in the units of the file.

    Attributes:
        acc, gyr: shape (n, 3), in the file's unit; None when the table lacks the sensor.
        acc_unit, gyr_unit: "" when not stated.
        stamps: None when the table has no time.
        rate_hz: from the text above the table; 0 when not stated.
        start: UTC, from the time stamps, another time column or the text above the table.
        warnings: one sentence for each problem found.
    """

    acc: FloatArray | None
    gyr: FloatArray | None
    acc_unit: str = ""
    gyr_unit: str = ""
    stamps: Stamps | None = None
    rate_hz: float = 0.0
    start: datetime | None = None
    warnings: list[str] = field(default_factory=list)


def read_samples(
    table: Table,
    file_format: FileFormat | None,
    *,
    named: bool = False,
    part: Literal["all", "acc", "gyr"] = "all",
    progress: Progress | None = None,
) -> Samples:
    """Read acceleration, angular rate and time from a table.

    Args:
        table: an open table.
        file_format: the known format of the file, if any.
        named: the user named the format; then its units override those in the file.
        part: the sensor of a table that holds only one.
        progress: called with the bytes read and the bytes in all.

    Raises:
        FormatError: a sensor or axis is missing or ambiguous, or gravity was removed.
        SettingsError: a column of the format is missing.
    """
    file_format = file_format or FileFormat(name="")
    acc, gyr = _sensor_columns(table, file_format, part)
    time, time_unit = _time_column(table, file_format, named)
    warnings = list(table.layout.notes)
    wanted = [*(acc or ()), *(gyr or ())]
    refuse_duplicates(table.names, [table.names[i] for i in (*wanted, *(() if time is None else (time,)))])
    day_first = file_format.day_first
    if day_first is None:
        day_first = (
            first_group(file_format.preamble_date_format, table.preamble).lower().startswith("d") or None
        )
    loaded = table.load(wanted, time, day_first=day_first, progress=progress)
    warnings += loaded.warnings
    values = loaded.values
    values[~(np.abs(values) <= _LARGEST_NUMBER)] = np.nan  # replaces signalling NaN, too
    stamps = None
    if time is not None:
        values, stamps = _timed(loaded, table.names[time], time_unit, file_format, warnings)
    samples = Samples(
        acc=values[:, :3] if acc else None,
        gyr=values[:, -3:] if gyr else None,
        acc_unit=_unit("acc", table.layout.acc_unit, file_format, named),
        gyr_unit=_unit(
            "gyr",
            table.layout.acc_unit if gyr == table.layout.acc else table.layout.gyr_unit,
            file_format,
            named,
        ),
        stamps=stamps,
        rate_hz=_rate_above(table, file_format),
        start=_find_start(table, file_format, stamps, day_first),
        warnings=warnings,
    )
    if samples.acc is not None and samples.gyr is not None and not finite_rows(samples.gyr).any():
        samples.gyr = None
        warnings.append("The angular rate columns are empty and were left out.")
    if samples.acc is not None and samples.gyr is not None and stamps is not None:
        _join_interleaved(samples)
    return samples


def _sensor_columns(
    table: Table, file_format: FileFormat, part: str
) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    layout = table.layout
    acc = file_format.find_columns(table.names, file_format.acc) or layout.acc
    gyr = file_format.find_columns(table.names, file_format.gyr) or layout.gyr
    if part == "gyr":
        gyr = gyr or acc  # bare x, y, z in a table of one sensor
        if gyr is None:
            raise FormatError(
                f"{layout.problem or 'no angular rate columns were found'}; export the table again."
            )
        return None, gyr
    if part == "acc":
        gyr = None
    if layout.problem and not (file_format.acc and (file_format.gyr or "angular" not in layout.problem)):
        raise FormatError(f"{layout.problem}; export all three axes under names such as acc_x, acc_y, acc_z.")
    if acc is None and gyr is None:
        raise FormatError(
            "no acceleration columns were found; name them acc_x, acc_y, acc_z, or give a profile."
        )
    if acc is None:
        raise FormatError("there is an angular rate but no acceleration; export the accelerometer with it.")
    if layout.acc_kind == "gravity_free" and not file_format.acc:
        raise FormatError(file_format.gravity_free_message())
    return acc, gyr


def _time_column(table: Table, file_format: FileFormat, named: bool) -> tuple[int | None, str]:
    """Index and stated unit of the time column; None for a table without time."""
    layout = table.layout
    if file_format.time:
        at = file_format.find_columns(table.names, [file_format.time])[0]
        stated = dict(zip(layout.times, layout.time_units, strict=True)).get(at, "")
    elif layout.times:
        at, stated = layout.times[0], layout.time_units[0]
    else:
        return None, ""
    return at, _unit("time", stated, file_format, named)


def _unit(quantity: Quantity, stated: str, file_format: FileFormat, named: bool) -> str:
    known = (file_format.units or {}).get(quantity, "")
    return (known or stated) if named else (stated or known)


def _timed(
    loaded: LoadedColumns, column: str, unit: str, file_format: FileFormat, warnings: list[str]
) -> tuple[FloatArray, Stamps]:
    """Values and stamps of the rows that have a time."""
    values, ticks = loaded.values, loaded.ticks
    assert ticks is not None
    if loaded.no_time is not None:
        kept = ~loaded.no_time
        warnings.append(f"{int((~kept).sum())} rows without a time were left out.")
        values, ticks = values[kept], ticks[kept]
    if not len(ticks):
        raise FormatError(f"the column {shown(column)} holds no time; correct it.")
    stamps = to_stamps(
        ticks, loaded.kind, unit, wraps_at=file_format.wraps_at or None, warnings=warnings, column=column
    )
    return values, stamps


def _rate_above(table: Table, file_format: FileFormat) -> float:
    text = first_group(file_format.preamble_rate, table.preamble)
    try:
        return float(text) if text else 0.0
    except ValueError:
        return 0.0


def _find_start(
    table: Table, file_format: FileFormat, stamps: Stamps | None, day_first: bool | None
) -> datetime | None:
    """The start from the time stamps, another time column, or the text above the table."""
    if stamps is not None and stamps.start is not None:
        return stamps.start
    for i, unit in zip(table.layout.times, table.layout.time_units, strict=True):
        start = _start_of_cell(table.first_cells[i], unit or "ms", day_first)
        if start is not None:
            return start
    date = first_group(file_format.preamble_start_date, table.preamble)
    if date and stamps is None:
        clock = first_group(file_format.preamble_start_time, table.preamble) or "00:00:00"
        return _start_of_cell(f"{date} {clock}", "", day_first)
    return None


def _start_of_cell(cell: str, unit: str, day_first: bool | None) -> datetime | None:
    import pyarrow as pa

    kind = time_kind(cell)
    if kind is None or kind == "clock":
        return None
    try:
        ticks = parse_cells(pa.array([cell]), kind, day_first=day_first)
        if not np.isfinite(ticks).all():
            return None
        if kind == "date":
            return utc_from_ns(int(ticks[0]))
        return to_stamps(ticks, kind, unit, warnings=[], column="").start if unit else None
    except (ValueError, OverflowError, FormatError):
        return None


def _join_interleaved(samples: Samples) -> None:
    """Put sensors that were written in separate rows into the same rows."""
    assert samples.acc is not None
    assert samples.gyr is not None
    assert samples.stamps is not None
    acc_rows = finite_rows(samples.acc)
    gyr_rows = finite_rows(samples.gyr)
    if not are_interleaved(acc_rows, gyr_rows):
        return
    seconds = samples.stamps.seconds
    samples.gyr = interpolate_at(seconds[acc_rows], seconds[gyr_rows], samples.gyr[gyr_rows])
    samples.acc = samples.acc[acc_rows]
    at = seconds[acc_rows]
    ns = samples.stamps.start_ns
    start_ns = None if ns is None else ns + round(at[0] * 1e9)
    samples.stamps = Stamps(at - at[0], samples.stamps.first_s + at[0], start_ns)
    samples.start = samples.stamps.start or samples.start
    samples.warnings.append(
        "Acceleration and angular rate are in separate rows; the angular rate was interpolated."
    )
