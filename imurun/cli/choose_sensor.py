"""Which sensors `live` and `record` connect to, and with which settings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imurun.errors import SensorNotFoundError, SettingsError

if TYPE_CHECKING:
    from imurun.ble.decoding import Settings
    from imurun.ble.devices import DeviceDriver
    from imurun.ble.scan import DiscoveredSensor


@dataclass(frozen=True)
class SensorOptions:
    """Kind and settings of a sensor from the command line, in the units of `Settings`; None: default."""

    rate_hz: int | None = None
    acc_range_g: int | None = None
    gyr_range_deg_s: int | None = None
    kind: str | None = None


async def choose_sensors(names: Sequence[str], driver: DeviceDriver | None) -> list[DiscoveredSensor]:
    """Find the named sensors; without names, the only one in range, or the one chosen at a prompt.

    Raises:
        SensorNotFoundError: one is not in range, or none is.
        SettingsError: several are in range, and stdin is no terminal to ask at.
        AdapterError: Bluetooth cannot be used.
    """
    from imurun.ble.scan import SCAN_S, find, scan

    if names:
        found = [await find(name, SCAN_S, driver=driver) for name in names]
        if len({sensor.address for sensor in found}) < len(found):
            raise SettingsError("The same sensor is named twice; name each once.")
        return found
    known = [sensor for sensor in await scan(SCAN_S) if sensor.driver is not None]
    if not known:
        raise SensorNotFoundError("No sensor was found; wake it and bring it closer, or try --simulate.")
    return [known[0] if len(known) == 1 else _ask(known)]


def _ask(known: Sequence[DiscoveredSensor]) -> DiscoveredSensor:
    """The sensor that the user picks from a numbered list."""
    names = ", ".join(sensor.label for sensor in known)
    several = SettingsError(f"Several sensors are in range ({names}); name one with --sensor.")
    if not sys.stdin.isatty():
        raise several
    for number, sensor in enumerate(known, 1):
        kind = sensor.driver.name if sensor.driver else ""
        print(f"{number}  {sensor.label}  {kind}  {sensor.signal_dbm} dBm")
    while True:
        try:
            answer = input(f"Which one, 1 to {len(known)}? ").strip()
        except EOFError:
            raise several from None
        if answer.isdecimal() and 1 <= int(answer) <= len(known):
            return known[int(answer) - 1]


def settings_for(found: DiscoveredSensor, options: SensorOptions) -> Settings:
    """The settings of the options, with the defaults of the sensor's kind for the rest.

    Raises:
        WrongSensorError: its kind is not known.
        SettingsError: its kind does not offer these settings.
    """
    from imurun.ble.decoding import Settings, usual_settings

    driver = found.known_driver
    defaults = usual_settings(driver)
    given = (options.rate_hz, options.acc_range_g, options.gyr_range_deg_s)
    settings = Settings(
        *(default if value is None else value for default, value in zip(defaults, given, strict=True))
    )
    driver.check(*settings)
    return settings
