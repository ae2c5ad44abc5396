"""How far a step can be trusted.

A step shows doubts of four kinds, each of them 0 for a step as clean running makes them. They add to the
variance of its contact time, and

    quality = 1 / sqrt(1 + sum of weight x doubt^2)

is the error to expect on clean running over the error to expect of this step. benchmarks/accuracy/quality.py
fits the weights, and measures errors against quality with the runner scored left out. What no step shows of
itself, a runner's own bias above all, is not in it.
"""

from __future__ import annotations

import numpy as np

from imurun.core.history import CLIPPED, FORWARD, LEFTWARD
from imurun.core.integral import integral
from imurun.core.jit import kernel
from imurun.core.ringing import ringing_db

DOUBTS = ("ringing", "rhythm", "clipping", "tilt")
"""
ringing: what a soft strap adds (`ringing.ringing_db`), tens of dB above `OWN_RINGING_DB`.
rhythm: how much longer or shorter than the period the pulse is, as a share of it, beyond `OWN_RHYTHM`.
clipping: share of the step's samples at the accelerometer's full scale.
tilt: mean horizontal force of the step, g, beyond `OWN_TILT_G`: upright is not where it is thought to be.
"""
WEIGHTS = (9.5, 2070.0, 330.0, 26.0)
"""Of the doubts in that order; fitted, see above, and rounded."""
OWN_RINGING_DB, OWN_RHYTHM, OWN_TILT_G = -10.0, 0.04, 0.1
"""What nine in ten steps as recorded stay below. Set by hand."""


@kernel
def write_quality(row, history, pulse, base, period_s, c):
    """Fill the doubts and the quality of a running step from its pulse.

    Args:
        row: of step.STEP. base: absolute index of the history's first column.
        period_s: of the steps around.
    """
    begin, end = pulse["begin"] - base, pulse["end"] - base
    length_s = (end - begin) / c.rate_hz
    swing_g = pulse["height"] - pulse["floor"]
    row["ringing_db"] = ringing_db(history, begin, end, swing_g, c.rate_hz)
    forward_g = integral(history[FORWARD], begin, end) / (end - begin)
    left_g = integral(history[LEFTWARD], begin, end) / (end - begin)
    ringing = beyond(row["ringing_db"], OWN_RINGING_DB) / 10.0
    rhythm = beyond(abs(length_s / period_s - 1.0), OWN_RHYTHM)
    clipping = share_of(history[CLIPPED], int(np.ceil(begin)), int(np.floor(end)))
    tilt = beyond(np.hypot(forward_g, left_g), OWN_TILT_G)
    row["doubt_ringing"] = ringing
    row["doubt_rhythm"] = rhythm
    row["doubt_clipping"] = clipping
    row["doubt_tilt"] = tilt
    row["quality"] = quality_of((ringing, rhythm, clipping, tilt))


@kernel
def quality_of(doubts):
    """Quality, above 0 up to 1, of doubts in the order of `DOUBTS`."""
    variance = 1.0
    for i in range(len(WEIGHTS)):
        variance += WEIGHTS[i] * doubts[i] * doubts[i]
    return 1.0 / np.sqrt(variance)


@kernel
def beyond(value, own):
    """How far a value lies above what is running's own; 0 below it, and where it is not known (NaN)."""
    return value - own if value > own else 0.0


@kernel
def share_of(flags, first, last):
    """Share of columns first to last in which a flag is set."""
    n = 0
    for k in range(first, last + 1):
        if flags[k] > 0.0:
            n += 1
    return n / max(last + 1 - first, 1)
