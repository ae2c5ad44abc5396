"""Targets: data from sensors (packets of every driver, replies, control point, frames, pieces of logs)."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from imurun.ble.codec import LogData, Samples, crc16, decode_frame, decode_log, encode_frame
from imurun.ble.control import LAST, LogEntry, Op, Parts, decode_capabilities, decode_request, decode_response
from imurun.ble.decoding import Settings as SensorSettings
from imurun.ble.decoding import StreamDecoder
from imurun.ble.device_info import PartialLog
from imurun.ble.devices import DRIVERS
from imurun.errors import ImurunError
from tests.ble.ble_helpers import SETTINGS, VECTORS, movesense_packet, polar_packet, witmotion_frame
from tests.fuzz.harness import Target

MOST_PACKETS = 400


def _packets() -> dict[str, list[bytes]]:
    rng = np.random.default_rng(3)
    slow = np.cumsum(rng.integers(-90, 90, (20, 3)), axis=0)
    frames = [
        encode_frame(
            Samples(0, k, 10 * k, round(10 * (k + 1) / 208 * 1e6), 1, rng.integers(-9000, 9000, (10, 6)))
        )
        for k in range(6)
    ]
    polar = [polar_packet(kind, (k + 1) * 10**8, slow, 9) for k in range(4) for kind in (2, 5)]
    movesense = [
        movesense_packet(1000 + 38 * k, rng.normal(0, 10, (8, 3)), rng.normal(0, 100, (8, 3)))
        for k in range(4)
    ]
    meta = [
        head + struct.pack("<9h", *rng.integers(-9000, 9000, 9))
        for _ in range(6)
        for head in (b"\3\5", b"\x13\5")
    ]
    return {
        "imurun": [*frames, *(bytes.fromhex(vector["hex"]) for vector in VECTORS["frames"])],
        "polar_verity_sense": [*polar, bytes.fromhex("F0020200000501") + bytes(4)],
        "movesense": [*movesense, bytes.fromhex("0163c800")],
        "metamotion_s": meta,
        "witmotion": [witmotion_frame(rng.integers(-9000, 9000, 6)) * 3 for _ in range(6)]
        + [b"\x55\x71" + bytes(18)],
    }


PACKETS = _packets()


def joined(packets: Sequence[bytes], rng: random.Random | None = None) -> bytes:
    """Packets as one input: destination, time since the previous one, length, bytes."""
    rng = rng or random.Random(4)
    return b"".join(
        struct.pack("<BBB", rng.randrange(2) and 0x80, rng.choice((0, 5, 10, 200)), len(packet)) + packet
        for packet in packets
        if len(packet) < 256
    )


def taken_apart(data: bytes) -> list[tuple[bool, float, bytes]]:
    """Per packet: whether it is a reply, seconds since the previous one (hours for a high byte), bytes."""
    found = []
    at = 0
    while at + 3 <= len(data) and len(found) < MOST_PACKETS:
        where, gap, length = data[at : at + 3]
        found.append(
            (where > 0x7F, 0.01 * gap if gap < 250 else 900.0 * (gap - 249), data[at + 3 : at + 3 + length])
        )
        at += 3 + length
    return found


def packets_of(name: str, folder: Path) -> Sequence[bytes]:
    good = PACKETS[name]
    return [joined(good), joined(good * 3), *map(joined, ([packet] for packet in good))]


def feed(data: bytes, folder: Path, *, name: str) -> str:
    """Decode and reassemble the packets as the client and the replay do."""
    driver = DRIVERS[name]
    stream_decoder = StreamDecoder(driver, SensorSettings(*SETTINGS[name]))
    arrival_s, n_rows, next_index = 100.0, 0, None
    for is_reply, gap_s, packet in taken_apart(data):
        arrival_s += gap_s
        to = driver.reply_characteristic if is_reply else driver.data_characteristic
        for block in stream_decoder.take(to or "", packet, arrival_s):
            assert next_index in (None, block.first_index)
            next_index = block.next_index
            n_rows += int((~block.missing).sum())
        for piece in stream_decoder.chunks:
            assert np.isfinite(piece.values).all()
        for write in (*driver.stop_commands(), *driver.start_commands(*SETTINGS[name])):
            driver.reply_to(write, packet)
        driver.battery_percent(packet)
    for block in stream_decoder.reassembler.finish():
        n_rows += int((~block.missing).sum())
    stream_decoder.reassembler.pending_ranges()
    assert n_rows * 0.3 <= len(data) + 2
    rejects, counts = sorted(stream_decoder.decoder.rejects), sorted(stream_decoder.reassembler.counts)
    return f"{n_rows.bit_length()}, {rejects}, {counts}"


def _sealed_frames(data: bytes, rng: random.Random) -> bytes:
    """Correct the checksums of frames of imurun's protocol."""
    out = b""
    for is_reply, gap_s, packet in taken_apart(data):
        if len(packet) > 2:
            packet = packet[:-2] + struct.pack("<H", crc16(packet[:-2]))
        out += struct.pack("<BBB", 0x80 * is_reply, min(int(gap_s * 100), 255), len(packet)) + packet
    return out


