"""Detects contacts in vertical force, and interpolates the force at a recording's samples."""

from __future__ import annotations

import numpy as np

from imurun import Recording
from imurun.model.frames import FloatArray

CONTACT_BW = 0.05
"""Force threshold of contact, body weights."""
MIN_CONTACT_S = 0.06


def contacts_of(vgrf_bw: FloatArray, rate_hz: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Complete contacts in a force signal, shape (n,), body weights.

    Returns:
        First and last time above 5 % of body weight (s from the first sample, linearly interpolated), and the
        peak (BW). Contacts shorter than 60 ms are omitted.
    """
    on = vgrf_bw >= CONTACT_BW
    rises = np.flatnonzero(~on[:-1] & on[1:])
    falls = np.flatnonzero(on[:-1] & ~on[1:])
    contacts = []
    for rise in rises:
        later = falls[falls > rise]
        if len(later):
            first, last = (_crossing(vgrf_bw, k) / rate_hz for k in (int(rise), int(later[0])))
            if last - first > MIN_CONTACT_S:
                contacts.append((first, last, vgrf_bw[rise : later[0] + 1].max()))
    first, last, peak = np.array(contacts).reshape(-1, 3).T
    return first, last, peak


def at_samples(
    recording: Recording, start_s: float, force_time_s: FloatArray, vgrf_bw: FloatArray
) -> FloatArray:
    """The force at the recording's samples, shape (n,), linearly interpolated; NaN outside its range.

    Args:
        start_s: the time of the recording's first sample on the clock of `force_time_s`.
        force_time_s, vgrf_bw: shape (m,), times increasing.
    """
    time_s = recording.time_s + start_s
    return np.interp(time_s, force_time_s, vgrf_bw, left=np.nan, right=np.nan)


def _crossing(signal: FloatArray, k: int) -> float:
    return k + (CONTACT_BW - signal[k]) / (signal[k + 1] - signal[k])
