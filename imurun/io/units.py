"""Units of time, specific force and angular rate: spellings, SI factors, inference from gravity."""

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
"""SI value (m/s2, rad/s or s) of one of each unit."""

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
    """The unit that `text` names, in this module's spelling, or "" when it is no unit of `quantity`."""
    plain = re.sub(r"[\s()\[\]]", "", text.translate(_PLAIN).lower())
    return _UNIT_OF[quantity].get(plain, "")


def parse_any_unit(text: str) -> tuple[Quantity, str] | None:
    """The quantity and unit that `text` names, or None."""
    for quantity in SI_FACTOR:
        unit = parse_unit(text, quantity)
        if unit:
            return quantity, unit
    return None


_GRAVITY_RANGE_G = (0.58, 2.6)
"""Range of the mean specific force, in g, that counts as gravity: it is larger on a moving limb."""
_GRAVITY_FREE_G = 0.3
_GRAVITY_FREE_RATIO = 8.0
"""With gravity in the signal, no gait has peaks of so many times the mean vector."""
_WINDOW_S = 5.0


class Gravity(NamedTuple):
    """Magnitude of the mean specific force, in the unit of the column.

    Attributes:
        size: median over windows of 5 s of the magnitude of the mean vector. It is gravity during any
            gait, because velocity hardly changes over some strides.
        spread: 95th percentile of the magnitude of single samples.
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


def infer_acc_unit(gravity: Gravity) -> str:
    """The unit in which `gravity` is 1 g, or "" when none fits."""
    if not gravity.spread < _GRAVITY_FREE_RATIO * gravity.size:
        return ""
    for unit, factor in SI_FACTOR["acc"].items():
        if unit != "mm/s2" and _GRAVITY_RANGE_G[0] < gravity.size * factor / G < _GRAVITY_RANGE_G[1]:
            return unit
    return ""


def is_gravity_free(gravity: Gravity, unit: str) -> bool:
    """Whether gravity was removed from acceleration of a known unit."""
    too_small = gravity.size * SI_FACTOR["acc"][unit] / G < _GRAVITY_FREE_G
    return too_small or gravity.spread > _GRAVITY_FREE_RATIO * gravity.size
