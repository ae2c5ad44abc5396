"""The contact formula: initial contact, final contact and peak vertical force of a running step.

It combines the running average of the last steps (`STEP_AVERAGE`) with the step's own cycle of the low-passed
vertical acceleration (`imurun.core.step_cycle`), which gives how this step deviates from the average:

    initial contact = peak + initial_s . (1, force begin, propulsive impulse, load)          + own rise
    contact time    = period x step_share . (1, 1 / force peak, fore-aft RMS / force peak)
                                                                              + own fall - own rise
    final contact   = initial contact + contact time
    peak force      = peak_bw . (1, force peak-to-peak, net impulse)                         + own height

    propulsive impulse   propulsion x period
    load                 force peak x period
    net impulse          (propulsion + braking) x period, braking being negative
    own rise             how much later than on average, from the peak, the cycle rises through its mean
    own fall             the same for the middle between its fall through the mean and its end
    own height           OWN_HEIGHT_BW x (peak of the cycle - average peak)

Units: s, g, g s and body weights (BW). Three parts, in this order: the formula and its constants; the braking
and propulsion features of a step that enter the average; the average.

Sources. That a step's contact follows from the low-passed vertical acceleration at the sacrum: Day et al.
2021 and Alcantara et al. 2021 (low-pass and threshold), Patoz et al. 2022 (half sine from one sacral IMU).
The constants are least squares over six runners in three laboratories at 2 to 5 m/s, one of them on slopes of
-10 to +10 degrees, every runner with the same weight; benchmarks/accuracy/README.md has the scores of runners
left out and the command that fits the constants.

Why the average: the vertical force averages one body weight over a step, so a force peak twice as high lasts
half as long, up to its shape, which changes with speed as the fore-aft force does. Downhill, braking exceeds
propulsion. From step to step the cycle scatters, while speed, stiffness and slope, which set the contact
time, change slowly; so many steps of a runner give the contact time better than one.

Why features at 1.5 times the step frequency: detail smaller than the step is removed, and the same share of
the step is kept whether it takes a quarter of a second or half. So the sizes in g give the share of the step
that the foot is on the ground, at any cadence. Before this smoothing the force is smoothed to 20 Hz, so that
noise is not rectified, and values below zero are set to zero, since the ground cannot pull: negative readings
are the sensor's own motion in flight.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imurun.core.filters import REACH_SIGMA, SIGMA_HZ, fill_taps, smooth_span
from imurun.core.jit import kernel
from imurun.core.ring_buffer import (
    FORCE_FORWARD,
    FORCE_UNSMOOTHED,
    FORCE_VERTICAL,
    FORWARD,
    LEFTWARD,
    SCRATCH,
    VERTICAL,
)
from imurun.core.step_cycle import vertex, vertex_value

CONTACT_MODEL = "2"
"""Version of the model; a calibration belongs to one version."""


class ContactConstants(NamedTuple):
    """The constants of the formulas.

    Attributes:
        initial_s: s; s per s of force begin; s per g s of propulsive impulse; s per g s of load.
        step_share: share of the contact in the period: no unit; g, over the force peak; no unit, times
            fore-aft RMS over force peak. Twice the duty factor, which is the share of a stride.
        peak_bw: BW; BW per g of force peak-to-peak; BW per g s of net impulse.
    """

    initial_s: tuple[float, float, float, float]
    step_share: tuple[float, float, float]
    peak_bw: tuple[float, float, float]


CONSTANTS = ContactConstants(
    initial_s=(-0.08811, 0.73823, 0.17893, 0.08373),
    step_share=(0.19344, 1.55282, -0.93668),
    peak_bw=(0.72328, 0.70507, 2.81347),
)
OWN_HEIGHT_BW = 1.2
"""BW per g of height above the average. Within trials 0.9 to 1.2 fit about equally well; the upper end, since
pooling over both feet hides part of the difference between them."""
CONTACT_LIMITS_S = (0.07, 0.65)
"""A shorter or longer contact is not one of running; the longest is that of slow running without flight."""

CUTOFF_STEPS = 1.5
"""-3 dB of the force features, as a multiple of the step frequency."""
UNSMOOTHED_CUTOFF_HZ = 20.0
"""-3 dB of the smoothing before negative force is set to zero."""
MARGIN = 0.1
"""The force minima are searched up to this share of the step cycle outside it."""
PEAK_MARGIN = 0.15
"""The force peak is searched up to this share of the step cycle around the cycle's peak."""

AVERAGED_STEPS = 8
"""Steps that are averaged: a plain mean over the first, then one in which each new step weighs an eighth.

About three seconds, as long as a change of speed takes."""

