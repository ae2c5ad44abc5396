"""Initial contact, final contact and peak force of a running step, from the braking and propulsion features.

What the runner's last steps have in common (`imurun.core.contact`) places the contact around the peak of
the slow pulse; the step's own pulse says how this step differs from them:

    initial contact = peak + initial_s . (1, push begin, drive impulse, load)        + own rise
    contact time    = period x step_share . (1, 1 / push height, fore-aft RMS / push height)
                                                                            + own fall - own rise
    final contact   = initial contact + contact time
    peak force      = peak_bw . (1, push swing, net impulse)                         + own height

    drive impulse   drive x period
    load            push height x period
    net impulse     (drive + brake) x period, the brake being negative
    own rise        how much later than typical, from the peak, the pulse rises through its mean
    own fall        the same for the middle between its fall through the mean and its end
    own height      OWN_HEIGHT_BW x how much higher than typical the pulse is

Seconds, g, g s, body weights; `imurun.core.contact` and `imurun.core.step_cycle` measure what is averaged.

The vertical must average one body weight over a step: a push twice as high lasts half as long, but for its
shape, which changes with speed, as how far the force swings fore and aft does. Downhill the brake outgrows
the drive.

That a step's contact follows from the slow vertical at the sacrum: Day et al. 2021 and Alcantara et al.
2021 (low-pass and threshold), Patoz et al. 2022 (half sine from one sacral IMU). The constants are least
squares over six runners in three laboratories at 2 to 5 m/s, one of them on slopes of -10 to +10 degrees,
every runner with the same weight; the scores of runners left out, and the command that fits them, are in
benchmarks/accuracy/README.md.

Seen at 1.5 times the step frequency, every runner's steps look alike at any cadence: what is smaller than the
step as a whole is gone, and what is left has the same share of it whether a step takes a quarter of a second
or half. So its sizes in g say which part of the step the foot is down, whatever the cadence.

What the ground cannot do is cut off before: it does not pull, so a vertical force below zero, the sensor
swinging on in flight, counts as zero. It is smoothed to 20 Hz before that, so that noise is not rectified.

One step's pulse says less of how long its foot was down than many steps of the same runner do: from step
to step the pulse scatters, while what sets the contact time - speed, stiffness, slope - changes slowly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imurun.core.filters import REACH_SIGMA, SIGMA_HZ, fill_taps, smooth_span
from imurun.core.jit import kernel
from imurun.core.ring_buffer import (
    FORWARD,
    LEFTWARD,
    PUSH_FORWARD,
    PUSH_UNSMOOTHED,
    PUSH_VERTICAL,
    SCRATCH,
    VERTICAL,
)
from imurun.core.step_cycle import vertex, vertex_value


class ContactConstants(NamedTuple):
    """The constants of the formulas.

    Attributes:
        initial_s: s; s per s of push begin; s per g s of drive impulse; s per g s of load.
        step_share: of the contact in the period; 1; g, over the push height; no unit, times fore-aft RMS over
            push height. Twice the duty factor, which is the share of a stride.
        peak_bw: BW; BW per g of push swing; BW per g s of net impulse.
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
"""BW per g of height above the typical. Within trials 0.9 to 1.2 fit about equally well; the upper end, since
pooling over both feet hides some of what differs between them."""

CONTACT_LIMITS_S = (0.07, 0.65)
"""Shorter or longer is no running contact; the longest is that of slow running without flight."""


def as_constants(values: ContactConstants) -> ContactConstants:
    """The constants as tuples of floats, whatever sequences of numbers they were given as."""
    initial_s, step_share, peak_bw = ([float(value) for value in part] for part in values)
    a, b, c, d = initial_s
    e, f, g = step_share
    h, i, j = peak_bw
    return ContactConstants((a, b, c, d), (e, f, g), (h, i, j))


