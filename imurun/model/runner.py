"""Runner: name, mass and height of the person who runs, and a calibration of their contact times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imurun.errors import SettingsError
from imurun.model.calibration import Calibration


@dataclass(frozen=True)
class Runner:
    """The runner. Everything works without one; loads are then in body weights only.

    Attributes:
        name: for display; never used in a calculation.
        mass_kg: body mass, 20 to 300 kg.
        height_m: stature, 0.9 to 2.6 m; scales the lever of the trunk in the lumbar model.
        calibration: of contact times by another device; None without one.

    Raises:
        SettingsError: a number outside these ranges.
    """

    name: str = "runner"
    mass_kg: float | None = None
    height_m: float | None = None
    calibration: Calibration | None = None

    def __post_init__(self) -> None:
        check_range("mass_kg", self.mass_kg, 20.0, 300.0)
        check_range("height_m", self.height_m, 0.9, 2.6)

    def as_dict(self) -> dict[str, Any]:
        """The runner as plain values for JSON; without a calibration, that key is left out."""
        content = {"name": self.name, "mass_kg": self.mass_kg, "height_m": self.height_m}
        return content if self.calibration is None else content | {"calibration": self.calibration.as_dict()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Runner:
        """The runner that `as_dict` gave.

        Raises:
            SettingsError, TypeError: something else.
        """
        values = dict(content)
        if values.get("calibration") is not None:
            values["calibration"] = Calibration.from_dict(values["calibration"])
        return cls(**values)


def check_range(name: str, value: float | None, low: float, high: float) -> None:
    """Raise SettingsError when a given number is NaN or outside low to high; None passes."""
    if value is not None and not low <= value <= high:
        raise SettingsError(f"{name} is {value:g}; it must lie between {low:g} and {high:g}.")
