"""Doubts and quality of a step."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.quality import (
    DOUBTS,
    OWN_RHYTHM,
    OWN_RINGING_DB,
    OWN_TILT_G,
    WEIGHTS,
    beyond,
    quality_of,
    ringing_db,
    share_of,
    write_quality,
)
from imurun.core.ring_buffer import CLIPPED, FORWARD, LEFTWARD, N_CHANNELS
from imurun.core.step import STEP
from imurun.core.step_cycle import PULSE
from imurun.core.stepper import Stepper
from tests.core.core_helpers import examples, record

RATE = 100.0
C = Stepper(RATE, np.eye(3), heading_known=True, has_gyro=True).coefficients

sizes = st.floats(0.0, 10.0)


@examples(100)
@given(doubts=st.tuples(*[sizes] * len(DOUBTS)))
def test_doubts_add_to_the_variance(doubts):
    expected = (1.0 + float(np.dot(WEIGHTS, np.square(doubts)))) ** -0.5
    assert quality_of(doubts) == pytest.approx(expected)
    assert 0.0 < quality_of(doubts) <= 1.0


@examples(100)
@given(
    doubts=st.tuples(*[sizes] * len(DOUBTS)), which=st.integers(0, len(DOUBTS) - 1), more=st.floats(0.01, 5.0)
)
def test_more_doubt_is_less_quality(doubts, which, more):
    worse = tuple(d + more * (i == which) for i, d in enumerate(doubts))
    assert quality_of(worse) < quality_of(doubts)


def test_what_is_running_s_own_is_no_doubt():
    assert beyond(0.5, 0.2) == pytest.approx(0.3)
    assert beyond(0.1, 0.2) == 0.0
    assert beyond(np.nan, 0.2) == 0.0


def test_share_of_flagged_columns():
    flags = np.zeros(20)
    flags[[7, 8]] = 1.0
    assert [share_of(flags, *ends) for ends in ((0, 6), (0, 7), (7, 8), (8, 11), (9, 8))] == [
        0,
        0.125,
        1,
        0.25,
        0,
    ]


@pytest.mark.parametrize("clipped", [0, 6])
@pytest.mark.parametrize("tilt_g", [0.0, 0.3])
@pytest.mark.parametrize("period_s", [0.36, 0.30])
def test_a_step_shows_each_doubt(clipped, tilt_g, period_s):
    base = 1000
    history = 0.1 * np.random.default_rng(3).standard_normal((N_CHANNELS, 100))
    history[[CLIPPED, FORWARD, LEFTWARD]] = 0.0
    history[FORWARD], history[LEFTWARD] = 0.6 * tilt_g, -0.8 * tilt_g
    history[CLIPPED, 30 : 30 + clipped] = 1.0
    pulse = record(PULSE, begin=base + 20.5, end=base + 56.5, height=2.5, floor=0.2)
    row = record(STEP)
    write_quality(row, history, pulse, base, period_s, C)
    ringing = ringing_db(history, 20.5, 56.5, 2.3, RATE)
    expected = {
        "ringing": max(ringing - OWN_RINGING_DB, 0.0) / 10.0,
        "rhythm": max(0.36 / period_s - 1.0 - OWN_RHYTHM, 0.0),
        "clipping": clipped / 36.0,
        "tilt": max(tilt_g - OWN_TILT_G, 0.0),
    }
    for name in DOUBTS:
        assert row[f"doubt_{name}"] == pytest.approx(expected[name], abs=1e-9)
    variance = 1.0 + sum(w * expected[name] ** 2 for w, name in zip(WEIGHTS, DOUBTS, strict=True))
    assert row["quality"] == pytest.approx(1.0 / sqrt(variance))
    assert row["ringing_db"] == pytest.approx(ringing)
