"""The C device side behind `bluez.Bluez`, in real time: what `board.Board` is, from the firmware itself."""

from __future__ import annotations

import asyncio
import time

import numpy as np

from imurun.ble.devices.driver import BATTERY_LEVEL, uuid16
from imurun.ble.devices.imurun import CONTROL, DATA, INFO, SERVICE
from tests.ble.board import counts_of

ACC_SCALE, GYR_SCALE = 30500 * 16, 35000 * 2000
STEP_S = 0.02
NOTIFICATIONS_A_STEP = 16
"""A fast radio; more at a time would be too much for the socket of the bus."""
FIRMWARE_REVISION = uuid16(0x2A26)


def values_of(indices):
    """In m/s2 and rad/s, at 16 g and 2000 deg/s."""
    scale = np.repeat([ACC_SCALE * 1e-9 * 9.80665, GYR_SCALE * 1e-9 * np.pi / 180], 3)
    return counts_of(indices) * scale


class FirmwareBoard:
    """Samples tell their index by `counts_of`. `lose` keeps a notification from being sent.

    Attributes:
        pushed: how many samples of the run under way were measured.
    """

    services = {  # noqa: RUF012
        SERVICE: {DATA: ["notify"], CONTROL: ["write", "indicate"], INFO: ["read"]},
        uuid16(0x180F): {BATTERY_LEVEL: ["read"]},
        uuid16(0x180A): {FIRMWARE_REVISION: ["read"]},
    }

    def __init__(self, firmware, *, rate_hz=208):
        self.firmware = firmware
        self.lose = lambda data: False
        self._rate_hz = rate_hz
        self._booted_s = time.monotonic()
        self._began_s = None
        self.pushed = 0
        self._subscribed = False
        firmware.set_battery(64)

    def read(self, uuid):
        if uuid == BATTERY_LEVEL:
            return bytes((64,))
        return b"test 1\x07" if uuid == FIRMWARE_REVISION else self.firmware.info()

    def written(self, uuid, data):
        self._tick()
        self.firmware.write(data)
        self.firmware.poll()
        return self.firmware.indications()

    async def run(self, bluez):
        while True:
            await asyncio.sleep(STEP_S)
            if (DATA in bluez.subscribed) != self._subscribed:
                self._subscribed = not self._subscribed
                if self._subscribed:
                    self.firmware.set_mtu(bluez.mtu)
                    self.firmware.subscribe()
                else:
                    self.firmware.disconnect()
            self._tick()
            self.firmware.set_radio_room(NOTIFICATIONS_A_STEP)
            self.firmware.poll()
            for data in self.firmware.notifications():
                if not self.lose(data):
                    bluez.notify(DATA, data)
            for data in self.firmware.indications():
                bluez.notify(CONTROL, data)

    def _tick(self):
        """Samples that are due since the start of the run."""
        now_s = time.monotonic() - self._booted_s
        self.firmware.set_clock(int(now_s * 1e6))
        if self._began_s is None:
            self._began_s, self.pushed = now_s, 0
        due = np.arange(self.pushed, int((now_s - self._began_s) * self._rate_hz))
        times_us = ((self._began_s + (due + 1) / self._rate_hz) * 1e6).astype(np.uint64)
        if self.firmware.push(counts_of(due), times_us):
            self.pushed += len(due)
        else:
            self._began_s = None
