"""Device drivers, one module for each kind of sensor; every module with a `DRIVER` is registered.

`DRIVERS` holds the drivers by name; `recognise` finds the one for an advertisement.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from pkgutil import iter_modules

from imurun.ble.devices.driver import Command, Decoder, DeviceDriver, Reply
from imurun.errors import SettingsError

__all__ = [
    "DRIVERS",
    "Command",
    "Decoder",
    "DeviceDriver",
    "Reply",
    "get_driver",
    "recognise",
]


def _registered() -> dict[str, DeviceDriver]:
    found: dict[str, DeviceDriver] = {}
    for module in sorted(info.name for info in iter_modules(__path__)):
        driver = getattr(import_module(f"{__name__}.{module}"), "DRIVER", None)
        if isinstance(driver, DeviceDriver):
            found[driver.name] = driver
    return found


DRIVERS: dict[str, DeviceDriver] = _registered()
"""All device drivers, by name."""


def get_driver(name: str) -> DeviceDriver:
    """The device driver of that name.

    Raises:
        SettingsError: there is none.
    """
    try:
        return DRIVERS[name]
    except KeyError:
        raise SettingsError(
            f"There is no kind of sensor {name!r}; choose one of {', '.join(DRIVERS)}."
        ) from None


def recognise(name: str | None, services: Collection[str]) -> DeviceDriver | None:
    """The driver for a device that advertises this name and these service UUIDs; None where none fits."""
    for driver in DRIVERS.values():
        if driver.recognises(name or "", services):
            return driver
    return None
