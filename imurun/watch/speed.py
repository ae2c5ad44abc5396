"""Takes the running speed from a watch's activity, where it is steady."""

from __future__ import annotations

import numpy as np

from imurun.errors import FormatError
from imurun.export.fit_read import Track
from imurun.model.frames import FloatArray
from imurun.model.speed import SpeedTable
from imurun.session import Session
from imurun.watch.align import Alignment, align, at_times, is_running_sport

STEADY_S = 15
STEADY_M_S = 0.15
"""Speeds of a steady stretch lie within this of its mean."""
DELAY_S = 5.0
"""How much later than the cadence a watch's speed reacts: median of public files, quartiles 3 to 8 s."""
SLOWEST_M_S, FASTEST_M_S = 0.5, 12.0
"""0 while steps come is no speed."""
INDOORS = ("treadmill", "indoor_running")


def watch_speed(session: Session, track: Track) -> tuple[SpeedTable, tuple[str, ...]]:
    """The speed of a run by a watch, where it stayed within 0.15 m/s of its mean over 15 s.

    Args:
        session: analysed, with a start.
        track: activity of the same run.

    Returns:
        A table with one row a second, equal neighbours joined; and warnings, one sentence each.

    Raises:
        SettingsError, FormatError: as `align`; or the speed is nowhere steady.
    """
    alignment = align(session, track)
    n = max(int(session.summary["duration_s"]), 1)
    speed = steady_speed(track, alignment, np.arange(n, dtype=np.float64) + 0.5)
    if not np.isfinite(speed).any():
        raise FormatError(
            f"{track.source} has no speed that is steady for {STEADY_S} s during the recording; "
            "give --treadmill, or leave --watch out."
        )
    notes = list(track.warnings)
    if any(part.sub_sport in INDOORS for part in track.sports):
        notes.append(
            f"{track.source} was recorded indoors, where a watch estimates its speed from the arm; "
            "--treadmill is better."
        )
    rounded = np.round(speed, 2)
    changes = np.ones(n, dtype=bool)
    changes[1:] = (rounded[1:] != rounded[:-1]) & ~(np.isnan(rounded[1:]) & np.isnan(rounded[:-1]))
    rows = np.flatnonzero(changes)
    return SpeedTable(rows.astype(np.float64), rounded[rows], track.source), tuple(notes)


def steady_speed(track: Track, alignment: Alignment, time_s: FloatArray) -> FloatArray:
    """Mean speed over 15 s around times of the recording, m/s, shape of `time_s`; NaN where not steady."""
    half = STEADY_S // 2
    unix_s = alignment.start_s + DELAY_S + time_s
    window = np.array(
        [at_times(track.time_s, track.speed_m_s, unix_s + offset) for offset in range(-half, half + 1)]
    )
    window[(window < SLOWEST_M_S) | (window > FASTEST_M_S)] = np.nan
    mean = window.mean(axis=0)  # NaN where any second is unknown
    steady = (np.abs(window - mean) <= STEADY_M_S).all(axis=0)
    return np.where(steady & is_running_sport(track, alignment.start_s + time_s), mean, np.nan)
