"""Signal processing that several published methods share: smoothing, steps, peaks, sides, limits.

The limits are those of the comparison by Kiernan et al. 2023 (Sensors 23, PMC10255839). The upper limit of
stance only ends searches that a method's description leaves open; it removes no contact that a method finds
within its own bounds, because slow runners have longer contacts.

Signals are in g; positions are sample indices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.signal import butter, find_peaks, sosfiltfilt

from imurun.methods.contract import Contacts
from imurun.model.frames import FloatArray

MAX_STEP_HZ = 4.75
"""Step frequency of a sprinter: the shortest interval between foot strikes is 1 / 4.75 s."""
MIN_STEP_HZ = 2.0
"""Set by hand: running is always faster, so the fall and rise of a step lie within half a second."""
STANCE_S = (0.095, 0.270)
"""Shortest and longest contact time."""


def without_short(initial_s: FloatArray, final_s: FloatArray) -> FloatArray:
    """Toe-offs, shape (k,), with NaN where the contact would be shorter than the shortest stance."""
    return np.where(final_s - initial_s >= STANCE_S[0], final_s, np.nan)  # False for NaN


STANDING_G = 1.0
"""Vertical specific force at rest, gravity included."""


class Span(NamedTuple):
    """One step in the vertical: the lowest sample before its maximum, the maximum, the lowest after."""

    begin: int
    peak: int
    end: int


def lowpass(values: FloatArray, cutoff_hz: float, rate_hz: float, order: int = 4) -> FloatArray:
    """Butterworth low-pass of `order`, run forwards and backwards, along the first axis.

    Values are returned unchanged when the cut-off is at or above the Nyquist frequency.
    """
    if len(values) < 2 or cutoff_hz >= 0.5 * rate_hz:
        return values
    sections = butter(order, cutoff_hz, fs=rate_hz, output="sos")
    padding = min(len(values) - 1, round(rate_hz / cutoff_hz) * order)
    return np.asarray(sosfiltfilt(sections, values, axis=0, padlen=padding), dtype=np.float64)


def vertical_peaks(vertical_g: FloatArray, rate_hz: float, apart_s: float = 1.0 / MAX_STEP_HZ) -> np.ndarray:
    """Highest samples of the steps: maxima above standing, at least `apart_s` from each other, shape (k,)."""
    if len(vertical_g) < 3:
        return np.zeros(0, dtype=np.intp)
    return find_peaks(vertical_g, height=STANDING_G, distance=max(apart_s * rate_hz, 1.0))[0]


def step_spans(vertical_g: FloatArray, rate_hz: float) -> list[Span]:
    """The whole steps of a stretch: each falls below standing, rises above it and falls again."""
    reach = int(rate_hz / MIN_STEP_HZ)
    last = len(vertical_g) - 1
    borders = [0, *vertical_peaks(vertical_g, rate_hz).tolist(), last]
    spans = []
    for before, peak, after in zip(borders, borders[1:], borders[2:], strict=False):
        begin = lowest(vertical_g, max(before, peak - reach), peak)
        end = lowest(vertical_g, peak, min(after, peak + reach))
        whole = begin > 0 and end < last
        if whole and max(vertical_g[begin], vertical_g[end]) < STANDING_G:
            spans.append(Span(begin, peak, end))
    return spans


def lowest(values: FloatArray, first: int, last: int) -> int:
    """Position of the lowest sample from first to last; the last of several equal ones, as in clipped
    minima.
    """
    part = values[first : last + 1]
    equal = np.flatnonzero(part == part.min())
    return int(first + equal[-1])


def dips_between(values: FloatArray, first: int, last: int) -> np.ndarray:
    """Positions of the local minima from first to last, shape (k,); samples at the border do not count."""
    first = max(first, 0)
    return first + find_peaks(-values[first : last + 1])[0]


def first_at_most(values: FloatArray, limit: float, first: int, last: int) -> int | None:
    """Position of the first sample from first to last at or below the limit; None without one."""
    below = np.flatnonzero(values[first : last + 1] <= limit)
    return int(first + below[0]) if len(below) else None


def deepest(values: FloatArray, first: int, last: int) -> int | None:
    """Position of the lowest local minimum from first to last: on the anterior axis, the backward peak."""
    dips = dips_between(values, first, last)
    return int(dips[np.argmin(values[dips])]) if len(dips) else None


def contacts_at(
    initial: Sequence[float], final: Sequence[float | None], rate_hz: float, side: np.ndarray | None = None
) -> Contacts:
    """Contacts from sample positions; contacts less than the shortest step after the previous one are
    dropped.

    Args:
        initial: foot strikes, never decreasing.
        final: a toe-off for each, or None; dropped where the contact would be too short.
        side: left, right or unknown for each; None when the method gives no sides.
    """
    kept: list[int] = []
    for k, position in enumerate(initial):
        if not kept or (position - initial[kept[-1]]) * MAX_STEP_HZ >= rate_hz:
            kept.append(k)
    initial_s = np.array([initial[k] for k in kept], dtype=np.float64) / rate_hz
    final_s = np.array([final[k] for k in kept], dtype=np.float64) / rate_hz  # None becomes NaN
    sides = np.full(len(kept), "unknown") if side is None else side[kept]
    return Contacts(initial_s, without_short(initial_s, final_s), sides)


def alternate(leftness: FloatArray, initial_contact: FloatArray) -> np.ndarray:
    """Sides of steps, shape (k,): "left" and "right" in turn, or all "unknown" on a tie.

    Missed steps are counted from the time that passed, so that they do not swap the following sides.

    Args:
        leftness: positive for evidence of a left step, negative for a right one; only the sign counts, NaN is
            no vote; shape (k,).
        initial_contact: foot strikes in any unit of time, increasing, shape (k,).
    """
    if not len(leftness):
        return np.zeros(0, dtype="<U7")
    times = np.diff(initial_contact)
    passed = np.maximum(np.rint(times / np.median(times)), 1.0) if len(times) else times
    odd = np.cumsum([0.0, *passed]) % 2.0 == 1.0
    votes = np.nan_to_num(np.sign(leftness))
    majority = votes[~odd].sum() - votes[odd].sum()
    if majority == 0.0:
        return np.full(len(leftness), "unknown")
    return np.where(odd == (majority < 0.0), "left", "right")
