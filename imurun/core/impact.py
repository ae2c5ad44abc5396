"""Peaks of the specific force in a step: impact, braking, loading rate.

A low-pass at 25 Hz makes sensors of different rates comparable. It passes the impact of running (10 to 20 Hz)
and removes faster resonances of the strap.
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
def sharpened(buffer, channel, first, last, oldest, newest, taps):
    """A channel low-passed at 25 Hz, over columns first to last as far as they hold samples.

    The result is in `SCRATCH`, until that channel is written to again.
    """
    begin = max(first, oldest)
    stop = max(min(last, newest) + 1, begin)
    smooth_span(buffer[channel], buffer[SCRATCH], begin, stop, oldest, newest, taps)
    return buffer[SCRATCH, begin:stop]


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
def write_impact(row, buffer, contact, middle, oldest, newest, heading_known, c):
    """Fill the columns around foot strike; positions are columns of the buffer.

    Args:
        contact, middle: foot strike and mid-contact, fractional.
        oldest, newest: the columns that hold unbroken samples.
    """
    first = int(np.floor(contact + IMPACT_WINDOW_S[0] * c.rate_hz))
    last = int(np.ceil(contact + IMPACT_WINDOW_S[1] * c.rate_hz))
    taps = c.sharp_taps
    vertical = sharpened(buffer, VERTICAL, first, last, oldest, newest, taps)
    row["peak_impact_g"] = highest(vertical)
    row["loading_rate_g_s"] = c.rate_hz * steepest_rise(vertical)
    if heading_known:
        forward = sharpened(buffer, FORWARD, first, int(middle), oldest, newest, taps)
        row["braking_g"] = max(-lowest(forward), 0.0)
