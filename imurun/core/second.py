"""What is said of each second and each sample: how much it moves, and whether it is at full scale."""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel
from imurun.frames import G

SECOND = np.dtype([("first", "i8"), ("motion_g", "f8")])
"""One second: its first sample, and the RMS of |specific force| - 1 g over it."""

STILL_G = 0.03
"""Motion below this is standing still."""
FULL_SCALES_G = (2.0, 3.0, 4.0, 6.0, 8.0, 16.0, 24.0, 32.0, 64.0, 100.0, 200.0)
"""Full scales that accelerometers have."""
NEAR_SCALE = 0.01
"""Without a known scale: this close to one of them, twice in a row the same, is clipped."""


@kernel
def is_clipped(sample, last, levels, exact):
    """1 where an axis is at full scale, else 0; `last` is the sample before and is replaced."""
    clipped = 0
    for axis in range(3):
        size = abs(sample[axis])
        for level in levels:
            if exact:
                if size >= (1.0 - 0.5 * NEAR_SCALE) * level:
                    clipped = 1
            elif abs(size - level) < NEAR_SCALE * level and sample[axis] == last[axis]:
                clipped = 1
        last[axis] = sample[axis]
    return clipped


@kernel
def watch_second(state, sample, window):
    """Add one sample to the second being summed; True when that is full."""
    square = 0.0
    for axis in range(3):
        square += sample[axis] * sample[axis]
        state["force"][axis] += sample[axis]
    excess = np.sqrt(square) / G - 1.0
    state["motion"] += excess * excess
    state["n_motion"] += 1
    return state["n_motion"] == window


@kernel
def close_second(state, window):
    """Motion of the full second; a still one is remembered as how the runner stands."""
    motion = np.sqrt(state["motion"] / window)
    for axis in range(3):
        if motion < STILL_G:
            state["standing"][axis] = state["force"][axis] / window
        state["force"][axis] = 0.0
    state["motion"] = 0.0
    state["n_motion"] = 0
    return motion
