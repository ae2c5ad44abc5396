"""How the ground pushes during one step.

Seen at 1.5 times the step frequency, every runner's steps look alike at any cadence: what is smaller than the
step as a whole is gone, and what is left has the same share of it whether a step takes a quarter of a second
or half. So its sizes in g say which part of the step the foot is down, whatever the cadence.

What the ground cannot do is cut off before: it does not pull, so a vertical force below zero, the sensor
swinging on in flight, counts as zero. It is smoothed to 20 Hz before that, so that noise is not rectified.
"""

from __future__ import annotations

import numpy as np

from imurun.core.gaussian import REACH_SIGMA, SIGMA_HZ, fill_taps, smooth_span
from imurun.core.history import (
    FORWARD,
    LEFTWARD,
    PUSH_FORWARD,
    PUSH_UNSMOOTHED,
    PUSH_VERTICAL,
    SCRATCH,
    VERTICAL,
)
from imurun.core.jit import kernel
from imurun.core.pulse import vertex, vertex_value

CUTOFF_STEPS = 1.5
"""-3 dB at this many times the step frequency."""
UNSMOOTHED_CUTOFF_HZ = 20.0
MARGIN = 0.1
"""Its minima are looked for up to this share of the pulse outside the pulse."""
PEAK_MARGIN = 0.15
"""Its peak is looked for up to this share of the pulse away from the pulse's."""


@kernel
def measure_push(history, base, pulse, oldest, newest, heading_known, c):
    """Fill the fields of the pulse that say how the ground pushes.

    Where the heading is not known, the loop that the force draws says where forward is: its area vector
    points left (`imurun.core.gait`).

    Args:
        history, base: as in `imurun.core.history`. oldest, newest: columns that hold samples.
        pulse: record of PULSE with its loop, written to. c: `Coefficients`.
    """
    length = pulse["end"] - pulse["begin"]
    first = max(int(np.floor(pulse["begin"] - MARGIN * length)) - base, oldest)
    last = min(int(np.ceil(pulse["end"] + MARGIN * length)) - base, newest)
    smooth_push(history, pulse, first, last, oldest, newest, heading_known, c)
    vertical, forward = history[PUSH_VERTICAL, first : last + 1], history[PUSH_FORWARD, first : last + 1]
    start, stop = base + first, last - first

    near = PEAK_MARGIN * length
    peak = pulse["peak"] - start
    top = highest_of(vertical, max(int(peak - near), 0), min(int(np.ceil(peak + near)), stop), 1.0)
    begin = highest_of(vertical, 0, top, -1.0)
    end = highest_of(vertical, top, stop, -1.0)
    pulse["push_begin"] = vertex(vertical, begin) + start
    pulse["push_height"] = vertex_value(vertical, top)
    pulse["push_floor"] = min(vertical[begin], vertical[end])

    mean, square = 0.0, 0.0
    for k in range(begin, end + 1):
        mean += forward[k]
        square += forward[k] * forward[k]
    n = end + 1 - begin
    mean /= n
    pulse["forward_rms"] = np.sqrt(max(square / n - mean * mean, 0.0))
    pulse["brake"] = vertex_value(forward, highest_of(forward, begin, top, -1.0)) - mean
    pulse["drive"] = vertex_value(forward, highest_of(forward, top, end, 1.0)) - mean


@kernel
def smooth_push(history, pulse, first, last, oldest, newest, heading_known, c):
    """Write the smoothed push to columns first to last."""
    along, across = 1.0, 0.0
    if not heading_known:
        size = np.hypot(pulse["loop_forward"], pulse["loop_left"])
        if size > 0.0:
            along, across = pulse["loop_left"] / size, -pulse["loop_forward"] / size
    sigma = SIGMA_HZ / CUTOFF_STEPS * (pulse["end"] - pulse["begin"])
    reach = int(np.ceil(REACH_SIGMA * sigma))
    taps = np.empty(2 * reach + 1)
    fill_taps(taps, sigma)
    start, stop = max(first - reach, oldest), min(last + reach, newest)
    force = history[PUSH_UNSMOOTHED]
    smooth_span(history[VERTICAL], force, start, stop + 1, oldest, newest, c.unsmoothed_taps)
    for k in range(start, stop + 1):
        force[k] = max(force[k], 0.0)
    smooth_span(force, history[PUSH_VERTICAL], first, last + 1, start, stop, taps)
    forward, left = history[PUSH_FORWARD], history[SCRATCH]
    smooth_span(history[FORWARD], forward, first, last + 1, oldest, newest, taps)
    if along != 1.0 or across != 0.0:
        smooth_span(history[LEFTWARD], left, first, last + 1, oldest, newest, taps)
        for k in range(first, last + 1):
            forward[k] = along * forward[k] + across * left[k]


@kernel
def highest_of(signal, first, last, sign):
    """The first index from first to last where the signal times `sign` is largest."""
    best = first
    for k in range(first + 1, last + 1):
        if sign * signal[k] > sign * signal[best]:
            best = k
    return best
