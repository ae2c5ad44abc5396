"""Driver for the Polar Verity Sense: the measurement data (PMD) service in SDK mode.

Written from Polar's published SDK and its test vectors; no command was tried on the device. Acceleration and
angular rate arrive in separate packets, each with the device time of its last sample and no number. A packet
holds a reference sample, then runs of differences of any width in bits.

Acceleration of frame type 1 is in 1e-3 g; that of type 0 is in g after multiplication by a factor, which the
reply to the start command contains. Angular rate is in deg/s after multiplication by such a factor.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imurun.ble.devices.driver import BATTERY_LEVEL, Command, DeviceDriver, Reply, lower
from imurun.model.frames import G
from imurun.reassembly.chunks import SampleChunk

SERVICE = "fb005c80-02e7-f387-1cad-8acd2d8df0c8"
CONTROL = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
DATA = "fb005c82-02e7-f387-1cad-8acd2d8df0c8"

ACC, GYR, SDK_MODE = 2, 5, 9
START, STOP = 2, 3
RATE, RESOLUTION, RANGE, CHANNELS, FACTOR = 0, 1, 2, 4, 5
_SETTING_BYTES = {RATE: 2, RESOLUTION: 2, RANGE: 2, 3: 4, CHANNELS: 1, FACTOR: 4}

COMPRESSED = 0x80
_HEADER = struct.Struct("<BQB")
_REPLY = 0xF0
_ALREADY = 6
_REFUSALS = {
    1: "unknown command",
    2: "it has no such sensor",
    3: "it cannot do this",
    4: "the command had the wrong length",
    5: "it does not offer these settings",
    10: "it does not offer this rate",
    12: "it is charging",
}
MAX_BITS = 17
"""Differences of two i16 need no more."""

Counts = npt.NDArray[np.int64]


def decode_delta(data: bytes) -> Counts | None:
    """Samples, shape (n, 3), of a reference and the differences after it; None where bytes do not fit.

    A run is the width of a difference in bits, the number of samples, and the differences, least significant
    bit first, padded to whole bytes.
    """
    if len(data) < 6:
        return None
    parts = [np.frombuffer(data, "<i2", 3).astype(np.int64).reshape(1, 3)]
    at = 6
    while at < len(data):
        if at + 2 > len(data):
            return None
        bits, count = data[at], data[at + 1]
        n_bytes = (bits * count * 3 + 7) // 8
        at += 2
        if not 0 < bits <= MAX_BITS or not count or at + n_bytes > len(data):
            return None
        packed = np.frombuffer(data, np.uint8, n_bytes, at)
        wide = np.unpackbits(packed, count=bits * count * 3, bitorder="little").reshape(-1, bits)
        parts.append((wide @ _place_values(bits)).reshape(count, 3))
        at += n_bytes
    counts = np.cumsum(np.concatenate(parts), axis=0)
    # a sum beyond i16 cannot be a measurement
    return counts if counts.max() <= 32767 and counts.min() >= -32768 else None


def _place_values(bits: int) -> Counts:
    """Value of each bit of a two's complement number."""
    values = 2 ** np.arange(bits, dtype=np.int64)
    values[-1] = -values[-1]
    return values


class PolarDecoder:
    """Decodes packets to chunks of "acc" and "gyr".

    Args:
        acc_range_g, gyr_range_deg_s: full scales, from which factors are computed until a reply contains
            them.
    """

    def __init__(self, acc_range_g: float, gyr_range_deg_s: float) -> None:
        self.rejects: Counter[str] = Counter()
        self._factor = {ACC: acc_range_g / 32768, GYR: gyr_range_deg_s / 32768}

    def reply(self, data: bytes) -> None:
        """Read the factor from the reply to a start command."""
        if len(data) < 5 or data[0] != _REPLY or data[1] != START or data[3] not in (0, _ALREADY):
            return
        factor = _settings(data[5:]).get(FACTOR)
        if factor is not None and data[2] in self._factor and math.isfinite(factor) and 0 < factor < 1:
            self._factor[data[2]] = factor

    def feed(self, data: bytes, arrival_s: float) -> list[SampleChunk]:
        """Decode one notification to at most one chunk."""
        if len(data) < _HEADER.size + 6:
            return self._reject("length")
        kind, time_ns, frame = _HEADER.unpack_from(data)
        if kind not in (ACC, GYR):
            return self._reject("type")
        if frame & ~COMPRESSED > (1 if kind == ACC else 0):
            return self._reject("frame type")
        body = data[_HEADER.size :]
        if frame & COMPRESSED:
            counts = decode_delta(body)
        elif frame == 1 and len(body) % 6 == 0:
            counts = np.frombuffer(body, "<i2").astype(np.int64).reshape(-1, 3)
        else:  # uncompressed type 0 of acceleration is 8 bits wide; these sensors do not send it
            return self._reject("frame type" if frame != 1 else "length")
        if counts is None:
            return self._reject("differences")
        if kind == GYR:
            scale = self._factor[GYR] * math.pi / 180
        else:
            scale = G * (1e-3 if frame & 1 else self._factor[ACC])
        name = "acc" if kind == ACC else "gyr"
        return [SampleChunk(name, counts.astype(np.float64) * scale, arrival_s, time_device_s=time_ns * 1e-9)]

    def _reject(self, reason: str) -> list[SampleChunk]:
        self.rejects[reason] += 1
        return []


