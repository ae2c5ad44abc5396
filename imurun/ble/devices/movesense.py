"""Driver for Movesense sensors (HR+, Medical, Flash) with the GATT sensor data firmware (GSP).

Written from Movesense's published firmware sources and API, and a captured packet; no command was tried on
the device. A packet holds acceleration in m/s2 and angular rate in deg/s with the device time of the first
sample in milliseconds (its API: time of the first measurement), and no number. A packet longer than a
notification is sent as two.

The protocol can neither set nor report ranges. Values are in physical units, so decoding needs none; the
ranges given here are assumed to be the sensor's defaults, which was not verified.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from imurun.ble.devices.driver import Command, DeviceDriver, Reply, lower
from imurun.model.frames import FloatArray
from imurun.reassembly.chunks import SampleChunk

SERVICE = "34802252-7185-4d5d-b431-630e7050e8f0"
CONTROL = "34800001-7185-4d5d-b431-630e7050e8f0"
DATA = "34800002-7185-4d5d-b431-630e7050e8f0"

SUBSCRIBE, UNSUBSCRIBE = 1, 2
RESULT, PACKET, CONTINUATION = 1, 2, 3
REFERENCE = 99
TIME_WRAP_MS = 2**32
MAX_PACKET_BYTES = 1024
MAX_ACC_M_S2, MAX_GYR_DEG_S = 320.0, 4100.0
"""Larger values exceed the widest range of any such sensor: the bytes are no measurement."""


def decode_arrays(data: bytes, n_sensors: int = 2) -> tuple[int, FloatArray] | None:
    """Milliseconds, and values of shape (n, 3 `n_sensors`) as sent; None where the length does not fit.

    All samples of one sensor come before those of the next: acceleration, angular rate, and in IMU9 the
    magnetic field.
    """
    n, rest = divmod(len(data) - 4, 12 * n_sensors)
    if rest or n < 1:
        return None
    (time_ms,) = struct.unpack_from("<I", data)
    values = np.frombuffer(data, "<f4", offset=4).astype(np.float64).reshape(n_sensors, n, 3)
    return time_ms, np.hstack(list(values))


class MovesenseDecoder:
    """Decodes notifications to chunks.

    Nothing in a notification says whether a continuation follows, so the decoder learns it by length: the
    first notification of a length that could be whole is held until the next one shows whether it was. A part
    is therefore never decoded as a whole packet.

    Args:
        rate_hz: sampling rate; it gives the time of a packet's last sample from that of its first.
    """

    def __init__(self, rate_hz: float) -> None:
        self.rejects: Counter[str] = Counter()
        self._rate_hz = float(rate_hz)
        self._whole: set[int] = set()
        self._parts: set[int] = set()
        self._held: tuple[bytes, float] | None = None
        self._last_ms: int | None = None

    def reply(self, data: bytes) -> None:
        """Nothing to do: replies arrive on the data characteristic."""

    def feed(self, data: bytes, arrival_s: float) -> list[SampleChunk]:
        """Decode one notification to up to two chunks: the one that was held, and its own."""
        if len(data) < 2 or data[0] not in (RESULT, PACKET, CONTINUATION):
            self._count("type")
            return []
        if data[0] == RESULT:
            return []
        if data[1] != REFERENCE:
            self._count("reference")
            return []
        if data[0] == CONTINUATION:
            return self._join(data)
        chunks = self._settle()
        whole = (len(data) - 6) % 24 == 0 and len(data) > 6
        if whole and len(data) in self._whole:
            return chunks + self._piece(data[2:], arrival_s)
        if len(data) > MAX_PACKET_BYTES or len(data) < 6:
            self._count("length")
            return chunks
        self._held = bytes(data), arrival_s
        return chunks

    def _settle(self) -> list[SampleChunk]:
        """Decode the held notification, which no continuation has followed, if it is a whole packet."""
        if self._held is None:
            return []
        (data, arrival_s), self._held = self._held, None
        if (len(data) - 6) % 24 or len(data) in self._parts:
            self._count("continuation missing")
            return []
        self._whole.add(len(data))
        return self._piece(data[2:], arrival_s)

    def _join(self, data: bytes) -> list[SampleChunk]:
        if self._held is None:
            self._count("continuation alone")
            return []
        (first, arrival_s), self._held = self._held, None
        self._parts.add(len(first))
        return self._piece(first[2:] + data[2:], arrival_s)

    def _piece(self, data: bytes, arrival_s: float) -> list[SampleChunk]:
        found = decode_arrays(data)
        if found is None:
            self._count("length")
            return []
        time_ms, values = found
        if not (np.abs(values[:, :3]).max() <= MAX_ACC_M_S2 and np.abs(values[:, 3:]).max() <= MAX_GYR_DEG_S):
            self._count("values")
            return []
        values[:, 3:] *= np.pi / 180
        last_s = self._unwrap(time_ms) * 1e-3 + (len(values) - 1) / self._rate_hz
        return [SampleChunk("both", values, arrival_s, time_device_s=last_s)]

    def _unwrap(self, time_ms: int) -> int:
        """Unwrap milliseconds, which wrap after 49.7 days; only a step back by about that much is a wrap."""
        if self._last_ms is None:
            self._last_ms = time_ms
            return time_ms
        wraps, last = divmod(self._last_ms, TIME_WRAP_MS)
        if last - time_ms > TIME_WRAP_MS - 3_600_000:
            wraps += 1
        self._last_ms = wraps * TIME_WRAP_MS + time_ms
        return self._last_ms

    def _count(self, reason: str) -> None:
        self.rejects[reason] += 1


@dataclass(frozen=True, kw_only=True)
class MovesenseDriver(DeviceDriver):
    """Driver; the module describes the protocol."""

    name = "movesense"
    title = "Movesense"
    service = SERVICE
    data_characteristic = DATA
    control_characteristic = CONTROL
    reply_characteristic = DATA
    streams = ("both",)
    clock = "device"
    battery = "a request for /System/Energy/Level"
    tested = "Built from Movesense's firmware sources and tested on a captured packet, not on the device."

    def recognises(self, name: str, services: Collection[str]) -> bool:
        """By the service or the name."""
        return SERVICE in lower(services) or name.lower().startswith("movesense")

    def start_commands(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> list[Command]:
        """Subscribe to acceleration and angular rate together."""
        self.check(rate_hz, acc_range_g, gyr_range_deg_s)
        path = f"/Meas/IMU6/{rate_hz}".encode() + b"\0"
        return [Command(CONTROL, bytes((SUBSCRIBE, REFERENCE)) + path, replies=True)]

    def stop_commands(self) -> list[Command]:
        """Unsubscribe."""
        return [Command(CONTROL, bytes((UNSUBSCRIBE, REFERENCE)), replies=True, may_fail=True)]

    def battery_command(self) -> Command:
        """Request the battery level; `battery_percent` reads the reply."""
        return Command(CONTROL, bytes((4, REFERENCE + 1)) + b"/System/Energy/Level\0", replies=True)

    def battery_percent(self, data: bytes) -> int | None:
        """Battery level in a reply to `battery_command`: result, reference, status u16, percent."""
        if len(data) < 5 or data[0] != RESULT or data[1] != REFERENCE + 1 or data[2:4] != b"\xc8\x00":
            return None
        return data[4] if data[4] <= 100 else None

    def reply_to(self, command: Command, data: bytes) -> Reply | None:
        """A reply holds result, reference and an HTTP status."""
        if len(data) < 4 or data[0] != RESULT or data[1] != command.data[1]:
            return None
        status = int.from_bytes(data[2:4], "little")
        return Reply(200 <= status < 300, f"status {status}")

    def decoder(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> MovesenseDecoder:
        """A new `MovesenseDecoder`."""
        self.check(rate_hz, acc_range_g, gyr_range_deg_s)
        return MovesenseDecoder(rate_hz)


DRIVER = MovesenseDriver(rates_hz=(52, 104, 208, 416), acc_ranges_g=(8,), gyr_ranges_deg_s=(2000,))
