"""The codec against the golden vectors, and against bytes that are no frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.ble.codec import (
    LogData,
    Reject,
    RunHeader,
    Samples,
    crc16,
    decode_frame,
    decode_log,
    encode_frame,
    samples_per_frame,
)
from tests.ble.ble_helpers import VECTORS


def as_fields(frame):
    """A frame in the words of the vectors."""
    if isinstance(frame, LogData):
        return {"type": 2, **frame._asdict(), "data": frame.data.hex()}
    if isinstance(frame, RunHeader):
        return {"type": 3, **frame._asdict()}
    fields = frame._asdict()
    raw = fields.pop("raw").tolist()
    if frame.time_us is None:
        del fields["time_us"], fields["configuration_id"]
        index = fields.pop("first_index")
        return {"type": 1, **fields, "index": index, "sample": raw[0]}
    return {"type": 0, **fields, "samples": raw}


def from_fields(fields):
    fields = dict(fields)
    kind = fields.pop("type")
    if kind == 2:
        return LogData(**{**fields, "data": bytes.fromhex(fields["data"])})
    if kind == 3:
        return RunHeader(**fields)
    if kind == 1:
        raw = np.array([fields["sample"]], "<i2")
        return Samples(fields["flags"], fields["sequence"], fields["index"], None, None, raw)
    return Samples(**{k: v for k, v in fields.items() if k != "samples"}, raw=as_raw(fields["samples"]))


def as_raw(samples):
    return np.array(samples, "<i2").reshape(-1, 6)


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=lambda vector: vector["name"])
def test_frames_match_the_vectors(vector):
    data = bytes.fromhex(vector["hex"])
    assert as_fields(decode_frame(data)) == vector["fields"]
    assert encode_frame(from_fields(vector["fields"])) == data


@pytest.mark.parametrize("vector", VECTORS["rejects"], ids=lambda vector: vector["name"])
def test_invalid_frames_are_rejected_for_the_reason_of_the_vectors(vector):
    assert decode_frame(bytes.fromhex(vector["hex"])) == vector["reason"]


@pytest.mark.parametrize("vector", VECTORS["crc"], ids=lambda vector: vector["hex"])
def test_checksums_match_the_vectors(vector):
    assert crc16(bytes.fromhex(vector["hex"])) == vector["crc"]


def test_the_log_matches_the_vectors():
    log = decode_log(bytes.fromhex(VECTORS["log"]["hex"]))
    by_name = {vector["name"]: vector["fields"] for vector in VECTORS["frames"]}
    assert [as_fields(frame) for frame in log.frames] == [by_name[name] for name in VECTORS["log"]["frames"]]
    assert log.lost_bytes == 0


@pytest.mark.parametrize(("mtu", "count"), [(23, 0), (30, 0), (31, 1), (185, 13), (247, 19), (517, 19)])
def test_the_mtu_limits_the_samples_of_a_frame(mtu, count):
    assert samples_per_frame(mtu) == count


u16, u32 = st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)
u8, i16 = st.integers(0, 255), st.integers(-(2**15), 2**15 - 1)
sets = st.lists(st.tuples(*[i16] * 6), max_size=19).map(as_raw)
samples = st.builds(Samples, u8, u16, u32, u32, u8, sets)
short = st.builds(
    Samples, u8, u16, u32, st.none(), st.none(), st.tuples(*[i16] * 6).map(lambda s: as_raw([s]))
)
log_data = st.builds(LogData, u8, u16, u32, st.binary(max_size=233))


@settings(max_examples=500)
@given(st.one_of(samples, short, log_data))
def test_an_encoded_frame_decodes_to_itself(frame):
    assert as_fields(decode_frame(encode_frame(frame))) == as_fields(frame)


@settings(max_examples=500)
@given(st.binary(max_size=300))
def test_random_bytes_are_no_frames(data):
    """Short samples have no checksum; whatever else gets through has one that holds."""
    frame = decode_frame(data)
    assert (
        isinstance(frame, Reject)
        or data[0] == 0x11
        or crc16(data[:-2]) == int.from_bytes(data[-2:], "little")
    )


@settings(max_examples=500)
@given(st.one_of(samples, log_data), st.data())
def test_frames_with_flipped_bits_are_refused(frame, data):
    """A CRC-16 finds up to three flipped bits in frames of this length."""
    good = bytearray(encode_frame(frame))
    for bit in data.draw(st.sets(st.integers(0, len(good) * 8 - 1), min_size=1, max_size=3)):
        good[bit // 8] ^= 1 << bit % 8
    bad = bytes(good)
    assert isinstance(decode_frame(bad), Reject) or bad[0] == 0x11


@settings(max_examples=300)
@given(st.one_of(samples, log_data), st.integers(0, 243))
def test_cut_frames_are_refused(frame, length):
    data = encode_frame(frame)
    if length < len(data):
        assert decode_frame(data[:length]) is Reject.LENGTH
    assert decode_frame(data + b"\0") is Reject.LENGTH


@settings(max_examples=300)
@given(st.lists(samples, min_size=1, max_size=8), st.binary(max_size=40), st.data())
def test_a_damaged_log_gives_the_rest(frames, noise, data):
    records = [bytes((len(encode_frame(frame)),)) + encode_frame(frame) for frame in frames]
    at = data.draw(st.integers(0, len(records)))
    log = decode_log(b"".join(records[:at]) + noise + b"".join(records[at:]))
    found = [encode_frame(frame) for frame in log.frames]
    # the noise may swallow the length of the record behind it, never more
    assert found[:at] == [encode_frame(frame) for frame in frames[:at]]
    assert found[len(found) - (len(frames) - at) :] == [encode_frame(frame) for frame in frames[at:]]


@settings(max_examples=300)
@given(st.binary(max_size=2000))
def test_every_byte_of_a_log_is_read_or_counted_as_lost(data):
    log = decode_log(data)
    assert log.lost_bytes + sum(1 + len(encode_frame(frame)) for frame in log.frames) == len(data)
