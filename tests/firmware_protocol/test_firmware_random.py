"""The C and the Python of imurun.ble on packets drawn at random: frames, damaged frames, requests."""

from __future__ import annotations

import ctypes
import struct
from collections import Counter
from collections.abc import Callable, Iterator

import firmware_wire as wire
import numpy as np
import pytest

from imurun.ble.codec import LogData, Reject, RunHeader, Samples, decode_frame, encode_frame
from imurun.ble.control import Status, decode_request
from imurun.virtual.board import Board

N_FRAMES = 100_000
SHARES = {wire.SAMPLES: 0.4, wire.SHORT: 0.3, wire.LOG_DATA: 0.15, wire.RUN_HEADER: 0.15}
BITS = {  # of the fields of a run header, in the order of the frame
    "boot_id": 32,
    "run": 16,
    "configuration_id": 8,
    "rate_mhz": 32,
    "acc_range_g": 8,
    "gyr_range_deg_s": 16,
    "acc_scale": 32,
    "gyr_scale": 32,
    "device_time_us": 64,
    "host_time_us": 64,
}
SAMPLE = np.dtype([("axes", "<i2", 6), ("time_us", "<u4")])
CONFIGURATION = np.dtype(
    [
        ("configuration_id", "u1"),
        ("rate_hz", "<u2"),
        ("rate_mhz", "<u4"),
        ("acc_range_g", "u1"),
        ("gyr_range_deg_s", "<u2"),
        ("acc_scale", "<u4"),
        ("gyr_scale", "<u4"),
    ],
    align=True,
)
HEADER = np.dtype(
    [
        ("boot_id", "<u4"),
        ("run", "<u2"),
        ("configuration", CONFIGURATION),
        ("device_time_us", "<u8"),
        ("host_time_us", "<u8"),
    ],
    align=True,
)

u8, u16, u32, size, pointer = (
    ctypes.c_uint8,
    ctypes.c_uint16,
    ctypes.c_uint32,
    ctypes.c_size_t,
    ctypes.c_void_p,
)
Frame = Samples | LogData | RunHeader


class CEncoder:
    """Frames by the C, into one buffer that is reused."""

    def __init__(self, library: ctypes.CDLL) -> None:
        def function(name: str, *arguments: type) -> Callable[..., int]:
            return ctypes.CFUNCTYPE(size, pointer, u8, u16, *arguments)((name, library))

        self._samples = function("imup_put_samples", u32, u32, u8, pointer, u8)
        self._short = function("imup_put_short", u32, pointer)
        self._log_data = function("imup_seal_log_data", u32, u8)
        self._run_header = function("imup_put_run_header", pointer)
        self._out = ctypes.create_string_buffer(244)
        self._at = ctypes.addressof(self._out)
        self._taken = np.zeros(19, SAMPLE)
        self._header = np.zeros((), HEADER)

    def encode(self, frame: Frame) -> bytes:
        head = self._at, frame.flags, frame.sequence
        if isinstance(frame, LogData):
            ctypes.memmove(self._at + 9, frame.data, len(frame.data))
            length = self._log_data(*head, frame.offset, len(frame.data))
        elif isinstance(frame, RunHeader):
            for name in BITS:
                there = self._header if name in HEADER.fields else self._header["configuration"]
                there[name] = getattr(frame, name)
            length = self._run_header(*head, self._header.ctypes.data)
        else:
            n = len(frame.raw)
            self._taken["axes"][:n] = frame.raw
            samples = self._taken.ctypes.data
            if frame.time_us is None:
                length = self._short(*head, frame.first_index, samples)
            else:
                fields = frame.first_index, frame.time_us, frame.configuration_id
                length = self._samples(*head, *fields, samples, n)
        return ctypes.string_at(self._at, length)


