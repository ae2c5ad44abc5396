"""Units of time, specific force and angular rate: their spellings, SI factors, and inference from physics."""

from __future__ import annotations

import math
import re
from typing import Literal, NamedTuple

import numpy as np

from imurun.model.frames import FloatArray, G

Quantity = Literal["acc", "gyr", "time"]

SI_FACTOR: dict[Quantity, dict[str, float]] = {
    "acc": {"m/s2": 1.0, "g": G, "mg": G / 1000.0, "mm/s2": 0.001},
    "gyr": {"rad/s": 1.0, "deg/s": math.pi / 180.0, "mdeg/s": math.pi / 180_000.0},
    "time": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9},
}
"""What one of the unit is in m/s2, rad/s or s."""

_SPELLINGS: dict[Quantity, dict[str, str]] = {
    "acc": {
        "m/s2": "m/s2 m/s/s ms-2 m.s-2 ms2 mps2 m_s2 m_s_2 m/sec2 m/sec/sec meter/s2 meters/s2",
        "g": "g gee gees gravity gravities",
        "mg": "mg milli-g millig",
        "mm/s2": "mm/s2 mm_s2",
    },
    "gyr": {
        "rad/s": "rad/s rad/sec rads rads/s rads-1 radian/s radians/s radians/second rad_s rad_per_s rps",
        "deg/s": "deg/s deg/sec dps °/s deg/second degree/s degrees/s degrees/second deg_s deg_per_s degs-1",
        "mdeg/s": "mdeg/s mdps mdeg_s",
    },
    "time": {
        "s": "s sec secs second seconds",
        "ms": "ms msec msecs milli millis millisecond milliseconds",
        "us": "us usec usecs micro micros microsecond microseconds",
        "ns": "ns nsec nsecs nano nanos nanosecond nanoseconds",
    },
}
_UNIT_OF: dict[Quantity, dict[str, str]] = {
    quantity: {spelling: unit for unit, text in table.items() for spelling in text.split()}
    for quantity, table in _SPELLINGS.items()
}
_PLAIN = str.maketrans(
    {"²": "2", "µ": "u", "μ": "u", "⁻": "-", "·": ".", "⋅": ".", "º": "°", "*": ".", "^": ""}
)


def parse_unit(text: str, quantity: Quantity) -> str:
    """The unit that `text` names, in this module's spelling, or "" when it names none of `quantity`."""
    plain = re.sub(r"[\s()\[\]]", "", text.translate(_PLAIN).lower())
    return _UNIT_OF[quantity].get(plain, "")


def parse_any_unit(text: str) -> tuple[Quantity, str] | None:
    """The quantity and unit that `text` names, or None."""
    for quantity in SI_FACTOR:
        unit = parse_unit(text, quantity)
        if unit:
            return quantity, unit
    return None


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
