"""Bouts: when the runner was running, walking, still or other, and where samples are missing.

A short gap (`imurun.model.gaps.LONGEST_CARRIED_S`) inside a run or walk that goes on is part of that bout.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imurun.core.seconds import STILL_G
from imurun.core.step import RUNNING, WALKING
from imurun.model.columns import GAITS
from imurun.model.gaps import LONGEST_CARRIED_S

LONGEST_BREAK_S = {RUNNING: 1.5, WALKING: 4.0}
"""Longest time between two steps of one bout."""
LEAST_STEPS = {RUNNING: 4, WALKING: 2}
SHORTEST_S = 1.0
"""A shorter pause after steps is part of their bout."""
STILL_AROUND = 5
"""A second is still when most of this many seconds around it are."""


class Bout(NamedTuple):
    """A half-open interval of time and its kind: running, walking, still, other or gap."""

    start_s: float
    end_s: float
    kind: str


def find_bouts(
    steps: np.ndarray,
    seconds: np.ndarray,
    gaps_s: list[tuple[float, float]],
    duration_s: float,
    rate_hz: float,
) -> list[Bout]:
    """Divide a recording into contiguous bouts.

    Args:
        steps: dtype STEP, in order of time. seconds: dtype SECOND.
        gaps_s: half-open stretches without samples, s.

    Returns:
        Bouts in order of time, from 0 to `duration_s`. Short gaps inside a bout of steps are not among them.
    """
    of_steps = _step_bouts(steps, RUNNING, "running", duration_s)
    of_steps += _step_bouts(steps, WALKING, "walking", duration_s)
    gaps = [Bout(a, b, "gap") for a, b in gaps_s]
    fixed = [gap for gap in gaps if not _is_within_one(gap, of_steps, rate_hz)] + of_steps
    first_s = seconds["first"] / rate_hz
    still = _is_still(seconds["motion_g"])
    found: list[Bout] = []
    position = 0.0
    for bout in [*_cut_apart(fixed), Bout(duration_s, duration_s, "")]:
        found += _between(first_s, still, position, bout.start_s)
        if bout.end_s > bout.start_s:
            found.append(bout)
        position = max(position, bout.end_s)
    return _merge(found)


def _is_within_one(gap: Bout, bouts: list[Bout], rate_hz: float) -> bool:
    """Whether a gap is short and lies inside exactly one bout of steps."""
    if round((gap.end_s - gap.start_s) * rate_hz) > LONGEST_CARRIED_S * rate_hz:
        return False
    around = [bout for bout in bouts if bout.start_s < gap.end_s and bout.end_s > gap.start_s]
    return len(around) == 1 and around[0].start_s < gap.start_s and gap.end_s < around[0].end_s


def _step_bouts(steps: np.ndarray, gait: int, kind: str, duration_s: float) -> list[Bout]:
    chosen = steps["gait"] == gait
    if not chosen.any():
        return []
    start = steps["initial_contact_s"][chosen]
    end = np.minimum(start + steps["period_s"][chosen], duration_s)
    breaks = np.flatnonzero(np.diff(start) > LONGEST_BREAK_S[gait]) + 1
    bouts = []
    for part in np.split(np.arange(len(start)), breaks):
        if len(part) >= LEAST_STEPS[gait]:
            bouts.append(Bout(float(start[part[0]]), float(end[part[-1]]), kind))
    return bouts


def _cut_apart(bouts: list[Bout]) -> list[Bout]:
    """Bouts in order of time without overlaps; gaps keep their exact borders."""
    gaps = [bout for bout in bouts if bout.kind == "gap"]
    parts = list(gaps)
    for bout in bouts:
        if bout.kind == "gap":
            continue
        start = bout.start_s
        for gap in gaps:
            if gap.start_s < bout.end_s and gap.end_s > start:
                parts.append(Bout(start, gap.start_s, bout.kind))
                start = gap.end_s
        parts.append(Bout(start, bout.end_s, bout.kind))
    apart: list[Bout] = []
    for bout in sorted(part for part in parts if part.end_s > part.start_s):
        if apart and bout.start_s < apart[-1].end_s:
            before = apart[-1]
            if bout.end_s <= before.end_s:
                continue
            if bout.kind == "gap":
                apart[-1] = before._replace(end_s=bout.start_s)
            else:
                bout = bout._replace(start_s=before.end_s)
        apart.append(bout)
    return apart


def _is_still(motion_g: np.ndarray) -> np.ndarray:
    """Whether each second is still, by majority of the seconds around it; at the ends of fewer."""
    if not len(motion_g):
        return np.zeros(0, dtype=bool)
    around = np.ones(STILL_AROUND)
    count = np.convolve(motion_g < STILL_G, around, mode="full")
    known = np.convolve(np.ones(len(motion_g)), around, mode="full")
    middle = slice(STILL_AROUND // 2, STILL_AROUND // 2 + len(motion_g))
    return 2 * count[middle] > known[middle]


def _between(first_s: np.ndarray, still: np.ndarray, start_s: float, end_s: float) -> list[Bout]:
    """Bouts, still or other, by the seconds in a stretch; the first of them extends to its start."""
    if end_s <= start_s:
        return []
    inside = np.flatnonzero((first_s + 1.0 > start_s) & (first_s < end_s))
    if not len(inside):
        return [Bout(start_s, end_s, "other")]
    starts = np.maximum(first_s[inside], start_s)
    starts[0] = start_s
    ends = np.append(starts[1:], end_s)
    return [
        Bout(float(a), float(b), "still" if quiet else "other")
        for a, b, quiet in zip(starts, ends, still[inside], strict=True)
        if b > a
    ]


def _merge(bouts: list[Bout]) -> list[Bout]:
    """Join adjacent bouts of one kind, and short pauses to the bout of steps before."""
    merged: list[Bout] = []
    for bout in bouts:
        is_short = bout.kind in ("still", "other") and bout.end_s - bout.start_s < SHORTEST_S
        if merged and (merged[-1].kind == bout.kind or (is_short and merged[-1].kind in GAITS)):
            merged[-1] = merged[-1]._replace(end_s=bout.end_s)
        else:
            merged.append(bout)
    return merged