STEP_AVERAGE = np.dtype(
    [
        ("n", "i8"),  # steps averaged, up to AVERAGED_STEPS
        ("period", "f8"),  # s
        # s after the peak of the cycle, negative before it
        ("up_crossing", "f8"),
        ("down_crossing", "f8"),
        ("end", "f8"),
        ("force_begin", "f8"),
        # g
        ("peak_g", "f8"),
        ("force_peak_g", "f8"),
        ("force_peak_to_peak_g", "f8"),
        ("braking_g", "f8"),
        ("propulsion_g", "f8"),
        ("forward_rms_g", "f8"),
    ]
)
"""Running average of the last steps; the fields are explained at `imurun.core.step_cycle.STEP_CYCLE`."""


def as_constants(values: ContactConstants) -> ContactConstants:
    """The constants as tuples of floats, from any sequences of numbers."""
    initial_s, step_share, peak_bw = ([float(value) for value in part] for part in values)
    a, b, c, d = initial_s
    e, f, g = step_share
    h, i, j = peak_bw
    return ContactConstants((a, b, c, d), (e, f, g), (h, i, j))


# --------------------------------------------------------------------------------------------- the formula


@kernel
def average_initial_s(average, constants):
    """Initial contact of the average step, s from the peak of the cycle."""
    k = constants.initial_s
    impulse = average["propulsion_g"] * average["period"]
    load = average["force_peak_g"] * average["period"]
    return k[0] + k[1] * average["force_begin"] + k[2] * impulse + k[3] * load


@kernel
def average_contact_s(average, constants):
    """Contact time of the average step, s."""
    k = constants.step_share
    return average["period"] * (k[0] + (k[1] + k[2] * average["forward_rms_g"]) / average["force_peak_g"])


@kernel
def initial_contact(cycle, average, rate_hz, constants):
    """Initial contact (foot strike) as a fractional absolute sample index."""
    own_s = (cycle["up_crossing"] - cycle["peak"]) / rate_hz - average["up_crossing"]
    return cycle["peak"] + (average_initial_s(average, constants) + own_s) * rate_hz


@kernel
def final_contact(cycle, average, rate_hz, constants):
    """Final contact (toe-off) as a fractional absolute sample index."""
    fall_s = (0.5 * (cycle["down_crossing"] + cycle["end"]) - cycle["peak"]) / rate_hz
    own_s = fall_s - 0.5 * (average["down_crossing"] + average["end"])
    average_s = average_initial_s(average, constants) + average_contact_s(average, constants)
    return cycle["peak"] + (average_s + own_s) * rate_hz


@kernel
def peak_force(cycle, average, constants):
    """Active peak of the vertical ground reaction force, BW."""
    k = constants.peak_bw
    net_impulse = (average["propulsion_g"] + average["braking_g"]) * average["period"]
    average_bw = k[0] + k[1] * average["force_peak_to_peak_g"] + k[2] * net_impulse
    return average_bw + OWN_HEIGHT_BW * (cycle["peak_g"] - average["peak_g"])


# ------------------------------------------------------------------------ braking and propulsion features


@kernel
def measure_propulsion(buffer, base, cycle, oldest, newest, heading_known, c):
    """Fill the force fields of a step cycle: vertical force, braking and propulsion.

    Where the heading is not known, forward is taken from the loop that the force draws: its area vector
    points left (`imurun.core.gait`).

    Args:
        buffer, base: as in `imurun.core.ring_buffer`. oldest, newest: columns that hold samples.
        cycle: record of STEP_CYCLE with its loop, written to. c: `Coefficients`.
    """
    length = cycle["end"] - cycle["begin"]
    first = max(int(np.floor(cycle["begin"] - MARGIN * length)) - base, oldest)
    last = min(int(np.ceil(cycle["end"] + MARGIN * length)) - base, newest)
    smooth_force(buffer, cycle, first, last, oldest, newest, heading_known, c)
    vertical, forward = buffer[FORCE_VERTICAL, first : last + 1], buffer[FORCE_FORWARD, first : last + 1]
    start, stop = base + first, last - first

    near = PEAK_MARGIN * length
    peak = cycle["peak"] - start
    top = highest_of(vertical, max(int(peak - near), 0), min(int(np.ceil(peak + near)), stop), 1.0)
    begin = highest_of(vertical, 0, top, -1.0)
    end = highest_of(vertical, top, stop, -1.0)
    cycle["force_begin"] = vertex(vertical, begin) + start
    cycle["force_peak_g"] = vertex_value(vertical, top)
    cycle["force_minimum_g"] = min(vertical[begin], vertical[end])

    mean, square = 0.0, 0.0
    for k in range(begin, end + 1):
        mean += forward[k]
        square += forward[k] * forward[k]
    n = end + 1 - begin
    mean /= n
    cycle["forward_rms_g"] = np.sqrt(max(square / n - mean * mean, 0.0))
    cycle["braking_g"] = vertex_value(forward, highest_of(forward, begin, top, -1.0)) - mean
    cycle["propulsion_g"] = vertex_value(forward, highest_of(forward, top, end, 1.0)) - mean


