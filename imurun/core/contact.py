"""Foot strike, toe-off and peak force of a running step, timed on its slow pulse.

The slow pulse is a blurred copy of the force under the foot. Foot strike lies before it rises, earlier
where the force falls slower than it rises (skew); toe-off lies after its fall, later the longer the foot
lingers (tail). The step period moves both, because slower running has longer contacts.
The three formulas are linear and shared by all runners:

    initial contact = up        + IC_S    . (1, skew, period)
    final contact   = down_half + FC_S    . (1, tail, period)
    peak force      =             PEAK_BW . (1, height, width)

up and down: where the pulse crosses its mean; skew: its peak against the middle between them; tail: from
down to the next minimum; width: from up to down. Seconds, g, body weights.

That a step's contact follows from the slow vertical at the sacrum: Day et al. 2021 and Alcantara et al.
2021 (low-pass and threshold), Patoz et al. 2022 (half sine from one sacral IMU). The constants are least
squares over five runners in two laboratories at 2 to 5 m/s, every runner with the same weight; the scores
of runners left out, and the command that fits them, are in benchmarks/accuracy/README.md.
"""

from __future__ import annotations

from imurun.core.jit import kernel

IC_S = (0.0532, 0.4829, -0.2173)
"""s; s per s of skew; s per s of period."""
FC_S = (-0.1331, 0.9645, 0.2125)
"""s; s per s of tail; s per s of period."""
PEAK_BW = (1.4472, 1.1384, -8.5835)
"""BW; BW per g of height; BW per s of width."""

CONTACT_LIMITS_S = (0.07, 0.50)
"""Shorter or longer is no running contact."""


@kernel
def initial_contact(pulse, period_s, rate_hz):
    """Foot strike as a fractional sample index."""
    skew_s = (pulse["peak"] - 0.5 * (pulse["up"] + pulse["down"])) / rate_hz
    offset_s = IC_S[0] + IC_S[1] * skew_s + IC_S[2] * period_s
    return pulse["up"] + offset_s * rate_hz


@kernel
def final_contact(pulse, period_s, rate_hz):
    """Toe-off as a fractional sample index."""
    tail_s = (pulse["end"] - pulse["down"]) / rate_hz
    offset_s = FC_S[0] + FC_S[1] * tail_s + FC_S[2] * period_s
    return pulse["down_half"] + offset_s * rate_hz


@kernel
def peak_force(pulse, rate_hz):
    """Active peak of the vertical ground reaction force, BW."""
    width_s = (pulse["down"] - pulse["up"]) / rate_hz
    return PEAK_BW[0] + PEAK_BW[1] * pulse["height"] + PEAK_BW[2] * width_s
