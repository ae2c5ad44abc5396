"""The wire format once more, by struct alone: from fields the bytes that firmware_protocol/README.md says."""

from __future__ import annotations

import struct
from collections.abc import Callable

VERSION = 1
SAMPLES, SHORT, LOG_DATA, RUN_HEADER = range(4)
LAST_PART, MORE_PARTS = 0x80, 0x81

REQUESTS = {  # op -> name, struct of the parameters, their names
    0x01: ("capabilities", "", ()),
    0x02: ("configure", "<HBH", ("rate_hz", "acc_range_g", "gyr_range_deg_s")),
    0x03: ("start", "<B", ("options",)),
    0x04: ("stop", "", ()),
    0x05: ("time_sync", "<Q", ("host_time_us",)),
    0x06: ("fetch", "<IH", ("first_index", "count")),
    0x07: ("status", "", ()),
    0x08: ("log_list", "", ()),
    0x09: ("log_read", "<HIH", ("log_id", "offset", "length")),
    0x0A: ("log_erase", "<H", ("log_id",)),
    0x0B: ("configuration", "", ()),
}
CONFIGURATION = (
    "<BIBHII",
    ("configuration_id", "rate_mhz", "acc_range_g", "gyr_range_deg_s", "acc_scale", "gyr_scale"),
)
RESPONSES = {  # the payloads of fixed shape
    0x02: CONFIGURATION,
    0x03: ("<IHI", ("boot_id", "run", "first_index")),
    0x04: ("<I", ("next_index",)),
    0x05: ("<QQ", ("received_us", "answered_us")),
    0x06: ("<IH", ("first_index", "count")),
    0x07: (
        "<IHBBIIIBBQ",
        (
            "boot_id",
            "run",
            "running",
            "configuration_id",
            "next_index",
            "oldest_index",
            "lost",
            "battery",
            "log",
            "device_time_us",
        ),
    ),
    0x09: ("<H", ("length",)),
    0x0A: ("<", ()),
    0x0B: CONFIGURATION,
}


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE, a bit at a time."""
    crc = 0xFFFF
    for bit in (byte >> k & 1 for byte in data for k in range(7, -1, -1)):
        crc = (crc << 1 & 0xFFFF) ^ (0x1021 if (crc >> 15) ^ bit else 0)
    return crc


def sealed(data: bytes) -> bytes:
    return data + struct.pack("<H", crc16(data))


def build_frame(fields: dict) -> bytes:
    kind = fields["type"]
    head = struct.pack("<BBH", VERSION << 4 | kind, fields["flags"], fields["sequence"])
    if kind == SAMPLES:
        values = [value for sample in fields["samples"] for value in sample]
        head += struct.pack(
            "<IIBB",
            fields["first_index"],
            fields["time_us"],
            len(fields["samples"]),
            fields["configuration_id"],
        )
        return sealed(head + struct.pack(f"<{len(values)}h", *values))
    if kind == SHORT:
        return head + struct.pack("<I6h", fields["index"], *fields["sample"])
    if kind == LOG_DATA:
        data = bytes.fromhex(fields["data"])
        return sealed(head + struct.pack("<IB", fields["offset"], len(data)) + data)
    names = (
        "boot_id run configuration_id rate_mhz acc_range_g gyr_range_deg_s "
        "acc_scale gyr_scale device_time_us host_time_us"
    )
    return sealed(head + struct.pack("<IHBIBHIIQQ", *(fields[name] for name in names.split())))


def reject_reason(data: bytes, crc: Callable[[bytes], int] = crc16) -> str | None:
    """Why a receiver rejects a frame: the first of the reasons that the specification lists; None if not."""
    if len(data) < 4:
        return "length"
    if data[0] >> 4 != VERSION:
        return "version"
    kind = data[0] & 15
    if kind not in (SAMPLES, SHORT, LOG_DATA, RUN_HEADER):
        return "type"
    shortest = {SAMPLES: 16, SHORT: 20, LOG_DATA: 11, RUN_HEADER: 44}[kind]
    if len(data) < shortest:
        return "length"
    length = shortest
    if kind == SAMPLES:
        length += 12 * data[12]
    elif kind == LOG_DATA:
        length += data[8]
    if len(data) != length:
        return "length"
    if kind != SHORT and crc(data[:-2]) != int.from_bytes(data[-2:], "little"):
        return "crc"
    return None


def build_request(fields: dict) -> bytes:
    _, shape, names = REQUESTS[fields["op"]]
    return bytes([fields["op"], fields["ref"]]) + struct.pack(shape or "<", *(fields[name] for name in names))


def build_payload(fields: dict) -> bytes:
    if fields["status"]:
        return b""
    if fields["op"] == 0x01:
        text = fields["firmware"].encode("ascii")
        rates, acc, gyr = fields["rates_hz"], fields["acc_ranges_g"], fields["gyr_ranges_deg_s"]
        return b"".join(
            (
                bytes([fields["protocol_version"], len(rates)]),
                struct.pack(f"<{len(rates)}H", *rates),
                bytes([len(acc), *acc, len(gyr)]),
                struct.pack(f"<{len(gyr)}H", *gyr),
                struct.pack("<IIB", fields["ring_samples"], fields["log_bytes"], len(text)),
                text,
            )
        )
    if fields["op"] == 0x08:
        logs = fields["logs"]
        return bytes([len(logs)]) + b"".join(struct.pack("<HI", log["log_id"], log["bytes"]) for log in logs)
    shape, names = RESPONSES[fields["op"]]
    return struct.pack(shape, *(fields[name] for name in names))


def build_response(fields: dict, mtu: int) -> list[bytes]:
    """The parts of a response."""
    payload = build_payload(fields)
    room = mtu - 3 - 4
    cuts = [payload[k : k + room] for k in range(0, len(payload), room)] or [b""]
    head = bytes([fields["op"], fields["ref"], fields["status"]])
    return [
        bytes([LAST_PART if k == len(cuts) - 1 else MORE_PARTS]) + head + cut for k, cut in enumerate(cuts)
    ]


def parse_payload(op: int, payload: bytes) -> dict:
    """Fields of a payload of fixed shape."""
    shape, names = RESPONSES[op]
    return dict(zip(names, struct.unpack(shape, payload), strict=True))


def parse_samples(frame: bytes) -> dict:
    """Fields of a type 0 frame; an assertion fails where it is not one."""
    kind, flags, sequence, first_index, time_us, count, configuration_id = struct.unpack_from(
        "<BBHIIBB", frame
    )
    assert kind == VERSION << 4 | SAMPLES
    assert len(frame) == 16 + 12 * count
    assert frame == sealed(frame[:-2])
    values = struct.unpack_from(f"<{6 * count}h", frame, 14)
    return {
        "flags": flags,
        "sequence": sequence,
        "first_index": first_index,
        "time_us": time_us,
        "configuration_id": configuration_id,
        "samples": [list(values[k : k + 6]) for k in range(0, len(values), 6)],
    }
