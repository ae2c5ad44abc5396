"""The contact model: initial contact, final contact and peak vertical force of a running step.

Each step is described by its shape: the specific force along gravity and along the direction of running,
low-passed at `CUTOFF_HZ`, read at `PHASES` of the step period around the peak of the step cycle
(`imurun.core.step_cycle`), and the period itself. Linear maps of that shape give

    initial contact = peak of the cycle + period x initial share
    contact time    = period x exp(logarithm of the contact share)
    final contact   = initial contact + contact time
    peak force      = in body weights

Where the speed is known, a second set of maps takes it as one more feature. A calibration adds what another
device measured for this runner (`calibration_of`). Each estimate has the half width of a 90 % interval
(`half_width`).

Units: s, g and body weights (BW). Four parts, in this order: the model; the interval; calibration; the shape
of a step.

Sources. That a step's contact follows from the low-passed acceleration of the sacrum: Day et al. 2021 and
Alcantara et al. 2021 (low-pass and threshold), Patoz et al. 2022 (half sine from one sacral sensor),
Alcantara et al. 2022 (network on the whole waveform). The maps are ridge regressions over 19 runners in four
laboratories at 2 to 5 m/s; `imurun.core.contact_table` holds the coefficients and names the command that
makes them; benchmarks/accuracy/README.md has the choice inside leave-one-runner-out, and the errors on
runners left out.

Why a linear map of the shape: the balance of forces makes it nearly linear. Over a step the vertical force
averages one body weight, so its height is inverse to the share of the step that the foot is on the ground,
and the fore-aft force tells loading from unloading. The sacrum does not move as the centre of mass does, by
an amount that differs between runners; many correlated samples of the shape average a part of that out, where
single events do not.

Why shares of the period and phases about the peak: the same phase of the step is compared at any cadence. Why
the logarithm of the contact share: errors grow with the contact, and no share is negative.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from imurun.core import contact_table
from imurun.core.filters import REACH_SIGMA, SIGMA_HZ, integral
from imurun.core.jit import kernel
from imurun.core.ring_buffer import FORWARD, LEFTWARD, VERTICAL
from imurun.model.calibration import NEAR_M_S, NEAR_SPM
from imurun.model.frames import FloatArray

CONTACT_MODEL = "2"
"""Version of the model; a calibration holds for the version that it was made with."""
CUTOFF_HZ = 8.0
"""-3 dB of the low-pass. From 6 to 14 Hz the model does about equally well; a strap rings from 8 Hz on."""
LEAST_SIGMA = 0.6
"""Least standard deviation of the low-pass in samples, for sensors slower than 36 Hz."""
N_PHASES = 25
PHASES = tuple(-0.6 + 0.05 * j for j in range(N_PHASES))
"""Shares of the step period, from the peak of the step cycle."""
N_SHAPE = 2 * N_PHASES + 1
"""Vertical force at the phases, fore-aft force at the phases, logarithm of the period in s."""

CONTACT_LIMITS_S = (0.07, 0.65)
"""A shorter or longer contact is not one of running; the longest is that of slow running without flight."""
MEAN_STEPS = 8
"""Steps of the running mean of contact time: a plain mean over the first, then the newest weighs an eighth.

