"""Orientation of the sensor against gravity, sample by sample.

With a gyroscope the `vqf` package is used (Laidig & Seel 2023, doi:10.1016/j.inffus.2022.10.014), six
axes, default settings but for the largest bias: gyroscopes of common sensors are off by 10 deg/s and more
before they are calibrated, where vqf allows for 2. Without one, up is a slow mean of the specific force,
which over whole strides at steady speed is gravity.

A short gap is filled, for the orientation only, with the samples of one stride before. Without them the
pelvis would be held where the gap begins, and be 5 deg off where it ends; that error would fade over seconds.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from vqf import VQF

from imurun.core.jit import entry, kernel, read_only
from imurun.model.frames import FloatArray, level_rotation
from imurun.model.gaps import LONGEST_CARRIED_S

START_S = 1.5
"""The first estimate is the mean specific force of this long."""
LARGEST_BIAS_DEG_S = 20.0
TINY = 1e-9
"""A mean specific force below this, m/s2, has no direction."""
MEAN_TAU_S = 6.0
"""Time constant of the slow mean without a gyroscope: about 8 strides."""
STRIDE_S = (0.38, 1.4)
"""Strides from a sprint to slow walking; one of these lags fills a gap."""
COMPARED_S = 0.6
"""The samples of this long before the gap are compared with those a stride before."""
LEAST_LIKENESS = 0.5
"""Least share of their variance that the samples a stride before explain; below, nothing is filled in."""
COMPARED_HZ = 100.0
"""The comparison uses about this many samples a second."""


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
        self._rate_hz = rate_hz
        self._recent = _RecentRows(recent_length(rate_hz), 6 if has_gyro else 3)
        self._n_missing = 0

    def push(self, acc: FloatArray, gyr: FloatArray | None) -> FloatArray:
        """Quaternions (w, x, y, z), shape (n, 4), that turn sensor into earth coordinates.

        Args:
            acc: shape (n, 3), m/s2. gyr: shape (n, 3), rad/s, or None as given by `has_gyro`.
        """
        if not len(acc):
            return np.empty((0, 4))
        if self._n_missing:
            self._cross_gap()
        return self._update(acc, gyr)

    def skip(self, n_missing: int) -> None:
        """Continue after `n_missing` missing samples; a gap may be skipped in several calls."""
        self._n_missing += n_missing

    def _cross_gap(self) -> None:
        """Turn on through a short gap as a stride before; over a longer one the orientation is held."""
        n, self._n_missing = self._n_missing, 0
        if n > LONGEST_CARRIED_S * self._rate_hz:
            self._recent.clear()
            return
        filled = a_stride_before(self._recent.rows(), n, self._rate_hz)
        if filled is None:
            self._recent.clear()
        else:
            acc, gyr = filled[:, :3], filled[:, 3:]
            self._update(np.ascontiguousarray(acc), np.ascontiguousarray(gyr) if self._has_gyro else None)

    def _update(self, acc: FloatArray, gyr: FloatArray | None) -> FloatArray:
        self._recent.add(acc, gyr)
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
        """Everything that changes from sample to sample, as plain values, lists and one array."""
        return {
            "mean": self._mean.tolist(),
            "recent": self._recent.rows(),
            "n_missing": self._n_missing,
            "vqf": copy.deepcopy(self._filter.state) if self._has_gyro else {},
        }

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self._mean = np.array(state["mean"], dtype=np.float64)
        self._recent.clear()
        if "recent" in state:  # states of 0.2.0 and before have none
            recent = np.asarray(state["recent"])
            self._recent.add(recent[:, :3], recent[:, 3:] if self._has_gyro else None)
        self._n_missing = int(state.get("n_missing", 0))
        if self._has_gyro:
            self._filter.state = copy.deepcopy(state["vqf"])


class _RecentRows:
    """The last rows of specific force and angular rate, in a buffer of twice the length, rarely moved."""

    def __init__(self, length: int, n_axes: int) -> None:
        self._length = length
        self._buffer = np.zeros((2 * length, n_axes))
        self._n = 0

    def clear(self) -> None:
        """Forget all rows."""
        self._n = 0

    def add(self, acc: FloatArray, gyr: FloatArray | None) -> None:
        """Append rows, shape (n, 3) each."""
        acc = acc[-self._length :]
        n = len(acc)
        if self._n + n > len(self._buffer):
            self._buffer[: self._length] = self._buffer[self._n - self._length : self._n].copy()
            self._n = self._length
        stop = self._n + n
        self._buffer[self._n : stop, :3] = acc
        if gyr is not None:
            self._buffer[self._n : stop, 3:] = gyr[-self._length :]
        self._n = stop

    def rows(self) -> FloatArray:
        """A copy of the rows kept, shape (n, 3) or (n, 6)."""
        return self._buffer[max(self._n - self._length, 0) : self._n].copy()


def recent_length(rate_hz: float) -> int:
    """How many rows are kept to find a stride in them."""
    return int(np.ceil((STRIDE_S[1] + COMPARED_S) * rate_hz))


def a_stride_before(recent: FloatArray, n: int, rate_hz: float) -> FloatArray | None:
    """The next n rows, as they were one stride before.

    The stride is the lag at which the last rows are most like those before; roll and yaw tell it from a step.

    Args:
        recent: the rows before the gap, shape (k, 3) or (k, 6): m/s2 and rad/s.

    Returns:
        Rows of the same shape; None where no lag fits, as in standing, or where there are too few rows.
    """
    compared = round(COMPARED_S * rate_hz)
    lags = np.arange(
        round(STRIDE_S[0] * rate_hz), min(round(STRIDE_S[1] * rate_hz), len(recent) - compared) + 1
    )
    if not len(lags):
        return None
    rows = len(recent) - 1 - np.arange(0, compared, max(round(rate_hz / COMPARED_HZ), 1))
    centred = recent - recent.mean(axis=0)
    # force and rate weigh the same
    groups = [centred[:, first : first + 3] for first in range(0, recent.shape[1], 3)]
    unlike = np.zeros(len(lags))
    for group in groups:
        last = group[rows]
        power = float((last * last).sum())
        if power > 0.0:
            difference = group[rows[None, :] - lags[:, None]] - last
            unlike += (difference * difference).sum(axis=(1, 2)) / power
    best = int(np.argmin(unlike))
    if unlike[best] > (1.0 - LEAST_LIKENESS) * len(groups):
        return None
    lag = int(lags[best])
    return recent[len(recent) - lag + np.arange(n) % lag]


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
