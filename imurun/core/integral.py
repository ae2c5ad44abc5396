"""Integrals between places that lie between samples."""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel


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
