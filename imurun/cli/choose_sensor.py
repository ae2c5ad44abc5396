"""Which sensors a command is to use, and with which settings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from imurun.ble.decoding import Settings, usual_settings
from imurun.ble.devices import Profile
from imurun.ble.scan import SCAN_S, Found, find, scan
from imurun.errors import SensorNotFoundError, SettingsError


async def choose_sensors(names: Sequence[str], profile: Profile | None) -> list[Found]:
    """Find the named sensors, or look which one is there.

    Raises:
        SensorNotFoundError: one is not in range, or none is.
        SettingsError: several are in range, and nobody can be asked.
        AdapterError: Bluetooth cannot be used.
    """
    if names:
        found = [await find(name, SCAN_S, profile=profile) for name in names]
        if len({one.address for one in found}) < len(found):
            raise SettingsError("The same sensor is named twice; name each once.")
        return found
    known = [one for one in await scan(SCAN_S) if one.profile is not None]
    if not known:
        raise SensorNotFoundError("No sensor was found; wake it and bring it closer, or try --simulate.")
    return [known[0] if len(known) == 1 else _ask(known)]


def _ask(known: Sequence[Found]) -> Found:
    listed = ", ".join(one.label for one in known)
    if not sys.stdin.isatty():
        raise SettingsError(f"Several sensors are in range ({listed}); name one with --sensor.")
    for number, one in enumerate(known, 1):
        print(f"{number}  {one.label}  {one.profile.name if one.profile else ''}  {one.signal_dbm} dBm")
    while True:
        try:
            answer = input(f"Which one, 1 to {len(known)}? ").strip()
        except EOFError:
            raise SettingsError(f"Several sensors are in range ({listed}); name one with --sensor.") from None
        if answer.isdecimal() and 1 <= int(answer) <= len(known):
            return known[int(answer) - 1]


@dataclass(frozen=True)
class Wanted:
    """What was said of a sensor: its kind, and settings in the units of `Settings`; None for the usual."""

    rate_hz: int | None = None
    acc_range_g: int | None = None
    gyr_range_deg_s: int | None = None
    kind: str | None = None


def settings_for(found: Found, wanted: Wanted) -> Settings:
    """What was wanted, and the usual for what was not said.

    Raises:
        WrongSensorError: its kind is not known.
        SettingsError: its kind does not have these.
    """
    profile = found.known_profile
    usual = usual_settings(profile)
    said = (wanted.rate_hz, wanted.acc_range_g, wanted.gyr_range_deg_s)
    settings = Settings(*(a if b is None else b for a, b in zip(usual, said, strict=True)))
    profile.check(*settings)
    return settings
