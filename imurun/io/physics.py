"""Units told by physics: gravity is always in the accelerometer, and a pelvis turns only so fast."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imurun.frames import FloatArray, G
from imurun.io.units import SI_FACTOR

STILL_TURN = 25.0
"""A 95th percentile above this cannot be rad/s at a pelvis; below it, deg/s mean hardly any motion."""
_MDEG_TURN = 4000.0
_NEAR = (0.58, 2.6)
"""Mean specific force in g that is still taken as gravity: it grows where a limb swings the sensor."""
_GRAVITY_FREE_G = 0.3
_GRAVITY_FREE_RATIO = 8.0
"""Peaks this many times the mean vector: no gait does that with gravity in the signal."""
_WINDOW_S = 5.0


class Gravity(NamedTuple):
    """The size of the mean specific force, in the column's own unit.

    Attributes:
        size: median over windows of some seconds of the length of the mean vector; gravity, whatever
            the motion, because a runner's velocity hardly changes over some strides.
        spread: 95th percentile of the length of single samples.
    """

    size: float
    spread: float


def gravity_of(acc: FloatArray, rate_hz: float) -> Gravity:
    """Measure gravity in acceleration of shape (n, 3) in any unit; rows with NaN are left out."""
    good = acc[np.isfinite(acc).all(axis=1)]
    if not len(good):
        return Gravity(float("nan"), float("nan"))
    width = int(np.clip(_WINDOW_S * rate_hz, 1, len(good)))
    whole = len(good) // width * width
    means = good[:whole].reshape(-1, width, 3).mean(axis=1)
    lengths = np.sqrt(np.einsum("ij,ij->i", good, good))
    return Gravity(float(np.median(np.linalg.norm(means, axis=1))), float(np.percentile(lengths, 95)))


def guess_acc_unit(gravity: Gravity) -> str:
    """The unit in which `gravity` is 1 g, or "" when none fits."""
    if not gravity.spread < _GRAVITY_FREE_RATIO * gravity.size:
        return ""
    for unit, factor in SI_FACTOR["acc"].items():
        if unit != "mm/s2" and _NEAR[0] < gravity.size * factor / G < _NEAR[1]:
            return unit
    return ""


def is_gravity_free(gravity: Gravity, unit: str) -> bool:
    """Whether gravity is missing although the unit is known."""
    too_small = gravity.size * SI_FACTOR["acc"][unit] / G < _GRAVITY_FREE_G
    return too_small or gravity.spread > _GRAVITY_FREE_RATIO * gravity.size


def guess_gyr_unit(gyr: FloatArray, acc_si: FloatArray, rate_hz: float) -> tuple[str, bool]:
    """The unit of an angular rate, and whether it is sure.

    A pelvis in walking or running turns at 1 to 8 rad/s, which is 60 to 450 deg/s. Slow rates are
    decided by how fast the direction of gravity turns in the accelerometer.

    Args:
        gyr: shape (n, 3), unit unknown.
        acc_si: shape (n, 3), m/s2.
        rate_hz: samples a second.
    """
    good = np.isfinite(gyr).all(axis=1) & np.isfinite(acc_si).all(axis=1)
    turn = np.linalg.norm(gyr[good], axis=1)
    if not len(turn):
        return "rad/s", False
    fast = float(np.percentile(turn, 95))
    if fast > _MDEG_TURN:
        return "mdeg/s", True
    if fast > STILL_TURN:
        return "deg/s", True
    if float(np.std(np.linalg.norm(acc_si[good], axis=1))) > 0.1 * G and fast > 0.2:
        return "rad/s", True
    return _unit_by_turning_gravity(gyr[good], acc_si[good], rate_hz)


def _unit_by_turning_gravity(gyr: FloatArray, acc: FloatArray, rate_hz: float) -> tuple[str, bool]:
    """Compare the turning of the smoothed acceleration with the angular rate (du/dt = -rate x u)."""
    width = max(1, round(0.5 * rate_hz))
    n = len(acc) // width
    if n < 3:
        return "rad/s", False
    up = acc[: n * width].reshape(n, width, 3).mean(axis=1)
    up /= np.linalg.norm(up, axis=1, keepdims=True) + 1e-12
    rate = gyr[: n * width].reshape(n, width, 3).mean(axis=1)
    between = 0.5 * (rate[1:] + rate[:-1]) * (width / rate_hz)
    predicted = -np.cross(between, 0.5 * (up[1:] + up[:-1]))
    turned = np.diff(up, axis=0)
    power = float((predicted**2).sum())
    if power == 0.0:
        return "rad/s", False
    slope = float((predicted * turned).sum()) / power
    agreement = slope * np.sqrt(power / (float((turned**2).sum()) + 1e-12))
    if slope <= 0 or agreement < 0.3:
        return "rad/s", False
    unit = "rad/s" if slope > np.sqrt(SI_FACTOR["gyr"]["deg/s"]) else "deg/s"
    return unit, True
