"""Benson 2019: initial contact at a high, late backward peak, final contact at the last before the next one.

Benson, Clermont, Watari, Exley, Ferber 2019, Automated accelerometer-based gait event detection during
multiple running conditions, Sensors 19, 1483, doi:10.3390/s19071483 (the algorithm for the low back).

All axes are low-passed at 10 Hz. Vertical peaks are at least 0.25 s apart. Initial contact is the backward
peak of the fore-aft axis between two vertical peaks with the best mean rank of height and lateness. Final
contact is the latest backward peak before it that comes at least 0.1 s after the initial contact before, else
the greatest fore-aft jerk there.

Needs the vertical and fore-aft axes of the accelerometer; gives initial and final contact, no side.

Deviations: simplified; the paper's further treatment of ambiguous steps is omitted. Butterworth of order 4,
zero phase. At equal mean rank the later peak wins. The step before the first vertical peak is omitted. A step
whose next initial contact was not found has no final contact.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from imurun.methods.contract import Contacts
from imurun.methods.signals import contacts_at, dips_between, lowpass, vertical_peaks
from imurun.model.frames import ANTERIOR, UP, FloatArray, G

CUTOFF_HZ = 10.0
PEAKS_APART_S = 0.25
TOE_OFF_AFTER_S = 0.1


def detect(acc: FloatArray, gyr: FloatArray | None, rate_hz: float) -> Contacts:
    """Contacts of one stretch of running; see `imurun.methods.contract.Detect`."""
    del gyr
    smooth = lowpass(acc / G, CUTOFF_HZ, rate_hz)
    anterior = smooth[:, ANTERIOR]
    tops = vertical_peaks(smooth[:, UP], rate_hz, PEAKS_APART_S)
    after = round(TOE_OFF_AFTER_S * rate_hz)
    strikes = [_strike(anterior, int(first), int(last)) for first, last in pairwise(tops)]
    initial: list[float] = []
    final: list[float | None] = []
    for strike, following in pairwise([*strikes, None]):
        if strike is not None:
            initial.append(strike)
            final.append(None if following is None else _toe_off(anterior, strike + after, following))
    return contacts_at(initial, final, rate_hz)


def _strike(anterior: FloatArray, first: int, last: int) -> int | None:
    """Position of the backward peak with the best mean rank of height and lateness; None without a peak."""
    peaks = dips_between(anterior, first, last)
    if not len(peaks):
        return None
    depth_rank = np.argsort(np.argsort(anterior[peaks]))  # 0 for the highest backward peak
    lateness_rank = np.arange(len(peaks))[::-1]
    return int(peaks[np.lexsort((lateness_rank, depth_rank + lateness_rank))[0]])


def _toe_off(anterior: FloatArray, first: int, strike: int) -> int | None:
    """Position of the last backward peak before the next foot strike, or of the greatest jerk."""
    peaks = dips_between(anterior, first, strike - 1)
    if len(peaks):
        return int(peaks[-1])
    jerk = np.diff(anterior[first : strike + 1])
    return int(first + np.argmax(jerk)) if len(jerk) else None
