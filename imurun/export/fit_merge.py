"""Adds a session's values to the FIT activity of a watch; GPS, heart rate and all else stay unchanged."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from imurun.errors import FormatError, ImurunError, SettingsError
from imurun.export.fit_fields import LAP, RECORD, SESSION
from imurun.export.fit_read import FIT_EPOCH_S, LEAST_DATE_TIME, Track, read_fit
from imurun.export.fit_values import record_values, span_values
from imurun.export.fit_wire import Part, extend, number_of, read_parts, timestamp_of
from imurun.files.atomic import atomic_path, write_error
from imurun.files.text import sanitize
from imurun.model.frames import FloatArray
from imurun.session import Session

LAP_START, LAP_ELAPSED = 2, 7
"""Field numbers, the same in lap and session."""
NO_START = "The recording has no start time, which FIT needs; give --start, such as 2026-05-01T07:30."


def merge_fit(
    session: Session, watch: str | os.PathLike[str], out: str | os.PathLike[str]
) -> tuple[str, ...]:
    """Write a copy of the watch's activity with imurun's values in its records, laps and sessions.

    Values are assigned by UTC time, see `record_values` and `span_values`. The watch's speed over cadence is
    the step length, and vertical oscillation over step length the vertical ratio. Every message and value of
    the watch stays; where it has filled a native field, imurun's value goes to a developer field that names
    the native one. The watch's laps stay, and laps of the recording are not added.

    Args:
        session: with a start.
        watch: FIT activity; of several activities in one file, each gets values.
        out: FIT file to write; must not be `watch`.

    Returns:
        Warnings, one sentence each.

    Raises:
        SettingsError: no start, `out` is `watch`, or it cannot be written.
        FormatError: no steps; `watch` is not FIT, is damaged, or does not overlap the recording.
        MissingExtraError: fit-tool or fitdecode is not installed.
    """
    file, target = Path(watch), Path(out)
    if not len(session.steps):
        raise FormatError("No steps were found in the recording, so there is nothing to add to the activity.")
    start_s = start_time_s(session)
    if file.exists() and target.exists() and file.samefile(target):
        raise SettingsError(f"{sanitize(target.name)} is the watch's own file; choose another name.")
    track = read_fit(file)
    duration_s = float(session.summary["duration_s"])
    inside = int(np.sum((track.time_s >= start_s) & (track.time_s < start_s + duration_s)))
    if not inside:
        raise FormatError(
            f"{track.source} runs from {_clock(track.start)} to {_clock(track.end)}, but the recording from "
            f"{_clock(_utc(start_s))} to {_clock(_utc(start_s + duration_s))}; give --start if the "
            "sensor's clock was wrong."
        )
    warnings = list(track.warnings)
    if inside < 0.5 * len(track.time_s):
        warnings.append(
            f"Only {inside} of the {len(track.time_s)} records of {track.source} are within the recording."
        )
    try:
        parts = read_parts(file.read_bytes())
        content = b"".join(_merge_part(part, session, track, start_s) for part in parts)
    except ImurunError as error:
        raise type(error)(f"{track.source}: {error}") from error
    except OSError as error:
        raise FormatError(f"{sanitize(str(file))} could not be read: {error.strerror or error}.") from error
    write_bytes(content, target)
    return tuple(warnings)


def start_time_s(session: Session) -> float:
    """Unix time of the recording's first sample.

    Raises:
        SettingsError: it is not known, or FIT cannot store it.
    """
    if session.start is None:
        raise SettingsError(NO_START)
    start_s = session.start.timestamp()
    if not FIT_EPOCH_S + LEAST_DATE_TIME <= start_s <= FIT_EPOCH_S + 0xF000_0000:
        raise SettingsError(
            f"The recording began on {session.start:%Y-%m-%d}, which FIT cannot store; give the true --start."
        )
    return start_s


def write_bytes(content: bytes, target: Path) -> None:
    """Write a FIT file atomically.

    Raises:
        SettingsError: it cannot be written.
    """
    try:
        with atomic_path(target) as aside:
            aside.write_bytes(content)
    except OSError as error:
        raise write_error(target, error) from error


def add_values(part: Part, session: Session, start_s: float, speed_m_s: FloatArray | None = None) -> bytes:
    """The file of `part` with the session's values at its records, laps and sessions.

    Args:
        part: an activity.
        session: with the steps.
        start_s: Unix time of its first sample.
        speed_m_s: at each record; None if unknown.
    """
    times_s = _times(part, RECORD) - start_s
    records = record_values(session.steps, times_s, speed_m_s, session.markers)
    values: dict[int, pd.DataFrame] = {RECORD: records}
    for kind in (LAP, SESSION):
        begin, end = _spans(part, kind)
        values[kind] = span_values(session.steps, begin - start_s, end - start_s, records, times_s)
    return extend(part, values)


def _merge_part(part: Part, session: Session, track: Track, start_s: float) -> bytes:
    times = _times(part, RECORD)
    return add_values(part, session, start_s, track.speed_at(times))


def _times(part: Part, kind: int) -> FloatArray:
    """Unix time of each data message of a kind; 0 where it has none."""
    return np.array([_unix(timestamp_of(message)) for message in part.data(kind)], dtype=np.float64)


def _spans(part: Part, kind: int) -> tuple[FloatArray, FloatArray]:
    """Unix times at which laps or sessions begin and end; empty spans where these are not stated."""
    begin, end = [], []
    for message in part.data(kind):
        first = number_of(message, LAP_START)
        elapsed_ms = number_of(message, LAP_ELAPSED)
        last = _unix(timestamp_of(message))
        begin.append(_unix(first))
        end.append(last if first is None or elapsed_ms is None else begin[-1] + elapsed_ms / 1000.0)
    return np.array(begin, dtype=np.float64), np.array(end, dtype=np.float64)


def _unix(fit_time: int | None) -> float:
    return 0.0 if fit_time is None else float(FIT_EPOCH_S + fit_time)


def _utc(unix_s: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=unix_s)


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