@kernel
def smooth_force(buffer, cycle, first, last, oldest, newest, heading_known, c):
    """Write the smoothed vertical and fore-aft force to columns first to last."""
    along, across = 1.0, 0.0
    if not heading_known:
        size = np.hypot(cycle["loop_forward"], cycle["loop_left"])
        if size > 0.0:
            along, across = cycle["loop_left"] / size, -cycle["loop_forward"] / size
    sigma = SIGMA_HZ / CUTOFF_STEPS * (cycle["end"] - cycle["begin"])
    reach = int(np.ceil(REACH_SIGMA * sigma))
    taps = np.empty(2 * reach + 1)
    fill_taps(taps, sigma)
    start, stop = max(first - reach, oldest), min(last + reach, newest)
    force = buffer[FORCE_UNSMOOTHED]
    smooth_span(buffer[VERTICAL], force, start, stop + 1, oldest, newest, c.unsmoothed_taps)
    for k in range(start, stop + 1):
        force[k] = max(force[k], 0.0)  # the ground cannot pull
    smooth_span(force, buffer[FORCE_VERTICAL], first, last + 1, start, stop, taps)
    forward, left = buffer[FORCE_FORWARD], buffer[SCRATCH]
    smooth_span(buffer[FORWARD], forward, first, last + 1, oldest, newest, taps)
    if along != 1.0 or across != 0.0:
        smooth_span(buffer[LEFTWARD], left, first, last + 1, oldest, newest, taps)
        for k in range(first, last + 1):
            forward[k] = along * forward[k] + across * left[k]


@kernel
def highest_of(signal, first, last, sign):
    """The first index from first to last where the signal times `sign` is largest."""
    best = first
    for k in range(first + 1, last + 1):
        if sign * signal[k] > sign * signal[best]:
            best = k
    return best


# ------------------------------------------------------------------------ running average of the last steps


@kernel
def restart_average(average):
    """Set all fields to zero, at the beginning of a run."""
    average["n"] = 0
    average["period"] = 0.0
    average["up_crossing"] = 0.0
    average["down_crossing"] = 0.0
    average["end"] = 0.0
    average["force_begin"] = 0.0
    average["peak_g"] = 0.0
    average["force_peak_g"] = 0.0
    average["force_peak_to_peak_g"] = 0.0
    average["braking_g"] = 0.0
    average["propulsion_g"] = 0.0
    average["forward_rms_g"] = 0.0


@kernel
def add_to_average(average, cycle, rate_hz):
    """Average one more running step in."""
    n = min(average["n"] + 1, AVERAGED_STEPS)
    average["n"] = n
    peak, force_g = cycle["peak"], cycle["force_peak_g"] - cycle["force_minimum_g"]
    average["period"] = updated_mean(average["period"], (cycle["end"] - cycle["begin"]) / rate_hz, n)
    average["up_crossing"] = updated_mean(average["up_crossing"], (cycle["up_crossing"] - peak) / rate_hz, n)
    down_s = (cycle["down_crossing"] - peak) / rate_hz
    average["down_crossing"] = updated_mean(average["down_crossing"], down_s, n)
    average["end"] = updated_mean(average["end"], (cycle["end"] - peak) / rate_hz, n)
    average["force_begin"] = updated_mean(average["force_begin"], (cycle["force_begin"] - peak) / rate_hz, n)
    average["peak_g"] = updated_mean(average["peak_g"], cycle["peak_g"], n)
    average["force_peak_g"] = updated_mean(average["force_peak_g"], cycle["force_peak_g"], n)
    average["force_peak_to_peak_g"] = updated_mean(average["force_peak_to_peak_g"], force_g, n)
    average["braking_g"] = updated_mean(average["braking_g"], cycle["braking_g"], n)
    average["propulsion_g"] = updated_mean(average["propulsion_g"], cycle["propulsion_g"], n)
    average["forward_rms_g"] = updated_mean(average["forward_rms_g"], cycle["forward_rms_g"], n)


@kernel
def updated_mean(mean, value, n):
    """The mean of n values after `value`, the last of them, is added."""
    if n == 1:
        return value
    return mean + (value - mean) / n
