"""Foot strike, toe-off and peak force of a running step.

The slow pulse is a blurred copy of the force under the foot, and the body's swing fore and aft tells how
fast it runs. What the runner's last steps have in common (`imurun.core.typical`) places the contact around
the pulse's peak; the step's own pulse says how this step differs from them:

    initial contact = peak + initial_s . (1, push begin, drive, load)                   + own rise
    contact time    = contact_s . (1, period, fore-aft RMS, load)
    final contact   = mean of three                                                      + own fall
        what the foot leaves behind: peak + push_end_s . (1, push end, push height, brake)
        what the drive says:         peak + drive_end_s . (1, drive end, drive tail)
        what the contact lasts:      initial contact + contact time
    peak force      = mean of two                                                        + own height
        what the pulse says: pulse_peak_bw . (1, swing, fall)
        what the push says:  push_peak_bw . (1, brake, drive, load)

load: push height times period, what the step would have to carry were it one body weight high; the others
as in `imurun.core.pulse`, `imurun.core.push` and `imurun.core.typical`. Own rise: how much later than
typical, from the peak, the pulse rises through its mean. Own fall: the same for the middle between its fall
through the mean and its end. Own height: how much higher than typical the pulse is. Seconds, g, body weights.

Toe-off and peak have several witnesses that err in different ways: the vertical force, the fore-aft force,
and the length of the contact, which follows from cadence, speed and load. Their plain mean was better on
runners left out than any of them.

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
        initial_s: s; s per s of push begin; s per g of drive; s per g s of load.
        contact_s: s; s per s of period; s per g of fore-aft RMS; s per g s of load.
        push_end_s: s; s per s of push end; s per g of push height; s per g of brake.
        drive_end_s: s; s per s of drive end; s per s of drive tail.
        pulse_peak_bw: BW; BW per g of swing; BW per s of fall.
        push_peak_bw: BW; BW per g of brake; BW per g of drive; BW per g s of load.
    """

    initial_s: tuple[float, float, float, float]
    contact_s: tuple[float, float, float, float]
    push_end_s: tuple[float, float, float, float]
    drive_end_s: tuple[float, float, float]
    pulse_peak_bw: tuple[float, float, float]
    push_peak_bw: tuple[float, float, float, float]


CONSTANTS = ContactConstants(
    initial_s=(-0.09023, 0.72962, 0.06143, 0.08315),
    contact_s=(0.03188, 1.37552, -0.16666, -0.24475),
    push_end_s=(0.04573, 1.13219, -0.03648, 0.05874),
    drive_end_s=(0.02192, 0.86277, 0.48093),
    pulse_peak_bw=(2.04394, 0.563, -8.93904),
    push_peak_bw=(0.77286, 0.92405, 1.34561, 1.61842),
)
OWN_HEIGHT_BW = 1.1
"""BW per g of height above the typical."""

CONTACT_LIMITS_S = (0.07, 0.50)
"""Shorter or longer is no running contact."""


@kernel
def typical_initial_s(typical, constants):
    """Foot strike of a typical step, s from the pulse's peak."""
    k = constants.initial_s
    load = typical["push_height"] * typical["period"]
    return k[0] + k[1] * typical["push_begin"] + k[2] * typical["drive"] + k[3] * load


@kernel
def typical_contact_s(typical, constants):
    """Contact time of a typical step, s."""
    k = constants.contact_s
    load = typical["push_height"] * typical["period"]
    return k[0] + k[1] * typical["period"] + k[2] * typical["forward_rms"] + k[3] * load


@kernel
def typical_final_s(typical, constants):
    """Toe-off of a typical step, s from the pulse's peak."""
    k = constants.push_end_s
    by_push = k[0] + k[1] * typical["push_end"] + k[2] * typical["push_height"] + k[3] * typical["brake"]
    k = constants.drive_end_s
    by_drive = k[0] + k[1] * typical["drive_end"] + k[2] * typical["drive_tail"]
    by_length = typical_initial_s(typical, constants) + typical_contact_s(typical, constants)
    return (by_push + by_drive + by_length) / 3.0


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
    return pulse["peak"] + (typical_final_s(typical, constants) + own_s) * rate_hz


@kernel
def peak_force(pulse, typical, constants):
    """Active peak of the vertical ground reaction force, BW."""
    k = constants.pulse_peak_bw
    by_pulse = k[0] + k[1] * typical["swing"] + k[2] * typical["fall"]
    k = constants.push_peak_bw
    load = typical["push_height"] * typical["period"]
    by_push = k[0] + k[1] * typical["brake"] + k[2] * typical["drive"] + k[3] * load
    return 0.5 * (by_pulse + by_push) + OWN_HEIGHT_BW * (pulse["height"] - typical["height"])