About three seconds, as long as a change of speed takes."""
INITIAL, FINAL, CONTACT, PEAK = 0, 1, 2, 3  # rows of an error table
PLAIN, WITH_SPEED, CALIBRATED = 0, 1, 2  # error tables


class ContactConstants(NamedTuple):
    """The coefficients of the model.

    Attributes:
        maps: shape (3, N_SHAPE + 1): initial share, logarithm of the contact share, peak force (BW); each a
            constant, then a coefficient for each feature of the shape.
        speed_maps: shape (3, N_SHAPE + 2): the same for a known speed, whose logarithm (m/s) is the
            last feature.
        centre, spread: shape (N_SHAPE,): mean and standard deviation of the features in the fit.
        errors: shape (3, 4, 2): half width at the centre of the fit, and its growth with distance; for the
            tables PLAIN, WITH_SPEED, CALIBRATED and the rows INITIAL, FINAL (shares of the period), CONTACT
            (share of the contact), PEAK (BW).
        initial_part: share of a calibration's offset that moves initial contact, to earlier times.
    """

    maps: FloatArray
    speed_maps: FloatArray
    centre: FloatArray
    spread: FloatArray
    errors: FloatArray
    initial_part: float


def as_constants(values: ContactConstants) -> ContactConstants:
    """The coefficients as arrays of floats, from any sequences of numbers."""
    arrays = {
        name: np.array(value, dtype=np.float64, order="C")
        for name, value in values._asdict().items()
        if name != "initial_part"
    }
    return ContactConstants(**arrays, initial_part=float(values.initial_part))


def as_plain(values: ContactConstants) -> dict[str, Any]:
    """The coefficients as lists of floats, for JSON."""
    return {name: np.asarray(value).tolist() for name, value in values._asdict().items()}


CONSTANTS = as_constants(ContactConstants(**contact_table.TABLE))


# -------------------------------------------------------------------------------------------------- the model


@kernel
def contact_and_force(shape, speed_m_s, constants):
    """Initial share, logarithm of the contact share and peak force (BW) of a shape; the speed may be NaN."""
    if np.isnan(speed_m_s):
        maps = constants.maps
        return mapped(maps[0], shape), mapped(maps[1], shape), mapped(maps[2], shape)
    maps, feature = constants.speed_maps, np.log(speed_m_s)
    last = len(shape) + 1
    return (
        mapped(maps[0], shape) + maps[0, last] * feature,
        mapped(maps[1], shape) + maps[1, last] * feature,
        mapped(maps[2], shape) + maps[2, last] * feature,
    )


@kernel
def mapped(coefficients, shape):
    """A constant plus the coefficients times the features of the shape."""
    total = coefficients[0]
    for j in range(len(shape)):
        total += coefficients[1 + j] * shape[j]
    return total


@kernel
def speed_at(time_s, starts_s, speeds_m_s):
    """The speed of a piecewise constant table at a time; NaN before its first start, or where it has none."""
    k = np.searchsorted(starts_s, time_s, side="right") - 1
    return speeds_m_s[k] if k >= 0 else np.nan


@kernel
def updated_mean(mean, value, n):
    """The mean of n values after `value`, the last of them, is added."""
    if n == 1:
        return value
    return mean + (value - mean) / n


# ----------------------------------------------------------------------------------------------- the interval


@kernel
def distance(shape, constants):
    """Mean square deviation of the features from those of the fit, in standard deviations; 1 is usual."""
    total = 0.0
    for j in range(len(shape)):
        away = (shape[j] - constants.centre[j]) / constants.spread[j]
        total += away * away
    return total / len(shape)


@kernel
def half_width(row, distance):
    """Half width of the 90 % interval, in the unit of the row of an error table."""
    return row[0] * np.sqrt(1.0 + row[1] * distance)


# ------------------------------------------------------------------------------------------------ calibration


@kernel
def calibration_of(speed_m_s, period_s, c):
    """What the calibration adds to the contact time of a step, s, and whether it was made near such a step.

    Its table by speed is used where the speed is known, else its table by cadence; see
    `imurun.model.calibration.tables`.

    Args:
        speed_m_s: NaN if unknown. period_s: of the step. c: `Coefficients`.
    """
    if len(c.offset_by_speed) and not np.isnan(speed_m_s):
        return on_line(speed_m_s, c.offset_by_speed, NEAR_M_S)
    return on_line(60.0 / period_s, c.offset_by_cadence, NEAR_SPM)


@kernel
def on_line(at, table, near):
    """Value of a piecewise linear table, constant beyond its ends, and whether its points reach near `at`.

    Args:
        table: shape (k, 2): places in increasing order, and values; 0 and False without any.
    """
    k = len(table)
    if k == 0:
        return 0.0, False
    reaches = table[0, 0] - near <= at <= table[k - 1, 0] + near
    after = np.searchsorted(table[:, 0], at)
    if after == 0:
        return table[0, 1], reaches
    if after == k:
        return table[k - 1, 1], reaches
    share = (at - table[after - 1, 0]) / (table[after, 0] - table[after - 1, 0])
    return table[after - 1, 1] + share * (table[after, 1] - table[after - 1, 1]), reaches


# ---------------------------------------------------------------------------------------- the shape of a step


@kernel
def write_shape(shape, buffer, base, cycle, period, oldest, newest, heading_known, rate_hz):
    """Fill the shape of a step.

    Where the heading is not known, forward is taken from the loop that the force draws: its area vector
    points left (`imurun.core.gait`).

    Args:
        shape: shape (N_SHAPE,), written to.
        buffer, base: as in `imurun.core.ring_buffer`.
        oldest, newest: columns that hold samples; beyond them the end values are repeated.
        cycle: record of STEP_CYCLE with its loop. period: samples.
    """
    along, across = 1.0, 0.0
    if not heading_known:
        size = np.hypot(cycle["loop_forward"], cycle["loop_left"])
        if size > 0.0:
            along, across = cycle["loop_left"] / size, -cycle["loop_forward"] / size
    begin, end = cycle["begin"] - base, cycle["end"] - base
    forward_g = integral(buffer[FORWARD], begin, end) / (end - begin)
    left_g = integral(buffer[LEFTWARD], begin, end) / (end - begin)
    offset_g = along * forward_g + across * left_g
    sigma = max(SIGMA_HZ / CUTOFF_HZ * rate_hz, LEAST_SIGMA)
    ratio_step = np.exp(-1.0 / (sigma * sigma))
    for j in range(N_PHASES):
        at = cycle["peak"] - base + PHASES[j] * period
        vertical_g, forward_g, left_g = low_passed_at(buffer, at, sigma, ratio_step, oldest, newest)
        shape[j] = vertical_g
        shape[N_PHASES + j] = along * forward_g + across * left_g - offset_g
    shape[2 * N_PHASES] = np.log(period / rate_hz)


@kernel
def low_passed_at(buffer, at, sigma, ratio_step, oldest, newest):
    """Vertical, forward and leftward force at a fractional column, weighted by a Gaussian around it.

    The weights follow from one another by multiplication: from a sample to the next, the logarithm of a
    Gaussian changes by a constant more each time. They begin with 1, as only their ratios matter.

    Args:
        sigma: standard deviation, samples. ratio_step: exp(-1 / sigma^2).
    """
    reach = REACH_SIGMA * sigma
    first, last = int(np.ceil(at - reach)), int(np.floor(at + reach))
    away = (first - at) / sigma
    weight = 1.0
    ratio = np.exp(-away / sigma - 0.5 / (sigma * sigma))
    total, vertical, forward, left = 0.0, 0.0, 0.0, 0.0
    for k in range(first, last + 1):
        column = min(max(k, oldest), newest)
        total += weight
        vertical += weight * buffer[VERTICAL, column]
        forward += weight * buffer[FORWARD, column]
        left += weight * buffer[LEFTWARD, column]
        weight *= ratio
        ratio *= ratio_step
    scale = 1.0 / total
    return scale * vertical, scale * forward, scale * left
