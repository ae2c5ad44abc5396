"""Swing: the component of a signal that alternates between left and right steps, at half the step frequency.

Over the cycle of one step, from one minimum of the vertical acceleration to the next, the phase runs from -90
to 90 degrees of the stride, and is 0 in its middle, near the peak. A signal A cos(phase + p) has the swing
(A cos p, A sin p), seen from this step; seen from the next step it has the opposite sign. What repeats every
step, such as fore-aft force, pitch or a constant, has none.
"""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel


@kernel
def write_swing(signal, begin, middle, end, swing):
    """Write the swing of a signal over two consecutive steps, seen from the second.

    Args:
        signal: shape (n,). begin, middle, end: fractional indices: the minima before, between and after.
        swing: shape (2,), cosine and sine part, in the unit of the signal.
    """
    first, stop = int(np.ceil(begin)), int(np.floor(end))
    # a constant cancels between the steps only up to rounding, and yaw may be many turns
    offset = 0.0
    for k in range(first, stop + 1):
        offset += signal[k]
    offset /= max(stop + 1 - first, 1)
    before_cosine, before_sine = half_swing(signal, begin, middle, offset)
    cosine, sine = half_swing(signal, middle, end, offset)
    swing[0] = 0.5 * (cosine - before_cosine)
    swing[1] = 0.5 * (sine - before_sine)


@kernel
def half_swing(signal, begin, end, offset):
    """Cosine and sine part over one step, of the signal less `offset`; 0 where there is no step."""
    if not end > begin:
        return 0.0, 0.0
    first, stop = int(np.ceil(begin)), int(np.ceil(end))
    turn = np.pi / (end - begin)
    angle = turn * (first - begin) - 0.5 * np.pi
    cosine, sine = np.cos(angle), np.sin(angle)
    turn_cosine, turn_sine = np.cos(turn), np.sin(turn)
    along, across = 0.0, 0.0
    for k in range(first, stop):
        value = signal[k] - offset
        along += value * cosine
        across -= value * sine
        cosine, sine = cosine * turn_cosine - sine * turn_sine, sine * turn_cosine + cosine * turn_sine
    scale = 2.0 / max(stop - first, 1)
    return scale * along, scale * across
