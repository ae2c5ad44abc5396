"""How much the sensor moves in each second, as RMS of |specific force| - 1 g, and which samples clip."""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel

SECOND = np.dtype([("first", "i8"), ("motion_g", "f8")])
"""One second: its first sample, and the RMS of |specific force| - 1 g over it."""

STILL_G = 0.03
"""Motion below this counts as standing still."""
FULL_SCALES_G = (2.0, 3.0, 4.0, 6.0, 8.0, 16.0, 24.0, 32.0, 64.0, 100.0, 200.0)
"""Common full scales of accelerometers."""
NEAR_SCALE = 0.01
"""Without a known full scale, two equal values in a row this close to a common one count as clipped."""


@kernel
def write_clipped(flags, acc, last, levels, exact):
    """Write 1 where an axis is at full scale, else 0.

    Args:
        flags: shape (n,), written to. acc: shape (n, 3).
        last: the sample before the first, shape (3,); replaced by the last one.
    """
    x, y, z = last[0], last[1], last[2]
    for i in range(len(acc)):
        before_x, before_y, before_z = x, y, z
        x, y, z = acc[i, 0], acc[i, 1], acc[i, 2]
        clipped = (
            is_clipped(x, before_x, levels, exact)
            or is_clipped(y, before_y, levels, exact)
            or is_clipped(z, before_z, levels, exact)
        )
        flags[i] = 1.0 if clipped else 0.0
    last[0], last[1], last[2] = x, y, z


@kernel
def is_clipped(value, before, levels, exact):
    """Whether one axis is at full scale: the known one, or two equal values near a common one."""
    if exact:
        return abs(value) >= (1.0 - 0.5 * NEAR_SCALE) * levels[0]
    if value == before:
        for level in levels:
            if abs(abs(value) - level) < NEAR_SCALE * level:
                return True
    return False


@kernel
def watch_second(state, acc, i, resultant_g, window):
    """Add sample i of a block to the current second; True when the second is complete."""
    force = state["force"]
    for axis in range(3):
        force[axis] += acc[i, axis]
    excess = resultant_g - 1.0
    state["motion"] += excess * excess
    state["n_motion"] += 1
    return state["n_motion"] == window


@kernel
def close_second(state, window):
    """Returns the motion of the complete second; the mean force of a still one is stored as standing."""
    motion = np.sqrt(state["motion"] / window)
    for axis in range(3):
        if motion < STILL_G:
            state["standing"][axis] = state["force"][axis] / window
        state["force"][axis] = 0.0
    state["motion"] = 0.0
    state["n_motion"] = 0
    return motion
