"""How far a step can be trusted: 1 where it fits its neighbours, towards 0 where it does not."""

from __future__ import annotations

from imurun.core.jit import kernel

PERIOD_TOLERANCE = 0.3
"""A step this far off its neighbours' period, as a share of it, has no quality left."""
FULL_SWING_G = 1.0
CLIPPED_SHARE = 0.5


@kernel
def step_quality(length_s, period_s, swing_g, clipped):
    """Quality from 0 to 1.

    Args:
        length_s: of this step's pulse. period_s: of its neighbours. swing_g: rise and fall of the pulse.
        clipped: whether a sample of it was at the sensor's end.
    """
    fit = 1.0 - abs(length_s - period_s) / (PERIOD_TOLERANCE * period_s)
    size = swing_g / FULL_SWING_G
    quality = min(max(fit, 0.0), 1.0) * min(max(size, 0.0), 1.0)
    return quality * CLIPPED_SHARE if clipped else quality
