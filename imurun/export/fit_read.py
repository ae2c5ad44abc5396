"""Reads the FIT activity of a watch: distance, speed, cadence, contact time, heart rate, laps, sports."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from imurun.errors import FormatError
from imurun.export.fit_contact import WatchContact, watch_contacts
from imurun.export.fit_messages import FitMessage, read_messages
from imurun.files.text import sanitize
from imurun.model.frames import FloatArray

FIT_EPOCH_S = 631_065_600
"""The epoch of FIT, 1989-12-31T00:00:00Z, in Unix time."""
LEAST_DATE_TIME = 0x1000_0000
"""A smaller FIT time is relative to the power-on of the watch."""
SPEED_SPAN_S = 10.0
"""Without speed in the file, it is the slope of the distance over this time."""
LONGEST_GAP_S = 10.0
"""Speed is not interpolated across longer gaps between records."""


@dataclass(frozen=True)
class WatchLap:
    """A lap of the watch.

    Attributes:
        start, end: UTC.
        distance_m: None if unknown.
    """

    start: datetime
    end: datetime
    distance_m: float | None


@dataclass(frozen=True)
class WatchSport:
    """Sport of a part of an activity.

    Attributes:
        start_s, end_s: Unix time.
        sport, sub_sport: FIT's names; "" if not stated.
    """

    start_s: float
    end_s: float
    sport: str
    sub_sport: str


def _no_values() -> FloatArray:
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class Track:
    """Records and laps of an activity.

    Attributes:
        time_s: Unix time of each record, rising, shape (n,).
        distance_m: from the start, shape (n,); NaN where unknown.
        speed_m_s: shape (n,); NaN where unknown.
        heart_rate_bpm: shape (n,); NaN where unknown.
        laps: in their order.
        total_distance_m: of the whole activity; None if unknown.
        sport: FIT's name of it; "" if not stated.
        warnings: one sentence each.
        source: name of the file.
        cadence_rpm: as in the file, of strides with most watches, shape (n,); NaN where unknown.
        contacts: contact times by each device that wrote some.
        sports: of the parts of the activity; empty if not stated.
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
    cadence_rpm: FloatArray = field(default_factory=_no_values)
    contacts: tuple[WatchContact, ...] = ()
    sports: tuple[WatchSport, ...] = ()

    @property
    def start(self) -> datetime:
        """UTC time of the first record."""
        return datetime.fromtimestamp(float(self.time_s[0]), UTC)

    @property
    def end(self) -> datetime:
        """UTC time of the last record."""
        return datetime.fromtimestamp(float(self.time_s[-1]), UTC)

    def distance_between_m(self, begin_s: float, end_s: float) -> float | None:
        """Distance between two Unix times, m; None without overlap or without distance."""
        known = np.isfinite(self.distance_m)
        times, metres = self.time_s[known], self.distance_m[known]
        if len(times) < 2 or end_s <= times[0] or begin_s >= times[-1]:
            return None
        return float(np.interp(end_s, times, metres) - np.interp(begin_s, times, metres))

    def speed_at(self, time_s: FloatArray) -> FloatArray:
        """Speed at Unix times, m/s, shape of `time_s`; NaN outside, in gaps, and where unknown."""
        known = np.isfinite(self.speed_m_s)
        times, speeds = self.time_s[known], self.speed_m_s[known]
        if len(times) < 2:
            return np.full(len(time_s), np.nan)
        after = np.clip(np.searchsorted(times, time_s), 1, len(times) - 1)
        in_gap = times[after] - times[after - 1] > LONGEST_GAP_S
        inside = (time_s >= times[0]) & (time_s <= times[-1])
        return np.where(inside & ~in_gap, np.interp(time_s, times, speeds), np.nan)