@kernel
def typical_initial_s(typical, constants):
    """Foot strike of a typical step, s from the pulse's peak."""
    k = constants.initial_s
    impulse = typical["drive"] * typical["period"]
    load = typical["push_height"] * typical["period"]
    return k[0] + k[1] * typical["push_begin"] + k[2] * impulse + k[3] * load


@kernel
def typical_contact_s(typical, constants):
    """Contact time of a typical step, s."""
    k = constants.step_share
    return typical["period"] * (k[0] + (k[1] + k[2] * typical["forward_rms"]) / typical["push_height"])


@kernel
def initial_contact(pulse, typical, rate_hz, constants):
    """Foot strike as a fractional sample index."""
    own_s = (pulse["up"] - pulse["peak"]) / rate_hz - typical["up"]
    return pulse["peak"] + (typical_initial_s(typical, constants) + own_s) * rate_hz


@kernel
def final_contact(pulse, typical, rate_hz, constants):
    """Toe-off as a fractional sample index."""
    fall_s = (0.5 * (pulse["down"] + pulse["end"]) - pulse["peak"]) / rate_hz
    own_s = fall_s - 0.5 * (typical["down"] + typical["end"])
    typical_s = typical_initial_s(typical, constants) + typical_contact_s(typical, constants)
    return pulse["peak"] + (typical_s + own_s) * rate_hz


@kernel
def peak_force(pulse, typical, constants):
    """Active peak of the vertical ground reaction force, BW."""
    k = constants.peak_bw
    net_impulse = (typical["drive"] + typical["brake"]) * typical["period"]
    typical_bw = k[0] + k[1] * typical["push_swing"] + k[2] * net_impulse
    return typical_bw + OWN_HEIGHT_BW * (pulse["height"] - typical["height"])


CUTOFF_STEPS = 1.5
"""-3 dB at this many times the step frequency."""
UNSMOOTHED_CUTOFF_HZ = 20.0
MARGIN = 0.1
"""Its minima are looked for up to this share of the pulse outside the pulse."""
PEAK_MARGIN = 0.15
"""Its peak is looked for up to this share of the pulse away from the pulse's."""


@kernel
def measure_push(history, base, pulse, oldest, newest, heading_known, c):
    """Fill the fields of the pulse that say how the ground pushes.

    Where the heading is not known, the loop that the force draws says where forward is: its area vector
    points left (`imurun.core.gait`).

    Args:
        history, base: as in `imurun.core.ring_buffer`. oldest, newest: columns that hold samples.
        pulse: record of PULSE with its loop, written to. c: `Coefficients`.
    """
    length = pulse["end"] - pulse["begin"]
    first = max(int(np.floor(pulse["begin"] - MARGIN * length)) - base, oldest)
    last = min(int(np.ceil(pulse["end"] + MARGIN * length)) - base, newest)
    smooth_push(history, pulse, first, last, oldest, newest, heading_known, c)
    vertical, forward = history[PUSH_VERTICAL, first : last + 1], history[PUSH_FORWARD, first : last + 1]
    start, stop = base + first, last - first

    near = PEAK_MARGIN * length
    peak = pulse["peak"] - start
    top = highest_of(vertical, max(int(peak - near), 0), min(int(np.ceil(peak + near)), stop), 1.0)
    begin = highest_of(vertical, 0, top, -1.0)
    end = highest_of(vertical, top, stop, -1.0)
    pulse["push_begin"] = vertex(vertical, begin) + start
    pulse["push_height"] = vertex_value(vertical, top)
    pulse["push_floor"] = min(vertical[begin], vertical[end])

    mean, square = 0.0, 0.0
    for k in range(begin, end + 1):
        mean += forward[k]
        square += forward[k] * forward[k]
    n = end + 1 - begin
    mean /= n
    pulse["forward_rms"] = np.sqrt(max(square / n - mean * mean, 0.0))
    pulse["brake"] = vertex_value(forward, highest_of(forward, begin, top, -1.0)) - mean
    pulse["drive"] = vertex_value(forward, highest_of(forward, top, end, 1.0)) - mean


