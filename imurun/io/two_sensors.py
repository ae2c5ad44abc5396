"""Interpolates the samples of one sensor at the sample times of another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imurun.errors import FormatError
from imurun.model.frames import FloatArray

_LONGEST_GAP = 4.5
"""Sampling intervals: longer gaps are not interpolated across."""


def finite_rows(values: FloatArray) -> npt.NDArray[np.bool_]:
    """Rows of shape (n, k) in which every value is a finite number, shape (n,)."""
    return np.asarray(np.isfinite(values).all(axis=1))


def are_interleaved(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> bool:
    """Whether two sensors hardly ever have values in the same row (masks of shape (n,))."""
    least = min(int(one.sum()), int(other.sum()))
    return least >= 2 and int((one & other).sum()) < 0.01 * least


def interpolate_at(time_s: FloatArray, other_s: FloatArray, values: FloatArray) -> FloatArray:
    """Values of the other sensor at `time_s` by linear interpolation; NaN outside its span and in its gaps.

    Args:
        time_s: shape (n,), s.
        other_s: shape (m,), s on the same clock.
        values: shape (m, k).

    Returns:
        Shape (n, k).

    Raises:
        FormatError: fewer than two values, time running backwards, or no time in common.
    """
    good = finite_rows(values)
    other_s, values = other_s[good], values[good]
    if len(other_s) < 2:
        raise FormatError("the angular rate holds fewer than two samples; export it again.")
    steps = np.diff(other_s)
    if (steps < 0).any():
        raise FormatError("the time of the angular rate runs backwards; sort its table.")
    if other_s[0] > time_s[-1] or other_s[-1] < time_s[0]:
        raise FormatError(
            "acceleration and angular rate have no time in common; give tables of one recording."
        )
    at_time = np.empty((len(time_s), values.shape[1]))
    for axis in range(values.shape[1]):
        at_time[:, axis] = np.interp(time_s, other_s, values[:, axis], left=np.nan, right=np.nan)
    after = np.searchsorted(other_s, time_s, side="left")
    inside = (after > 0) & (after < len(other_s))
    step = steps[after[inside] - 1]
    median_step = float(np.median(steps)) or float(other_s[-1] - other_s[0]) / len(steps)
    between = time_s[inside] != other_s[after[inside]]
    at_time[np.flatnonzero(inside)[(step > _LONGEST_GAP * median_step) & between]] = np.nan
    return at_time
