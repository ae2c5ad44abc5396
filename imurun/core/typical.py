"""The runner's typical pulse: what the last steps have in common.

One step's pulse says less of how long its foot was down than many steps of the same runner do: from step
to step the pulse scatters, while what sets the contact time - speed, stiffness, slope - changes slowly.
"""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel

MEMORY_STEPS = 16
"""Steps that are averaged, about five seconds: as long as a change of speed takes."""

TYPICAL = np.dtype(
    [
        ("n", "i8"),  # steps averaged, up to MEMORY_STEPS
        # s after the peak, negative before it
        ("begin", "f8"),
        ("up", "f8"),
        ("down", "f8"),
        ("fall", "f8"),
        ("end", "f8"),
        # g
        ("height", "f8"),
        ("swing", "f8"),  # from floor to height
        ("drive", "f8"),  # largest forward force after the peak
        ("forward_share", "f8"),  # RMS of the fore-aft force over the swing of the vertical; no unit
        ("rise_rate", "f8"),  # g/s
    ]
)


@kernel
def restart_typical(typical):
    """A run begins."""
    typical["n"] = 0
    typical["begin"] = 0.0
    typical["up"] = 0.0
    typical["down"] = 0.0
    typical["fall"] = 0.0
    typical["end"] = 0.0
    typical["height"] = 0.0
    typical["swing"] = 0.0
    typical["drive"] = 0.0
    typical["forward_share"] = 0.0
    typical["rise_rate"] = 0.0


@kernel
def add_pulse(typical, pulse, rate_hz):
    """Average one more running step in."""
    n = min(typical["n"] + 1, MEMORY_STEPS)
    typical["n"] = n
    peak = pulse["peak"]
    typical["begin"] = moved(typical["begin"], (pulse["begin"] - peak) / rate_hz, n)
    typical["up"] = moved(typical["up"], (pulse["up"] - peak) / rate_hz, n)
    typical["down"] = moved(typical["down"], (pulse["down"] - peak) / rate_hz, n)
    typical["fall"] = moved(typical["fall"], (pulse["fall"] - peak) / rate_hz, n)
    typical["end"] = moved(typical["end"], (pulse["end"] - peak) / rate_hz, n)
    swing = pulse["height"] - pulse["floor"]
    typical["height"] = moved(typical["height"], pulse["height"], n)
    typical["swing"] = moved(typical["swing"], swing, n)
    typical["drive"] = moved(typical["drive"], pulse["drive"], n)
    typical["forward_share"] = moved(typical["forward_share"], pulse["forward_rms"] / swing, n)
    typical["rise_rate"] = moved(typical["rise_rate"], pulse["rise_rate"], n)


@kernel
def moved(mean, value, n):
    """The mean with `value` as the last of n."""
    if n == 1:
        return value
    return mean + (value - mean) / n
