"""A virtual sensor and imurun's own client, each with a Bluetooth stack, in virtual time."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import NamedTuple

import numpy as np
from bleak import BleakClient, BleakScanner
from bumble.link import LocalLink

from imurun.ble import scan as ble_scan
from imurun.ble.decoding import Settings
from imurun.model.sample_block import SampleBlock
from imurun.virtual.gatt import GattServer, advertisement
from imurun.virtual.sensor import VirtualSensor
from tests.virtual.bumble_backend import backends, make_device

ADDRESS = "F1:F1:F1:F1:F1:F1"
SETTINGS = Settings(208, 16, 2000)
START, FETCH = 3, 6
ACC_STEP = 30500e-9 * 16 * 9.80665
GYR_STEP = 35000e-9 * 2000 * np.pi / 180


class Asked(NamedTuple):
    """A request that came, and the place in the feed of the next sample then."""

    op: int
    params: bytes
    next_sample: int
    boot_id: int


class Watched(VirtualSensor):
    """Notes what it is asked, for a test to know what it held."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.asked: list[Asked] = []

    def write(self, request, now_s):
        self.advance_clock(now_s)
        self.asked.append(Asked(request[0], bytes(request[2:]), self.next_sample, self.boot_id))
        return super().write(request, now_s)

    def begins(self):
        """Place in the feed at which each run begins, by boot."""
        return {one.boot_id: one.next_sample for one in self.asked if one.op == START}

    def fetches(self, boot_id):
        """First and stop of each request for samples, and the next index of the run then."""
        begin = self.begins()[boot_id]
        asked = [one for one in self.asked if one.op == FETCH and one.boot_id == boot_id]
        ranges = [struct.unpack("<IH", one.params) for one in asked]
        return [(a, a + n, one.next_sample - begin) for one, (a, n) in zip(asked, ranges, strict=True)]


def use(monkeypatch, central, mtu=247):
    """Let imurun's client use this adapter."""
    scanner, client = backends(central, mtu)

    class Scanner(BleakScanner):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, backend=scanner, **kwargs)

    monkeypatch.setattr("bleak.BleakClient", partial(BleakClient, backend=client))
    monkeypatch.setattr("bleak.BleakScanner", Scanner)


@asynccontextmanager
async def offered(monkeypatch, sensor, *, mtu=247, log=lambda _: None):
    """Serve it, and give what a scan finds."""
    # bumble writes out every packet for a log that nobody reads, which takes most of the time
    for module in ("controller", "host"):
        monkeypatch.setattr(f"bumble.{module}.color", lambda text, *_, **__: text)
    monkeypatch.setattr("bumble.hci.HCI_Object.format_fields", lambda *_, **__: "")
    air = LocalLink()
    central = make_device(air, "central", "F0:F0:F0:F0:F0:F0")
    advertised, answered = advertisement("imurun-virtual")
    device = make_device(
        air, "imurun-virtual", ADDRESS, advertising_data=advertised, scan_response_data=answered
    )
    await central.power_on()
    await device.power_on()
    use(monkeypatch, central, mtu)
    serving = asyncio.create_task(GattServer(device, sensor, log).serve())
    try:
        yield await ble_scan.find(ADDRESS, 5.0)
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        sensor.close()


def as_counts(values):
    """Values of blocks, shape (n, 6), back to the counts that they came as; NaN where missing."""
    return values / np.repeat([ACC_STEP, GYR_STEP], 3)


def as_values(counts):
    """The same the other way."""
    return counts * np.repeat([ACC_STEP, GYR_STEP], 3)


def rows(items):
    """All samples given out, shape (n, 6), each block where the one before ended."""
    blocks = [item for item in items if isinstance(item, SampleBlock)]
    place = 0
    for block in blocks:
        assert block.first_index == place
        place = block.next_index
    return np.vstack([np.hstack([block.acc, block.gyr]) for block in blocks])
