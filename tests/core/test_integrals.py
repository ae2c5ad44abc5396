"""The integral between fractional places, against straight lines drawn by numpy and against polynomials."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, trapezoid

from imurun.core.filters import integral
from tests.core.core_helpers import examples

places = st.floats(1.0, 38.0) | st.integers(1, 38).map(float)


@examples(80)
@given(seed=st.integers(0, 2**32 - 1), a=places, b=places, size=st.sampled_from([1.0, 1e-300, 1e100]))
def test_like_straight_lines(seed, a, b, size):
    signal = size * np.random.default_rng(seed).standard_normal(40)
    begin, end = sorted((a, b))
    index = np.arange(40)
    between = index[(index > begin) & (index < end)]
    corners = np.concatenate([[begin], between, [end]])
    expected = trapezoid(np.interp(corners, index, signal), corners)
    assert integral(signal, begin, end) == pytest.approx(expected, rel=1e-12, abs=1e-12 * size)


@pytest.mark.parametrize(("begin", "end"), [(4.2, 4.9), (4.0, 4.9), (4.2, 5.0), (4.5, 4.5)])
def test_between_the_same_two_samples(begin, end):
    line = 2.0 * np.arange(12.0) - 5.0
    assert integral(line, begin, end) == pytest.approx((end - begin) * (begin + end - 5.0))


@examples(30)
@given(a=st.floats(1.0, 15.0), length=st.floats(2.0, 20.0), slope=st.floats(-5.0, 5.0))
def test_a_straight_line_is_exact(a, length, slope):
    expected, _ = quad(lambda x: 3.0 + slope * x, a, a + length)
    assert integral(3.0 + slope * np.arange(40.0), a, a + length) == pytest.approx(expected, rel=1e-12)
