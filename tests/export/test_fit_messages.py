"""Messages of a FIT file that the writers used elsewhere cannot make."""

from __future__ import annotations

import struct

import pytest

pytest.importorskip("fitdecode")

from imurun.export.fit_messages import read_messages

UINT16, UINT8, TEXT, BYTE, SINT8, UINT32 = 0x84, 0x02, 0x07, 0x0D, 0x01, 0x86


def crc(data):
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


def definition(local, number, fields, developer=()):
    flags = 0x40 | local | (0x20 if developer else 0)
    start = struct.pack("<BBBHB", flags, 0, 0, number, len(fields)) + b"".join(map(bytes, fields))
    return start + (bytes([len(developer)]) + b"".join(map(bytes, developer)) if developer else b"")


def activity(scale, offset):
    """One record with stance_time 2685 raw and the developer field "Ground Time" 2685 raw."""
    name, unit = b"Ground Time\0", b"ms\0"
    body = definition(0, 0, [(0, 1, 0), (1, 2, UINT16)]) + struct.pack("<BBH", 0, 4, 255)
    body += definition(1, 207, [(3, 1, UINT8)]) + struct.pack("<BB", 1, 0)
    numbers = [(0, 1, UINT8), (1, 1, UINT8), (2, 1, UINT8), (3, len(name), TEXT)]
    numbers += [(6, 1, UINT8), (7, 1, SINT8), (8, len(unit), TEXT)]
    body += definition(2, 206, numbers) + struct.pack("<BBBB", 2, 0, 0, UINT16) + name
    body += struct.pack("<Bb", scale, offset) + unit
    body += definition(3, 20, [(253, 4, UINT32), (41, 2, UINT16)], [(0, 2, 0)])
    body += struct.pack("<BIHH", 3, 1_000_000_000, 2685, 2685)
    head = struct.pack("<BBHI4s", 14, 0x20, 2132, len(body), b".FIT")
    head += crc(head)
    return head + body + crc(head + body)


@pytest.mark.parametrize(
    ("scale", "offset", "expected"), [(10, 0, 268.5), (255, 127, 2685), (1, 0, 2685), (10, 5, 263.5)]
)
def test_the_scale_of_a_developer_field_is_applied(tmp_path, scale, offset, expected):
    """255 and 127 are FIT's invalid values: no scale is declared."""
    file = tmp_path / "run.fit"
    file.write_bytes(activity(scale, offset))
    (record,) = (message for message in read_messages(file, "run.fit")[0] if message.kind == "record")
    assert record.values["stance_time"] == 268.5
    assert record.developer == {("Ground Time", "ms"): expected}
