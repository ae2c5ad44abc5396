"""Driver for the MetaMotionS of MbientLab (BMI270).

Written from MbientLab's published SDK, its test vectors and the BMI270's data sheet; no command was tried on
the device. Acceleration and angular rate arrive in separate packets of three samples, without time or number.
Sample times are therefore found by counting, and a gap is detected only once enough packets are missing
(`imurun.reassembly.by_count`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from imurun.ble.devices.driver import BATTERY_LEVEL, Command, DeviceDriver, counts_to_floats, lower
from imurun.model.frames import G
from imurun.reassembly.chunks import SampleChunk

SERVICE = "326a9000-85cb-9195-d9dd-464cfbbae75a"
CONTROL = "326a9001-85cb-9195-d9dd-464cfbbae75a"
DATA = "326a9006-85cb-9195-d9dd-464cfbbae75a"

ACC, GYR = 0x03, 0x13
"""Module numbers, the first byte of a packet; the second byte is the register."""
POWER, ENABLE, CONFIGURE, SAMPLES, PACKED = 1, 2, 3, 4, 5
_REGISTERS = {ACC: (SAMPLES, PACKED), GYR: (SAMPLES, PACKED, 7)}
"""Registers of samples: single, or three packed; 7 is the packed gyroscope of the older BMI160."""

_RATE_CODES = {50: 7, 100: 8, 200: 9}
_ACC_RANGE_CODES = {2: 0, 4: 1, 8: 2, 16: 3}
_GYR_RANGE_CODES = {2000: 0, 1000: 1, 500: 2, 250: 3}


class MetaMotionDecoder:
    """Decodes packets to chunks of "acc" and "gyr".

    Args:
        acc_range_g, gyr_range_deg_s: the full scales that the sensor was configured with.
    """

    def __init__(self, acc_range_g: float, gyr_range_deg_s: float) -> None:
        self.rejects: Counter[str] = Counter()
        # the gyroscope's data sheet gives rounded sensitivities: 16.4 LSB per deg/s at 2000 deg/s
        self._scale = {
            ACC: acc_range_g / 32768 * G,
            GYR: gyr_range_deg_s / 2000 / 16.4 * math.pi / 180,
        }

    def reply(self, data: bytes) -> None:
        """Nothing to do: replies arrive on the data characteristic."""

    def feed(self, data: bytes, arrival_s: float) -> list[SampleChunk]:
        """Decode one notification to at most one chunk."""
        if len(data) < 2:
            return self._reject("length")
        module = data[0]
        if module not in self._scale or data[1] not in _REGISTERS[module]:
            return self._reject("register")
        if len(data) not in ((8,) if data[1] == SAMPLES else (8, 20)):
            return self._reject("length")
        values = counts_to_floats(data, 2, (len(data) - 2) // 2) * self._scale[module]
        return [SampleChunk("acc" if module == ACC else "gyr", values, arrival_s)]

    def _reject(self, reason: str) -> list[SampleChunk]:
        self.rejects[reason] += 1
        return []


@dataclass(frozen=True, kw_only=True)
class MetaMotionDriver(DeviceDriver):
    """Driver; the module describes the protocol."""

    name = "metamotion_s"
    title = "MetaMotionS"
    service = SERVICE
    data_characteristic = DATA
    control_characteristic = CONTROL
    reply_characteristic = None
    streams = ("acc", "gyr")
    clock = "none"
    battery = "standard battery service (180F)"
    battery_characteristic = BATTERY_LEVEL
    tested = "Built from MbientLab's SDK and tested on its published vectors, not on the device."

    def recognises(self, name: str, services: Collection[str]) -> bool:
        """By the service or the name."""
        return SERVICE in lower(services) or name.lower().startswith(("metawear", "metamotion"))

    def start_commands(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> list[Command]:
        """Configure both sensors, enable packed samples, switch on."""
        self.check(rate_hz, acc_range_g, gyr_range_deg_s)
        rate = _RATE_CODES[rate_hz]
        return _commands(
            (ACC, CONFIGURE, 0xA0 | rate, _ACC_RANGE_CODES[acc_range_g]),
            (GYR, CONFIGURE, 0x20 | rate, _GYR_RANGE_CODES[gyr_range_deg_s]),
            (ACC, PACKED, 1),
            (GYR, PACKED, 1),
            (ACC, ENABLE, 1, 0),
            (GYR, ENABLE, 1, 0),
            (ACC, POWER, 1),
            (GYR, POWER, 1),
        )

    def stop_commands(self) -> list[Command]:
        """Undo the start commands in reverse order."""
        return _commands(
            (ACC, POWER, 0),
            (GYR, POWER, 0),
            (ACC, ENABLE, 0, 1),
            (GYR, ENABLE, 0, 1),
            (ACC, PACKED, 0),
            (GYR, PACKED, 0),
        )

    def decoder(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> MetaMotionDecoder:
        """A new `MetaMotionDecoder`."""
        self.check(rate_hz, acc_range_g, gyr_range_deg_s)
        return MetaMotionDecoder(acc_range_g, gyr_range_deg_s)


def _commands(*commands: tuple[int, ...]) -> list[Command]:
    return [Command(CONTROL, bytes(command)) for command in commands]


DRIVER = MetaMotionDriver(
    rates_hz=tuple(_RATE_CODES),
    acc_ranges_g=tuple(_ACC_RANGE_CODES),
    gyr_ranges_deg_s=tuple(_GYR_RANGE_CODES),
)
