"""Kinds of sensors, one module each; a module with a `PROFILE` is found by itself.

`PROFILES` has them by name. `recognise` tells which one an advertisement is of.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from pkgutil import iter_modules

from imurun.ble.devices.driver import Decoder, Profile, Reply, Write
from imurun.errors import SettingsError

__all__ = [
    "PROFILES",
    "Decoder",
    "Profile",
    "Reply",
    "Write",
    "get_profile",
    "recognise",
]


def _find() -> dict[str, Profile]:
    found: dict[str, Profile] = {}
    for module in sorted(info.name for info in iter_modules(__path__)):
        profile = getattr(import_module(f"{__name__}.{module}"), "PROFILE", None)
        if isinstance(profile, Profile):
            found[profile.name] = profile
    return found


PROFILES: dict[str, Profile] = _find()
"""The kinds of sensors that imurun knows, by name."""


def get_profile(name: str) -> Profile:
    """The profile of that name.

    Raises:
        SettingsError: there is none.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise SettingsError(
            f"There is no kind of sensor {name!r}; choose one of {', '.join(PROFILES)}."
        ) from None


def recognise(name: str | None, services: Collection[str]) -> Profile | None:
    """Which kind of sensor advertises this name and these service UUIDs; None for a stranger."""
    for profile in PROFILES.values():
        if profile.recognises(name or "", services):
            return profile
    return None
