"""Foot strike, toe-off and peak force of a running step.

What the runner's last steps have in common (`imurun.core.typical`) places the contact around the peak of
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

Seconds, g, g s, body weights; `imurun.core.push` and `imurun.core.pulse` measure what is averaged.

The vertical must average one body weight over a step: a push twice as high lasts half as long, but for its
shape, which changes with speed, as how far the force swings fore and aft does. Downhill the brake outgrows
the drive.

That a step's contact follows from the slow vertical at the sacrum: Day et al. 2021 and Alcantara et al.
2021 (low-pass and threshold), Patoz et al. 2022 (half sine from one sacral IMU). The constants are least
squares over six runners in three laboratories at 2 to 5 m/s, one of them on slopes of -10 to +10 degrees,
every runner with the same weight; the scores of runners left out, and the command that fits them, are in
benchmarks/accuracy/README.md.
"""

from __future__ import annotations

from typing import NamedTuple

from imurun.core.jit import kernel


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