def random_frames(n: int, seed: int) -> Iterator[Frame]:
    """Of every type, every field over all of its range."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(list(SHARES), n, p=list(SHARES.values())).tolist()
    flags = rng.integers(0, 1 << 8, n).tolist()
    sequences, configurations = (rng.integers(0, 1 << bits, n).tolist() for bits in (16, 8))
    places, times = (rng.integers(0, 1 << 32, n).tolist() for _ in range(2))
    counts, lengths = rng.integers(0, 20, n).tolist(), rng.integers(0, 234, n).tolist()
    raw = rng.integers(-(1 << 15), 1 << 15, (n + 20, 6)).astype("<i2")
    noise = rng.bytes(n + 256)
    for k, kind in enumerate(kinds):
        head = flags[k], sequences[k]
        if kind == wire.SAMPLES:
            yield Samples(*head, places[k], times[k], configurations[k], raw[k : k + counts[k]])
        elif kind == wire.SHORT:
            yield Samples(*head, places[k], None, None, raw[k : k + 1])
        elif kind == wire.LOG_DATA:
            yield LogData(*head, places[k], noise[k : k + lengths[k]])
        else:
            yield RunHeader(*head, *(int.from_bytes(rng.bytes(bits // 8)) for bits in BITS.values()))


def is_same(found: object, frame: Frame) -> bool:
    if isinstance(found, Samples) and isinstance(frame, Samples):
        return found[:5] == frame[:5] and found.raw.tobytes() == frame.raw.tobytes()
    return type(found) is type(frame) and found == frame


def test_every_frame_of_the_c_is_what_python_reads_and_writes(library):
    c = CEncoder(library)
    seen = Counter()
    for frame in random_frames(N_FRAMES, seed=1):
        data = c.encode(frame)
        assert is_same(decode_frame(data), frame), (frame, data.hex())
        assert encode_frame(frame) == data, frame
        seen[data[0] & 15] += 1
    assert sum(seen.values()) == N_FRAMES
    assert all(seen[kind] > 0.9 * share * N_FRAMES for kind, share in SHARES.items())


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """Bits flipped, bytes cut off or added, another first byte, or nothing but noise."""
    kind = int(rng.integers(6))
    if kind == 0:
        return data[: int(rng.integers(len(data)))]
    if kind == 1:
        return data + rng.bytes(int(rng.integers(1, 13)))
    if kind == 2:
        return rng.bytes(int(rng.integers(0, 245)))
    if kind == 3:
        return bytes((int(rng.integers(256)),)) + data[1:]
    out = bytearray(data)
    for bit in rng.integers(0, 8 * len(out), 1 if kind == 4 else 4).tolist():
        out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


def test_what_is_damaged_is_refused_for_the_reason_that_the_specification_gives(library):
    """The C has no receiver of frames: its checksum, in the order of the specification, against Python."""
    crc = ctypes.CFUNCTYPE(u16, ctypes.c_char_p, size)(("imup_crc16", library))
    c, rng = CEncoder(library), np.random.default_rng(2)
    seen = Counter()
    for frame in random_frames(N_FRAMES, seed=3):
        data = damage(c.encode(frame), rng)
        found = decode_frame(data)
        reason = wire.reject_reason(data, lambda cut: crc(cut, len(cut)))
        assert (found.value if isinstance(found, Reject) else None) == reason, data.hex()
        seen[reason] += 1
        if reason is None:
            assert encode_frame(found) == data
    assert all(seen[reason.value] > 1000 for reason in Reject)
    # short frames have no checksum, and a bit flipped and flipped back is none
    assert 1000 < seen[None] < 0.2 * N_FRAMES


@pytest.mark.parametrize("seed", range(2))
def test_requests_are_judged_alike(library, seed):
    """Right ones, and such as are too long, too short, unknown or noise."""
    rng = np.random.default_rng(seed)
    n, agreed = 10_000, Counter()
    with Board(library) as board:
        board.set_mtu(247)
        for _ in range(n):
            op = int(rng.integers(0, 14))
            length = parameter_bytes(op) + int(rng.choice([0, 0, 0, -1, 1, 5]))
            data = bytes((op, int(rng.integers(256)))) + rng.bytes(max(0, length))
            if rng.random() < 0.1:
                data = rng.bytes(int(rng.integers(0, 20)))
            if not board.write(data):
                assert len(data) < 2
                assert decode_request(data) is None
                continue
            status = board.indications()[0][3]
            refused = status in (Status.UNKNOWN_OP, Status.WRONG_LENGTH)
            assert (decode_request(data) is None) == refused, data.hex()
            agreed[status] += 1
    assert agreed[Status.UNKNOWN_OP] > 100
    assert agreed[Status.WRONG_LENGTH] > 100
    assert sum(agreed.values()) - agreed[Status.UNKNOWN_OP] - agreed[Status.WRONG_LENGTH] > 1000


def parameter_bytes(op: int) -> int:
    """Bytes of the parameters of a request."""
    return struct.calcsize(wire.REQUESTS[op][1] or "<") if op in wire.REQUESTS else 0
