"""The real recordings of the shared data folder are read."""

import numpy as np
import pytest

from imurun.errors import FormatError
from imurun.io import read
from imurun.model.frames import G


def gravity(recording):
    return np.linalg.norm(np.nanmean(recording.acc, axis=0)) / G


def test_running_speeds_are_read_unchanged_with_units_inferred(shared_data):
    files = sorted((shared_data / "running_speeds").glob("*_imu.csv"))
    assert len(files) == 16
    for file in files:
        recording = read(file)
        assert recording.rate_hz == pytest.approx(200.0, abs=1e-6)
        assert gravity(recording) == pytest.approx(1.0, abs=0.12), file
        raw = np.loadtxt(file, delimiter=",", skiprows=1)
        np.testing.assert_array_equal(recording.acc, raw[:, 1:4])
        np.testing.assert_array_equal(recording.gyr, raw[:, 4:7])
        assert any("m/s2" in text for text in recording.warnings)
        assert any("rad/s" in text for text in recording.warnings)


def test_the_treadmill_run_has_its_rate_and_gravity(shared_data):
    recording = read(shared_data / "treadmill_run_grf" / "imu.csv")
    assert recording.rate_hz == pytest.approx(240.0, rel=1e-6)
    assert len(recording) == 2374
    assert gravity(recording) == pytest.approx(1.0, abs=0.05)


def test_a_shimmer_file_has_its_rate_and_gravity(shared_data):
    recording = read(shared_data / "sacral_grf" / "Sample_test_data.csv")
    assert recording.rate_hz == pytest.approx(512.0, rel=0.002)
    assert gravity(recording) == pytest.approx(1.0, abs=0.05)
    assert recording.acc[:, 0].mean() < -0.8 * G  # X points down when upright
    assert recording.gyr is None
    assert recording.warnings == ()


@pytest.mark.parametrize("name", ["left_hip", "left_ankle"])
def test_dates_with_nanoseconds_in_gzip_give_rate_and_start(shared_data, name):
    recording = read(shared_data / "hip_shoe_run" / f"{name}.csv.gz")
    assert len(recording) == 150_000
    assert recording.rate_hz == pytest.approx(100.0, rel=1e-6)
    assert recording.start.isoformat() == "2018-10-25T17:57:30+00:00"
    assert any("gravity in g" in text for text in recording.warnings)


def test_lumbar_walking_needs_a_rate(shared_data):
    files = sorted((shared_data / "lumbar_walking").glob("*.csv"))
    assert len(files) == 4
    for file in files:
        with pytest.raises(FormatError, match=r"--rate.*profile"):
            read(file)
        named = read(file, profile="mobgap")
        assert named.rate_hz == 100.0
        assert named.warnings == ()
        assert gravity(named) == pytest.approx(1.0, abs=0.1)
        guessed = read(file, rate_hz=100)
        np.testing.assert_array_equal(guessed.acc, named.acc)
        np.testing.assert_array_equal(guessed.gyr, named.gyr)
        assert len(guessed.warnings) == 2


def test_a_matrix_without_header_is_refused(shared_data):
    with pytest.raises(FormatError, match="no header"):
        read(shared_data / "sacral_grf" / "Accelerometer_one_sub.csv")


def test_a_table_of_angles_is_refused(shared_data):
    with pytest.raises(FormatError, match="no header with acceleration"):
        read(shared_data / "treadmill_run_grf" / "pelvis_angles.csv")
