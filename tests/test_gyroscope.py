"""A gyroscope that does nothing, and one whose unit is not rad/s."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imurun.gyroscope import FASTEST_RAD_S, TurnWatch, is_dead
from imurun.model.recording import Recording

NEAR_LIMIT = st.sampled_from([0.0, 20.0, 34.0, 34.9, FASTEST_RAD_S, 35.1, 36.0, 2000.0])


def still(gyr):
    return Recording(np.tile([0.0, 0.0, 9.81], (len(gyr), 1)), gyr, rate_hz=100.0)


@given(
    sizes=hnp.arrays(np.float64, st.integers(1, 60), elements=NEAR_LIMIT | st.floats(30.0, 40.0)),
    missing=st.sets(st.integers(0, 59)),
    borders=st.sets(st.integers(1, 59)),
)
def test_too_fast_is_what_the_percentile_says(sizes, missing, borders):
    """Decided block by block, without the percentile being known."""
    gyr = np.zeros((len(sizes), 3))
    gyr[:, 1] = sizes
    gyr[[i for i in missing if i < len(sizes)]] = np.nan
    watch = TurnWatch()
    for block in np.split(gyr, sorted(border for border in borders if border < len(gyr))):
        watch.take(block)
    known = np.abs(gyr[~np.isnan(gyr[:, 1]), 1])
    expected = bool(len(known)) and np.percentile(known, 95.0) > FASTEST_RAD_S
    assert bool(watch.notes) == expected


def test_the_sentence_says_how_much_is_too_fast():
    watch = TurnWatch()
    watch.take(np.tile([0.0, 300.0, 0.0], (30, 1)))
    watch.take(np.tile([0.0, 1.0, 0.0], (70, 1)))
    (note,) = watch.notes
    assert "above 35 rad/s in 30 % of the samples" in note
    assert "deg/s" in note


@pytest.mark.parametrize("constant", [0.0, 0.125])
def test_dead(constant):
    gyr = np.full((9000, 3), constant)
    assert is_dead(still(gyr))
    gyr[8999, 2] += 1e-9
    assert not is_dead(still(gyr))
    gyr[8000:] = np.nan
    assert is_dead(still(gyr))


def test_one_sample_is_not_dead():
    assert not is_dead(still(np.zeros((1, 3))))
    assert not is_dead(still(np.zeros((5, 3))).without_gyro())
    gyr = np.full((50, 3), np.nan)
    gyr[20] = 0.0
    assert not is_dead(still(gyr))
