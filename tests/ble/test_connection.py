from __future__ import annotations

import asyncio

import pytest

from imurun.ble.connection import open_connection
from imurun.ble.devices import DRIVERS
from imurun.ble.scan import DiscoveredSensor
from imurun.errors import SensorNotFoundError


def test_an_endless_search_for_services_is_given_up(monkeypatch):
    """CoreBluetooth and others wait for the services without a limit when the connection is lost."""

    ended: list[bool] = []

    class Endless:
        def __init__(self, *_, **__):
            pass

        async def connect(self):
            await asyncio.Event().wait()

        async def disconnect(self):
            ended.append(True)

    driver = DRIVERS["imurun"]
    sensor = DiscoveredSensor("imurun-1", "00:00:00:00:00:01", driver, -50, None)  # type: ignore[arg-type]
    monkeypatch.setattr("bleak.BleakClient", Endless)

    async def scenario():
        async with open_connection(sensor, driver, lambda: 0.0, limit=10, connect_s=0.05):
            raise AssertionError("never connected")

    with pytest.raises(SensorNotFoundError, match="imurun-1"):
        asyncio.run(asyncio.wait_for(scenario(), 60))
    assert ended == [True]  # some systems keep the connection itself
