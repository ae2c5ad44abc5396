"""The golden vectors against an independent builder and against the C."""

from __future__ import annotations

import ctypes

import firmware_wire as wire
import pytest

from imurun.virtual.board import Board


class Sample(ctypes.Structure):
    _fields_ = [("axes", ctypes.c_int16 * 6), ("time_us", ctypes.c_uint32)]


class Configuration(ctypes.Structure):
    _fields_ = [
        ("id", ctypes.c_uint8),
        ("rate_hz", ctypes.c_uint16),
        ("rate_mhz", ctypes.c_uint32),
        ("acc_range_g", ctypes.c_uint8),
        ("gyr_range_deg_s", ctypes.c_uint16),
        ("acc_scale", ctypes.c_uint32),
        ("gyr_scale", ctypes.c_uint32),
    ]


class RunHeader(ctypes.Structure):
    _fields_ = [
        ("boot_id", ctypes.c_uint32),
        ("run", ctypes.c_uint16),
        ("configuration", Configuration),
        ("device_time_us", ctypes.c_uint64),
        ("host_time_us", ctypes.c_uint64),
    ]


def c_samples(samples: list[list[int]]) -> ctypes.Array:
    return (Sample * max(len(samples), 1))(*(Sample((ctypes.c_int16 * 6)(*axes), 0) for axes in samples))


def c_frame(lib: ctypes.CDLL, fields: dict) -> bytes:
    out = ctypes.create_string_buffer(244)
    head = (ctypes.c_uint8(fields["flags"]), ctypes.c_uint16(fields["sequence"]))
    u8, u32 = ctypes.c_uint8, ctypes.c_uint32
    if fields["type"] == wire.SAMPLES:
        size = lib.imup_put_samples(
            out,
            *head,
            u32(fields["first_index"]),
            u32(fields["time_us"]),
            u8(fields["configuration_id"]),
            c_samples(fields["samples"]),
            u8(len(fields["samples"])),
        )
    elif fields["type"] == wire.SHORT:
        size = lib.imup_put_short(out, *head, u32(fields["index"]), c_samples([fields["sample"]]))
    elif fields["type"] == wire.LOG_DATA:
        data = bytes.fromhex(fields["data"])
        ctypes.memmove(ctypes.byref(out, 9), data, len(data))
        size = lib.imup_seal_log_data(out, *head, u32(fields["offset"]), u8(len(data)))
    else:
        names = [name for name, *_ in Configuration._fields_[2:]]
        configuration = Configuration(fields["configuration_id"], 0, *(fields[name] for name in names))
        header = RunHeader(
            fields["boot_id"], fields["run"], configuration, fields["device_time_us"], fields["host_time_us"]
        )
        size = lib.imup_put_run_header(out, *head, ctypes.byref(header))
    return out.raw[:size]


def test_vectors_are_what_an_independent_builder_makes(vectors):
    for entry in vectors["frames"]:
        assert wire.build_frame(entry["fields"]).hex() == entry["hex"], entry["name"]
        assert len(entry["hex"]) // 2 <= entry.get("mtu", 247) - 3, entry["name"]
    for entry in vectors["requests"]:
        assert wire.build_request(entry["fields"]).hex() == entry["hex"], entry["name"]
    for entry in vectors["responses"]:
        parts = [part.hex() for part in wire.build_response(entry["fields"], entry["mtu"])]
        assert parts == entry["parts"], entry["name"]


def test_vectors_of_the_log_are_frames_after_their_length(vectors):
    frames = {entry["name"]: bytes.fromhex(entry["hex"]) for entry in vectors["frames"]}
    chosen = [frames[name] for name in vectors["log"]["frames"]]
    assert b"".join(bytes([len(frame)]) + frame for frame in chosen).hex() == vectors["log"]["hex"]


def test_checksums_of_the_c_code_match_the_vectors(vectors, library):
    library.imup_crc16.restype = ctypes.c_uint16
    for entry in vectors["crc"]:
        data = bytes.fromhex(entry["hex"])
        assert library.imup_crc16(data, ctypes.c_size_t(len(data))) == entry["crc"] == wire.crc16(data)


def test_frames_of_the_c_code_match_the_vectors(vectors, library):
    for entry in vectors["frames"]:
        assert c_frame(library, entry["fields"]).hex() == entry["hex"], entry["name"]


def test_the_c_code_flags_values_at_full_scale(library):
    library.imup_clipped.restype = ctypes.c_uint8
    for axes, flags in (
        ([32767, 0, 0, 0, 0, 0], 1),
        ([0, 0, -32768, 0, 0, 0], 1),
        ([0, 0, 0, 32767, 0, 0], 2),
        ([-32768, 0, 0, 0, 0, -32768], 3),
        ([32766, -32767, 0, 0, 0, 0], 0),
    ):
        assert library.imup_clipped(c_samples([[0] * 6, axes]), ctypes.c_size_t(2)) == flags


def test_every_request_is_known_to_the_c_and_has_the_right_length(vectors, library):
    with Board(library) as board:
        board.set_mtu(247)
        for entry in vectors["requests"]:
            assert board.write(bytes.fromhex(entry["hex"]))
            (answer,) = board.indications()
            assert answer[1:3] == bytes.fromhex(entry["hex"])[:2], entry["name"]
            assert answer[3] not in (1, 2), entry["name"]


@pytest.mark.parametrize("mtu", [247, 185, 23])
def test_responses_of_the_c_code_match_the_vectors(vectors, library, mtu):
    parts = {entry["name"]: entry["parts"] for entry in vectors["responses"]}
    requests = {entry["name"]: entry["hex"] for entry in vectors["requests"]}
    with Board(library, boot_id=0xDEADBEEF, log_bytes=2097152) as board:
        board.set_mtu(mtu)
        compared = 0
        for request, response in (
            ("capabilities", "capabilities"),
            ("configure 208 Hz, 16 g, 2000 deg/s", "configure"),
            ("configuration", "configuration"),
            ("start, no log", "start"),
        ):
            assert board.write(bytes.fromhex(requests[request]))
            answer = [part.hex() for part in board.indications()]
            expected = parts.get(f"{response}, MTU {mtu}")
            assert expected in (answer, None)
            compared += expected is not None
    assert compared >= 1