def controls(folder: Path) -> Sequence[bytes]:
    words = [
        bytes.fromhex(vector["hex"])
        for kind in VECTORS.values()
        if isinstance(kind, list)
        for vector in kind
        if isinstance(vector, dict) and "hex" in vector
    ]
    part = bytes((LAST, Op.LOG_LIST, 1, 0, 2, 1, 0, 0, 1, 0, 0, 2, 0, 5, 0, 0, 0))
    return [joined(words), joined([part]), *(joined([word]) for word in words)]


def control(data: bytes, folder: Path) -> str:
    """Decode each packet as request, response in parts, capabilities and frame."""
    parts, seen = Parts(), set()
    for _, _, packet in taken_apart(data):
        response = parts.feed(packet)
        for value in (
            response,
            decode_request(packet),
            decode_response(packet),
            decode_capabilities(packet),
            decode_frame(packet),
        ):
            seen.add(value if isinstance(value, str) else type(value).__name__)
        if response is not None:
            seen.add(type(response.payload).__name__)
    return f"{sorted(seen)}, {parts.rejected > 0}"


def download(data: bytes, folder: Path) -> str:
    """Place pieces of a log at their offsets and read the result as a log."""
    size = int.from_bytes(data[:4], "little")
    try:
        part = PartialLog(LogEntry(1, size % (1 << 20) if data[4:5] < b"\xf0" else 1 << 31))
    except ImurunError:
        return "too large"
    for _, _, packet in taken_apart(data[5:]):
        frame = decode_frame(packet)
        if isinstance(frame, LogData):
            part.put(frame)
    if part.n_missing:
        part.first_missing()
    log = decode_log(part.content)
    assert 0 <= part.share <= 1
    return f"{part.n_missing.bit_length()}, {len(log.frames)}"


def downloads(folder: Path) -> Sequence[bytes]:
    record = encode_frame(Samples(0, 1, 0, 10, 1, np.ones((5, 6), np.int16)))
    log = (bytes((len(record),)) + record) * 3
    pieces = [encode_frame(LogData(0, k, k, log[k : k + 40])) for k in range(0, len(log), 40)]
    return [len(log).to_bytes(4, "little") + b"\0" + joined(pieces)]


def _sealed_download(data: bytes, rng: random.Random) -> bytes:
    return data[:5] + _sealed_frames(data[5:], rng)


SENSORS = (
    *(
        Target(
            f"packets-{name.split('_')[0]}",
            partial(packets_of, name),
            partial(feed, name=name),
            _sealed_frames if name == "imurun" else None,
        )
        for name in SETTINGS
    ),
    Target("control", controls, control, _sealed_frames),
    Target("log-download", downloads, download, _sealed_download),
)
