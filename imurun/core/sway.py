"""Ranges of pelvic angles, mediolateral RMS ratio, and regularity of steps and strides.

Ranges per stride: as in gait laboratories (pelvic tilt, obliquity, rotation). RMS ratio and regularity:
Moe-Nilssen & Helbostad 2004 and Schuette et al. 2015, who found the mediolateral ratio up and the fore-aft
step regularity down in tired runners. Deviations: the ratio is per stride, and regularity is over the last
four strides, so that every step has a value.
"""

from __future__ import annotations

import numpy as np

from imurun.core.filters import sum_of, sum_of_products
from imurun.core.jit import kernel
from imurun.core.ring_buffer import FORWARD, LEFTWARD, SCRATCH, VERTICAL

REGULARITY_STRIDES = 4
N_ENDS = 2 * REGULARITY_STRIDES + 1
"""Minima between steps that bound four strides."""
LAG_SEARCH = 2
"""The autocorrelation peak is searched this many samples around the mean step."""


@kernel
def range_of(signal, first, last, detrend):
    """Largest minus smallest value over columns first to last, after a line through the ends if `detrend`."""
    slope = (signal[last] - signal[first]) / max(last - first, 1) if detrend else 0.0
    low, high = np.inf, -np.inf
    for k in range(first, last + 1):
        value = signal[k] - slope * (k - first)
        low = min(low, value)
        high = max(high, value)
    return high - low


@kernel
def mean_of(signal, first, stop):
    """Mean over columns first to stop - 1."""
    return sum_of(signal[first:stop]) / max(stop - first, 1)


@kernel
def mediolateral_ratio(buffer, first, stop):
    """Mediolateral RMS ratio: RMS of the lateral over the whole specific force, each less its mean."""
    lateral, whole = 0.0, 0.0
    for channel in (VERTICAL, FORWARD, LEFTWARD):
        centred = buffer[SCRATCH, first:stop]
        write_centred(buffer[channel, first:stop], centred)
        power = sum_of_products(centred, centred)
        whole += power
        if channel == LEFTWARD:
            lateral = power
    return np.sqrt(lateral / max(whole, 1e-30))


@kernel
def write_centred(signal, centred):
    """A signal less its mean, into an array of the same length."""
    mean = sum_of(signal) / max(len(signal), 1)
    for k in range(len(signal)):
        centred[k] = signal[k] - mean


@kernel
def regularity(centred, power, lag):
    """Unbiased autocorrelation near `lag`, as a share of the variance.

    Args:
        centred: a signal without its mean. power: the sum of its squares.
    """
    n = len(centred)
    best = -1.0
    for shift in range(max(lag - LAG_SEARCH, 1), min(lag + LAG_SEARCH, n - 1) + 1):
        total = sum_of_products(centred[: n - shift], centred[shift:])
        best = max(best, total / (n - shift) * n / max(power, 1e-30))
    return min(best, 1.0)
