"""Journals read as recordings: complete, cut short, damaged, hostile."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest

import imurun
from imurun.ble.codec import Samples, encode_frame
from imurun.ble.decoding import Settings
from imurun.ble.devices import DRIVERS
from imurun.ble.journal import JournalWriter
from imurun.ble.journal_replay import journal_header
from imurun.errors import FormatError, SettingsError

START = datetime(2026, 5, 1, 7, tzinfo=UTC)
DRIVER = DRIVERS["imurun"]
UUIDS = [DRIVER.control_characteristic, DRIVER.data_characteristic]
HEADER = journal_header(
    DRIVER, Settings(208, 16, 2000), name="imurun-1", address="F1:F1", start=START, clock_s=100.0
)


def frame(first, n=19, time_s=None):
    raw = np.full((n, 6), 100 + first % 1000, np.int16)
    time_us = round(1e6 * ((first + n - 1) / 208 if time_s is None else time_s))
    return encode_frame(Samples(0, first // 19 & 0xFFFF, first, time_us, 1, raw))


@pytest.fixture
def write(tmp_path):
    def write(notifications, header=HEADER):
        path = tmp_path / "run.journal"
        with JournalWriter(path, header, UUIDS) as journal:
            for arrival_s, data in notifications:
                journal.notification(arrival_s, UUIDS[1], data)
        return path

    return write


def steady(n, begin_s=102.0):
    return [(begin_s + 19 * (k + 1) / 208, frame(19 * k)) for k in range(n)]


def test_a_journal_is_read_as_a_recording(write):
    recording = imurun.read(write(steady(50)))
    assert len(recording) == 950
    assert recording.rate_hz == pytest.approx(208, rel=1e-3)
    assert abs((recording.start - START).total_seconds() - 2.0) < 0.02
    assert recording.source == "run.journal"
    assert not recording.gaps


def test_lost_packets_are_gaps_of_their_length(write):
    notifications = [n for k, n in enumerate(steady(50)) if not 10 <= k < 13]
    assert imurun.read(write(notifications)).gaps == ((190, 247),)


def test_cut_off_and_damaged_journals_keep_the_rest(write):
    path = write(steady(50))
    data = bytearray(path.read_bytes()[:-100])
    data[len(data) // 2] ^= 0x55
    path.write_bytes(data)
    recording = imurun.read(path)
    assert 900 <= len(recording) < 950
    assert any("bytes of the journal are damaged" in warning for warning in recording.warnings)


def test_packets_that_cannot_be_decoded_give_a_warning(write):
    recording = imurun.read(write([*steady(20), (103.9, b"\x10garbage")]))
    assert "1 packets of the sensor could not be decoded" in recording.warnings[0]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({}, "does not name its sensor"),
        ({**HEADER, "profile": "fitbit"}, "does not name its sensor .*fitbit"),
        ({**HEADER, "profile": []}, "does not name its sensor"),
        ({**HEADER, "rate_hz": "208"}, "does not name its sensor"),
        ({**HEADER, "rate_hz": -1}, "does not name its sensor"),
        ({**HEADER, "acc_range_g": 10**9}, "does not name its sensor"),
    ],
)
def test_an_invalid_header_is_an_error(write, header, words):
    with pytest.raises(FormatError, match=words):
        imurun.read(write(steady(5), header))


@pytest.mark.parametrize("start", [{"start": "soon"}, {"clock_s": None}, {"clock_s": 1e300}, {"start": 5}])
def test_samples_are_read_without_a_valid_start(write, start):
    assert imurun.read(write(steady(20), {**HEADER, **start})).start is None


@pytest.mark.parametrize("arrival_s", [np.nan, np.inf, -np.inf, 1e300, 50.0])
def test_impossible_arrival_times_end_the_recording(write, arrival_s):
    path = write(steady(20))
    whole = imurun.read(path)
    path.unlink()
    cut = imurun.read(write([*steady(20), (arrival_s, frame(380))]))
    np.testing.assert_array_equal(cut.acc, whole.acc)
    assert "times of this journal jump" in cut.warnings[0]
    assert "the rest was omitted" in cut.warnings[0]


def test_a_journal_without_samples_is_an_error(write):
    with pytest.raises(FormatError, match="holds no sample"):
        imurun.read(write([]))


def test_a_rate_beside_a_journal_is_an_error(write):
    path = write(steady(20))
    with pytest.raises(SettingsError, match="leave profile and rate out"):
        imurun.read(path, rate_hz=100)


def test_a_journal_is_read_without_bleak(write):
    path = write(steady(20))
    code = (
        "import sys; sys.modules['bleak'] = None; import imurun; "
        f"print(len(imurun.read({str(path)!r})), 'bleak' in sys.modules and sys.modules['bleak'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["380", "None"], done.stderr
