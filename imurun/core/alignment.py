"""Sensor-to-body alignment, estimated from running, for any orientation of the sensor.

Up. Over whole strides at steady speed the mean specific force is gravity. With a gyroscope the oscillation of
the pelvis, which is in phase with the force, is removed first: f + theta x f.

Forward axis. Left and right steps are mirror images. The component that repeats every step (even) lies in the
plane of progression; the one that alternates (odd) lies across it. For angular rates it is the other way
round: pitch repeats, roll and yaw alternate.

Forward sign. At foot strike the body brakes while the vertical force rises, later it propels while the force
falls. So the specific force describes a loop, always in the same sense, whose area vector mean(a x da/dt)
points to the runner's left, in any sensor frame, without detection of any event. In walking, an inverted
pendulum, it points right.

The tilt of the sensor and the runner's mean lean cannot be separated: the body frame found here is upright on
average over the running it was found on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from imurun.core.filters import gaussian_taps
from imurun.model.frames import FloatArray

CUTOFF_HZ = 3.5
"""Passes the step and stride frequencies, removes impact and the resonance of a strap."""
GYRO_SHARE = 0.6
"""Weight of the gyroscope in the forward axis."""
GYRO_SIGN_SHARE = 0.5
"""Weight of the pitch rate in its sign."""
FULL_LOOP, FULL_PITCH, FULL_CONTRAST = 0.15, 0.6, 0.40
"""Loop strength, pitch correlation and contrast of the axes that count as full evidence."""
MANY_STRIDES = 6.0
"""Number of strides at which confidence reaches 63 % of its limit."""


@dataclass(frozen=True, eq=False)
class Mounting:
    """Sensor-to-body alignment.

    Attributes:
        rotation: body from sensor, shape (3, 3); rows are anterior, left and up in sensor axes.
        confidence: 0 to 1; below 0.3 the forward direction may be wrong.
        source: "given", "found" (from the first running), "whole" (from all running), or "level" when only
            up is known and columns that need a forward axis are empty.
        decided_s: recording time at which it was decided.
    """

    rotation: FloatArray
    confidence: float
    source: Literal["given", "found", "whole", "level"]
    decided_s: float

    @property
    def heading_known(self) -> bool:
        """False when only the up axis is known."""
        return self.source != "level"


def _matrix() -> FloatArray:
    return np.zeros((3, 3))


@dataclass(eq=False)
class AlignmentEvidence:
    """Sums over strides, all in the sensor frame, from which the alignment is estimated."""

    n_strides: int = 0
    force: FloatArray = field(default_factory=lambda: np.zeros(3))  # m/s2, pelvic oscillation removed
    loop: FloatArray = field(default_factory=lambda: np.zeros(3))  # a x da
    even: FloatArray = field(default_factory=_matrix)  # covariance of the component that repeats every step
    odd: FloatArray = field(default_factory=_matrix)  # of the one that alternates
    acc: FloatArray = field(default_factory=_matrix)  # covariances of a, of da
    jerk: FloatArray = field(default_factory=_matrix)
    gyr_even_odd: FloatArray = field(default_factory=_matrix)  # even minus odd covariance of the rate
    gyr: FloatArray = field(default_factory=_matrix)
    gyr_acc: FloatArray = field(default_factory=_matrix)  # covariances rate-a, rate-da
    gyr_jerk: FloatArray = field(default_factory=_matrix)

    def add_stride(
        self, acc: FloatArray, gyr: FloatArray | None, rate_hz: float, margin: int, middle: int
    ) -> None:
        """Add one stride.

        Args:
            acc, gyr: shape (margin + n + margin, 3), m/s2 and rad/s: the stride, and the margin of the
                low-pass on either side.
            margin: half the length of `smoothing_taps`.
            middle: sample of the stride, from 0, at which its second step begins.
        """
        taps = smoothing_taps(rate_hz)
        inner = slice(margin, len(acc) - margin)
        smooth = _smooth(acc, taps)
        n = len(smooth)
        half = min(middle, n - middle)
        a = smooth - smooth.mean(axis=0)
        da = np.gradient(a, axis=0)
        force = acc[inner]
        if gyr is not None:
            turned = np.cumsum(gyr[inner] - gyr[inner].mean(axis=0), axis=0) / rate_hz
            force = force + _cross(turned - turned.mean(axis=0), force)
        self.n_strides += 1
        self.force += force.mean(axis=0)
        self.loop += _cross(a, da).mean(axis=0)
        self.acc += _products(a, a) / n
        self.jerk += _products(da, da) / n
        even, odd = _mirror(a, middle, half)
        self.even += even
        self.odd += odd
        if gyr is not None:
            g = _smooth(gyr, taps)
            g = g - g.mean(axis=0)
            even, odd = _mirror(g, middle, half)
            self.gyr_even_odd += even - odd
            self.gyr += _products(g, g) / n
            self.gyr_acc += _products(g, a) / n
            self.gyr_jerk += _products(g, da) / n

    def solve(self) -> tuple[FloatArray, float]:
        """The rotation body from sensor, shape (3, 3), and its confidence; needs at least one stride."""
        up = self.force / np.linalg.norm(self.force)
        level = np.eye(3) - np.outer(up, up)
        forward, contrast = self._forward_axis(up, level)
        left = np.cross(up, forward)
        evidence = self._leftness(left, forward, up)
        if evidence < 0:
            forward, left = -forward, -left
        confidence = (
            min(abs(evidence), 1.0)
            * min(max(contrast / FULL_CONTRAST, 0.0), 1.0)
            * (1.0 - np.exp(-self.n_strides / MANY_STRIDES))
        )
        return np.vstack([forward, left, up]), float(confidence)

    def _forward_axis(self, up: FloatArray, level: FloatArray) -> tuple[FloatArray, float]:
        """The horizontal axis, without sign, that repeats every step most, and its contrast to the other."""
        with_up = self.even @ up
        # the vertical repeats every step too: remove the part correlated with it
        rest = self.even - np.outer(with_up, with_up) / max(up @ with_up, 1e-12)
        size = max(np.trace(level @ (self.even + self.odd) @ level), 1e-12)
        vote = level @ (rest - self.odd) @ level / size
        if self.gyr.any():
            # the pitch axis lies a quarter turn from forward
            turn = np.array([[0, -up[2], up[1]], [up[2], 0, -up[0]], [-up[1], up[0], 0]]) @ level
            size = max(np.trace(level @ self.gyr @ level), 1e-12)
            vote += GYRO_SHARE * turn.T @ self.gyr_even_odd @ turn / size
        # in a basis of the horizontal plane, so that up cannot be chosen
        across = np.cross(up, np.eye(3)[np.argmin(np.abs(up))])
        across /= np.linalg.norm(across)
        basis = np.column_stack([across, np.cross(up, across)])
        values, vectors = np.linalg.eigh(basis.T @ vote @ basis)
        axis = np.asarray(basis @ vectors[:, 1], dtype=np.float64)
        return axis, float(values[1] - values[0])

    def _leftness(self, left: FloatArray, forward: FloatArray, up: FloatArray) -> float:
        """Positive when `left` is the runner's left; magnitudes of 1 or more are full evidence."""
        largest = np.sqrt((forward @ self.acc @ forward) * (up @ self.jerk @ up))
        evidence = (left @ self.loop) / (2.0 * largest + 1e-12) / FULL_LOOP
        if self.gyr.any():
            # the pelvis pitches forwards while the force is high and rising, backwards in flight
            rate = np.sqrt(left @ self.gyr @ left) + 1e-12
            pitch = (left @ self.gyr_acc @ up) / (rate * np.sqrt(up @ self.acc @ up))
            pitch -= (left @ self.gyr_jerk @ up) / (rate * np.sqrt(up @ self.jerk @ up))
            evidence += GYRO_SIGN_SHARE * pitch / FULL_PITCH
        return float(evidence)


def smoothing_taps(rate_hz: float) -> FloatArray:
    """Weights of the low-pass before strides are compared; shape (2 * margin + 1,)."""
    return gaussian_taps(rate_hz, CUTOFF_HZ)


def _smooth(values: FloatArray, taps: FloatArray) -> FloatArray:
    return np.column_stack([np.convolve(values[:, axis], taps, mode="valid") for axis in range(3)])


def _mirror(values: FloatArray, middle: int, half: int) -> tuple[FloatArray, FloatArray]:
    """Covariances of the even and the odd component of two consecutive steps."""
    first, second = values[:half], values[middle : middle + half]
    even, odd = 0.5 * (first + second), 0.5 * (first - second)
    return _products(even, even) / half, _products(odd, odd) / half


def _products(a: FloatArray, b: FloatArray) -> FloatArray:
    """The product a' b, shape (3, 3), of arrays (n, 3); unlike BLAS, summed in one order on any machine."""
    return np.einsum("ki,kj->ij", a, b)


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """Cross product row by row; for dozens of rows `np.cross` takes ten times as long."""
    crossed = np.empty_like(a)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        crossed[:, i] = a[:, j] * b[:, k] - a[:, k] * b[:, j]
    return crossed
