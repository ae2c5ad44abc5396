"""Device drivers, one module for each kind of sensor; every module with a `PROFILE` is registered.

`PROFILES` holds the drivers by name; `recognise` finds the one for an advertisement.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from pkgutil import iter_modules

from imurun.ble.devices.driver import Command, Decoder, Profile, Reply
from imurun.errors import SettingsError

__all__ = [
    "PROFILES",
    "Command",
    "Decoder",
    "Profile",
    "Reply",
    "get_profile",
    "recognise",
]


def _registered() -> dict[str, Profile]:
    found: dict[str, Profile] = {}
    for module in sorted(info.name for info in iter_modules(__path__)):
        profile = getattr(import_module(f"{__name__}.{module}"), "PROFILE", None)
        if isinstance(profile, Profile):
            found[profile.name] = profile
    return found


PROFILES: dict[str, Profile] = _registered()
"""All device drivers, by name."""


def get_profile(name: str) -> Profile:
    """The device driver of that name.

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
    """The driver for a device that advertises this name and these service UUIDs; None where none fits."""
    for profile in PROFILES.values():
        if profile.recognises(name or "", services):
            return profile
    return None
