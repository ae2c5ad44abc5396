"""Logs written with the codec are read as recordings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import imurun
from imurun.ble.codec import RunHeader, Samples, encode_frame
from imurun.errors import FormatError, SettingsError

START = datetime(2026, 5, 1, 7, tzinfo=UTC)
RATE_HZ, N = 208.0, 19
ACC_SCALE, GYR_SCALE = 488_000, 70_000_000
DEVICE_US = 2**32 - 2_000_000  # the clock of frames wraps after 2 s


def record(frame):
    data = encode_frame(frame)
    return bytes((len(data),)) + data


def header(**changes):
    fields = {
        "flags": 0,
        "sequence": 0,
        "boot_id": 7,
        "run": 1,
        "configuration_id": 3,
        "rate_mhz": 208_000,
        "acc_range_g": 16,
        "gyr_range_deg_s": 2000,
        "acc_scale": ACC_SCALE,
        "gyr_scale": GYR_SCALE,
        "device_time_us": DEVICE_US,
        "host_time_us": int(START.timestamp() * 1e6),
    }
    return record(RunHeader(**{**fields, **changes}))


def counts(first, n=N):
    return (np.arange(first, first + n)[:, None] * [3, 5, 7, 11, 13, 17]).astype(np.int16)


def frame(k, true_rate_hz=RATE_HZ):
    last_us = DEVICE_US + round((k * N + N) / true_rate_hz * 1e6)
    return record(Samples(0, k + 1, k * N, last_us % 2**32, 3, counts(k * N)))


def write(tmp_path, *records):
    path = tmp_path / "run.imulog"
    path.write_bytes(b"".join(records))
    return path


def test_a_log_gives_values_rate_and_start(tmp_path):
    path = write(tmp_path, header(), *(frame(k, 207.0) for k in range(150)))
    recording = imurun.read(path)
    scale = np.repeat([ACC_SCALE * 1e-9 * 9.80665, GYR_SCALE * 1e-9 * np.pi / 180], 3)
    values = counts(0, 150 * N) * scale
    np.testing.assert_allclose(np.hstack([recording.acc, recording.gyr]), values, rtol=1e-12)
    assert recording.rate_hz == pytest.approx(207.0, rel=1e-5)
    assert abs(recording.start - START) < timedelta(milliseconds=10)
    assert (recording.acc_range_g, recording.gyr_range_deg_s) == (16, 2000)
    assert not recording.warnings


def test_a_damaged_record_is_a_gap_of_its_length(tmp_path):
    records = [header(), *(frame(k) for k in range(100))]
    records[40] = records[40][:100] + bytes((records[40][100] ^ 1,)) + records[40][101:]
    recording = imurun.read(write(tmp_path, *records, frame(100)[:50]))
    assert len(recording) == 100 * N
    assert recording.gaps == ((39 * N, 40 * N),)
    assert "bytes of the log are damaged" in recording.warnings[0]


def test_without_a_date_there_is_no_start(tmp_path):
    assert imurun.read(write(tmp_path, header(host_time_us=0), frame(0), frame(1))).start is None


def test_a_log_without_samples_is_an_error(tmp_path):
    with pytest.raises(FormatError, match=r"run\.imulog: the log holds no sample; record again"):
        imurun.read(write(tmp_path, header()))


def test_a_rate_beside_a_log_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match="leave profile and rate out"):
        imurun.read(write(tmp_path, header(), frame(0)), rate_hz=100)
