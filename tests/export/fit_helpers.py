"""Helpers: a session with known steps, FIT files of a watch built byte by byte, a reader of FIT."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime

import fitdecode
import numpy as np
import pandas as pd

from imurun.model.columns import STEP_COLUMNS
from imurun.session import Session

START = datetime(2026, 5, 1, 7, 30, tzinfo=UTC)
FIT_EPOCH = datetime(1989, 12, 31, tzinfo=UTC)
FIT_START = int((START - FIT_EPOCH).total_seconds())


def made_session(duration_s=60.0, start=START, markers=(), gait="running", **columns) -> Session:
    """Steps at exactly 166.5 a minute: left contacts 240 ms, right 260 ms, 90 mm, 2.5 g."""
    period_s = 60.0 / 166.5
    onset = np.arange(0.2, duration_s, period_s)
    sides = np.where(np.arange(len(onset)) % 2 == 0, "left", "right")
    contact_ms = np.where(sides == "left", 240.0, 260.0)
    known = {
        "initial_contact_s": onset,
        "final_contact_s": onset + contact_ms / 1000.0,
        "side": sides,
        "gait": gait,
        "contact_time_ms": contact_ms,
        "duty_factor": 0.35,
        "cadence_spm": 166.5,
        "vertical_oscillation_mm": 90.0,
        "peak_impact_g": 2.5,
        "lumbar_dose": 16.0,
    }
    known.update(columns)
    table = {c.name: known.get(c.name, np.nan) for c in STEP_COLUMNS}
    steps = pd.DataFrame(table, index=range(len(onset)))
    bouts = pd.DataFrame({"start_s": [0.0], "end_s": [duration_s], "kind": ["running"]})
    return Session(
        steps, bouts, bouts, {"duration_s": duration_s}, None, (), {}, start, "made.csv", tuple(markers)
    )


def read_messages(data: bytes) -> list[fitdecode.FitDataMessage]:
    """Every data message; a wrong checksum or structure raises."""
    with fitdecode.FitReader(
        io.BytesIO(data),
        check_crc=fitdecode.CrcCheck.RAISE,
        error_handling=fitdecode.ErrorHandling.RAISE,
    ) as reader:
        return [frame for frame in reader if isinstance(frame, fitdecode.FitDataMessage)]


def named(messages, name):
    return [message for message in messages if message.name == name]


def value(message, name):
    """Value of the only field of this name that has one."""
    found = [field.value for field in message.fields if field.name == name and field.value is not None]
    return found[0] if found else None


def crc16(data: bytes) -> int:
    """CRC-16/ARC, the checksum of FIT, bit by bit."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc


class FitBytes:
    """Builds a FIT file message by message."""

    def __init__(self, protocol=0x10, header_size=14):
        self.records = b""
        self.protocol, self.header_size = protocol, header_size

    def define(self, local, number, fields, *, big=False, developer=()):
        """Fields are (number, size, base type); developer fields (number, size, developer data index)."""
        order = ">" if big else "<"
        self.records += bytes([0x40 | local | (0x20 if developer else 0), 0, int(big)])
        self.records += struct.pack(order + "H", number) + bytes([len(fields)])
        self.records += b"".join(bytes(field) for field in fields)
        if developer:
            self.records += bytes([len(developer)]) + b"".join(bytes(field) for field in developer)

    def data(self, local, layout, *values):
        self.records += bytes([local]) + struct.pack(layout, *values)

    def squeezed(self, local, second, layout, *values):
        """Adds data with a compressed timestamp header, which has the lowest five bits of the time."""
        self.records += bytes([0x80 | local << 5 | second & 0x1F]) + struct.pack(layout, *values)

    def content(self):
        header = struct.pack("<BBHI4s", self.header_size, self.protocol, 2105, len(self.records), b".FIT")
        if self.header_size == 14:
            header += struct.pack("<H", crc16(header))
        whole = header + self.records
        return whole + struct.pack("<H", crc16(whole))


