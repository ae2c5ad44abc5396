"""Finds the sampling rate of samples with time stamps, checks it, and puts them on an even time grid."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from imurun.errors import RecordingError
from imurun.model.frames import FloatArray
from imurun.model.gaps import BRIDGED_SAMPLES, longest_bridge

MIN_RATE_HZ = 25.0
MAX_RATE_HZ = 5000.0
LARGEST_TIME_S = 1e12
"""Thirty thousand years."""
MAX_SAMPLES = 200_000_000
"""A longer recording (11 days at 200 Hz) means that the time stamps are wrong."""
MOST_MISSING, ALWAYS_ALLOWED = 10, 1_500_000
"""Missing samples take as much memory as others: allowed are ten for each sample, or two hours at 208 Hz."""


def check_rate(rate_hz: float) -> float:
    """Return the rate as a float; RecordingError for a rate that the analysis does not support."""
    rate = float(rate_hz)
    if not np.isfinite(rate) or rate <= 0:
        raise RecordingError(f"The sampling rate is {rate_hz!r}; it must be a positive number of Hz.")
    if rate < MIN_RATE_HZ:
        raise RecordingError(
            f"The sampling rate is {rate:.3g} Hz; foot strikes need at least {MIN_RATE_HZ:g} Hz."
        )
    if rate > MAX_RATE_HZ:
        raise RecordingError(
            f"The sampling rate is {rate:.4g} Hz, above {MAX_RATE_HZ:g} Hz; check the unit of time."
        )
    return rate


def even_grid(time_s: FloatArray, values: FloatArray) -> tuple[FloatArray, float, str]:
    """Put values on an even time grid from the first stamp on.

    Args:
        time_s: shape (n,), s, never decreasing.
        values: shape (n, k).

    Returns:
        Values on the grid, NaN in gaps; the rate, Hz; and a note on the correction made, or "".

    Raises:
        RecordingError: time stamps from which no rate follows, or that cannot be right.
    """
    if time_s.ndim != 1 or len(time_s) != len(values):
        raise RecordingError(f"{len(values)} samples came with {time_s.size} time stamps; give one each.")
    if len(time_s) < 2:
        raise RecordingError("The recording holds fewer than two samples, so it has no rate; record again.")
    if not np.isfinite(time_s).all():
        row = int(np.flatnonzero(~np.isfinite(time_s))[0])
        raise RecordingError(f"The time of sample {row} is not a number.")
    if np.abs(time_s).max() > LARGEST_TIME_S:
        raise RecordingError("The time column jumps so far that it cannot be right.")
    steps = np.diff(time_s)
    if (steps < 0).any():
        row = int(np.flatnonzero(steps < 0)[0]) + 1
        raise RecordingError(f"Time goes backwards at sample {row}; sort or split the recording there.")
    time_s, shared = _spread_shared_stamps(time_s)
    steps = np.diff(time_s)
    interval_s = float(np.median(steps))
    if interval_s < np.finfo(np.float64).tiny:  # the rate would be infinite
        raise RecordingError("The time column does not advance; export it with fractions of a second.")
    inside = steps < (longest_bridge(1.0 / interval_s) + 1.5) * interval_s
    counted = steps < (BRIDGED_SAMPLES + 1.5) * interval_s
    regular = float(np.median(np.abs(steps - interval_s))) < 0.1 * interval_s
    # jitter as large as the interval looks like lost samples: then each step counts as one interval
    whole = np.maximum(np.rint(steps[counted] / interval_s), 1.0) if regular else np.ones(counted.sum())
    rate_hz = float(whole.sum() / steps[counted].sum())
    slack = 1e-6  # in samples: a grid point this far outside the stamps is inside
    rounded_hz = round(rate_hz, 3)
    if abs(rounded_hz - rate_hz) < 1e-8 * rate_hz:
        slack += abs(rounded_hz - rate_hz) * float(time_s[-1] - time_s[0])
        rate_hz = rounded_hz  # undo the rounding of the stamps
    rate_hz = check_rate(rate_hz)
    position = (time_s - time_s[0]) * rate_hz
    n = round(float(position[-1])) + 1
    if n > MAX_SAMPLES or n > MOST_MISSING * len(time_s) + ALWAYS_ALLOWED:
        raise RecordingError(
            f"The time column jumps so far that it cannot be right: {len(time_s)} samples over "
            f"{position[-1] / rate_hz:.4g} s; correct it, or split the recording at its longest pause."
        )
    even, offset = _nearest_indices(position, ~inside)
    grid = np.full((n, values.shape[1]), np.nan)
    if np.abs(offset).max() <= 0.25 and len(np.unique(even)) == len(even):
        kept = even < n
        grid[even[kept]] = values[kept]
        note = ""
    else:
        starts = [0, *(np.flatnonzero(~inside) + 1).tolist(), len(position)]
        for first, stop in pairwise(starts):
            at = np.arange(int(np.ceil(position[first] - slack)), int(position[stop - 1] + slack) + 1)
            at = at[at < n]
            for axis in range(values.shape[1]):
                grid[at, axis] = np.interp(at, position[first:stop], values[first:stop, axis])
        note = f"Irregular time stamps were put on an even grid of {rate_hz:.6g} Hz."
    if shared:
        note = f"Time stamps shared by several samples were spread evenly ({rate_hz:.6g} Hz)."
    return grid, rate_hz, note


def _nearest_indices(
    position: FloatArray, gap_after: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Nearest grid index of each sample, and its offset after the mean phase of its segment is removed."""
    even = np.empty(len(position), dtype=np.intp)
    offset = np.empty(len(position))
    starts = [0, *(np.flatnonzero(gap_after) + 1).tolist(), len(position)]
    for first, stop in pairwise(starts):
        part = position[first:stop]
        phase = float(np.median(part - np.rint(part)))
        even[first:stop] = np.rint(part - phase)
        offset[first:stop] = part - phase - even[first:stop]
    return even, offset


def _spread_shared_stamps(time_s: FloatArray) -> tuple[FloatArray, bool]:
    """Where samples of a packet share one stamp, that of the last, spread them evenly before it."""
    repeated = np.diff(time_s) == 0
    if repeated.mean() < 0.3:
        return time_s, False
    stamps, first, counts = np.unique(time_s, return_index=True, return_counts=True)
    if len(stamps) < 2:
        raise RecordingError("The time column does not advance; export it with fractions of a second.")
    interval = float(np.median(np.diff(stamps) / counts[1:]))
    within = np.arange(len(time_s)) - np.repeat(first, counts)
    return np.repeat(stamps, counts) - (np.repeat(counts, counts) - 1 - within) * interval, True
