"""Foot strike, toe-off and peak force of a running step, timed on its slow pulse.

The slow pulse is a blurred copy of the force under the foot, and the body's swing fore and aft tells how
fast it runs. The runner's typical pulse (`imurun.core.typical`) places the contact around the pulse's
peak; the step's own pulse says how this step differs from the typical one:

    initial contact = peak + initial_s . (1, begin, height x period, drive)  + own rise
    final contact   = peak + final_s . (1, end, rise rate, forward share)    + own fall
    peak force      = peak_bw . (1, swing, fall)                             + OWN_HEIGHT_BW x own height

begin, end: the minima before and after, from the peak; drive: the largest forward force after the peak;
forward share: RMS of the fore-aft force over the swing of the vertical; rise rate: the steepest slope; fall:
where the pulse falls steepest, from the peak.
Own rise: how much later than typical, from the peak, the pulse rises through its mean. Own fall: the same
for the middle between its fall through the mean and its end. Seconds, g, body weights.

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
    """The constants of the three formulas.

    Attributes:
        initial_s: s; s per s of begin; s per g s of height times period; s per g of drive.
        final_s: s; s per s of end; s per g/s of rise rate; s per forward share.
        peak_bw: BW; BW per g of swing; BW per s of fall.
    """

    initial_s: tuple[float, float, float, float]
    final_s: tuple[float, float, float, float]
    peak_bw: tuple[float, float, float]


CONSTANTS = ContactConstants(
    initial_s=(-0.08645, 0.69261, 0.07279, 0.07708),
    final_s=(0.02028, 1.13234, -0.00264, -0.11622),
    peak_bw=(2.04394, 0.563, -8.93904),
)
OWN_HEIGHT_BW = 1.1
"""BW per g of height above the typical."""

CONTACT_LIMITS_S = (0.07, 0.50)
"""Shorter or longer is no running contact."""


@kernel
def initial_contact(pulse, typical, period_s, rate_hz, constants):
    """Foot strike as a fractional sample index."""
    own_s = (pulse["up"] - pulse["peak"]) / rate_hz - typical["up"]
    offset_s = (
        constants.initial_s[0]
        + constants.initial_s[1] * typical["begin"]
        + constants.initial_s[2] * typical["height"] * period_s
        + constants.initial_s[3] * typical["drive"]
    )
    return pulse["peak"] + (offset_s + own_s) * rate_hz


@kernel
def final_contact(pulse, typical, rate_hz, constants):
    """Toe-off as a fractional sample index."""
    fall_s = (0.5 * (pulse["down"] + pulse["end"]) - pulse["peak"]) / rate_hz
    own_s = fall_s - 0.5 * (typical["down"] + typical["end"])
    offset_s = (
        constants.final_s[0]
        + constants.final_s[1] * typical["end"]
        + constants.final_s[2] * typical["rise_rate"]
        + constants.final_s[3] * typical["forward_share"]
    )
    return pulse["peak"] + (offset_s + own_s) * rate_hz


@kernel
def peak_force(pulse, typical, constants):
    """Active peak of the vertical ground reaction force, BW."""
    own_g = pulse["height"] - typical["height"]
    offset_bw = (
        constants.peak_bw[0]
        + constants.peak_bw[1] * typical["swing"]
        + constants.peak_bw[2] * typical["fall"]
    )
    return offset_bw + OWN_HEIGHT_BW * own_g
