"""Driver for the WitMotion WT9011DCL and BWT901BLE.

Written from WitMotion's published protocol and captured frames; no command was tried on the device. Frames of
20 bytes, `55 61` and nine numbers, have no time, number or checksum, and may be split over notifications or
joined in one. Sample times are therefore found by counting, and a gap is detected only once enough frames are
missing (`imurun.reassembly.by_count`). A flipped bit inside a frame cannot be detected.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from imurun.ble.devices.driver import Command, DeviceDriver, lower
from imurun.model.frames import G
from imurun.reassembly.chunks import SampleChunk

SERVICE = "0000ffe5-0000-1000-8000-00805f9a34fb"
DATA = "0000ffe4-0000-1000-8000-00805f9a34fb"
CONTROL = "0000ffe9-0000-1000-8000-00805f9a34fb"

FRAME_BYTES = 20
HEADER = b"\x55\x61"
REGISTER_HEADER = b"\x55\x71"
"""Reply to the reading of a register, as long as a frame of samples."""
_EITHER_HEADER = re.compile(re.escape(HEADER) + b"|" + re.escape(REGISTER_HEADER))
_SCALE = np.repeat([16 / 32768 * G, 2000 / 32768 * math.pi / 180], 3)
_RATE_CODES = {50: 0x08, 100: 0x09, 200: 0x0B}


class WitMotionDecoder:
    """Decodes notifications to chunks; frames may be split or joined.

    A frame is accepted where it begins with a header and, if more bytes have arrived, another header follows
    it. A notification of whole frames that begins with a header discards an unfinished frame.
    """

    def __init__(self) -> None:
        self.rejects: Counter[str] = Counter()
        self._rest = b""

    def reply(self, data: bytes) -> None:
        """Nothing to do: the sensor does not reply."""

    def feed(self, data: bytes, arrival_s: float) -> list[SampleChunk]:
        """Decode one notification to at most one chunk."""
        if self._rest and len(data) % FRAME_BYTES == 0 and data[:2] in (HEADER, REGISTER_HEADER):
            self.rejects["truncated"] += 1
            self._rest = b""
        stream = self._rest + bytes(data)
        frames: list[bytes] = []
        at = 0
        while at + FRAME_BYTES <= len(stream):
            head, following = stream[at : at + 2], stream[at + FRAME_BYTES : at + FRAME_BYTES + 2]
            if head in (HEADER, REGISTER_HEADER) and _may_be_header(following):
                if head == HEADER:
                    frames.append(stream[at + 2 : at + 14])
                at += FRAME_BYTES
            else:
                self.rejects["header"] += 1
                at = _next_header(stream, at + 1)
        if stream[at:] and not _may_be_header(stream[at : at + 2]):
            self.rejects["header"] += 1
            at = _next_header(stream, at + 1)
        self._rest = stream[at:]
        if not frames:
            return []
        raw = np.frombuffer(b"".join(frames), "<i2").reshape(-1, 6)
        return [SampleChunk("both", raw * _SCALE, arrival_s)]


def _may_be_header(data: bytes) -> bool:
    return HEADER.startswith(data) or REGISTER_HEADER.startswith(data)


def _next_header(stream: bytes, at: int) -> int:
    """Position of the next header, or of the first byte of one at the end; else the end."""
    found = _EITHER_HEADER.search(stream, at)
    if found:
        return found.start()
    return len(stream) - 1 if len(stream) > at and stream[-1:] == HEADER[:1] else len(stream)


@dataclass(frozen=True, kw_only=True)
class WitMotionDriver(DeviceDriver):
    """Driver; the module describes the protocol."""

    name = "witmotion"
    title = "WitMotion WT9011DCL or BWT901BLE"
    service = SERVICE
    data_characteristic = DATA
    control_characteristic = CONTROL
    reply_characteristic = None
    streams = ("both",)
    clock = "none"
    battery = "not read"
    tested = "Built from WitMotion's protocol and tested on captured frames, not on the device."

    def recognises(self, name: str, services: Collection[str]) -> bool:
        """By the service or the name."""
        return SERVICE in lower(services) or name.upper().startswith(("WT901BLE", "WT9011", "BWT901BLE"))

    def start_commands(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> list[Command]:
        """Unlock, set the rate, save it; the sensor always sends frames."""
        self.check(rate_hz, acc_range_g, gyr_range_deg_s)
        commands = ("ffaa6988b5", f"ffaa03{_RATE_CODES[rate_hz]:02x}00", "ffaa000000")
        return [Command(CONTROL, bytes.fromhex(command)) for command in commands]

    def stop_commands(self) -> list[Command]:
        """None: the sensor sends as long as notifications are subscribed."""
        return []

    def decoder(self, rate_hz: int, acc_range_g: int, gyr_range_deg_s: int) -> WitMotionDecoder:
        """A new `WitMotionDecoder`."""
        self.check(rate_hz, acc_range_g, gyr_range_deg_s)
        return WitMotionDecoder()


DRIVER = WitMotionDriver(rates_hz=tuple(_RATE_CODES), acc_ranges_g=(16,), gyr_ranges_deg_s=(2000,))
