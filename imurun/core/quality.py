"""Quality of a running step, 0 to 1, and detection of a strap that resonates.

A step has four penalties (`PENALTIES`), each 0 for a step of clean running. They add to the variance of its
contact time, and

    quality = 1 / sqrt(1 + sum of weight x penalty^2)

is the error to expect on clean running over the error to expect of this step. benchmarks/accuracy/quality.py
fits the weights, and measures errors against quality with the scored runner left out. Quality does not cover
errors that no single step shows, above all a runner's own bias.

One of the penalties is ringing: a sensor on a soft strap is a mass on spring and damper, which amplifies the
specific force around its resonance and attenuates it above. So a step rings when its power at 9 Hz is large
both against its low-passed vertical acceleration and against its power at 15 and 18 Hz. Either alone depends
on the runner: a hard landing fills 9 to 20 Hz evenly, a soft one leaves nothing there.
"""

from __future__ import annotations

import numpy as np

from imurun.core.filters import integral, turned
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

PENALTIES = ("ringing", "rhythm", "clipping", "tilt")
"""
ringing: `ringing_db` above `OWN_RINGING_DB`, in tens of dB; a soft strap.
rhythm: how much longer or shorter than the period the step cycle is, as a share of it, beyond `OWN_RHYTHM`.
clipping: share of the step's samples at the accelerometer's full scale.
tilt: mean horizontal force of the step, g, beyond `OWN_TILT_G`; an error of the orientation.
"""
WEIGHTS = (1.3, 10.0, 1.1, 13.0)
"""Of the penalties in that order; fitted (see above) and rounded."""
OWN_RINGING_DB, OWN_RHYTHM, OWN_TILT_G = -10.0, 0.04, 0.1
"""Nine in ten steps as recorded stay below these. Set by hand."""

RINGS_HZ = 9.0
ABOVE_HZ = (15.0, 18.0)
LEAST_RATE_HZ = 40.0
"""Below this rate the samples do not contain 18 Hz."""
LEAST_WAVES = 2.3
"""Least number of 9 Hz waves in a step: at more than 235 steps a minute, a harmonic of the steps is there."""
FLOOR_G2 = 1e-9
"""Added to every power, to avoid division by zero."""
STRAP_DB = -3.0
"""Above this median of all steps the strap is taken for soft. Set by hand: of 48 trials as recorded the
medians are -21 to -6, with a strap of 8 or 10 Hz -5 to 7, of 12 Hz -9 to 2, and of 15 Hz as without."""


@kernel
def ringing_db(buffer, begin, end, peak_to_peak_g, rate_hz):
    """Power at 9 Hz over the squared peak-to-peak amplitude and, with half the weight, over power at 15 and
    18 Hz; dB.

    Args:
        begin, end: of the step cycle, fractional columns of the buffer.
        peak_to_peak_g: amplitude of the low-passed vertical acceleration.

    Returns:
        The level in dB; NaN where the rate is too low or the steps are too quick.
    """
    if rate_hz < LEAST_RATE_HZ or (end - begin) / rate_hz * RINGS_HZ < LEAST_WAVES:
        return np.nan
    first, last = int(np.ceil(begin)), int(np.floor(end))
    hann = hann_angles(begin, end)
    at = power_at(buffer, first, last, hann, RINGS_HZ / rate_hz) + FLOOR_G2
    above = FLOOR_G2
    for hz in ABOVE_HZ:
        above += power_at(buffer, first, last, hann, hz / rate_hz)
    return 10.0 * np.log10(at / (peak_to_peak_g * peak_to_peak_g + FLOOR_G2)) + 5.0 * np.log10(at / above)


@kernel
def hann_angles(begin, end):
    """Cosine and sine of the angle of a Hann window at its first column, and of its change a column."""
    turn = 2.0 * np.pi / (end - begin)
    angle = turn * (np.ceil(begin) - begin)
    return np.cos(angle), np.sin(angle), np.cos(turn), np.sin(turn)


@kernel
def power_at(buffer, first, last, hann, cycles_per_sample):
    """Squared amplitude of the three axes, less their low-passed part, at a frequency, in columns; g^2.

    Args:
        hann: from `hann_angles`.
    """
    # angles grow by a constant a sample, so that sine and cosine are rotated instead of recomputed
    window_cosine, window_sine, window_turn = hann[0], hann[1], (hann[2], hann[3])
    angle_step = 2.0 * np.pi * cycles_per_sample
    cosine, sine, turn = 1.0, 0.0, (np.cos(angle_step), np.sin(angle_step))
    weights = 0.0
    x_real, x_imaginary, y_real, y_imaginary, z_real, z_imaginary = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(first, last + 1):
        weight = 0.5 - 0.5 * window_cosine
        weights += weight
        x = weight * (buffer[FORWARD, k] - buffer[SLOW_FORWARD, k])
        y = weight * (buffer[LEFTWARD, k] - buffer[SLOW_LEFTWARD, k])
        z = weight * (buffer[VERTICAL, k] - buffer[SLOW_VERTICAL, k])
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
def write_quality(row, buffer, cycle, base, period_s, c):
    """Fill the penalties and the quality of a running step.

    Args:
        row: record of `imurun.core.step.STEP`. base: absolute index of the buffer's first column.
        period_s: mean of the last two step periods.
    """
    begin, end = cycle["begin"] - base, cycle["end"] - base
    length_s = (end - begin) / c.rate_hz
    peak_to_peak_g = cycle["peak_g"] - cycle["minimum_g"]
    row["ringing_db"] = ringing_db(buffer, begin, end, peak_to_peak_g, c.rate_hz)
    forward_g = integral(buffer[FORWARD], begin, end) / (end - begin)
    left_g = integral(buffer[LEFTWARD], begin, end) / (end - begin)
    ringing = beyond(row["ringing_db"], OWN_RINGING_DB) / 10.0
    rhythm = beyond(abs(length_s / period_s - 1.0), OWN_RHYTHM)
    clipping = share_of(buffer[CLIPPED], int(np.ceil(begin)), int(np.floor(end)))
    tilt = beyond(np.hypot(forward_g, left_g), OWN_TILT_G)
    row["doubt_ringing"] = ringing
    row["doubt_rhythm"] = rhythm
    row["doubt_clipping"] = clipping
    row["doubt_tilt"] = tilt
    row["quality"] = quality_of((ringing, rhythm, clipping, tilt))


@kernel
def quality_of(penalties):
    """Quality, above 0 up to 1, of penalties in the order of `PENALTIES`."""
    variance = 1.0
    for i in range(len(WEIGHTS)):
        variance += WEIGHTS[i] * penalties[i] * penalties[i]
    return 1.0 / np.sqrt(variance)


@kernel
def beyond(value, own):
    """How far a value lies above the level of clean running; 0 below it and for NaN."""
    return value - own if value > own else 0.0


@kernel
def share_of(flags, first, last):
    """Share of columns first to last in which a flag is set."""
    n = 0
    for k in range(first, last + 1):
        if flags[k] > 0.0:
            n += 1
    return n / max(last + 1 - first, 1)
