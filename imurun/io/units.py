"""Units of time, specific force and angular rate: how they are written, and their size in SI."""

from __future__ import annotations

import math
import re
from typing import Literal

from imurun.frames import G

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
