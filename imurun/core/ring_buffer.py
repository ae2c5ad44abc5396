"""The buffer of the last seconds of a stream, in level axes; steps are measured on it.

Level axes turn with the body but stay upright: z along gravity, x the horizontal part of the body's forward
axis, y to its left. `buffer` has shape (channels, capacity); the sample with absolute index k is in column k
- base. When the buffer is full, its newer half is moved to the front (`make_room`) instead of writing round,
so that every stretch of samples is contiguous.
"""

from __future__ import annotations

import numpy as np

from imurun.core.jit import kernel
from imurun.core.orientation import earth_rows
from imurun.model.frames import G

VERTICAL, FORWARD, LEFTWARD, RESULTANT = 0, 1, 2, 3  # specific force, g
ROLL, PITCH, YAW = 4, 5, 6  # rad; yaw is unwrapped
MEDIOLATERAL = 7  # specific force along the body's own left axis, which tilts with it, g
SLOW_VERTICAL, SLOW_FORWARD, SLOW_LEFTWARD = 8, 9, 10  # the first three, smoothed
CLIPPED = 11  # 1 where an axis was at full scale
YAW_SINE, YAW_COSINE = 12, 13  # of the heading; the yaw of the next sample is unwrapped against them
LASTING_CHANNELS = 14
# temporary, within one function
SCRATCH, SECOND_SCRATCH = 14, 15
ROLL_COSINE = SECOND_SCRATCH
N_CHANNELS = 16

PER_G = 1.0 / G
SMALL_SINE = 0.5
"""Up to 30 degrees the arcsine is as exact as the arctangent."""
KEEP_S = 10.0
"""Length of history that is kept: four strides, four cycles awaiting classification, and the filter lag."""


def new_buffer(rate_hz: float) -> np.ndarray:
    """An empty buffer with room for twice the length kept, so that it is rarely moved."""
    return np.zeros((N_CHANNELS, 2 * int(np.ceil(KEEP_S * rate_hz))))


@kernel
def write_levels(buffer, column, acc, quats, mounting):
    """Rotate samples to level axes and write them to the columns from `column` on.

    Yaw is unwrapped against the column before; in column 0 a contiguous stretch begins.

    Args:
        acc: shape (n, 3), m/s2, sensor frame. quats: shape (n, 4), sensor to earth. mounting: body from
            sensor, (3, 3).
    """
    write_forces(buffer[:, column : column + len(acc)], acc, quats, mounting)
    write_angles(buffer, column, column + len(acc))


@kernel
def write_forces(columns, acc, quats, mounting):
    """Write the forces of each sample, and the sines and cosines of its angles for `write_angles`."""
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
        # with the body lying face down or up, forward has no horizontal part; avoid dividing by zero
        scale = 1.0 / max(np.sqrt(fx * fx + fy * fy + fz * fz), 1e-6)
        fx, fy, fz = scale * fx, scale * fy, scale * fz
        lx, ly, lz = uy * fz - uz * fy, uz * fx - ux * fz, ux * fy - uy * fx
        ax, ay, az = acc[i, 0] * PER_G, acc[i, 1] * PER_G, acc[i, 2] * PER_G
        columns[VERTICAL, i] = ax * ux + ay * uy + az * uz
        columns[FORWARD, i] = ax * fx + ay * fy + az * fz
        columns[LEFTWARD, i] = ax * lx + ay * ly + az * lz
        columns[MEDIOLATERAL, i] = left_x * ax + left_y * ay + left_z * az
        columns[RESULTANT, i] = np.sqrt(ax * ax + ay * ay + az * az)
        columns[ROLL, i], columns[ROLL_COSINE, i] = scale * up_left, scale * up_up
        columns[PITCH, i] = -min(max(up_forward, -1.0), 1.0)
        columns[YAW_SINE, i] = yx * fx + yy * fy + yz * fz
        columns[YAW_COSINE, i] = xx * fx + xy * fy + xz * fz


@kernel
def write_angles(buffer, first, stop):
    """Convert the sines and cosines of columns first to stop - 1 to angles; yaw is unwrapped."""
    for k in range(first, stop):
        buffer[ROLL, k] = angle_of(buffer[ROLL, k], buffer[ROLL_COSINE, k])
        buffer[PITCH, k] = np.arcsin(buffer[PITCH, k])
        sine, cosine = buffer[YAW_SINE, k], buffer[YAW_COSINE, k]
        if k == 0:
            buffer[YAW, k] = np.arctan2(sine, cosine)
        else:
            before_sine, before_cosine = buffer[YAW_SINE, k - 1], buffer[YAW_COSINE, k - 1]
            turned = angle_of(
                sine * before_cosine - cosine * before_sine, cosine * before_cosine + sine * before_sine
            )
            buffer[YAW, k] = buffer[YAW, k - 1] + turned


@kernel
def angle_of(sine, cosine):
    """The angle, -pi to pi; for small angles by the arcsine, in a third of the time."""
    if cosine > 0.0 and abs(sine) < SMALL_SINE:
        return np.arcsin(sine)
    return np.arctan2(sine, cosine)


@kernel
def make_room(buffer, base, used):
    """Move the newer half of a full buffer to its front; returns the new base."""
    kept = buffer.shape[1] // 2
    shift = used - kept
    for channel in range(buffer.shape[0]):
        for k in range(kept):
            buffer[channel, k] = buffer[channel, k + shift]
    return base + shift
