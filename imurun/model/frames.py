"""Axes of the body frame, standard gravity, and rotations from the sensor to the body.

Body frame, right-handed, on the lower back of a runner seen from behind:

    z up
    |   x anterior (forward, away from the viewer)
    |  /
    | /
    +-------- y points to the runner's left

Angles are rotations about these axes: roll about x (+ left side up), pitch about y (+ leaning
forward), yaw about z (+ turning left). Accelerometers measure specific force: at rest the axis that
points up reads +1 g.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from imurun.errors import SettingsError

G = 9.80665
"""Standard gravity, m/s2. One `g` in a column name means this."""

ANTERIOR, LEFT, UP = 0, 1, 2
"""Indices of the body axes in arrays of shape (..., 3)."""

Frame = Literal["sensor", "anatomical"]
"""Axes of a recording: those of the sensor, or anterior / left / up."""

FloatArray = npt.NDArray[np.float64]


def as_rotation(matrix: npt.ArrayLike) -> FloatArray:
    """Check that `matrix` is a proper rotation and return it as a float64 array of shape (3, 3).

    Args:
        matrix: shape (3, 3); rows are the anterior, left and up axes in sensor coordinates, so that
            `body = matrix @ sensor`.

    Raises:
        SettingsError: not 3 x 3, not orthonormal within 1e-6, or a mirror image.
    """
    rotation = np.array(matrix, dtype=np.float64)
    if rotation.shape != (3, 3) or not np.isfinite(rotation).all():
        raise SettingsError("A mounting is a 3 x 3 rotation matrix of finite numbers.")
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6):
        raise SettingsError("The mounting matrix is not a rotation: its rows must be orthonormal.")
    if np.linalg.det(rotation) < 0:
        raise SettingsError("The mounting matrix mirrors the axes: one axis has the wrong sign.")
    return rotation


def level_rotation(up: npt.ArrayLike) -> FloatArray:
    """The smallest rotation that turns the direction `up` (shape (3,), any length) to the z axis.

    Returns shape (3, 3), for `levelled = matrix @ sensor`. The heading is arbitrary. `up` exactly along -z
    turns about x.
    """
    u = np.asarray(up, dtype=np.float64)
    u = u / np.linalg.norm(u)
    sine_squared = u[0] ** 2 + u[1] ** 2
    cosine = u[2]
    if cosine < 0.0 and sine_squared < 1e-30:
        return np.diag([1.0, -1.0, -1.0])
    # 1 / (1 + cosine), in the form without cancellation when upside down
    factor = 1.0 / (1.0 + cosine) if cosine >= 0.0 else (1.0 - cosine) / sine_squared
    skew = np.array(
        [[0.0, 0.0, -u[0]], [0.0, 0.0, -u[1]], [u[0], u[1], 0.0]]
    )  # cross-product matrix of u x z
    return np.eye(3) + skew + factor * skew @ skew
