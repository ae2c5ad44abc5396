"""Vertical oscillation and impulse of one step, by integration from mid-flight to mid-flight."""

from __future__ import annotations

from imurun.core.filters import integral
from imurun.core.jit import kernel
from imurun.model.frames import G


@kernel
def vertical_oscillation_mm(vertical, first, last, rate_hz):
    """Rise and fall of the sensor over columns first to last of the vertical specific force (g).

    The body comes back to the same height and speed each step, so the mean acceleration and the mean
    speed are taken out, and what is left of a drift in height is removed as a straight line.
    """
    n = last - first + 1
    mean = 0.0
    for k in range(first, last + 1):
        mean += vertical[k]
    mean /= n
    speed, mean_speed = 0.0, 0.0
    for k in range(first + 1, last + 1):
        speed += 0.5 * (vertical[k] + vertical[k - 1]) - mean
        mean_speed += speed
    mean_speed /= n
    end_height = 0.0
    speed, height = 0.0, 0.0
    for k in range(first + 1, last + 1):
        before = speed
        speed += 0.5 * (vertical[k] + vertical[k - 1]) - mean
        end_height += 0.5 * (speed + before) - mean_speed
    drift = end_height / (n - 1)
    speed, lowest, highest = 0.0, 0.0, 0.0
    for k in range(first + 1, last + 1):
        before = speed
        speed += 0.5 * (vertical[k] + vertical[k - 1]) - mean
        height += 0.5 * (speed + before) - mean_speed - drift
        lowest = min(lowest, height)
        highest = max(highest, height)
    return (highest - lowest) * G / (rate_hz * rate_hz) * 1000.0


@kernel
def vertical_impulse(vertical, begin, end, rate_hz):
    """Time integral of the vertical specific force (g) between two fractional columns, BW s."""
    return integral(vertical, begin, end) / rate_hz
