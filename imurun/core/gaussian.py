"""Symmetric Gaussian smoothing: no overshoot, no phase, a fixed lag."""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel
from imurun.frames import FloatArray

REACH_SIGMA = 3.5
"""Taps reach this many standard deviations either side; what is cut off is 0.05 %."""


def gaussian_taps(rate_hz: float, cutoff_hz: float) -> FloatArray:
    """Weights of unit sum whose response is -3 dB at `cutoff_hz`; shape (2 * half + 1,)."""
    sigma = np.sqrt(np.log(2.0)) / (2.0 * np.pi * cutoff_hz) * rate_hz
    half = int(np.ceil(REACH_SIGMA * sigma))
    taps = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    return taps / taps.sum()


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
