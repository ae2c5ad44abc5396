"""The runner's typical pulse: what the last steps have in common.

One step's pulse says less of how long its foot was down than many steps of the same runner do: from step
to step the pulse scatters, while what sets the contact time - speed, stiffness, slope - changes slowly.
"""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel

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
