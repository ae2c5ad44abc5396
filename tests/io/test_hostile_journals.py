"""Damaged and hostile journals and logs: an error or the intact samples, in little time and memory."""

from __future__ import annotations

import json
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imurun
from imurun.ble.block_journal import BLOCKS
from imurun.ble.codec import RunHeader, Samples, encode_frame
from imurun.ble.devices.imurun import CONTROL, DATA
from imurun.ble.journal import HEAD, MAGIC, SYNC, JournalWriter, open_journal
from imurun.errors import FormatError, ImurunError, RecordingError
from imurun.model.sample_block import ALWAYS_ALLOWED

HEADER = {
    "profile": "imurun",
    "rate_hz": 208,
    "acc_range_g": 16,
    "gyr_range_deg_s": 2000,
    "start": "2026-01-01T00:00:00+00:00",
    "clock_s": 0.0,
}
OF_BLOCKS = {"profile": BLOCKS, "rate_hz": 100.0, "frame": "sensor", "acc_range_g": 16.0, "start": None}
LOG = RunHeader(0, 0, 1, 1, 1, 208_000, 16, 2000, 488_281, 70_000_000, 0, 0)


def frame(first, n=16):
    time_us = int((first + n) / 208 * 1e6) % 2**32
    return encode_frame(Samples(0, 0, first, time_us, 1, np.full((n, 6), 100)))


def write_packets(journal, first=0, n=40):
    for k in range(n):
        place = first + 16 * k
        journal.notification((place + 16) / 208, DATA, frame(place))


def journal_of(path, fill, header=HEADER, characteristics=(CONTROL, DATA)):
    path.unlink(missing_ok=True)
    with JournalWriter(path, header, list(characteristics)) as journal:
        fill(journal)
    return path


def block(first, n=100, columns=3):
    return struct.pack("<QB", first, columns) + np.ones((n, columns)).tobytes()


def blocks_of(path, *blocks, **header):
    def fill(journal):
        for one in blocks:
            journal.notification(0.0, BLOCKS, one)

    return journal_of(path, fill, {**OF_BLOCKS, **header}, [BLOCKS])


def log_of(path, *frames, header=LOG):
    records = [encode_frame(header), *frames]
    path.write_bytes(b"".join(bytes((len(record),)) + record for record in records))
    return path


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "give up", "stop": 10**11},
        {"kind": "give up", "stop": -(10**30)},
        {"kind": "end", "next_index": 10**30},
        {"kind": "end", "next_index": None},
        {"kind": "marker"},
        {"kind": "marker", "marker": [1, 2]},
        {"kind": "marker", "marker": {"time_s": "x", "kind": 3}},
        {"kind": "marker", "marker": {"time_s": 10**400, "kind": "lap"}},
        {"kind": [1]},
    ],
    ids=json.dumps,
)
def test_invalid_events_are_ignored(tmp_path, event):
    def fill(journal):
        write_packets(journal)
        journal.event(4.0, event)
        write_packets(journal, 640, 10)

    recording = imurun.read(journal_of(tmp_path / "run.journal", fill))
    assert len(recording) == 800
    assert not recording.gaps
    assert not recording.markers


def test_samples_before_a_night_without_connection_are_read(tmp_path):
    def fill(journal):
        write_packets(journal)
        write_packets(journal, 9 * 3600 * 208)

    recording = imurun.read(journal_of(tmp_path / "run.journal", fill))
    assert len(recording) == 640
    assert "the rest was omitted" in recording.warnings[0]


def test_a_gap_within_the_limit_is_kept(tmp_path):
    def fill(journal):
        write_packets(journal, n=600)
        write_packets(journal, 2 * 3600 * 208)

    recording = imurun.read(journal_of(tmp_path / "run.journal", fill))
    assert recording.gaps == ((9600, 2 * 3600 * 208),)


def test_samples_after_a_gap_count_towards_the_limit(tmp_path):
    """Ten seconds, eight hours without connection, then the run: no sample is left out."""

    def fill(journal):
        write_packets(journal, n=130)
        write_packets(journal, 8 * 3600 * 208, n=4000)

    recording = imurun.read(journal_of(tmp_path / "run.journal", fill))
    assert recording.gaps == ((130 * 16, 8 * 3600 * 208),)
    assert not recording.warnings


def test_samples_beyond_the_largest_recording_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("imurun.model.sample_block.MAX_SAMPLES", 250)
    recording = imurun.read(blocks_of(tmp_path / "run.journal", block(0), block(100), block(200)))
    assert len(recording) == 200
    assert "the rest was omitted" in recording.warnings[0]


def test_times_that_jump_end_the_recording(tmp_path):
    def fill(journal):
        write_packets(journal)
        journal.notification(1e9, DATA, frame(640))

    recording = imurun.read(journal_of(tmp_path / "run.journal", fill))
    assert len(recording) == 640
    assert "jump by 1e+09 s; the rest was omitted" in recording.warnings[0]


