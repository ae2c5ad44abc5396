"""`imurun scan`: a table of the sensors in range."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from imurun.ble.device_info import battery_of
from imurun.ble.devices import PROFILES
from imurun.ble.scan import Found, scan
from imurun.ble.timeouts import Waits

BATTERY_WAITS = Waits(connect_s=5.0, reply_s=2.0)


def show_sensors(seconds: float, *, battery: bool) -> None:
    """Listen, ask known sensors for their charge if `battery`, and print what was found.

    Raises:
        AdapterError: Bluetooth cannot be used.
        SensorError: scanning failed for another reason.
    """
    found, charges = asyncio.run(_look_around(seconds, battery))
    known = [one for one in found if one.profile is not None]
    if known:
        Console().print(table_of(known, charges))
    else:
        kinds = ", ".join(profile.title for profile in PROFILES.values())
        print(f"No sensor was found; wake it and bring it closer. imurun knows: {kinds}.")
    if len(found) > len(known):
        print(f"Other devices in range: {len(found) - len(known)}.")


async def _look_around(seconds: float, battery: bool) -> tuple[list[Found], dict[str, int]]:
    """Devices in range, and the charge in percent of those that tell it, by address."""
    found = await scan(seconds)
    charges: dict[str, int] = {}
    for one in found:
        if battery and one.profile is not None:
            percent = await battery_of(one, BATTERY_WAITS)
            if percent is not None:
                charges[one.address] = percent
    return found, charges


def table_of(sensors: Sequence[Found], charges: Mapping[str, int]) -> Table:
    """One row a sensor, the strongest signal first; `charges` in percent, by address."""
    table = Table(box=None, pad_edge=False)
    for title in ("Name", "Kind", "Address"):
        table.add_column(title, overflow="fold")
    table.add_column("Signal", justify="right")
    table.add_column("Battery", justify="right")
    for one in sensors:
        kind = one.profile.name if one.profile else ""
        # names come by radio: Text keeps rich from reading them as markup
        charge = f"{charges[one.address]} %" if one.address in charges else ""
        table.add_row(Text(one.name or "-"), kind, one.address, f"{one.signal_dbm} dBm", charge)
    return table
