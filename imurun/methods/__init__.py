"""Published methods for foot strike and toe-off, written from their descriptions, to compare imurun with.

`METHODS` has them by name; a method's module, and scipy with it, is imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from imurun.methods.contract import Contacts, Detect, Method

if TYPE_CHECKING:
    from imurun.model.frames import FloatArray

__all__ = ["METHODS", "Contacts", "Detect", "Method"]


def _later(module: str, function: str = "detect") -> Detect:
    """A function that imports the method's module when it is called."""

    def detect(acc: FloatArray, gyr: FloatArray | None, rate_hz: float) -> Contacts:
        return getattr(import_module(f"imurun.methods.{module}"), function)(acc, gyr, rate_hz)

    return detect


_ALL = (
    Method("auvinet2002", _later("auvinet2002"), "Auvinet et al. 2002, Science & Sports 17"),
    Method("lee2010", _later("lee2010"), "Lee et al. 2010, J Sci Med Sport 13"),
    Method("wixted2010", _later("wixted2010"), "Wixted et al. 2010, Sports Engineering 12"),
    Method(
        "bergamini2012",
        _later("bergamini2012"),
        "Bergamini et al. 2012, J Biomech 45",
        needs_gyro=True,
        needs_forward=False,
    ),
    Method("benson2019", _later("benson2019"), "Benson et al. 2019, Sensors 19:1483"),
    Method(
        "reenalda2021", _later("reenalda2021"), "Reenalda et al. 2021, J Biomech 121", needs_forward=False
    ),
    Method(
        "day2021", _later("threshold", "detect_day"), "Day et al. 2021, J Biomech 119", needs_forward=False
    ),
    Method(
        "alcantara2021",
        _later("threshold", "detect_alcantara"),
        "Alcantara et al. 2021, PeerJ 9:e11199",
        needs_forward=False,
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in _ALL}
"""The published methods by name."""
