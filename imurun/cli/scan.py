"""`imurun scan`: a table of the sensors in range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from imurun.ble.scan import DiscoveredSensor

CONNECT_S, REPLY_S = 5.0, 2.0
"""Timeouts of a battery reading: shorter than usual, since several sensors are read in turn."""


def scan(
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=0.1, max=600.0, help="Duration of the scan.")
    ] = 5.0,
    battery: Annotated[
        bool, typer.Option("--battery/--no-battery", help="Connect to each sensor to read its battery.")
    ] = True,
) -> None:
    """Show the sensors in range: name, kind, signal, battery."""
    import asyncio

    from rich.console import Console

    from imurun.ble.devices import DRIVERS

    found, batteries = asyncio.run(_scan(seconds, battery=battery))
    known = [sensor for sensor in found if sensor.driver is not None]
    if known:
        Console().print(table_of(known, batteries))
    else:
        kinds = ", ".join(driver.title for driver in DRIVERS.values())
        print(f"No sensor was found; wake it and bring it closer. imurun supports: {kinds}.")
    if len(found) > len(known):
        print(f"Other devices in range: {len(found) - len(known)}.")


async def _scan(seconds: float, *, battery: bool) -> tuple[list[DiscoveredSensor], dict[str, int]]:
    """Devices in range, and battery levels in percent by address, of the sensors that report one.

    Raises:
        AdapterError: Bluetooth cannot be used.
        SensorError: scanning failed for another reason.
    """
    from imurun.ble.device_info import battery_of
    from imurun.ble.scan import scan
    from imurun.ble.timeouts import Timeouts

    found = await scan(seconds)
    batteries: dict[str, int] = {}
    for sensor in found:
        if battery and sensor.driver is not None:
            percent = await battery_of(sensor, Timeouts(connect_s=CONNECT_S, reply_s=REPLY_S))
            if percent is not None:
                batteries[sensor.address] = percent
    return found, batteries


def table_of(sensors: Sequence[DiscoveredSensor], batteries: Mapping[str, int]) -> Table:
    """One row per sensor in the given order; `batteries` in percent, by address."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in ("Name", "Kind", "Address"):
        table.add_column(title, overflow="fold")
    table.add_column("Signal", justify="right")
    table.add_column("Battery", justify="right")
    for sensor in sensors:
        kind = sensor.driver.name if sensor.driver else ""
        level = f"{batteries[sensor.address]} %" if sensor.address in batteries else ""
        # names come by radio: Text keeps rich from reading them as markup
        table.add_row(Text(sensor.name or "-"), kind, sensor.address, f"{sensor.signal_dbm} dBm", level)
    return table
