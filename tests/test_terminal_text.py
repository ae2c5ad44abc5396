from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.terminal_text import SPARKS, clock, sparkline


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (3599.9, "1:00:00"), (7325, "2:02:05")]
)
def test_seconds_are_shown_as_hours_minutes_and_seconds(seconds, text):
    assert clock(seconds) == text


def test_sparkline_rises_with_the_values():
    assert sparkline(np.arange(80.0), 8) == SPARKS
    assert sparkline(np.r_[np.arange(80.0)[::-1], np.nan], 8) == SPARKS[::-1]
    assert sparkline(np.full(80, 5.0), 8) == SPARKS[0] * 8
    assert sparkline([1.0, 2.0], 8) == ""


@given(
    st.lists(st.floats(-1e6, 1e6) | st.sampled_from([np.nan, np.inf, -np.inf]), max_size=100),
    st.integers(1, 30),
)
def test_a_sparkline_has_its_width_for_any_values(values, width):
    assert len(sparkline(values, width)) in (0, width)
