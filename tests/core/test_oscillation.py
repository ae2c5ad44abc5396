"""Integration of the vertical, against scipy and against a body that hops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import cumulative_trapezoid, trapezoid

from imurun.core.oscillation import vertical_impulse, vertical_oscillation_mm
from imurun.model.frames import G
from tests.core.core_helpers import examples


def plain_oscillation_mm(vertical, rate_hz):
    force = (vertical - vertical.mean()) * G
    speed = cumulative_trapezoid(force, dx=1.0 / rate_hz, initial=0.0)
    height = cumulative_trapezoid(speed - speed.mean(), dx=1.0 / rate_hz, initial=0.0)
    height -= np.linspace(0.0, height[-1], len(height))
    return 1000.0 * np.ptp(height)


@examples(80)
@given(
    seed=st.integers(0, 2**32 - 1),
    first=st.integers(0, 30),
    n=st.integers(2, 60),
    rate_hz=st.sampled_from([25.0, 100.0, 1000.0]),
    size=st.sampled_from([1e-300, 1.0, 1e200]),
)
def test_oscillation_matches_the_scipy_reference(seed, first, n, rate_hz, size):
    vertical = size * np.random.default_rng(seed).standard_normal(100)
    expected = plain_oscillation_mm(vertical[first : first + n], rate_hz)
    found = vertical_oscillation_mm(vertical, first, first + n - 1, rate_hz)
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-10 * size)


@pytest.mark.parametrize("rate_hz", [50.0, 100.0, 1000.0])
@pytest.mark.parametrize("period_s", [0.3, 0.5])
def test_a_sine_of_60_mm_is_measured_within_5_percent(rate_hz, period_s):
    """60 mm up and down, from the lowest to the next lowest point, wherever the samples fall in it."""
    omega, found = 2 * np.pi / period_s, []
    for offset in np.linspace(0.0, 1.0 / rate_hz, 20, endpoint=False):
        time_s = np.arange(offset, period_s, 1.0 / rate_hz)
        vertical = 1.0 + 0.030 * omega**2 * np.cos(omega * time_s) / G
        found.append(vertical_oscillation_mm(vertical, 0, len(time_s) - 1, rate_hz))
    assert np.mean(found) == pytest.approx(60.0, rel=0.05)
    assert np.std(found) < 1.0 + 150.0 / rate_hz


@pytest.mark.parametrize("value", [0.0, 1.0, 1e300])
def test_no_motion_no_oscillation(value):
    assert vertical_oscillation_mm(np.full(40, value), 3, 30, 100.0) <= 1e-12 * value


def test_constant_offset_and_speed_do_not_matter():
    rng = np.random.default_rng(1)
    vertical = rng.standard_normal(50)
    assert vertical_oscillation_mm(vertical + 0.7, 0, 49, 100.0) == pytest.approx(
        vertical_oscillation_mm(vertical, 0, 49, 100.0)
    )


@examples(80)
@given(
    seed=st.integers(0, 2**32 - 1),
    begin=st.floats(0.0, 40.0),
    length=st.floats(1.0, 50.0),
    rate_hz=st.sampled_from([25.0, 100.0]),
)
def test_the_impulse_is_the_area_under_straight_lines(seed, begin, length, rate_hz):
    vertical = np.random.default_rng(seed).standard_normal(100)
    end = begin + length
    whole = np.arange(int(np.ceil(begin)), int(np.floor(end)) + 1)
    places = np.concatenate([[begin], whole, [end]])
    held = np.interp(places, np.arange(100), vertical)
    found = vertical_impulse(vertical, begin, end, rate_hz)
    assert found == pytest.approx(trapezoid(held, places) / rate_hz, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("begin", "end"), [(10.0, 46.0), (10.25, 46.0), (9.5, 46.75)])
def test_impulse_of_body_weight_is_its_time(begin, end):
    assert vertical_impulse(np.ones(60), begin, end, 100.0) == pytest.approx((end - begin) / 100.0)
