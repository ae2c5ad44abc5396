"""`imurun scan`: a table of the sensors in range."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from imurun.ble.profiles import PROFILES
from imurun.ble.scan import Found, scan


def show_sensors(seconds: float) -> None:
    """Listen, then print what was found.

    Raises:
        AdapterError: Bluetooth cannot be used.
        SensorError: scanning failed for another reason.
    """
    found = asyncio.run(scan(seconds))
    known = [one for one in found if one.profile is not None]
    if known:
        Console().print(table_of(known))
    else:
        kinds = ", ".join(profile.title for profile in PROFILES.values())
        print(f"No sensor was found; wake it and bring it closer. imurun knows: {kinds}.")
    if len(found) > len(known):
        print(f"Other devices in range: {len(found) - len(known)}.")


def table_of(sensors: Sequence[Found]) -> Table:
    """One row a sensor, the strongest signal first."""
    table = Table(box=None, pad_edge=False)
    for title in ("Name", "Kind", "Address"):
        table.add_column(title, overflow="fold")
    table.add_column("Signal", justify="right")
    for one in sensors:
        kind = one.profile.name if one.profile else ""
        # names come by radio: Text keeps rich from reading them as markup
        table.add_row(Text(one.name or "-"), kind, one.address, f"{one.signal_dbm} dBm")
    return table
