"""Rotation matrices and body rates from arrays of roll, pitch and yaw."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imurun.model.frames import FloatArray


def matrix_from_angles(angles_rad: npt.ArrayLike) -> FloatArray:
    """World-from-body rotation of roll, pitch and yaw: Rz(yaw) Ry(pitch) Rx(roll).

    Args:
        angles_rad: shape (..., 3), roll about x, pitch about y, yaw about z, rad.

    Returns:
        Shape (..., 3, 3); a vector in body axes times this is the vector in level axes.
    """
    angles = np.asarray(angles_rad, dtype=np.float64)
    cr, cp, cy = np.moveaxis(np.cos(angles), -1, 0)
    sr, sp, sy = np.moveaxis(np.sin(angles), -1, 0)
    rows = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def body_rates(angles_rad: FloatArray, angle_rates_rad_s: FloatArray) -> FloatArray:
    """Angular rate in body axes of a body whose roll, pitch and yaw change at the given rates.

    Exact, without finite differences: the inverse of the Euler-rate equations for Rz Ry Rx.

    Args:
        angles_rad: roll, pitch, yaw, shape (n, 3), rad.
        angle_rates_rad_s: their rates of change, shape (n, 3), rad/s.

    Returns:
        Shape (n, 3), rad/s: the reading of an ideal gyroscope fixed to the body.
    """
    roll, pitch = angles_rad[:, 0], angles_rad[:, 1]
    d_roll, d_pitch, d_yaw = angle_rates_rad_s.T
    return np.stack(
        [
            d_roll - d_yaw * np.sin(pitch),
            d_pitch * np.cos(roll) + d_yaw * np.sin(roll) * np.cos(pitch),
            -d_pitch * np.sin(roll) + d_yaw * np.cos(roll) * np.cos(pitch),
        ],
        axis=1,
    )


def mounting_from_angles(roll_deg: float = 0.0, pitch_deg: float = 0.0, yaw_deg: float = 0.0) -> FloatArray:
    """Mounting matrix (`body = matrix @ sensor`) of a sensor turned by these angles on the body.

    Args:
        roll_deg: about the anterior axis; 180 is upside down.
        pitch_deg: about the left axis; 5 means that the top of the sensor leans forward by 5 degrees.
        yaw_deg: about the vertical; 90 means that the sensor's x axis points to the runner's left.

    Returns:
        Shape (3, 3).
    """
    return matrix_from_angles(np.radians([roll_deg, pitch_deg, yaw_deg]))


def about_axis(axis: FloatArray, angle_rad: FloatArray) -> FloatArray:
    """Rotation by each angle about one unit axis (Rodrigues), shape (n, 3, 3) for n angles."""
    x, y, z = axis
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    sine = np.sin(angle_rad)[:, None, None]
    versine = (1.0 - np.cos(angle_rad))[:, None, None]
    return np.eye(3) + sine * skew + versine * (skew @ skew)