def read_fit(path: str | os.PathLike[str]) -> Track:
    """Read the activity of a watch.

    A file that is cut short is read up to the cut, with a warning. Unknown messages and fields of other
    applications are ignored. Records are sorted by time; of several at the same time the first one counts.

    Raises:
        FormatError: not FIT, damaged, without records, or without a date.
        MissingExtraError: fitdecode is not installed.
    """
    file = Path(path)
    name = sanitize(file.name)
    try:
        messages, warnings = read_messages(file, name)
    except OSError as error:
        raise FormatError(f"{sanitize(str(file))} could not be read: {error.strerror or error}.") from error
    records = [
        message
        for message in messages
        if message.kind == "record" and _seconds(message.values.get("timestamp")) is not None
    ]
    if not records:
        raise FormatError(
            f"{name}: the file has no record with a date; give the activity that the watch recorded."
        )
    times = np.array([_seconds(message.values["timestamp"]) for message in records], dtype=np.float64)
    time_s, rows = np.unique(times, return_index=True)
    distance = _column(records, "distance")[rows]
    speed = _column(records, "enhanced_speed", "speed")[rows]
    if not np.isfinite(speed).any():
        speed = _speed_of(time_s, distance)
    sessions = [message for message in messages if message.kind == "session"]
    totals = _column(sessions, "total_distance")
    known = distance[np.isfinite(distance)]
    total = (
        float(np.nansum(totals)) if np.isfinite(totals).any() else (float(known[-1]) if len(known) else None)
    )
    sports = _sports(messages)
    laps = [_lap(message.values) for message in messages if message.kind == "lap"]
    cadence = _column(records, "cadence") + np.nan_to_num(_column(records, "fractional_cadence"))
    contacts = tuple(
        WatchContact(contact.device, contact.contact_ms[rows], contact.delay_s)
        for contact in watch_contacts(records, messages)
    )
    return Track(
        time_s,
        distance,
        speed,
        _column(records, "heart_rate")[rows],
        tuple(lap for lap in laps if lap is not None),
        total,
        sports[0].sport if sports else "",
        tuple(warnings),
        name,
        cadence[rows],
        contacts,
        sports,
    )


def _sports(messages: Sequence[FitMessage]) -> tuple[WatchSport, ...]:
    """The sports of the sessions; of the message "sport", for all times, where there is no session."""
    found: list[WatchSport] = []
    for kind in ("session", "sport"):
        for message in messages:
            if message.kind != kind or message.values.get("sport") is None:
                continue
            start, end = _seconds(message.values.get("start_time")), _seconds(message.values.get("timestamp"))
            names = (message.values.get("sport"), message.values.get("sub_sport"))
            found.append(
                WatchSport(
                    -np.inf if start is None else start,
                    np.inf if end is None or kind == "sport" else end,
                    *(sanitize("" if name is None else str(name)) for name in names),
                )
            )
        if found:
            break
    return tuple(found)


def _seconds(value: Any) -> float | None:
    """Unix time of a field; None when it is not a date."""
    if not isinstance(value, datetime):
        return None
    return value.timestamp() if value.timestamp() >= FIT_EPOCH_S + LEAST_DATE_TIME else None


def _column(messages: Sequence[FitMessage], *names: str) -> FloatArray:
    """Of each message the first of these fields that it has, as a number; NaN for none."""
    values = np.full(len(messages), np.nan)
    for row, message in enumerate(messages):
        for name in names:
            value = message.values.get(name)
            if isinstance(value, int | float):
                values[row] = value
                break
    return values


def _speed_of(time_s: FloatArray, distance_m: FloatArray) -> FloatArray:
    """Speed from the distance, m/s, shape (n,)."""
    known = np.isfinite(distance_m)
    if known.sum() < 2:
        return np.full(len(time_s), np.nan)
    times, metres = time_s[known], distance_m[known]
    early = np.maximum(time_s - 0.5 * SPEED_SPAN_S, times[0])
    late = np.minimum(time_s + 0.5 * SPEED_SPAN_S, times[-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        covered_m = np.interp(late, times, metres) - np.interp(early, times, metres)
        return np.where(late > early, covered_m / (late - early), np.nan)


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
