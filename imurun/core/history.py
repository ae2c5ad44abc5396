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
# for whoever needs them, until they return
SCRATCH, ROLL_COSINE, YAW_COSINE = 15, 16, 17
N_CHANNELS = 18

PER_G = 1.0 / G
KEEP_S = 10.0
"""What is kept: four strides, four pulses that wait for a verdict, and the smoothing lag."""


def new_history(rate_hz: float) -> np.ndarray:
    """An empty history with room for twice what is kept, so that it is moved seldom."""
    return np.zeros((N_CHANNELS, 2 * int(np.ceil(KEEP_S * rate_hz))))


@kernel
def write_levels(history, column, acc, quats, mounting, yaw):
    """Turn samples to level axes and write them to the columns from `column` on; returns the last yaw, rad.

    Args:
        acc: shape (n, 3), m/s2, sensor frame. quats: shape (n, 4), sensor to earth. mounting: body from
            sensor, (3, 3).
        yaw: of the sample before, unwrapped; NaN for none.
    """
    columns = history[:, column : column + len(acc)]
    write_forces(columns, acc, quats, mounting)
    return write_angles(columns, yaw)


@kernel
def write_forces(columns, acc, quats, mounting):
    """The forces of each sample, and in place of its angles what they are the angles of."""
    forward_x, forward_y, forward_z = mounting[0, 0], mounting[0, 1], mounting[0, 2]
    left_x, left_y, left_z = mounting[1, 0], mounting[1, 1], mounting[1, 2]
    up_x, up_y, up_z = mounting[2, 0], mounting[2, 1], mounting[2, 2]
    for i in range(len(acc)):
        xx, xy, xz, yx, yy, yz, ux, uy, uz = earth_rows(quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3])
        # gravity's direction along the body's axes
        up_forward = forward_x * ux + forward_y * uy + forward_z * uz
        up_left = left_x * ux + left_y * uy + left_z * uz
        up_up = up_x * ux + up_y * uy + up_z * uz
        fx = forward_x - up_forward * ux
        fy = forward_y - up_forward * uy
        fz = forward_z - up_forward * uz
        # lying face down or up: no forward direction is left
        scale = 1.0 / max(np.sqrt(fx * fx + fy * fy + fz * fz), 1e-6)
        fx, fy, fz = scale * fx, scale * fy, scale * fz
        lx, ly, lz = uy * fz - uz * fy, uz * fx - ux * fz, ux * fy - uy * fx
        ax, ay, az = acc[i, 0] * PER_G, acc[i, 1] * PER_G, acc[i, 2] * PER_G
        columns[VERTICAL, i] = ax * ux + ay * uy + az * uz
        columns[FORWARD, i] = ax * fx + ay * fy + az * fz
        columns[LEFTWARD, i] = ax * lx + ay * ly + az * lz
        columns[SIDEWAYS, i] = left_x * ax + left_y * ay + left_z * az
        columns[RESULTANT, i] = np.sqrt(ax * ax + ay * ay + az * az)
        columns[ROLL, i], columns[ROLL_COSINE, i] = up_left, up_up
        columns[PITCH, i] = -min(max(up_forward, -1.0), 1.0)
        columns[YAW, i] = yx * fx + yy * fy + yz * fz
        columns[YAW_COSINE, i] = xx * fx + xy * fy + xz * fz


@kernel
def write_angles(columns, yaw):
    """Sines, or what stands for them, to angles; returns the last yaw."""
    for i in range(columns.shape[1]):
        columns[ROLL, i] = np.arctan2(columns[ROLL, i], columns[ROLL_COSINE, i])
        columns[PITCH, i] = np.arcsin(columns[PITCH, i])
        wrapped = np.arctan2(columns[YAW, i], columns[YAW_COSINE, i])
        turns = 0.0 if np.isnan(yaw) else np.rint((yaw - wrapped) / (2.0 * np.pi))
        yaw = wrapped + 2.0 * np.pi * turns
        columns[YAW, i] = yaw
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
