"""Quality of a step."""

from __future__ import annotations

import numpy as np
import pytest
from core_helpers import examples
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.quality import CLIPPED_SHARE, FULL_SWING_G, PERIOD_TOLERANCE, step_quality


@examples(150)
@given(
    length_s=st.floats(0.0, 2.0),
    period_s=st.floats(0.1, 2.0),
    swing_g=st.floats(-1.0, 5.0),
    clipped=st.booleans(),
)
def test_two_ramps_and_a_penalty(length_s, period_s, swing_g, clipped):
    fit = np.interp(abs(length_s / period_s - 1.0), [0.0, PERIOD_TOLERANCE], [1.0, 0.0])
    size = np.interp(swing_g, [0.0, FULL_SWING_G], [0.0, 1.0])
    expected = fit * size * (CLIPPED_SHARE if clipped else 1.0)
    found = step_quality(length_s, period_s, swing_g, clipped)
    assert 0.0 <= found <= 1.0
    assert found == pytest.approx(expected, abs=1e-9)


def test_ends():
    assert step_quality(0.36, 0.36, FULL_SWING_G, False) == 1.0
    assert step_quality(0.36, 0.36, 1e300, True) == CLIPPED_SHARE
    assert step_quality(0.72, 0.36, 2.0, False) == 0.0
    assert step_quality(0.36, 0.36, 0.0, False) == 0.0
