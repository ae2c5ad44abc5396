"""The last seconds of a recording, in level axes: what a step is measured on.

Level axes turn with the body but stay upright: z along gravity, x the body's forward axis laid level,
y to its left. `history` has shape (channels, capacity); the sample with absolute index k stands in
column k - base.
"""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel
from imurun.core.orientation import earth_rows
from imurun.frames import G

VERTICAL, FORWARD, LEFTWARD, RESULTANT = 0, 1, 2, 3  # specific force, g
ROLL, PITCH, YAW = 4, 5, 6  # rad; yaw is unwrapped
SIDEWAYS = 7  # specific force along the body's own left axis, which tilts with it, g
SLOW_VERTICAL, SLOW_FORWARD, SLOW_LEFTWARD = 8, 9, 10  # the first three, smoothed
CLIPPED = 11  # 1 where an axis was at its end
# filled for one step at a time, by `imurun.core.push`; g
PUSH_UNSMOOTHED, PUSH_VERTICAL, PUSH_FORWARD = 12, 13, 14
N_CHANNELS = 15

KEEP_S = 10.0
"""What is kept: four strides, four pulses that wait for a verdict, and the smoothing lag."""


def new_history(rate_hz: float) -> np.ndarray:
    """An empty history with room for twice what is kept, so that it is moved seldom."""
    return np.zeros((N_CHANNELS, 2 * int(np.ceil(KEEP_S * rate_hz))))


@kernel
def write_level(history, column, acc, quat, mounting, previous_yaw):
    """Turn one sample to level axes and write it to `column`; returns the unwrapped yaw, rad.

    Args:
        acc: shape (3,), m/s2, sensor frame. quat: sensor to earth. mounting: body from sensor, (3, 3).
        previous_yaw: of the sample before; NaN for none.
    """
    xx, xy, xz, yx, yy, yz, ux, uy, uz = earth_rows(quat)
    # gravity's direction along the body's axes
    up_forward = mounting[0, 0] * ux + mounting[0, 1] * uy + mounting[0, 2] * uz
    up_left = mounting[1, 0] * ux + mounting[1, 1] * uy + mounting[1, 2] * uz
    up_up = mounting[2, 0] * ux + mounting[2, 1] * uy + mounting[2, 2] * uz
    fx = mounting[0, 0] - up_forward * ux
    fy = mounting[0, 1] - up_forward * uy
    fz = mounting[0, 2] - up_forward * uz
    norm = np.sqrt(fx * fx + fy * fy + fz * fz)
    if norm < 1e-6:  # lying face down or up: no forward direction is left
        norm = 1e-6
    fx, fy, fz = fx / norm, fy / norm, fz / norm
    lx, ly, lz = uy * fz - uz * fy, uz * fx - ux * fz, ux * fy - uy * fx
    ax, ay, az = acc[0] / G, acc[1] / G, acc[2] / G
    history[VERTICAL, column] = ax * ux + ay * uy + az * uz
    history[FORWARD, column] = ax * fx + ay * fy + az * fz
    history[LEFTWARD, column] = ax * lx + ay * ly + az * lz
    history[SIDEWAYS, column] = mounting[1, 0] * ax + mounting[1, 1] * ay + mounting[1, 2] * az
    history[RESULTANT, column] = np.sqrt(ax * ax + ay * ay + az * az)
    history[ROLL, column] = np.arctan2(up_left, up_up)
    history[PITCH, column] = -np.arcsin(min(max(up_forward, -1.0), 1.0))
    yaw = np.arctan2(yx * fx + yy * fy + yz * fz, xx * fx + xy * fy + xz * fz)
    if not np.isnan(previous_yaw):
        yaw += 2.0 * np.pi * np.rint((previous_yaw - yaw) / (2.0 * np.pi))
    history[YAW, column] = yaw
    return yaw


@kernel
def make_room(history, base, used):
    """Move the newer half of a full history to its front; returns the new base."""
    kept = history.shape[1] // 2
    shift = used - kept
    for channel in range(history.shape[0]):
        for k in range(kept):
            history[channel, k] = history[channel, k + shift]
    return base + shift
