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
    total = 1.0
    for j in range(1, half + 1):
        taps[half + j] = np.exp(-0.5 * (j / sigma) ** 2)
        total += 2.0 * taps[half + j]
    taps[half] = 1.0 / total
    for j in range(1, half + 1):
        taps[half + j] /= total
        taps[half - j] = taps[half + j]


@kernel
def smooth_at(signal, position, first, last, taps):
    """The smoothed value of `signal` at one index; samples beyond [first, last] repeat the end value.

    Args:
        position: from first to last. taps: symmetric, shape (2 * half + 1,).
    """
    half = len(taps) // 2
    total = taps[half] * signal[position]
    if position - half >= first and position + half <= last:
        for j in range(1, half + 1):
            total += taps[half + j] * (signal[position - j] + signal[position + j])
    else:
        for j in range(1, half + 1):
            total += taps[half + j] * (signal[max(position - j, first)] + signal[min(position + j, last)])
    return total


@kernel
def smooth_span(signal, smoothed, begin, stop, first, last, taps):
    """Write `smooth_at` of indices begin to stop - 1, if any, to the same indices of `smoothed`.

    Tap by tap instead of index by index, so that a processor works on several indices at once; each of them
    is summed in the same order as there, and to the same last bit.
    """
    half = len(taps) // 2
    inner_begin = min(max(begin, first + half), stop)
    inner_stop = max(min(stop, last - half + 1), inner_begin)
    for k in range(begin, inner_begin):
        smoothed[k] = smooth_at(signal, k, first, last, taps)
    inner, middle = smoothed[inner_begin:inner_stop], signal[inner_begin:inner_stop]
    for i in range(len(inner)):
        inner[i] = taps[half] * middle[i]
    for j in range(1, half + 1 if len(inner) else 0):
        weight = taps[half + j]
        earlier = signal[inner_begin - j : inner_stop - j]
        later = signal[inner_begin + j : inner_stop + j]
        for i in range(len(inner)):
            inner[i] += weight * (earlier[i] + later[i])
    for k in range(inner_stop, stop):
        smoothed[k] = smooth_at(signal, k, first, last, taps)
