"""Checks the settings of a cohort before any recording is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imurun.cohort.task import Settings
from imurun.errors import SettingsError
from imurun.files.text import sanitize
from imurun.io.formats.file_format import load_format, shipped_formats
from imurun.methods import METHODS
from imurun.model.runner import Runner
from imurun.model.time_grid import check_rate

if TYPE_CHECKING:
    from imurun.session import MountingWord


def make_settings(
    *,
    mounting: MountingWord = "auto",
    method: str = "imurun",
    profile: str | None = None,
    rate_hz: float | None = None,
    mass_kg: float | None = None,
    height_m: float | None = None,
) -> Settings:
    """Settings from options.

    Raises:
        SettingsError, RecordingError: a value is unknown or out of range.
    """
    Runner(mass_kg=mass_kg, height_m=height_m)
    if method != "imurun" and method not in METHODS:
        raise SettingsError(f"There is no method {method!r}; give imurun or one of {', '.join(METHODS)}.")
    settings = Settings(
        mounting,
        method,
        rate_hz=None if rate_hz is None else check_rate(rate_hz),
        mass_kg=mass_kg,
        height_m=height_m,
    )
    return settings if profile is None else with_profile(settings, profile)


def with_profile(settings: Settings, profile: str) -> Settings:
    """The settings with another file format; one that is not shipped is included as text.

    Raises:
        SettingsError: the format does not exist or is invalid.
    """
    load_format(profile)
    if profile in shipped_formats():
        return replace(settings, profile=profile, profile_toml=None)
    try:
        text = Path(profile).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{sanitize(profile)} could not be read: {error}.") from error
    return replace(settings, profile=Path(profile).name, profile_toml=text)
