"""Computes the signals of a virtual IMU on the sacrum from four markers on the pelvis.

Method: markers are low-passed without delay (Butterworth, second order forward and backward) and resampled
with cubic splines; acceleration is the second derivative of the middle of the posterior
iliac spines plus gravity, angular rate the derivative of the pelvis' orientation. There is no
motion of skin and strap, and no impact above the cut-off frequency, so errors are smaller than with a real
sensor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import butter, sosfiltfilt
from scipy.spatial.transform import Rotation

from imurun.errors import FormatError
from imurun.model.frames import FloatArray, G

CUTOFF_HZ = 25.0
RATE_HZ = 200.0
_EDGE_SAMPLES = 16
"""Least number of samples for filtering forward and backward."""


@dataclass(frozen=True, eq=False)
class Pelvis:
    """Markers, each of shape (n, 3), m, earth axes x forward, y left, z up; time_s of shape (n,), even."""

    time_s: FloatArray
    right_asis: FloatArray
    left_asis: FloatArray
    right_psis: FloatArray
    left_psis: FloatArray


@dataclass(frozen=True, eq=False)
class VirtualImu:
    """Signals at RATE_HZ in the pelvis' axes x forward, y left, z up.

    Attributes:
        time_s: shape (m,), on the clock of the markers.
        acc: specific force, m/s2, shape (m, 3).
        gyr: angular rate, rad/s, shape (m, 3).
        angles_deg: roll, pitch, yaw of the pelvis, shape (m, 3).
    """

    time_s: FloatArray
    acc: FloatArray
    gyr: FloatArray
    angles_deg: FloatArray


def virtual_imu(pelvis: Pelvis, cutoff_hz: float = CUTOFF_HZ) -> VirtualImu:
    """The signals of a sensor fixed to the pelvis at the middle of the posterior spines.

    Raises:
        FormatError: too few samples, a lost marker, uneven times, or collinear markers.
    """
    markers = np.stack([pelvis.right_asis, pelvis.left_asis, pelvis.right_psis, pelvis.left_psis], axis=1)
    n = len(pelvis.time_s)
    if n < _EDGE_SAMPLES or not np.isfinite(markers).all() or not np.isfinite(pelvis.time_s).all():
        raise FormatError("The markers of the pelvis are too few, or lost for a while; leave the trial out.")
    interval_s = (pelvis.time_s[-1] - pelvis.time_s[0]) / (n - 1)
    if interval_s <= 0 or np.abs(np.diff(pelvis.time_s) - interval_s).max() > 0.1 * interval_s:
        raise FormatError("The times of the markers are not even; leave the trial out.")
    sections = butter(2, min(2.0 * cutoff_hz * interval_s, 0.99), output="sos")
    smooth = CubicSpline(pelvis.time_s, sosfiltfilt(sections, markers, axis=0))
    time_s = np.arange(pelvis.time_s[0], pelvis.time_s[-1], 1.0 / RATE_HZ)
    at = smooth(time_s)
    earth_from_body = _orientation(at)
    lift = smooth(time_s, 2)[:, 2:].mean(axis=1) + np.array([0.0, 0.0, G])
    rate = _angular_rate(earth_from_body)
    yaw, pitch, roll = earth_from_body.as_euler("ZYX", degrees=True).T
    return VirtualImu(
        time_s,
        earth_from_body.inv().apply(lift),
        rate,
        np.column_stack([roll, pitch, np.rad2deg(np.unwrap(np.deg2rad(yaw)))]),
    )


def _orientation(markers: FloatArray) -> Rotation:
    """Rotation from pelvis to earth; markers of shape (m, 4, 3): right, left ASIS, right, left PSIS."""
    front, back = markers[:, :2].mean(axis=1), markers[:, 2:].mean(axis=1)
    across = markers[:, 1] - markers[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        up = np.cross(front - back, across)
        up /= np.linalg.norm(up, axis=1, keepdims=True)
        left = across / np.linalg.norm(across, axis=1, keepdims=True)
        forward = np.cross(left, up)
    axes = np.stack([forward, left, up], axis=2)
    if not np.isfinite(axes).all():
        raise FormatError("The markers of the pelvis lie on one line; leave the trial out.")
    return Rotation.from_matrix(axes)


def _angular_rate(earth_from_body: Rotation) -> FloatArray:
    """Angular rate in body axes, rad/s, by central differences; the ends repeat their neighbours."""
    turn = (earth_from_body[:-2].inv() * earth_from_body[2:]).as_rotvec() * (RATE_HZ / 2.0)
    return np.vstack([turn[:1], turn, turn[-1:]])