@kernel
def smooth_push(history, pulse, first, last, oldest, newest, heading_known, c):
    """Write the smoothed push to columns first to last."""
    along, across = 1.0, 0.0
    if not heading_known:
        size = np.hypot(pulse["loop_forward"], pulse["loop_left"])
        if size > 0.0:
            along, across = pulse["loop_left"] / size, -pulse["loop_forward"] / size
    sigma = SIGMA_HZ / CUTOFF_STEPS * (pulse["end"] - pulse["begin"])
    reach = int(np.ceil(REACH_SIGMA * sigma))
    taps = np.empty(2 * reach + 1)
    fill_taps(taps, sigma)
    start, stop = max(first - reach, oldest), min(last + reach, newest)
    force = history[PUSH_UNSMOOTHED]
    smooth_span(history[VERTICAL], force, start, stop + 1, oldest, newest, c.unsmoothed_taps)
    for k in range(start, stop + 1):
        force[k] = max(force[k], 0.0)
    smooth_span(force, history[PUSH_VERTICAL], first, last + 1, start, stop, taps)
    forward, left = history[PUSH_FORWARD], history[SCRATCH]
    smooth_span(history[FORWARD], forward, first, last + 1, oldest, newest, taps)
    if along != 1.0 or across != 0.0:
        smooth_span(history[LEFTWARD], left, first, last + 1, oldest, newest, taps)
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


MEMORY_STEPS = 8
"""Steps that are averaged: a plain mean over the first, then one in which each new step weighs an eighth.

About three seconds, as long as a change of speed takes."""

TYPICAL = np.dtype(
    [
        ("n", "i8"),  # steps averaged, up to MEMORY_STEPS
        ("period", "f8"),  # s
        # s after the pulse's peak, negative before it
        ("up", "f8"),
        ("down", "f8"),
        ("end", "f8"),
        ("push_begin", "f8"),
        # g
        ("height", "f8"),
        ("push_height", "f8"),
        ("push_swing", "f8"),  # from its floor to its height
        ("brake", "f8"),
        ("drive", "f8"),
        ("forward_rms", "f8"),
    ]
)


@kernel
def restart_typical(typical):
    """A run begins."""
    typical["n"] = 0
    typical["period"] = 0.0
    typical["up"] = 0.0
    typical["down"] = 0.0
    typical["end"] = 0.0
    typical["push_begin"] = 0.0
    typical["height"] = 0.0
    typical["push_height"] = 0.0
    typical["push_swing"] = 0.0
    typical["brake"] = 0.0
    typical["drive"] = 0.0
    typical["forward_rms"] = 0.0


@kernel
def add_pulse(typical, pulse, rate_hz):
    """Average one more running step in."""
    n = min(typical["n"] + 1, MEMORY_STEPS)
    typical["n"] = n
    peak = pulse["peak"]
    typical["period"] = moved(typical["period"], (pulse["end"] - pulse["begin"]) / rate_hz, n)
    typical["up"] = moved(typical["up"], (pulse["up"] - peak) / rate_hz, n)
    typical["down"] = moved(typical["down"], (pulse["down"] - peak) / rate_hz, n)
    typical["end"] = moved(typical["end"], (pulse["end"] - peak) / rate_hz, n)
    typical["push_begin"] = moved(typical["push_begin"], (pulse["push_begin"] - peak) / rate_hz, n)
    typical["height"] = moved(typical["height"], pulse["height"], n)
    typical["push_height"] = moved(typical["push_height"], pulse["push_height"], n)
    typical["push_swing"] = moved(typical["push_swing"], pulse["push_height"] - pulse["push_floor"], n)
    typical["brake"] = moved(typical["brake"], pulse["brake"], n)
    typical["drive"] = moved(typical["drive"], pulse["drive"], n)
    typical["forward_rms"] = moved(typical["forward_rms"], pulse["forward_rms"], n)


@kernel
def moved(mean, value, n):
    """The mean with `value` as the last of n."""
    if n == 1:
        return value
    return mean + (value - mean) / n