UINT8, UINT16, UINT32, SINT32, STRING, BYTE, ENUM, FLOAT32 = 0x02, 0x84, 0x86, 0x85, 0x07, 0x0D, 0x00, 0x88
UNKNOWN_MESSAGE, UNKNOWN_FIELD = 0xFF42, 210


def watch_content(n=60, *, first=FIT_START, speed_m_s=3.0, dynamics=True, squeezed=True, **header) -> bytes:
    """A watch's activity with every element that a merge could lose.

    Fields and a message that no profile knows, another application's developer fields, big-endian
    definitions, a redefined local message, times in compressed headers, records without GPS.
    """
    fit = FitBytes(**header)
    fit.define(0, 0, [(0, 1, ENUM), (1, 2, UINT16), (2, 2, UINT16), (3, 4, UINT32), (4, 4, UINT32)])
    fit.data(0, "<BHHII", 4, 1, 3113, 123456, first)
    fit.define(1, 207, [(1, 16, BYTE), (3, 1, UINT8)])
    fit.data(1, "<16sB", bytes(range(16)), 0)
    fit.define(1, 206, [(0, 1, UINT8), (1, 1, UINT8), (2, 1, UINT8), (3, 8, STRING), (8, 4, STRING)])
    fit.data(1, "<BBB8s4s", 0, 0, FLOAT32, b"Wind", b"m/s")
    fit.define(0, 21, [(253, 4, UINT32), (0, 1, ENUM), (1, 1, ENUM)])
    fit.data(0, "<IBB", first, 0, 0)
    fit.define(2, UNKNOWN_MESSAGE, [(253, 4, UINT32), (1, 3, BYTE)])
    native = [(253, 4, UINT32), (0, 4, SINT32), (1, 4, SINT32), (5, 4, UINT32), (73, 4, UINT32)]
    native += [(3, 1, UINT8), (4, 1, UINT8), (UNKNOWN_FIELD, 2, UINT16)]
    if dynamics:
        native += [(41, 2, UINT16)]
    fit.define(4, 20, native, big=True, developer=[(0, 4, 0)])
    short = [(0, 4, SINT32), (1, 4, SINT32), (73, 4, UINT32), (3, 1, UINT8)]
    fit.define(3, 20, short)
    for k in range(n):
        if k % 10 == 5:
            fit.data(2, "<I3s", first + k, bytes([k % 256, 2, 3]))
        place = (600_000_000 + 100 * k, 100_000_000 - 50 * k)
        if squeezed and k % 3 == 2:
            fit.squeezed(3, first + k, "<iiIB", *place, round(1000 * speed_m_s), 150)
            continue
        values = [first + k, *place, round(100 * speed_m_s * k), round(1000 * speed_m_s), 140 + k % 20, 80, k]
        layout = ">IiiIIBBH"
        if dynamics:
            values, layout = [*values, 3000], layout + "H"
        fit.data(4, layout + "f", *values, 1.5 + k)
    totals = [
        (253, 4, UINT32),
        (2, 4, UINT32),
        (7, 4, UINT32),
        (8, 4, UINT32),
        (9, 4, UINT32),
        (254, 2, UINT16),
    ]
    fit.define(0, 19, totals)
    for lap, (a, b) in enumerate([(0, n // 2), (n // 2, n - 1)]):
        length_ms, way_cm = 1000 * (b - a), round(100 * speed_m_s * (b - a))
        fit.data(0, "<IIIIIH", first + b, first + a, length_ms, length_ms, way_cm, lap)
    last, length_ms, way_cm = first + n - 1, 1000 * (n - 1), round(100 * speed_m_s * (n - 1))
    fit.define(1, 18, [*totals, (5, 1, ENUM), (25, 2, UINT16), (26, 2, UINT16)])
    fit.data(1, "<IIIIIHBHH", last, first, length_ms, length_ms, way_cm, 0, 1, 0, 2)
    fit.define(5, 34, [(253, 4, UINT32), (0, 4, UINT32), (1, 2, UINT16)])
    fit.data(5, "<IIH", last, length_ms, 1)
    return fit.content()
