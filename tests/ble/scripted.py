"""Sensors of other makers behind `bluez.Bluez`: packets on time, replies to commands, and what was sent."""

from __future__ import annotations

import asyncio
import struct
import time

import numpy as np

from imurun.ble.connection import notifying
from imurun.ble.devices import DRIVERS
from imurun.ble.devices.driver import BATTERY_LEVEL, uuid16
from tests.ble.ble_helpers import movesense_packet, polar_packet, witmotion_frame


class Scripted:
    """A sensor that measures from its start command on, connected or not.

    What is measured tells its number: row n of the acceleration has n counts on its first axis.

    Args:
        driver: name of the kind.
        packets: of number k, the notifications.
        period_s: from one to the next.
        answer: the reply to a command; None for none.
        starts: whether a command, with its reply, begins it.
        stops: whether a command ends it.
        battery: percent, of a standard battery service; None without that.

    Attributes:
        commands: what was written.
        sent: numbers of the packets that somebody heard.
    """

    def __init__(
        self,
        driver,
        packets,
        period_s,
        *,
        answer=lambda data: None,
        starts=lambda data, answer: True,
        stops=lambda data: False,
        battery=None,
    ):
        self.driver = DRIVERS[driver]
        self.commands: list[bytes] = []
        self.sent: list[int] = []
        self.services = {self.driver.service: {}}
        for uuid in {*notifying(self.driver), self.driver.control_characteristic}:
            self.services[self.driver.service][uuid] = ["write", "notify"]
        if battery is not None:
            self.services[uuid16(0x180F)] = {BATTERY_LEVEL: ["read"]}
        self._battery = battery
        self._packets, self._period_s = packets, period_s
        self._answer, self._starts, self._stops = answer, starts, stops
        self._replies: list[bytes] = []
        self._began_s: float | None = None

    def read(self, uuid):
        return bytes((self._battery,))

    def written(self, uuid, data):
        self.commands.append(data)
        answer = self._answer(data)
        if self._stops(data):
            self._began_s = None
        elif self._began_s is None and self._starts(data, answer):
            self._began_s = time.monotonic()
        if answer is None:
            return []
        if uuid == self.driver.reply_characteristic:
            return [answer]
        self._replies.append(answer)
        return []

    async def run(self, bluez):
        """Send until cancelled."""
        place = 0
        uuid = self.driver.data_characteristic
        while True:
            await asyncio.sleep(self._period_s / 4)
            replies, self._replies = self._replies, []
            for reply in replies:
                bluez.notify(uuid, reply)
            while self._began_s is not None and time.monotonic() - self._began_s >= place * self._period_s:
                if uuid in bluez.subscribed:
                    self.sent.append(place)
                    for packet in self._packets(place):
                        bluez.notify(uuid, packet)
                place += 1


def movesense(status=200):
    """Ten samples a packet; commands are answered with `status`, and the charge is 64 %."""

    def packets(k):
        acc = np.zeros((10, 3))
        acc[:, 0] = (np.arange(10) + 10 * k) * 0.01
        yield movesense_packet(round(k * 10 / 208 * 1000), acc, np.zeros((10, 3)))

    def answer(data):
        if data[0] == 4:
            return bytes((1, data[1], 200, 0, 64))
        return bytes((1, data[1])) + status.to_bytes(2, "little")

    return Scripted("movesense", packets, 10 / 208, answer=answer, stops=lambda data: data[0] == 2)


def witmotion():
    """Ten frames a notification; it never stops."""

    def packets(k):
        yield b"".join(witmotion_frame([10 * k + j, 0, 0, 0, 0, 0]) for j in range(10))

    return Scripted("witmotion", packets, 0.05)


POLAR_SIZE = 13
POLAR_FACTOR = 0.07
"""Of the angular rate, as the reply to its start command tells; the range alone would say 0.061."""


def polar(*, knows_channels=True, refusal=0):
    """13 samples of acceleration, and 13 of angular rate, each measured half a sample later.

    Row n of the angular rate has 5 n counts. Without `knows_channels` a start command that names the number
    of channels is refused; any is with `refusal`, a status.
    """

    def packets(k):
        n = np.arange(POLAR_SIZE)[:, None] + POLAR_SIZE * k
        for kind, counts, late in ((2, n * [1, 2, 0] + [0, 0, 1000], 0.0), (5, n * [5, -5, 0], 0.5)):
            last_s = 600 + (float(n[-1, 0]) + late) / 208
            yield polar_packet(kind, round(last_s * 1e9), counts)

    in_sdk_mode = []

    def answer(data):
        status, settings = 0, b""
        if data[0] == 2 and data[1] == 9:
            status = 6 if in_sdk_mode else 0
            in_sdk_mode.append(True)
        elif data[0] == 2:
            status = 5 if not knows_channels and data[-3] == 4 else refusal
            factor = 0.000244 if data[1] == 2 else POLAR_FACTOR
            settings = b"\0" + b"\x05\x01" + struct.pack("<f", factor)
        return bytes((0xF0, data[0], data[1], status)) + settings

    return Scripted(
        "polar_verity_sense",
        packets,
        POLAR_SIZE / 208,
        answer=answer,
        starts=lambda data, answer: data[:2] == b"\x02\x05" and answer[3] == 0,
        stops=lambda data: data[:2] == b"\x03\x09",
        battery=73,
    )


def metamotion():
    """Three samples of acceleration and of angular rate a period at 100 Hz; row n has n counts in both."""

    def packets(k):
        counts = np.zeros((3, 3), "<i2")
        counts[:, 0] = np.arange(3) + 3 * k
        for module in (0x03, 0x13):
            yield bytes((module, 5)) + counts.tobytes()

    return Scripted("metamotion_s", packets, 0.03, stops=lambda data: data == bytes((0x03, 1, 0)), battery=55)
