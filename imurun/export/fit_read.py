"""What a watch wrote about a run: distance, speed and heart rate by UTC time, from a FIT activity."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from imurun.errors import FormatError
from imurun.files.text import printable
from imurun.model.frames import FloatArray

FIT_EPOCH_S = 631_065_600
"""1989-12-31T00:00:00Z, from which FIT counts, in Unix time."""
LEAST_DATE_TIME = 0x1000_0000
"""A smaller FIT time counts from when the watch was switched on, not from a date."""
SPEED_SPAN_S = 10.0
"""Where the watch wrote no speed, it is that of the distance over so long."""
BROKEN_ASSUMPTIONS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What the decoder of FIT raises beside its own errors where a file is not what it takes for granted."""
LONGEST_HOLE_S = 10.0
"""Speed is not interpolated over longer holes in the records."""


@dataclass(frozen=True)
class WatchLap:
    """A lap of the watch.

    Attributes:
        start, end: UTC.
        distance_m: None where the watch did not know it.
    """

    start: datetime
    end: datetime
    distance_m: float | None


@dataclass(frozen=True, eq=False)
class Track:
    """What was read of an activity.

    Attributes:
        time_s: Unix time of each record, rising, shape (n,).
        distance_m: from the start, shape (n,); NaN where unknown.
        speed_m_s: shape (n,); NaN where unknown.
        heart_rate_bpm: shape (n,); NaN where unknown.
        laps: in their order.
        total_distance_m: of the whole activity; None if unknown.
        sport: FIT's word, "" if the file does not say.
        warnings: what was noticed, one sentence each.
        source: name of the file.
    """

    time_s: FloatArray
    distance_m: FloatArray
    speed_m_s: FloatArray
    heart_rate_bpm: FloatArray
    laps: tuple[WatchLap, ...]
    total_distance_m: float | None
    sport: str
    warnings: tuple[str, ...]
    source: str

    @property
    def start(self) -> datetime:
        """UTC time of the first record."""
        return datetime.fromtimestamp(float(self.time_s[0]), UTC)

    @property
    def end(self) -> datetime:
        """UTC time of the last record."""
        return datetime.fromtimestamp(float(self.time_s[-1]), UTC)

    def distance_between_m(self, begin_s: float, end_s: float) -> float | None:
        """Way from one Unix time to another, m; None where the track does not overlap or has no distance."""
        known = np.isfinite(self.distance_m)
        times, metres = self.time_s[known], self.distance_m[known]
        if len(times) < 2 or end_s <= times[0] or begin_s >= times[-1]:
            return None
        return float(np.interp(end_s, times, metres) - np.interp(begin_s, times, metres))

    def speed_at(self, time_s: FloatArray) -> FloatArray:
        """Speed at Unix times, m/s, shape of `time_s`; NaN outside, in holes, and where unknown."""
        known = np.isfinite(self.speed_m_s)
        times, speeds = self.time_s[known], self.speed_m_s[known]
        if len(times) < 2:
            return np.full(len(time_s), np.nan)
        after = np.clip(np.searchsorted(times, time_s), 1, len(times) - 1)
        hole = times[after] - times[after - 1] > LONGEST_HOLE_S
        inside = (time_s >= times[0]) & (time_s <= times[-1])
        return np.where(inside & ~hole, np.interp(time_s, times, speeds), np.nan)