def _settings(data: bytes) -> dict[int, float]:
    """The first value of each setting in a list of (type, number of values, values)."""
    found: dict[int, float] = {}
    at = 0
    while at + 2 <= len(data):
        kind, count = data[at], data[at + 1]
        size = _SETTING_BYTES.get(kind)
        if size is None or not count or at + 2 + size * count > len(data):
            break
        value = data[at + 2 : at + 2 + size]
        found[kind] = struct.unpack("<f", value)[0] if kind == FACTOR else int.from_bytes(value, "little")
        at += 2 + size * count
    return found


def _start(kind: int, rate_hz: int, full_scale: int) -> Command:
    """Start one sensor, giving the number of channels, or without it where the sensor refuses that
    setting.
    """
    settings = struct.pack("<BBHBBHBBH", RATE, 1, rate_hz, RESOLUTION, 1, 16, RANGE, 1, full_scale)
    plain = bytes((START, kind)) + settings
    without = Command(CONTROL, plain, replies=True)
    return Command(CONTROL, plain + bytes((CHANNELS, 1, 3)), replies=True, instead=without)


@dataclass(frozen=True, kw_only=True)
class PolarDriver(DeviceDriver):
    """Driver; the module describes the protocol."""

    name = "polar_verity_sense"
    title = "Polar Verity Sense"
    service = SERVICE
    data_characteristic = DATA
    control_characteristic = CONTROL
    reply_characteristic = CONTROL
    streams = ("acc", "gyr")
    clock = "device"
    battery = "standard battery service (180F)"
    battery_characteristic = BATTERY_LEVEL
    tested = "Built from Polar's SDK and tested on its published vectors, not on the device."

    def recognises(self, name: str, services: Collection[str]) -> bool:
        """By the name: other Polar sensors have the same service and no gyroscope."""
        named = name.lower().startswith(("polar sense", "polar verity"))
        return named or (SERVICE in lower(services) and "sense" in name.lower())

    def start_commands(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> list[Command]:
        """SDK mode, then both sensors."""
        self.check(rate_hz, acc_range_g, gyr_range_deg_s)
        return [
            Command(CONTROL, bytes((START, SDK_MODE)), replies=True, may_fail=True),
            _start(ACC, rate_hz, acc_range_g),
            _start(GYR, rate_hz, gyr_range_deg_s),
        ]

    def stop_commands(self) -> list[Command]:
        """Both sensors, then SDK mode."""
        return [
            Command(CONTROL, bytes((STOP, kind)), replies=True, may_fail=True)
            for kind in (ACC, GYR, SDK_MODE)
        ]

    def reply_to(self, command: Command, data: bytes) -> Reply | None:
        """A reply holds `F0`, the command, its subject and a status."""
        if len(data) < 4 or data[0] != _REPLY or bytes(data[1:3]) != command.data[:2]:
            return None
        status = data[3]
        if status in (0, _ALREADY):
            return Reply(True)
        return Reply(False, _REFUSALS.get(status, f"status {status}"))

    def decoder(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> PolarDecoder:
        """A new `PolarDecoder`."""
        self.check(rate_hz, acc_range_g, gyr_range_deg_s)
        return PolarDecoder(acc_range_g, gyr_range_deg_s)


DRIVER = PolarDriver(
    rates_hz=(52, 104, 208, 416),
    acc_ranges_g=(2, 4, 8, 16),
    gyr_ranges_deg_s=(250, 500, 1000, 2000),
)
