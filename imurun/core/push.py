"""How the ground pushes during one step: the force at the sacrum, smoothed to 4.5 Hz.

The slow pulse of `imurun.core.pulse` finds steps whatever the strap does; at 3.5 Hz a step's neighbours
still mix into its minima. For the shape of the push a little more is let through, and what the ground
cannot do is cut off: it does not pull, so a vertical force below zero, the sensor swinging on in flight,
counts as zero. It is smoothed to 20 Hz before that, so that noise is not rectified.
"""

from __future__ import annotations

import numpy as np

from imurun.core.gaussian import smooth_at
from imurun.core.history import (
    FORWARD,
    LEFTWARD,
    PUSH_FORWARD,
    PUSH_UNSMOOTHED,
    PUSH_VERTICAL,
    VERTICAL,
)
from imurun.core.jit import kernel
from imurun.core.pulse import falling, first_below, vertex, vertex_value

CUTOFF_HZ = 4.5
UNSMOOTHED_CUTOFF_HZ = 20.0
MARGIN = 0.1
"""Its minima are looked for up to this share of the pulse outside the pulse."""
PEAK_MARGIN = 0.15
"""Its peak is looked for up to this share of the pulse away from the pulse's."""
LONGEST_TAIL_S = 0.2
"""Where the drive hardly falls at its end."""


@kernel
def measure_push(history, base, pulse, oldest, newest, heading_known, c):
    """Fill the fields of the pulse that say how the ground pushes.

    Where the heading is not known, the loop that the force draws says where forward is: its area vector
    points left (`imurun.core.gait`).

    Args:
        history, base: as in `imurun.core.history`. oldest, newest: columns that hold samples.
        pulse: record of PULSE with its loop, written to. c: `Coefficients`.
    """
    margin = MARGIN * (pulse["end"] - pulse["begin"])
    first = max(int(np.floor(pulse["begin"] - margin)) - base, oldest)
    last = min(int(np.ceil(pulse["end"] + margin)) - base, newest)
    smooth_push(history, pulse, first, last, oldest, newest, heading_known, c)
    vertical, forward = history[PUSH_VERTICAL, first : last + 1], history[PUSH_FORWARD, first : last + 1]
    start = base + first
    stop = last - first

    near = PEAK_MARGIN * (pulse["end"] - pulse["begin"])
    peak = pulse["peak"] - start
    top = highest_of(vertical, max(int(peak - near), 0), min(int(np.ceil(peak + near)), stop), 1.0)
    begin = highest_of(vertical, 0, top, -1.0)
    end = highest_of(vertical, top, stop, -1.0)
    pulse["push_height"] = vertex_value(vertical, top)
    pulse["push_begin"] = vertex(vertical, begin) + start
    pulse["push_end"] = vertex(vertical, end) + start

    mean, square = 0.0, 0.0
    for k in range(begin, end + 1):
        mean += forward[k]
        square += forward[k] * forward[k]
    n = end + 1 - begin
    mean /= n
    pulse["forward_rms"] = np.sqrt(max(square / n - mean * mean, 0.0))
    pulse["brake"] = vertex_value(forward, highest_of(forward, begin, top, -1.0)) - mean
    strongest = highest_of(forward, top, end, 1.0)
    pulse["drive"] = vertex_value(forward, strongest) - mean
    below = first_below(forward, min(strongest + 1, stop), stop, mean)
    ends = falling(forward, below, mean) if forward[below] < mean else float(below)
    steepness = max(forward[below - 1] - forward[below], 0.0) * c.rate_hz
    pulse["drive_end"] = ends + start
    pulse["drive_tail"] = min(max(pulse["drive"], 0.0) / max(steepness, 1e-9), LONGEST_TAIL_S)


@kernel
def smooth_push(history, pulse, first, last, oldest, newest, heading_known, c):
    """Write the smoothed push to columns first to last."""
    along, across = 1.0, 0.0
    if not heading_known:
        size = np.hypot(pulse["loop_forward"], pulse["loop_left"])
        if size > 0.0:
            along, across = pulse["loop_left"] / size, -pulse["loop_forward"] / size
    reach = len(c.push_taps) // 2
    stop = min(last + reach, newest)
    start = max(first - reach, oldest)
    for k in range(start, stop + 1):
        force = smooth_at(history[VERTICAL], k, oldest, newest, c.unsmoothed_taps)
        history[PUSH_UNSMOOTHED, k] = max(force, 0.0)
    for k in range(first, last + 1):
        history[PUSH_VERTICAL, k] = smooth_at(history[PUSH_UNSMOOTHED], k, start, stop, c.push_taps)
        forward = along * smooth_at(history[FORWARD], k, oldest, newest, c.push_taps)
        if across != 0.0:
            forward += across * smooth_at(history[LEFTWARD], k, oldest, newest, c.push_taps)
        history[PUSH_FORWARD, k] = forward


@kernel
def highest_of(signal, first, last, sign):
    """The first index from first to last where the signal times `sign` is largest."""
    best = first
    for k in range(first + 1, last + 1):
        if sign * signal[k] > sign * signal[best]:
            best = k
    return best
