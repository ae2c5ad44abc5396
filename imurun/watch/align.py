"""Aligns a watch's activity with a recording by start and cadence, and checks that it is the same run.

The start of the recording gives the rough place; the shift of at most 30 s at which both cadences, zero while
standing, agree best gives the rest. Steady running alone does not tell the shift: then it is zero.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from imurun.errors import FormatError, SettingsError
from imurun.export.fit_read import Track
from imurun.model.frames import FloatArray
from imurun.session import Session

LONGEST_SHIFT_S = 30
HOLE_S = 8.0
"""Longest time between records of a watch that records only changes; more is a pause."""
LEAST_OVERLAP_S = 30
LONGEST_STEP_S = 1.5
"""From a step to the next; longer is no gait."""
MOST_DIFFERENCE_SPM = 40.0
"""Larger differences of the cadence count as this, so that standing against running does not decide alone."""
LEAST_GAIN_SPM_S = 100.0
"""How much better a shift must agree than none, steps/min times s: 2.5 s of standing against running."""
SAME_RUN_SPM = 6.0
"""Median difference of the cadence while both run."""
RUNNING_SPM = 140.0
STRIDES_OR_STEPS = (2.0, 1.0)
RUNNING = "running"


class Alignment(NamedTuple):
    """How times of a watch and of a recording belong together.

    Attributes:
        start_s: Unix time, by the watch's clock, of the recording's first sample.
        shift_s: how far the watch's clock is ahead of the recording's start.
        steps_a_cycle: steps in one cycle of the watch's cadence: 2 for strides, 1 for steps.
    """

    start_s: float
    shift_s: float
    steps_a_cycle: float


def align(session: Session, track: Track) -> Alignment:
    """Find the shift between a recording and the activity of a watch.

    Args:
        session: analysed, with a start.
        track: the activity.

    Raises:
        SettingsError: the recording has no start.
        FormatError: another sport, no overlap, no cadence, or another run.
    """
    if session.start is None:
        raise SettingsError(
            "The recording has no start time, which a watch's file needs; give --start, such as "
            "2026-05-01T07:30."
        )
    check_sport(track)
    start_s = session.start.timestamp()
    n = max(int(session.summary["duration_s"]), 1)
    own_spm = cadence_each_second(session, n)
    last_s = start_s + n
    overlap = min(last_s, float(track.time_s[-1])) - max(start_s, float(track.time_s[0]))
    if overlap < LEAST_OVERLAP_S:
        raise FormatError(
            f"{track.source} runs from {_clock(float(track.time_s[0]))} to "
            f"{_clock(float(track.time_s[-1]))}, but the recording from {_clock(start_s)} to "
            f"{_clock(last_s)}, which is too little in common; "
            "give --start if the sensor's clock was wrong."
        )
    wide_s = start_s + np.arange(-LONGEST_SHIFT_S, n + LONGEST_SHIFT_S, dtype=np.float64) + 0.5
    rpm = at_times(track.time_s, track.cadence_rpm, wide_s)
    if not (rpm > 0.0).any():
        raise FormatError(f"{track.source} has no cadence, by which it is aligned; use a file that has.")
    steps_a_cycle = _steps_a_cycle(rpm, own_spm, track.source)
    shift_s = _shift(own_spm, steps_a_cycle * rpm)
    first = LONGEST_SHIFT_S + shift_s
    watch_spm = steps_a_cycle * rpm[first : first + n]
    both = (watch_spm > RUNNING_SPM) & (own_spm > RUNNING_SPM)
    if np.count_nonzero(both) < LEAST_OVERLAP_S or (
        float(np.median(np.abs(watch_spm[both] - own_spm[both]))) > SAME_RUN_SPM
    ):
        raise FormatError(
            f"The cadence in {track.source} is another than that of the recording: it is not the same run, "
            "or the sensor's clock was wrong; give --start then."
        )
    return Alignment(start_s + shift_s, float(shift_s), steps_a_cycle)


def check_sport(track: Track) -> None:
    """Refuse an activity without running; one that does not state its sport passes.

    Raises:
        FormatError: all its sports are others.
    """
    names = [part.sport for part in track.sports if part.sport]
    if names and RUNNING not in names:
        raise FormatError(f"{track.source} is an activity of {names[0]}; give one of running.")


def is_running_sport(track: Track, unix_s: FloatArray) -> np.ndarray:
    """Whether the sport is running at Unix times, shape of `unix_s`; True where the file states none."""
    stated = [part for part in track.sports if part.sport]
    if not stated:
        return np.ones(len(unix_s), dtype=bool)
    inside = np.zeros(len(unix_s), dtype=bool)
    for part in stated:
        if part.sport == RUNNING:
            inside |= (unix_s >= part.start_s) & (unix_s <= part.end_s)
    return inside


def cadence_each_second(session: Session, n: int) -> FloatArray:
    """Steps a minute in the middle of each second of the recording, shape (n,); 0 without gait."""
    contacts_s = np.asarray(session.steps["initial_contact_s"], dtype=np.float64)
    middle_s = np.arange(n) + 0.5
    if len(contacts_s) < 2:
        return np.zeros(n)
    after = np.clip(np.searchsorted(contacts_s, middle_s), 1, len(contacts_s) - 1)
    # over four steps, as a watch counts
    first, last = np.maximum(after - 2, 0), np.minimum(after + 1, len(contacts_s) - 1)
    near_s = contacts_s[after] - contacts_s[after - 1]
    inside = (middle_s >= contacts_s[0]) & (middle_s <= contacts_s[-1]) & (near_s <= LONGEST_STEP_S)
    spm = 60.0 * (last - first) / np.maximum(contacts_s[last] - contacts_s[first], 1e-9)
    return np.where(inside, spm, 0.0)


def at_times(time_s: FloatArray, values: FloatArray, wanted_s: FloatArray) -> FloatArray:
    """Values of records at other times, by interpolation; NaN outside, in holes, and where a record has none.

    Args:
        time_s: of the records, rising, shape (n,).
        values: shape (n,), or (0,) where the file has none.
        wanted_s: shape (m,).

    Returns:
        Shape (m,).
    """
    if len(values) != len(time_s) or len(time_s) < 2:
        return np.full(len(wanted_s), np.nan)
    after = np.clip(np.searchsorted(time_s, wanted_s), 1, len(time_s) - 1)
    length_s = time_s[after] - time_s[after - 1]
    share = np.clip((wanted_s - time_s[after - 1]) / length_s, 0.0, 1.0)
    between = (1.0 - share) * values[after - 1] + share * values[after]
    inside = (wanted_s >= time_s[0]) & (wanted_s <= time_s[-1]) & (length_s <= HOLE_S)
    return np.where(inside, between, np.nan)


def _steps_a_cycle(rpm: FloatArray, own_spm: FloatArray, source: str) -> float:
    """2 if the watch counts strides, 1 if it counts steps, whichever is nearer to our own cadence."""
    own = own_spm[own_spm > RUNNING_SPM]
    moving = rpm[rpm > 0.35 * RUNNING_SPM]
    if len(own) < LEAST_OVERLAP_S:
        raise FormatError("The recording has less than half a minute of running, too little to compare.")
    if not len(moving):
        raise FormatError(f"{source} has no running during the recording; give the activity of that run.")
    ratio = float(np.median(own) / np.median(moving))
    return min(STRIDES_OR_STEPS, key=lambda n: abs(np.log(ratio / n)))


def _shift(own_spm: FloatArray, watch_spm: FloatArray) -> int:
    """How many seconds later, by its own clock, the watch sees the same cadence."""
    n = len(own_spm)
    shifts = sorted(range(-LONGEST_SHIFT_S, LONGEST_SHIFT_S + 1), key=abs)
    costs: dict[int, float] = {}
    for shift in shifts:
        seen = watch_spm[LONGEST_SHIFT_S + shift : LONGEST_SHIFT_S + shift + n]
        known = np.isfinite(seen)
        if np.count_nonzero(known) >= LEAST_OVERLAP_S:
            costs[shift] = float(
                np.mean(np.minimum(np.abs(seen[known] - own_spm[known]), MOST_DIFFERENCE_SPM))
            )
    if not costs:
        return 0
    best = min(costs, key=lambda shift: costs[shift])
    if 0 in costs and n * (costs[0] - costs[best]) < LEAST_GAIN_SPM_S:
        return 0
    return best


def _clock(unix_s: float) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=unix_s)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
