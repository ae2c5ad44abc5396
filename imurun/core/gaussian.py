"""Symmetric Gaussian smoothing: no overshoot, no phase, a fixed lag."""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel
from imurun.frames import FloatArray

REACH_SIGMA = 3.5
"""Taps reach this many standard deviations either side; what is cut off is 0.05 %."""
SIGMA_HZ = float(np.sqrt(np.log(2.0)) / (2.0 * np.pi))
"""Standard deviation in seconds times the frequency of -3 dB."""


def gaussian_taps(rate_hz: float, cutoff_hz: float) -> FloatArray:
    """Weights of unit sum whose response is -3 dB at `cutoff_hz`; shape (2 * half + 1,)."""
    sigma = SIGMA_HZ / cutoff_hz * rate_hz
    half = int(np.ceil(REACH_SIGMA * sigma))
    taps = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    return taps / taps.sum()


@kernel
def fill_taps(taps, sigma):
    """Write weights of unit sum and a standard deviation of `sigma` samples; shape (2 * half + 1,)."""
    half = len(taps) // 2
    total = 0.0
    for j in range(len(taps)):
        taps[j] = np.exp(-0.5 * ((j - half) / sigma) ** 2)
        total += taps[j]
    for j in range(len(taps)):
        taps[j] /= total


@kernel
def smooth_at(signal, position, first, last, taps):
    """The smoothed value of `signal` at one index; samples beyond [first, last] repeat the end value."""
    half = len(taps) // 2
    total = 0.0
    if position - half >= first and position + half <= last:
        for j in range(len(taps)):
            total += taps[j] * signal[position - half + j]
    else:
        for j in range(len(taps)):
            total += taps[j] * signal[min(max(position - half + j, first), last)]
    return total