@pytest.mark.parametrize(
    "header",
    [{"rate_hz": 10**400}, {"rate_hz": [1]}, {"acc_range_g": "x"}, {"acc_range_g": 10**400}, {"start": 5}],
    ids=lambda header: next(iter(header)),
)
def test_an_invalid_header_of_a_block_journal_is_an_error(tmp_path, header):
    with pytest.raises(FormatError, match="header of this journal was changed"):
        imurun.read(blocks_of(tmp_path / "run.journal", block(0), **header))


def test_indices_that_jump_far_take_little_memory(tmp_path):
    recording = imurun.read(blocks_of(tmp_path / "run.journal", block(0), block(199_000_000)))
    assert len(recording) == 100
    frames = [frame(int(day * 86_000 * 208) + 16 * k) for day in range(13) for k in range(3)]
    assert len(imurun.read(log_of(tmp_path / "run.imulog", *frames))) < 2 * ALWAYS_ALLOWED


@pytest.mark.parametrize("rate_mhz", [0, 1, 2**32 - 1])
def test_a_log_with_an_impossible_rate_is_an_error(tmp_path, rate_mhz):
    path = log_of(tmp_path / "run.imulog", frame(0), header=LOG._replace(rate_mhz=rate_mhz))
    with pytest.raises(RecordingError, match=r"sampling rate is .*\.$"):
        imurun.read(path)


@pytest.mark.parametrize("rate_hz", [1, 99_999])
def test_a_journal_with_an_impossible_rate_is_an_error(tmp_path, rate_hz):
    path = journal_of(tmp_path / "run.journal", write_packets, {**HEADER, "rate_hz": rate_hz})
    with pytest.raises(FormatError, match="sampling rate is"):
        imurun.read(path)


def test_random_bytes_are_skipped_quickly(tmp_path):
    """Each takes well under a second; a scan that is quadratic would run into the timeout of the tests."""
    path = log_of(tmp_path / "run.imulog", frame(0), frame(16))
    path.write_bytes(path.read_bytes() + bytes(5_000_000) + b"\x13" * 5_000_000)
    assert len(imurun.read(path)) == 32
    journal = journal_of(tmp_path / "run.journal", write_packets)
    whole = journal.read_bytes()
    for kind in range(3):
        journal.write_bytes(whole + bytes((0xA5, 0x5A, kind, 0xFF, 0xFF)) * 200_000)
        recording = imurun.read(journal)
        assert len(recording) == 640
        assert "1000000 bytes of the journal are damaged" in recording.warnings[0]


def test_megabytes_of_noise_lose_only_their_own_samples(tmp_path):
    """As from a worn-out block of flash: all other records are read, and a later bit flip costs one."""
    noise = np.random.default_rng(0).bytes(3_000_000)
    path = log_of(tmp_path / "run.imulog", *(frame(16 * k) for k in range(100)))
    content = bytearray(path.read_bytes())
    record = len(frame(0)) + 1
    content[-10 * record + 50] ^= 1
    cut = len(content) - 80 * record
    path.write_bytes(content[:cut] + noise + content[cut:])
    recording = imurun.read(path)
    assert len(recording) == 1600
    assert recording.gaps == ((90 * 16, 91 * 16),)
    assert f"{len(noise) + record} bytes of the log" in recording.warnings[0]
    journal = journal_of(tmp_path / "run.journal", write_packets)
    content = journal.read_bytes()
    rest = journal_of(tmp_path / "rest.journal", lambda journal: write_packets(journal, 640, 60))
    journal.write_bytes(content + noise + rest.read_bytes()[open_journal(rest).start :])
    assert len(imurun.read(journal)) == 1600


@pytest.mark.parametrize("scales", [{"acc_scale": 0}, {"acc_scale": 2**32 - 1}, {"gyr_scale": 1}])
def test_a_scale_that_does_not_fit_the_full_scale_is_refused(tmp_path, scales):
    path = log_of(tmp_path / "run.imulog", frame(0), frame(16), header=LOG._replace(**scales))
    with pytest.raises(FormatError, match=r"a full scale of .*, so it is damaged"):
        imurun.read(path)


def test_a_second_header_counts_as_damage(tmp_path):
    path = journal_of(tmp_path / "run.journal", write_packets)
    content = path.read_bytes()
    body = b"{}"
    head = HEAD.pack(SYNC, 0, len(body), 0.0)
    record = head + body + struct.pack("<I", zlib.crc32(body, zlib.crc32(head[2:])))
    path.write_bytes(content + record)
    assert len(imurun.read(path)) == 640
    assert open_journal(path).start < len(content)


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    paths = [
        journal_of(folder / "a.journal", write_packets),
        blocks_of(folder / "b.journal", block(0, columns=6), block(100, columns=6)),
        log_of(folder / "c.imulog", *(frame(16 * k) for k in range(40))),
    ]
    return folder, [path.read_bytes() for path in paths]


