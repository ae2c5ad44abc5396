"""Samples of one table as written: which columns, stated units, time, and what was noticed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np

from imurun.errors import FormatError
from imurun.files.byte_streams import Progress
from imurun.files.text import shown
from imurun.io.formats.file_format import Profile
from imurun.io.formats.regex import group_in
from imurun.io.table import Loaded, Table, refuse_twins
from imurun.io.time_column import Stamps, parse_cells, time_kind, to_stamps, utc_from_ns
from imurun.io.two_sensors import finite_rows, interleaved, merge_onto
from imurun.io.units import Quantity
from imurun.model.frames import FloatArray

_BEYOND_ANY_SENSOR = 1e12
"""Larger numbers are missing samples, whatever the unit."""


@dataclass
class Samples:
    """One table's samples as written in the file.

    Attributes:
        acc, gyr: shape (n, 3), in the file's unit; None when the table lacks the sensor.
        acc_unit, gyr_unit: "" when not stated.
        stamps: None when the table has no time.
        rate_hz: from the text above the table, 0 when it is not there.
        start: UTC, from above the table or from another time column.
        warnings: what was noticed, one sentence each.
    """

    acc: FloatArray | None
    gyr: FloatArray | None
    acc_unit: str = ""
    gyr_unit: str = ""
    stamps: Stamps | None = None
    rate_hz: float = 0.0
    start: datetime | None = None
    warnings: list[str] = field(default_factory=list)


def load_samples(
    table: Table,
    profile: Profile | None,
    *,
    named: bool = False,
    part: Literal["all", "acc", "gyr"] = "all",
    progress: Progress | None = None,
) -> Samples:
    """Read what `table` holds.

    Args:
        table: an open table.
        profile: what is known of the file.
        named: the user named the profile, so its units win over those in the file.
        part: the sensor that a table of its own, from a folder, stands for.
        progress: told how far reading is.

    Raises:
        FormatError: a sensor or axis is missing or there twice, or gravity was removed.
        SettingsError: the profile asks for a column that is not there.
    """
    profile = profile or Profile(name="")
    acc, gyr = _sensor_columns(table, profile, part)
    time, time_unit = _time_column(table, profile, named)
    warnings = list(table.layout.notes)
    wanted = [*(acc or ()), *(gyr or ())]
    refuse_twins(table.names, [table.names[i] for i in (*wanted, *(() if time is None else (time,)))])
    day_first = profile.day_first
    if day_first is None:
        day_first = group_in(profile.preamble_date_format, table.preamble).lower().startswith("d") or None
    loaded = table.load(wanted, time, day_first=day_first, progress=progress)
    warnings += loaded.warnings
    values = loaded.values
    values[~(np.abs(values) <= _BEYOND_ANY_SENSOR)] = np.nan  # also in place of a NaN that signals
    stamps = None
    if time is not None:
        values, stamps = _timed(loaded, table.names[time], time_unit, profile, warnings)
    samples = Samples(
        acc=values[:, :3] if acc else None,
        gyr=values[:, -3:] if gyr else None,
        acc_unit=_unit("acc", table.layout.acc_unit, profile, named),
        gyr_unit=_unit(
            "gyr", table.layout.acc_unit if gyr == table.layout.acc else table.layout.gyr_unit, profile, named
        ),
        stamps=stamps,
        rate_hz=_rate_above(table, profile),
        start=_start_elsewhere(table, profile, stamps, day_first),
        warnings=warnings,
    )
    if samples.acc is not None and samples.gyr is not None and not finite_rows(samples.gyr).any():
        samples.gyr = None
        warnings.append("The angular rate columns are empty and were left out.")
    if samples.acc is not None and samples.gyr is not None and stamps is not None:
        _untangle(samples)
    return samples


def _sensor_columns(
    table: Table, profile: Profile, part: str
) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    layout = table.layout
    acc = profile.find_columns(table.names, profile.acc) or layout.acc
    gyr = profile.find_columns(table.names, profile.gyr) or layout.gyr
    if part == "gyr":
        gyr = gyr or acc  # bare x, y, z in a table of its own
        if gyr is None:
            raise FormatError(
                f"{layout.problem or 'no angular rate columns were found'}; export the table again."
            )
        return None, gyr
    if part == "acc":
        gyr = None
    if layout.problem and not (profile.acc and (profile.gyr or "angular" not in layout.problem)):
        raise FormatError(f"{layout.problem}; export all three axes under names such as acc_x, acc_y, acc_z.")
    if acc is None and gyr is None:
        raise FormatError(
            "no acceleration columns were found; name them acc_x, acc_y, acc_z, or give a profile."
        )
    if acc is None:
        raise FormatError("there is an angular rate but no acceleration; export the accelerometer with it.")
    if layout.acc_kind == "gravity_free" and not profile.acc:
        raise FormatError(profile.gravity_free_sentence())
    return acc, gyr


def _time_column(table: Table, profile: Profile, named: bool) -> tuple[int | None, str]:
    """Index and stated unit of the time column; None for a table without time."""
    layout = table.layout
    if profile.time:
        at = profile.find_columns(table.names, [profile.time])[0]
        stated = dict(zip(layout.times, layout.time_units, strict=True)).get(at, "")
    elif layout.times:
        at, stated = layout.times[0], layout.time_units[0]
    else:
        return None, ""
    return at, _unit("time", stated, profile, named)


def _unit(quantity: Quantity, stated: str, profile: Profile, named: bool) -> str:
    known = (profile.units or {}).get(quantity, "")
    return (known or stated) if named else (stated or known)


def _timed(
    loaded: Loaded, column: str, unit: str, profile: Profile, warnings: list[str]
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
        ticks, loaded.kind, unit, wraps_at=profile.wraps_at or None, warnings=warnings, column=column
    )
    return values, stamps


def _rate_above(table: Table, profile: Profile) -> float:
    text = group_in(profile.preamble_rate, table.preamble)
    try:
        return float(text) if text else 0.0
    except ValueError:
        return 0.0


def _start_elsewhere(
    table: Table, profile: Profile, stamps: Stamps | None, day_first: bool | None
) -> datetime | None:
    """The start from the time stamps, another time column, or the text above the table."""
    if stamps is not None and stamps.start is not None:
        return stamps.start
    for i, unit in zip(table.layout.times, table.layout.time_units, strict=True):
        start = _start_of_cell(table.first_cells[i], unit or "ms", day_first)
        if start is not None:
            return start
    date = group_in(profile.preamble_start_date, table.preamble)
    if date and stamps is None:
        clock = group_in(profile.preamble_start_time, table.preamble) or "00:00:00"
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


def _untangle(samples: Samples) -> None:
    """Bring together sensors that were written on rows of their own."""
    assert samples.acc is not None
    assert samples.gyr is not None
    assert samples.stamps is not None
    acc_rows = finite_rows(samples.acc)
    gyr_rows = finite_rows(samples.gyr)
    if not interleaved(acc_rows, gyr_rows):
        return
    seconds = samples.stamps.seconds
    samples.gyr = merge_onto(seconds[acc_rows], seconds[gyr_rows], samples.gyr[gyr_rows])
    samples.acc = samples.acc[acc_rows]
    at = seconds[acc_rows]
    ns = samples.stamps.start_ns
    moved = None if ns is None else ns + round(at[0] * 1e9)
    samples.stamps = Stamps(at - at[0], samples.stamps.first_s + at[0], moved)
    samples.start = samples.stamps.start or samples.start
    samples.warnings.append(
        "Acceleration and angular rate stand on rows of their own; they were interpolated."
    )
