"""Orientation of the sensor against gravity, sample by sample.

With a gyroscope the `vqf` package is used (Laidig & Seel 2023, doi:10.1016/j.inffus.2022.10.014), six
axes, default settings but for the largest bias: gyroscopes of common sensors are off by 10 deg/s and more
before they are calibrated, where vqf allows for 2. Without one, up is a slow mean of the specific force,
which over whole strides at steady speed is gravity.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from vqf import VQF

from imurun.core.jit import entry, kernel, read_only
from imurun.model.frames import FloatArray, level_rotation

START_S = 1.5
"""The first estimate is the mean specific force of this long."""
LARGEST_BIAS_DEG_S = 20.0
TINY = 1e-9
"""A mean specific force below this, m/s2, has no direction."""
MEAN_TAU_S = 6.0
"""Time constant of the slow mean without a gyroscope: about 8 strides."""


class Orientation:
    """Quaternions of the sensor against an earth frame whose z axis is up and whose heading is free.

    Args:
        rate_hz: samples a second. has_gyro: whether `push` will be given angular rates. first_up: mean
        specific force at the start, shape (3,), sensor frame, m/s2. first_sample: the first sample, shape
        (3,); its horizontal part is the earth's x axis, so that results do
            not depend on the orientation of the sensor's axes.
    """

    def __init__(
        self, rate_hz: float, has_gyro: bool, first_up: FloatArray, first_sample: FloatArray
    ) -> None:
        self._has_gyro = has_gyro
        self._mean = np.array(first_up, dtype=np.float64)
        self._gain = 1.0 - np.exp(-1.0 / (MEAN_TAU_S * rate_hz))
        self._filter = VQF(1.0 / rate_hz, biasClip=LARGEST_BIAS_DEG_S)
        if has_gyro:
            # by default the filter starts from the first sample alone, in mid-stride far from gravity
            level = _earth_axes(first_up, first_sample)
            state = self._filter.state
            weight = START_S * rate_hz
            state["accQuat"] = quaternion_of(level).tolist()
            state["accLpState"] = [float("nan"), weight, *(weight * self._mean).tolist(), 0.0]
            self._filter.state = state

    def push(self, acc: FloatArray, gyr: FloatArray | None) -> FloatArray:
        """Quaternions (w, x, y, z), shape (n, 4), that turn sensor into earth coordinates.

        Args:
            acc: shape (n, 3), m/s2. gyr: shape (n, 3), rad/s, or None as given by `has_gyro`.
        """
        if self._has_gyro:
            assert gyr is not None
            if len(acc) == 1:
                self._filter.update(gyr[0], acc[0])
                return self._filter.getQuat6D()[None]
            return self._filter.updateBatch(np.ascontiguousarray(gyr), np.ascontiguousarray(acc))["quat6D"]
        quats = np.empty((len(acc), 4))
        tilt_from_mean(np.ascontiguousarray(acc), self._gain, self._mean, quats)
        return quats

    @property
    def state(self) -> dict[str, Any]:
        """Everything that changes from sample to sample, as plain numbers and lists."""
        return {
            "mean": self._mean.tolist(),
            "vqf": copy.deepcopy(self._filter.state) if self._has_gyro else {},
        }

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self._mean = np.array(state["mean"], dtype=np.float64)
        if self._has_gyro:
            self._filter.state = copy.deepcopy(state["vqf"])


def _earth_axes(up: FloatArray, ahead: FloatArray) -> FloatArray:
    """Earth from sensor, rows x, y, z: z along `up`, x along the level part of `ahead` if it has one."""
    z = up / np.linalg.norm(up)
    x = ahead - (ahead @ z) * z
    if not np.linalg.norm(x) > max(1e-6 * np.linalg.norm(ahead), TINY):
        return level_rotation(up)
    x = x / np.linalg.norm(x)
    return np.vstack([x, np.cross(z, x), z])


def quaternion_of(rotation: FloatArray) -> FloatArray:
    """Quaternion (w, x, y, z), w >= 0, of a rotation matrix; shape (4,)."""
    r = rotation
    # the row of the largest squared component is well conditioned
    k = np.array(
        [
            [1 + r[0, 0] + r[1, 1] + r[2, 2], r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]],
            [r[2, 1] - r[1, 2], 1 + r[0, 0] - r[1, 1] - r[2, 2], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0]],
            [r[0, 2] - r[2, 0], r[0, 1] + r[1, 0], 1 - r[0, 0] + r[1, 1] - r[2, 2], r[1, 2] + r[2, 1]],
            [r[1, 0] - r[0, 1], r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], 1 - r[0, 0] - r[1, 1] + r[2, 2]],
        ]
    )
    row = k[int(np.argmax(np.diag(k)))]
    quat = row / np.linalg.norm(row)
    return quat if quat[0] >= 0 else -quat


@entry(lambda: (read_only(0, 3), 0.0, np.zeros(3), np.zeros((0, 4))))
def tilt_from_mean(acc, gain, mean, quats):
    """Follow gravity by a one-pole mean of `acc` (kept in `mean`); write the smallest rotation to level."""
    for i in range(len(acc)):
        norm = 0.0
        for axis in range(3):
            mean[axis] += gain * (acc[i, axis] - mean[axis])
            norm += mean[axis] * mean[axis]
        norm = np.sqrt(norm)
        if norm < TINY:
            ux, uy, uz = 0.0, 0.0, 1.0
        else:
            ux, uy, uz = mean[0] / norm, mean[1] / norm, mean[2] / norm
        # (1 + uz) / 2, in a form without cancellation when upside down
        w = np.sqrt(0.5 * (1.0 + uz) if uz >= 0.0 else 0.5 * (ux * ux + uy * uy) / (1.0 - uz))
        if w < 1e-15:
            quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3] = 0.0, 1.0, 0.0, 0.0
        else:
            quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3] = w, 0.5 * uy / w, -0.5 * ux / w, 0.0


@kernel
def earth_rows(w, x, y, z):
    """The earth's x, y and z axes in sensor coordinates, as nine numbers, from a quaternion."""
    return (
        1.0 - 2.0 * (y * y + z * z),
        2.0 * (x * y - w * z),
        2.0 * (x * z + w * y),
        2.0 * (x * y + w * z),
        1.0 - 2.0 * (x * x + z * z),
        2.0 * (y * z - w * x),
        2.0 * (x * z - w * y),
        2.0 * (y * z + w * x),
        1.0 - 2.0 * (x * x + y * y),
    )
