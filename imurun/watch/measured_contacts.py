"""Reads a CSV table of contact times that another device, such as a force plate, measured in the same run."""

from __future__ import annotations

import csv
import io
import math
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from imurun.errors import FormatError
from imurun.files.text import sanitize, shown
from imurun.model.speed import SpeedTable
from imurun.watch.trusted_seconds import Compared

MOST_BYTES = 50_000_000
SEPARATORS = ",;\t"
TIMES: dict[str, float] = {
    "time_s": 1.0,
    "time_ms": 0.001,
    "initial_contact_s": 1.0,
    "time": 1.0,
    "timestamp": 1.0,
    "t": 1.0,
}
"""Names of the column of times, and the factor to s from the recording's start; or dates with a zone."""
CONTACTS: dict[str, float] = {
    "contact_time_ms": 1.0,
    "contact_ms": 1.0,
    "ground_contact_time_ms": 1.0,
    "gct_ms": 1.0,
    "stance_time_ms": 1.0,
    "contact_time_s": 1000.0,
    "contact_s": 1000.0,
    "gct_s": 1000.0,
    "stance_time_s": 1000.0,
}
"""Names of the column of contact times, and the factor to ms."""
POSSIBLE_MS = (60.0, 500.0)


def read_contact_table(
    path: str | os.PathLike[str], start: datetime | None, speed: SpeedTable | None
) -> Compared:
    """Read a CSV table with a column of times and one of contact times; its other columns are ignored.

    Times are s from the start of the recording, or ISO 8601 dates where the recording's start is known. Rows
    without a number are left out.

    Args:
        path: separated by comma, semicolon or tab; lines that begin with # are skipped.
        start: of the recording.
        speed: known speed by time of the recording; None if unknown.

    Raises:
        FormatError: no such columns, no possible contact time, or the file cannot be read.
    """
    file = Path(path)
    name = sanitize(file.name)
    try:
        with file.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise FormatError(f"{sanitize(str(file))} could not be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{name} is not text; save the table as CSV in UTF-8.") from error
    if len(data) > MOST_BYTES:
        raise FormatError(f"{name} is too long for a table of contact times; cut it to one run.")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    head = lines[0] if lines else ""
    separator = max(SEPARATORS, key=head.count)
    try:
        rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=separator))
    except csv.Error as error:
        raise FormatError(f"{name} is not a valid CSV table ({sanitize(str(error))}).") from error
    names = [cell.strip().lower() for cell in rows[0]] if rows else []
    time_column, time_factor = _column(names, TIMES, name, "time_s (seconds from the recording's start)")
    contact_column, contact_factor = _column(names, CONTACTS, name, "contact_time_ms")
    found: list[tuple[float, float]] = []
    for row in rows[1:]:
        if len(row) <= max(time_column, contact_column):
            continue
        time_s = _time_s(row[time_column].strip(), time_factor, start, name)
        contact_ms = contact_factor * _number(row[contact_column])
        if math.isfinite(time_s) and POSSIBLE_MS[0] <= contact_ms <= POSSIBLE_MS[1]:
            found.append((time_s, contact_ms))
    if not found:
        raise FormatError(
            f"{name} has no contact time of {POSSIBLE_MS[0]:g} to {POSSIBLE_MS[1]:g} ms; check its unit."
        )
    values = np.array(sorted(found), dtype=np.float64)
    speeds = np.full(len(values), np.nan) if speed is None else speed.at(values[:, 0])
    return Compared(values[:, 0], values[:, 1], speeds, f"the device of {name}")


def _column(names: list[str], known: dict[str, float], file: str, wanted: str) -> tuple[int, float]:
    for name, factor in known.items():
        if name in names:
            return names.index(name), factor
    raise FormatError(f"{file} has no column {wanted}; name the columns in the first line.")


def _time_s(cell: str, factor: float, start: datetime | None, name: str) -> float:
    number = _number(cell)
    if math.isfinite(number):
        return factor * number
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        return math.nan
    if start is None:
        raise FormatError(
            f"{name} has dates, but the recording has no start; give --start, or seconds from the start."
        )
    if moment.tzinfo is None:
        raise FormatError(f"{name}: the date {shown(cell)} has no zone; add one, such as Z for UTC.")
    return (moment.astimezone(UTC) - start).total_seconds()


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan
