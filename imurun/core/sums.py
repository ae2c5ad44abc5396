"""Sums over many samples: several at a time, always in the same order.

One running sum makes a processor wait for each addition before the next. Several, added at the end, do
not; the order depends on how many samples there are and on nothing else.
"""

from __future__ import annotations

from imurun.core.jit import kernel


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
