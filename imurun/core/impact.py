"""Peaks of the specific force in a step, after light smoothing so that sensors of any rate compare.

The smoothing passes the impact of running (10 to 20 Hz) and drops what a strap rings at.
"""

from __future__ import annotations

import numpy as np

from imurun.core.gaussian import smooth_span
from imurun.core.history import FORWARD, SCRATCH, VERTICAL
from imurun.core.jit import kernel

CUTOFF_HZ = 25.0
IMPACT_WINDOW_S = (-0.02, 0.06)
"""Around foot strike: wide enough for the error of its estimate, over before the active peak."""


@kernel
def highest(history, channel, first, last, oldest, newest, taps):
    """Largest smoothed value of a channel over columns first to last, as far as they hold samples."""
    begin, stop = max(first, oldest), min(last, newest) + 1
    smooth_span(history[channel], history[SCRATCH], begin, stop, oldest, newest, taps)
    value = -np.inf
    for k in range(begin, stop):
        value = max(value, history[SCRATCH, k])
    return value


@kernel
def lowest(history, channel, first, last, oldest, newest, taps):
    """Smallest smoothed value of a channel over columns first to last, as far as they hold samples."""
    begin, stop = max(first, oldest), min(last, newest) + 1
    smooth_span(history[channel], history[SCRATCH], begin, stop, oldest, newest, taps)
    value = np.inf
    for k in range(begin, stop):
        value = min(value, history[SCRATCH, k])
    return value


@kernel
def steepest_rise(history, channel, first, last, oldest, newest, taps):
    """Largest step of the smoothed channel from one column to the next."""
    begin, stop = max(first, oldest), min(last, newest) + 1
    smooth_span(history[channel], history[SCRATCH], begin, stop, oldest, newest, taps)
    value = -np.inf
    for k in range(begin + 1, stop):
        value = max(value, history[SCRATCH, k] - history[SCRATCH, k - 1])
    return value


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
    row["peak_impact_g"] = highest(history, VERTICAL, first, last, oldest, newest, taps)
    row["loading_rate_g_s"] = c.rate_hz * steepest_rise(history, VERTICAL, first, last, oldest, newest, taps)
    if heading_known:
        row["braking_g"] = max(-lowest(history, FORWARD, first, int(middle), oldest, newest, taps), 0.0)
