"""Checks of a gyroscope's data: constant output, and rad/s against deg/s."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import imurun
from imurun.io import write_recording
from imurun.model.gyroscope import FASTEST_RAD_S, TurnWatch, is_dead
from imurun.model.recording import Recording

NEAR_LIMIT = st.sampled_from([0.0, 20.0, 34.0, 34.9, FASTEST_RAD_S, 35.1, 36.0, 2000.0])


def still(gyr):
    return Recording(np.tile([0.0, 0.0, 9.81], (len(gyr), 1)), gyr, rate_hz=100.0)


@given(
    sizes=hnp.arrays(np.float64, st.integers(1, 60), elements=NEAR_LIMIT | st.floats(30.0, 40.0)),
    missing=st.sets(st.integers(0, 59)),
    borders=st.sets(st.integers(1, 59)),
)
def test_rates_are_too_fast_when_their_95th_percentile_is(sizes, missing, borders):
    """However the samples are divided into blocks."""
    gyr = np.zeros((len(sizes), 3))
    gyr[:, 1] = sizes
    gyr[[i for i in missing if i < len(sizes)]] = np.nan
    watch = TurnWatch()
    for block in np.split(gyr, sorted(border for border in borders if border < len(gyr))):
        watch.take(block)
    known = np.abs(gyr[~np.isnan(gyr[:, 1]), 1])
    expected = bool(len(known)) and np.percentile(known, 95.0) > FASTEST_RAD_S
    assert bool(watch.notes) == expected


def test_the_warning_states_the_share_of_fast_samples():
    watch = TurnWatch()
    watch.take(np.tile([0.0, 300.0, 0.0], (30, 1)))
    watch.take(np.tile([0.0, 1.0, 0.0], (70, 1)))
    (note,) = watch.notes
    assert "above 35 rad/s in 30 % of the samples" in note
    assert "deg/s" in note


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_wrong_unit_gives_one_warning(tmp_path, suffix):
    """From the reader, from the analysis of its recording, and from that of a copy with its warnings."""
    time_s = np.arange(1000) / 100.0
    gyr = np.column_stack([100.0 * np.sin(2 * np.pi * time_s)] * 3)
    acc = np.tile([0.1, 0.2, 9.81], (len(time_s), 1))
    names = ["time_s", *(f"acc_{a} [m/s2]" for a in "xyz"), *(f"gyr_{a} [rad/s]" for a in "xyz")]
    path = tmp_path / "run.csv"
    path.write_text(",".join(names) + "\n")
    with path.open("a") as stream:
        np.savetxt(stream, np.column_stack([time_s, acc, gyr]), delimiter=",")

    def of_unit(warnings):
        return [text for text in warnings if "its unit is probably deg/s" in text]

    recording = imurun.read(path)
    assert len(of_unit(recording.warnings)) == 1
    assert of_unit(imurun.analyze(recording).warnings) == of_unit(recording.warnings)
    copy = tmp_path / f"copy.{suffix}"
    write_recording(recording, copy)
    assert of_unit(imurun.analyze(imurun.read(copy)).warnings) == of_unit(recording.warnings)
    made = Recording(recording.acc, recording.gyr, rate_hz=100.0)
    assert len(of_unit(imurun.analyze(made).warnings)) == 1


@pytest.mark.parametrize("constant", [0.0, 0.125])
def test_a_constant_angular_rate_is_dead(constant):
    gyr = np.full((9000, 3), constant)
    assert is_dead(still(gyr))
    gyr[8999, 2] += 1e-9
    assert not is_dead(still(gyr))
    gyr[8000:] = np.nan
    assert is_dead(still(gyr))


def test_one_sample_or_no_gyroscope_is_not_dead():
    assert not is_dead(still(np.zeros((1, 3))))
    assert not is_dead(still(np.zeros((5, 3))).without_gyro())
    gyr = np.full((50, 3), np.nan)
    gyr[20] = 0.0
    assert not is_dead(still(gyr))
