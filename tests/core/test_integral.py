from __future__ import annotations

import numpy as np
import pytest
from core_helpers import examples
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from imurun.core.integral import integral


@examples(60)
@given(seed=st.integers(0, 2**32 - 1), begin=st.floats(1.0, 18.0), length=st.floats(0.5, 20.0))
def test_like_the_area_under_the_straight_lines(seed, begin, length):
    signal = np.random.default_rng(seed).standard_normal(40)
    end = begin + length
    if np.floor(end) < np.ceil(begin):  # no sample between
        end = begin + 1.0
    knots = np.arange(np.ceil(begin), np.floor(end) + 1)
    wanted, _ = quad(lambda t: np.interp(t, np.arange(40), signal), begin, end, points=knots, limit=200)
    assert integral(signal, begin, end) == pytest.approx(wanted, abs=1e-8)


@pytest.mark.parametrize(("begin", "end"), [(3.0, 9.0), (3.25, 9.0), (3.0, 9.75), (3.5, 4.0), (4.0, 4.0)])
def test_of_a_line_it_is_the_difference_of_squares(begin, end):
    assert integral(np.arange(12.0), begin, end) == pytest.approx(0.5 * (end**2 - begin**2), abs=1e-12)
