"""Packets for the tests of imurun.ble."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

VECTORS = json.loads(
    (Path(__file__).resolve().parents[2] / "firmware_protocol" / "vectors.json").read_text(encoding="utf-8")
)

G = 9.80665
RADIAN = np.pi / 180

SETTINGS = {
    "imurun": (208, 16, 2000),
    "polar_verity_sense": (208, 16, 2000),
    "movesense": (208, 8, 2000),
    "metamotion_s": (100, 16, 2000),
    "witmotion": (200, 16, 2000),
}
"""Of each kind of sensor: samples a second, full scale in g, in deg/s."""


def rows(blocks):
    """All samples of consecutive blocks, shape (n, 6), and the place of the first."""
    place = blocks[0].first_index
    for block in blocks:
        assert block.first_index == place
        place = block.next_index
    parts = [block.acc if block.gyr is None else np.hstack([block.acc, block.gyr]) for block in blocks]
    return blocks[0].first_index, np.vstack(parts)


def movesense_packet(time_ms, acc, gyr_deg_s, reference=99):
    """A whole notification: acceleration, then angular rate, as float32."""
    body = struct.pack("<I", time_ms) + np.concatenate([acc, gyr_deg_s]).astype("<f4").tobytes()
    return bytes((2, reference)) + body


def witmotion_frame(counts, angles=(0, 0, 0)):
    return b"\x55\x61" + np.concatenate([counts, angles]).astype("<i2").tobytes()


def polar_delta(counts, bits):
    """Reference and differences of `counts`, shape (n, 3), in runs of up to 255."""
    out = np.asarray(counts[0], "<i2").tobytes()
    steps = np.diff(counts, axis=0)
    for first in range(0, len(steps), 255):
        run = steps[first : first + 255]
        number = 0
        for k, step in enumerate(run.ravel().tolist()):
            number |= (step & ((1 << bits) - 1)) << (k * bits)
        out += bytes((bits, len(run))) + number.to_bytes((bits * run.size + 7) // 8, "little")
    return out


def polar_packet(kind, time_ns, counts, bits=16):
    frame = 0x81 if kind == 2 else 0x80
    return struct.pack("<BQB", kind, time_ns, frame) + polar_delta(counts, bits)