@settings(max_examples=300)
@given(
    st.integers(0, 2),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=12),
    st.integers(0, 10**6),
)
def test_damage_raises_only_typed_errors(wholes, which, changes, cut):
    folder, contents = wholes
    content = bytearray(contents[which])
    for place, value in changes:
        content[place % len(content)] = value
    path = folder / "damaged"
    path.write_bytes(content[: max(1, cut % (2 * len(content)))])
    with suppress(ImurunError):
        assert len(imurun.read(path)) < 2 * ALWAYS_ALLOWED


def test_a_recording_too_large_for_memory_is_an_error(tmp_path, monkeypatch):
    def full(_):
        raise MemoryError

    path = journal_of(tmp_path / "run.journal", write_packets)
    monkeypatch.setattr("imurun.model.sample_block.np.concatenate", full)
    with pytest.raises(FormatError, match=r"run\.journal is too large .* memory; split it\.$"):
        imurun.read(path)


u32 = st.integers(0, 2**32 - 1)
numbers = st.sampled_from([0, -1, 640, 10**11, 10**30, 10**400, 0.5, float("nan"), float("inf")])
values = st.one_of(numbers, st.none(), st.booleans(), st.text(max_size=3), st.lists(numbers, max_size=2))
markers = st.dictionaries(st.sampled_from(["time_s", "kind", "value", "x"]), values | st.just("lap"))
events = st.fixed_dictionaries(
    {"kind": st.sampled_from(["give up", "end", "marker", "analysed"])},
    optional={"stop": values, "next_index": values, "rate_hz": values, "marker": markers | values},
)
frames = st.builds(
    lambda first, time_us, n: encode_frame(Samples(0, 0, first, time_us, 1, np.full((n, 6), 100))),
    st.sampled_from([0, 16, 32, 48, 86_000 * 208, 2**31, 2**32 - 16]) | u32,
    u32,
    st.integers(0, 19),
)
arrivals = st.sampled_from([0.1, 0.2, 9.0, 80_000.0, 160_000.0, 1e9, -1e9, float("nan"), float("inf")])


@settings(max_examples=200)
@given(st.lists(st.tuples(arrivals, frames | events), max_size=12), st.none() | values, st.data())
def test_valid_checksums_over_any_records_raise_only_typed_errors(wholes, records, odd, data):
    """Records with right checksums and arbitrary content."""

    def fill(journal):
        write_packets(journal)
        for arrival_s, record in records:
            if isinstance(record, bytes):
                journal.notification(arrival_s, DATA, record)
            else:
                journal.event(arrival_s, record)

    header = HEADER if odd is None else {**HEADER, data.draw(st.sampled_from(sorted(HEADER))): odd}
    path = journal_of(wholes[0] / "odd.journal", fill, header)
    with suppress(ImurunError):
        assert len(imurun.read(path)) < 2 * ALWAYS_ALLOWED


places = st.sampled_from([0, 100, 115, 130, 150, 200, 3_000_000, 2**64 - 1])
bodies = st.builds(block, places, st.integers(0, 30), st.sampled_from([3, 6]))


@settings(max_examples=60)
@given(st.lists(bodies | st.binary(max_size=40), max_size=5), st.none() | values, st.data())
def test_valid_checksums_over_any_blocks_raise_only_typed_errors(wholes, blocks, odd, data):
    header = {} if odd is None else {data.draw(st.sampled_from(sorted({*OF_BLOCKS} - {"profile"}))): odd}
    path = blocks_of(wholes[0] / "odd.journal", block(0), *blocks, **header)
    with suppress(ImurunError):
        assert len(imurun.read(path)) < 2 * ALWAYS_ALLOWED


@settings(max_examples=150)
@given(
    st.lists(frames, max_size=8),
    st.dictionaries(st.sampled_from(["rate_mhz", "acc_scale", "gyr_scale"]), u32, max_size=1),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
)
def test_valid_checksums_over_any_log_raise_only_typed_errors(wholes, records, odd, device_us, host_us):
    header = LOG._replace(device_time_us=device_us, host_time_us=host_us, **odd)
    path = log_of(wholes[0] / "odd.imulog", frame(0), *records, header=header)
    with suppress(ImurunError):
        assert len(imurun.read(path)) < 2 * ALWAYS_ALLOWED


def test_a_journal_of_its_magic_bytes_only_is_an_error(tmp_path):
    path = tmp_path / "run.journal"
    path.write_bytes(MAGIC)
    with pytest.raises(FormatError, match="header of the journal is damaged"):
        imurun.read(path)
