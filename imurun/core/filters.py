"""Gaussian low-pass filters, integrals and sums of signals, and rotations for their Fourier components.

All of them add in an order that depends on the number of samples only, so that any split of a stream into
blocks gives the same bytes. Sums use several running totals, which a processor adds at the same time.
"""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel
from imurun.model.frames import FloatArray

REACH_SIGMA = 3.5
"""Taps reach this many standard deviations to either side; the part cut off is 0.05 %."""
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
    """Smoothed value of `signal` at one index; beyond [first, last] the end values are repeated.

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

    It goes tap by tap instead of index by index, so that a processor works on several indices at once. Each
    index is summed in the same order as by `smooth_at`, and to the same bit.
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


@kernel
def integral(signal, begin, end):
    """Integral of the signal from one fractional index to another, by straight lines, in samples.

    Both must have a sample on either side.
    """
    first, last = int(np.ceil(begin)), int(np.floor(end))
    total = 0.0
    for k in range(first + 1, last + 1):
        total += 0.5 * (signal[k] + signal[k - 1])
    head, tail = first - begin, end - last
    if head > 0.0:
        total += head * (signal[first] + 0.5 * head * (signal[first - 1] - signal[first]))
    if tail > 0.0:
        total += tail * (signal[last] + 0.5 * tail * (signal[last + 1] - signal[last]))
    if last < first:  # both between the same samples: head and tail share what lies between those
        total -= 0.5 * (signal[last] + signal[first])
    return total


@kernel
def sum_of(signal):
    """Sum of all values."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    fours = len(signal) // 4
    for i in range(fours):
        k = 4 * i
        a += signal[k]
        b += signal[k + 1]
        c += signal[k + 2]
        d += signal[k + 3]
    for k in range(4 * fours, len(signal)):
        a += signal[k]
    return (a + b) + (c + d)


@kernel
def sum_of_products(signal, other):
    """Sum of the values of one signal times those of another of the same length."""
    a, b, c, d, e, f, g, h = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    eights = len(signal) // 8
    for i in range(eights):
        k = 8 * i
        a += signal[k] * other[k]
        b += signal[k + 1] * other[k + 1]
        c += signal[k + 2] * other[k + 2]
        d += signal[k + 3] * other[k + 3]
        e += signal[k + 4] * other[k + 4]
        f += signal[k + 5] * other[k + 5]
        g += signal[k + 6] * other[k + 6]
        h += signal[k + 7] * other[k + 7]
    for k in range(8 * eights, len(signal)):
        a += signal[k] * other[k]
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


@kernel
def turned(cosine, sine, turn):
    """Cosine and sine of an angle that has grown by the one whose cosine and sine `turn` holds."""
    return cosine * turn[0] - sine * turn[1], sine * turn[0] + cosine * turn[1]
