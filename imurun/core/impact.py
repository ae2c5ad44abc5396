"""Peaks of the specific force in a step, after light smoothing so that sensors of any rate compare.

The smoothing passes the impact of running (10 to 20 Hz) and drops what a strap rings at.
"""

from __future__ import annotations

import numpy as np

from imurun.core.filters import smooth_span
from imurun.core.jit import kernel
from imurun.core.ring_buffer import FORWARD, SCRATCH, VERTICAL

CUTOFF_HZ = 25.0
IMPACT_WINDOW_S = (-0.02, 0.06)
"""Around foot strike: wide enough for the error of its estimate, over before the active peak."""


@kernel
def sharpened(history, channel, first, last, oldest, newest, taps):
    """A channel, lightly smoothed, over columns first to last as far as they hold samples.

    It stands in `SCRATCH`, until that is written to again.
    """
    begin = max(first, oldest)
    stop = max(min(last, newest) + 1, begin)
    smooth_span(history[channel], history[SCRATCH], begin, stop, oldest, newest, taps)
    return history[SCRATCH, begin:stop]


@kernel
def highest(values):
    """The largest value."""
    best = -np.inf
    for value in values:
        best = max(best, value)
    return best


@kernel
def lowest(values):
    """The smallest value."""
    best = np.inf
    for value in values:
        best = min(best, value)
    return best


@kernel
def steepest_rise(values):
    """The largest step from one value to the next."""
    best = -np.inf
    for k in range(1, len(values)):
        best = max(best, values[k] - values[k - 1])
    return best


@kernel
def write_impact(row, history, contact, middle, oldest, newest, heading_known, c):
    """Fill the columns around foot strike; positions are columns of the history.

    Args:
        contact, middle: foot strike and mid-contact, fractional.
        oldest, newest: the columns that hold unbroken samples.
    """
    first = int(np.floor(contact + IMPACT_WINDOW_S[0] * c.rate_hz))
    last = int(np.ceil(contact + IMPACT_WINDOW_S[1] * c.rate_hz))
    taps = c.sharp_taps
    vertical = sharpened(history, VERTICAL, first, last, oldest, newest, taps)
    row["peak_impact_g"] = highest(vertical)
    row["loading_rate_g_s"] = c.rate_hz * steepest_rise(vertical)
    if heading_known:
        forward = sharpened(history, FORWARD, first, int(middle), oldest, newest, taps)
        row["braking_g"] = max(-lowest(forward), 0.0)