def read_fit(path: str | os.PathLike[str]) -> Track:
    """Read an activity that a watch wrote.

    Of a file that is cut short, what is whole is read, with a warning. Fields of other applications and
    messages that are not known are passed over. Records are put in order of time, one a time.

    Raises:
        FormatError: not FIT, damaged, without records, or without a date.
    """
    file = Path(path)
    name = printable(file.name)
    try:
        messages, warnings = _read_messages(file, name)
    except OSError as error:
        raise FormatError(f"{printable(str(file))} could not be read: {error.strerror or error}.") from error
    records = [
        message for kind, message in messages if kind == "record" and _seconds(message.get("timestamp"))
    ]
    if not records:
        raise FormatError(
            f"{name}: the file holds no record with a date; give the activity that the watch recorded."
        )
    times = np.array([_seconds(message["timestamp"]) for message in records], dtype=np.float64)
    time_s, rows = np.unique(times, return_index=True)
    distance = _column(records, "distance")[rows]
    speed = _column(records, "enhanced_speed", "speed")[rows]
    if not np.isfinite(speed).any():
        speed = _speed_of(time_s, distance)
    sessions = [message for kind, message in messages if kind == "session"]
    totals = _column(sessions, "total_distance")
    known = distance[np.isfinite(distance)]
    total = (
        float(np.nansum(totals)) if np.isfinite(totals).any() else (float(known[-1]) if len(known) else None)
    )
    sports = [str(message["sport"]) for message in sessions if message.get("sport") is not None]
    laps = [_lap(message) for kind, message in messages if kind == "lap"]
    return Track(
        time_s,
        distance,
        speed,
        _column(records, "heart_rate")[rows],
        tuple(lap for lap in laps if lap is not None),
        total,
        printable(sports[0]) if sports else "",
        tuple(warnings),
        name,
    )


def _read_messages(file: Path, name: str) -> tuple[list[tuple[str, dict[str, Any]]], list[str]]:
    """Records, laps and sessions as (kind, field name to value), and what was noticed."""
    import fitdecode

    messages: list[tuple[str, dict[str, Any]]] = []
    warnings: list[str] = []
    began = False
    with file.open("rb") as stream:
        try:
            with fitdecode.FitReader(
                stream,
                check_crc=fitdecode.CrcCheck.RAISE,
                error_handling=fitdecode.ErrorHandling.IGNORE,
                keep_raw_chunks=False,
            ) as reader:
                for frame in reader:
                    began = began or isinstance(frame, fitdecode.FitHeader)
                    if isinstance(frame, fitdecode.FitDataMessage) and frame.name in (
                        "record",
                        "lap",
                        "session",
                    ):
                        # the first of a name is the file's own field; a developer field may bear it too
                        values = {field.name: field.value for field in reversed(frame.fields)}
                        messages.append((frame.name, values))
        except fitdecode.FitEOFError:
            warnings.append(f"{name} is cut short; what is whole was read.")
        except fitdecode.FitCRCError as error:
            raise FormatError(
                f"{name}: the file is damaged (its checksum is wrong); export it from the watch again."
            ) from error
        except (fitdecode.FitError, *BROKEN_ASSUMPTIONS) as error:
            raise _refused(name, began) from error
    if not began:
        raise _refused(name, began)
    return messages, warnings


def _refused(name: str, began: bool) -> FormatError:
    if not began:
        return FormatError(f"{name}: this is no FIT file; give one that a watch wrote.")
    return FormatError(f"{name}: the file is damaged; export it from the watch again.")


def _seconds(value: Any) -> float | None:
    """Unix time of a field; None where it is no date."""
    if not isinstance(value, datetime):
        return None
    return value.timestamp() if value.timestamp() >= FIT_EPOCH_S + LEAST_DATE_TIME else None


def _column(messages: list[dict[str, Any]], *names: str) -> FloatArray:
    """The first of the fields that a message has, as a number; NaN for none."""
    values = np.full(len(messages), np.nan)
    for row, message in enumerate(messages):
        for name in names:
            value = message.get(name)
            if isinstance(value, int | float):
                values[row] = value
                break
    return values


def _speed_of(time_s: FloatArray, distance_m: FloatArray) -> FloatArray:
    """Speed from the distance, shape (n,)."""
    known = np.isfinite(distance_m)
    if known.sum() < 2:
        return np.full(len(time_s), np.nan)
    times, metres = time_s[known], distance_m[known]
    early = np.maximum(time_s - 0.5 * SPEED_SPAN_S, times[0])
    late = np.minimum(time_s + 0.5 * SPEED_SPAN_S, times[-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        way = np.interp(late, times, metres) - np.interp(early, times, metres)
        return np.where(late > early, way / (late - early), np.nan)


def _lap(message: Mapping[str, Any]) -> WatchLap | None:
    start, end = _seconds(message.get("start_time")), _seconds(message.get("timestamp"))
    if start is None or end is None:
        return None
    distance = message.get("total_distance")
    return WatchLap(
        datetime.fromtimestamp(start, UTC),
        datetime.fromtimestamp(end, UTC),
        float(distance) if isinstance(distance, int | float) else None,
    )
