"""Quality of a step, 0 to 1, and how strongly a soft strap rings.

A sensor on spring and damper adds to the specific force around its resonance and takes away above it. So a
step rings when its power at 9 Hz is large both against its slow pulse and against its power at 15 and 18 Hz.
Either alone is a matter of the runner: feet that land hard fill 9 to 20 Hz alike, and those that land softly
leave nothing there.

A step shows doubts of four kinds, each of them 0 for a step as clean running makes them. They add to the
variance of its contact time, and

    quality = 1 / sqrt(1 + sum of weight x doubt^2)

is the error to expect on clean running over the error to expect of this step. benchmarks/accuracy/quality.py
fits the weights, and measures errors against quality with the runner scored left out. What no step shows of
itself, a runner's own bias above all, is not in it.
"""

from __future__ import annotations

import numpy as np

from imurun.core.filters import integral
from imurun.core.jit import kernel
from imurun.core.ring_buffer import (
    CLIPPED,
    FORWARD,
    LEFTWARD,
    SLOW_FORWARD,
    SLOW_LEFTWARD,
    SLOW_VERTICAL,
    VERTICAL,
)

RINGS_HZ = 9.0
ABOVE_HZ = (15.0, 18.0)
LEAST_RATE_HZ = 40.0
"""Below this rate the samples hold nothing of 18 Hz."""
LEAST_WAVES = 2.3
"""A step must hold so many waves of 9 Hz: in quicker ones, from 235 a minute on, steps repeat there."""
FLOOR_G2 = 1e-9
"""Added to every power, so that a signal without any is not divided by."""
STRAP_DB = -3.0
"""Where the median step rings more, the strap is taken for soft. Set by hand: of 48 trials as recorded the
medians are -21 to -6, with a strap of 8 or 10 Hz -5 to 7, of 12 Hz -9 to 2, and of 15 Hz as without."""


@kernel
def ringing_db(history, begin, end, swing_g, rate_hz):
    """Power at 9 Hz against the pulse's swing, and, half as strong, against power at 15 and 18 Hz; dB.

    Args:
        begin, end: of the step's pulse, fractional columns of the history.
        swing_g: rise and fall of the pulse.

    Returns:
        NaN where the rate is too low or the steps are too quick.
    """
    if rate_hz < LEAST_RATE_HZ or (end - begin) / rate_hz * RINGS_HZ < LEAST_WAVES:
        return np.nan
    at = power_at(history, begin, end, RINGS_HZ, rate_hz) + FLOOR_G2
    above = FLOOR_G2
    for hz in ABOVE_HZ:
        above += power_at(history, begin, end, hz, rate_hz)
    return 10.0 * np.log10(at / (swing_g * swing_g + FLOOR_G2)) + 5.0 * np.log10(at / above)


@kernel
def power_at(history, begin, end, hz, rate_hz):
    """Squared amplitude of the three axes, less their slow part, at a frequency; Hann window; g squared."""
    first, last = int(np.ceil(begin)), int(np.floor(end))
    # both angles grow by the same amount a sample, so their sine and cosine follow from those before
    window, window_step = 2.0 * np.pi * (first - begin) / (end - begin), 2.0 * np.pi / (end - begin)
    angle, angle_step = 2.0 * np.pi * hz * (first - begin) / rate_hz, 2.0 * np.pi * hz / rate_hz
    window_cosine, window_sine = np.cos(window), np.sin(window)
    cosine, sine = np.cos(angle), np.sin(angle)
    window_turn, turn = (np.cos(window_step), np.sin(window_step)), (np.cos(angle_step), np.sin(angle_step))
    weights = 0.0
    x_real, x_imaginary, y_real, y_imaginary, z_real, z_imaginary = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(first, last + 1):
        weight = 0.5 - 0.5 * window_cosine
        weights += weight
        x = weight * (history[FORWARD, k] - history[SLOW_FORWARD, k])
        y = weight * (history[LEFTWARD, k] - history[SLOW_LEFTWARD, k])
        z = weight * (history[VERTICAL, k] - history[SLOW_VERTICAL, k])
        x_real += cosine * x
        x_imaginary += sine * x
        y_real += cosine * y
        y_imaginary += sine * y
        z_real += cosine * z
        z_imaginary += sine * z
        window_cosine, window_sine = turned(window_cosine, window_sine, window_turn)
        cosine, sine = turned(cosine, sine, turn)
    power = x_real * x_real + y_real * y_real + z_real * z_real
    power += x_imaginary * x_imaginary + y_imaginary * y_imaginary + z_imaginary * z_imaginary
    return 4.0 * power / (weights * weights)


@kernel
def turned(cosine, sine, turn):
    """Cosine and sine of an angle that has grown by the one whose cosine and sine `turn` holds."""
    return cosine * turn[0] - sine * turn[1], sine * turn[0] + cosine * turn[1]


DOUBTS = ("ringing", "rhythm", "clipping", "tilt")
"""
ringing: what a soft strap adds (`ringing.ringing_db`), tens of dB above `OWN_RINGING_DB`.
rhythm: how much longer or shorter than the period the pulse is, as a share of it, beyond `OWN_RHYTHM`.
clipping: share of the step's samples at the accelerometer's full scale.
tilt: mean horizontal force of the step, g, beyond `OWN_TILT_G`: upright is not where it is thought to be.
"""
WEIGHTS = (9.5, 2070.0, 330.0, 26.0)
"""Of the doubts in that order; fitted, see above, and rounded."""
OWN_RINGING_DB, OWN_RHYTHM, OWN_TILT_G = -10.0, 0.04, 0.1
"""What nine in ten steps as recorded stay below. Set by hand."""


@kernel
def write_quality(row, history, pulse, base, period_s, c):
    """Fill the doubts and the quality of a running step from its pulse.

    Args:
        row: of step.STEP. base: absolute index of the history's first column.
        period_s: of the steps around.
    """
    begin, end = pulse["begin"] - base, pulse["end"] - base
    length_s = (end - begin) / c.rate_hz
    swing_g = pulse["height"] - pulse["floor"]
    row["ringing_db"] = ringing_db(history, begin, end, swing_g, c.rate_hz)
    forward_g = integral(history[FORWARD], begin, end) / (end - begin)
    left_g = integral(history[LEFTWARD], begin, end) / (end - begin)
    ringing = beyond(row["ringing_db"], OWN_RINGING_DB) / 10.0
    rhythm = beyond(abs(length_s / period_s - 1.0), OWN_RHYTHM)
    clipping = share_of(history[CLIPPED], int(np.ceil(begin)), int(np.floor(end)))
    tilt = beyond(np.hypot(forward_g, left_g), OWN_TILT_G)
    row["doubt_ringing"] = ringing
    row["doubt_rhythm"] = rhythm
    row["doubt_clipping"] = clipping
    row["doubt_tilt"] = tilt
    row["quality"] = quality_of((ringing, rhythm, clipping, tilt))


@kernel
def quality_of(doubts):
    """Quality, above 0 up to 1, of doubts in the order of `DOUBTS`."""
    variance = 1.0
    for i in range(len(WEIGHTS)):
        variance += WEIGHTS[i] * doubts[i] * doubts[i]
    return 1.0 / np.sqrt(variance)


@kernel
def beyond(value, own):
    """How far a value lies above what is running's own; 0 below it, and where it is not known (NaN)."""
    return value - own if value > own else 0.0


@kernel
def share_of(flags, first, last):
    """Share of columns first to last in which a flag is set."""
    n = 0
    for k in range(first, last + 1):
        if flags[k] > 0.0:
            n += 1
    return n / max(last + 1 - first, 1)
