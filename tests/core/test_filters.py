"""Low-pass filters, integrals and sums against numpy and scipy, and to the last bit in any parts."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import quad, trapezoid
from scipy.signal import convolve

from imurun.core.filters import (
    REACH_SIGMA,
    fill_taps,
    gaussian_taps,
    integral,
    smooth_at,
    smooth_span,
    sum_of,
    sum_of_products,
    turned,
)
from tests.core.core_helpers import examples


def plain_smooth(signal, taps):
    """The whole signal smoothed, its ends repeated."""
    return convolve(np.pad(signal, len(taps) // 2, mode="edge"), taps, mode="valid", method="direct")


@pytest.mark.parametrize("rate_hz", [25.0, 50.0, 104.17, 1000.0])
@pytest.mark.parametrize("cutoff_hz", [0.5, 3.5, 5.0])
def test_taps_have_unit_sum_symmetry_and_3_db_at_the_cutoff(rate_hz, cutoff_hz):
    taps = gaussian_taps(rate_hz, cutoff_hz)
    assert len(taps) % 2 == 1
    assert taps.sum() == pytest.approx(1.0, abs=1e-14)
    assert np.array_equal(taps, taps[::-1])
    place = np.arange(len(taps)) - len(taps) // 2
    gain = np.sum(taps * np.cos(2 * np.pi * cutoff_hz / rate_hz * place))
    assert 20 * np.log10(gain) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize("rate_hz", [25.0, 100.0, 1000.0])
def test_taps_never_overshoot(rate_hz):
    step = np.repeat([0.0, 1.0], 2000)
    smooth = plain_smooth(step, gaussian_taps(rate_hz, 3.5))
    assert smooth.min() >= 0.0
    assert smooth.max() <= 1.0 + 1e-12
    assert (np.diff(smooth) >= -1e-15).all()


@examples(150)
@given(
    signal=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40),
    edges=st.tuples(st.integers(0, 39), st.integers(0, 39)),
    half=st.integers(0, 30),
)
def test_smoothing_matches_a_padded_convolution(signal, edges, half):
    signal = np.array(signal)
    first, last = sorted(edge % len(signal) for edge in edges)
    taps = gaussian_taps(100.0, 3.5) if half == 30 else np.hanning(2 * half + 3)[1:-1]
    expected = plain_smooth(signal[first : last + 1], taps)
    found = [smooth_at(signal, k, first, last, taps) for k in range(first, last + 1)]
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-12 * np.abs(signal).max())


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 5e-324, 1e300])
def test_a_constant_stays(value):
    signal, taps = np.full(30, value), gaussian_taps(100.0, 3.5)
    for k in (0, 3, 15, 29):
        assert smooth_at(signal, k, 0, 29, taps) == pytest.approx(value, rel=1e-12)


def test_nan_reaches_as_far_as_the_taps():
    taps = gaussian_taps(100.0, 10.0)
    half = len(taps) // 2
    signal = np.ones(6 * half)
    signal[3 * half] = np.nan
    hit = [np.isnan(smooth_at(signal, k, 0, len(signal) - 1, taps)) for k in range(len(signal))]
    assert np.flatnonzero(hit).tolist() == list(range(2 * half, 4 * half + 1))


def test_smoothing_reads_nothing_outside_its_ends():
    taps = gaussian_taps(100.0, 3.5)
    signal = np.full(60, np.nan)
    signal[20:40] = 2.0
    assert [smooth_at(signal, k, 20, 39, taps) for k in (20, 30, 39)] == pytest.approx([2.0] * 3)


@examples(150)
@example(seed=0, n=4, ends=(0, 3), span=(0, 4), half=1, size=5e-324)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 60),
    ends=st.tuples(st.integers(0, 59), st.integers(0, 59)),
    span=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    half=st.integers(0, 40),
    size=st.sampled_from([0.0, 5e-324, 1.0, 1e300]),
)
def test_a_smoothed_span_equals_its_samples_smoothed_one_by_one(seed, n, ends, span, half, size):
    """To the last bit, at the edges and within; spans shorter than the taps, and empty ones."""
    rng = np.random.default_rng(seed)
    signal = size * rng.uniform(-1.0, 1.0, n)
    first, last = sorted(end % n for end in ends)
    begin, stop = (first + edge % (last - first + 2) for edge in span)  # also the wrong way round
    taps = rng.uniform(0.0, 1.0, half + 1)
    taps = np.concatenate([taps[:0:-1], taps]) / (2.0 * taps.sum())
    smoothed = np.full(n, -7.0)
    smooth_span(signal, smoothed, begin, stop, first, last, taps)
    expected = np.full(n, -7.0)
    for k in range(begin, stop):
        expected[k] = smooth_at(signal, k, first, last, taps)
    assert smoothed.tobytes() == expected.tobytes()
    convolved = np.convolve(np.pad(signal[first : last + 1], half, mode="edge"), taps, mode="valid")
    part = slice(begin, max(stop, begin))
    # a denormal is rounded to a whole one at each of up to 81 taps
    close = {"rtol": 1e-12, "atol": 1e-13 * size + 100 * 5e-324}
    assert np.allclose(smoothed[part], convolved[begin - first : part.stop - first], **close)


@examples(40)
@given(seed=st.integers(0, 2**32 - 1), edges=st.lists(st.integers(0, 300), max_size=12))
def test_a_span_in_any_parts_is_the_same_to_the_last_bit(seed, edges):
    signal = np.random.default_rng(seed).standard_normal(300)
    taps = gaussian_taps(100.0, 3.5)
    whole, parts = np.empty(300), np.empty(300)
    smooth_span(signal, whole, 0, 300, 0, 299, taps)
    for begin, stop in pairwise([0, *sorted(edges), 300]):
        smooth_span(signal, parts, begin, stop, 0, 299, taps)
    assert parts.tobytes() == whole.tobytes()


def test_a_span_reads_nothing_outside():
    taps = gaussian_taps(100.0, 3.5)
    signal, smoothed = np.full(60, np.nan), np.full(60, -7.0)
    signal[20:40] = 2.0
    smooth_span(signal, smoothed, 20, 40, 20, 39, taps)
    assert smoothed[20:40] == pytest.approx(np.full(20, 2.0))
    assert (np.delete(smoothed, np.arange(20, 40)) == -7.0).all()


@examples(60)
@given(sigma=st.floats(0.05, 80.0))
def test_filled_taps_are_gaussian(sigma):
    half = int(np.ceil(REACH_SIGMA * sigma))
    taps = np.full(2 * half + 1, np.nan)
    fill_taps(taps, sigma)
    expected = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    assert np.allclose(taps, expected / math.fsum(expected), rtol=1e-13, atol=0.0)
    assert np.array_equal(taps, taps[::-1])
    assert math.fsum(taps) == pytest.approx(1.0, abs=1e-14)


def test_filled_taps_are_those_of_the_cutoff():
    taps = gaussian_taps(100.0, 3.5)
    filled = np.empty_like(taps)
    fill_taps(filled, np.sqrt(np.log(2.0)) / (2.0 * np.pi) / 3.5 * 100.0)
    assert np.allclose(filled, taps, rtol=1e-13, atol=0.0)


def test_one_tap_is_no_smoothing():
    taps, signal = np.empty(1), np.array([1.0, -2.0, 3.0])
    fill_taps(taps, 0.1)
    smoothed = np.empty(3)
    smooth_span(signal, smoothed, 0, 3, 0, 2, taps)
    assert taps.tolist() == [1.0]
    assert smoothed.tolist() == signal.tolist()


# -------------------------------------------------------------------------------------------------- integrals


places = st.floats(1.0, 38.0) | st.integers(1, 38).map(float)


@examples(80)
@given(seed=st.integers(0, 2**32 - 1), a=places, b=places, size=st.sampled_from([1.0, 1e-300, 1e100]))
def test_the_integral_is_that_of_straight_lines_between_samples(seed, a, b, size):
    signal = size * np.random.default_rng(seed).standard_normal(40)
    begin, end = sorted((a, b))
    index = np.arange(40)
    between = index[(index > begin) & (index < end)]
    corners = np.concatenate([[begin], between, [end]])
    expected = trapezoid(np.interp(corners, index, signal), corners)
    assert integral(signal, begin, end) == pytest.approx(expected, rel=1e-12, abs=1e-12 * size)


@pytest.mark.parametrize(("begin", "end"), [(4.2, 4.9), (4.0, 4.9), (4.2, 5.0), (4.5, 4.5)])
def test_the_integral_between_two_samples_is_exact(begin, end):
    line = 2.0 * np.arange(12.0) - 5.0
    assert integral(line, begin, end) == pytest.approx((end - begin) * (begin + end - 5.0))


@examples(30)
@given(a=st.floats(1.0, 15.0), length=st.floats(2.0, 20.0), slope=st.floats(-5.0, 5.0))
def test_the_integral_of_a_straight_line_is_exact(a, length, slope):
    expected, _ = quad(lambda x: 3.0 + slope * x, a, a + length)
    assert integral(3.0 + slope * np.arange(40.0), a, a + length) == pytest.approx(expected, rel=1e-12)


# ------------------------------------------------------------------------------------------------------- sums


EPSILON = np.finfo(np.float64).eps
VALUES = st.lists(st.floats(-1e12, 1e12) | st.sampled_from([0.0, 5e-324, 1e-200]), max_size=40)


@examples(150)
@given(values=VALUES)
def test_a_sum_is_within_rounding_of_the_exact_one(values):
    exact = math.fsum(values)
    bound = len(values) * EPSILON * math.fsum(map(abs, values))
    assert abs(sum_of(np.array(values)) - exact) <= bound


@examples(150)
@given(pairs=st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=40))
def test_a_sum_of_products_is_within_rounding_of_the_exact_one(pairs):
    one, other = np.array(pairs).reshape(-1, 2).T.copy()
    products = one * other
    bound = len(pairs) * EPSILON * math.fsum(np.abs(products))
    assert abs(sum_of_products(one, other) - math.fsum(products)) <= bound


@pytest.mark.parametrize("n", range(20))
def test_each_value_is_summed_once(n):
    """Whole numbers: exact in any order."""
    powers = 2.0 ** np.arange(n)
    assert sum_of(powers) == 2.0**n - 1.0
    assert sum_of_products(powers, np.ones(n)) == 2.0**n - 1.0
    assert sum_of_products(np.ones(n), powers) == 2.0**n - 1.0
    assert sum_of_products(powers, powers) == sum(4**k for k in range(n))


@pytest.mark.parametrize("n", range(1, 20))
def test_nan_is_never_lost(n):
    for place in range(n):
        signal = np.ones(n)
        signal[place] = np.nan
        assert np.isnan(sum_of(signal))
        assert np.isnan(sum_of_products(signal, np.ones(n)))
        assert np.isnan(sum_of_products(np.ones(n), signal))


@examples(40)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 60), shift=st.integers(0, 9))
def test_the_same_samples_elsewhere_in_memory_give_the_same_bytes(seed, n, shift):
    signal = np.random.default_rng(seed).standard_normal(n)
    moved = np.concatenate([np.full(shift, 1e300), signal, [1e300]])[shift : shift + n]
    assert sum_of(moved) == sum_of(signal)
    assert sum_of_products(moved, moved) == sum_of_products(signal, signal)
    rows = np.full((3, n), 1e300)
    rows[1] = signal
    assert sum_of(rows[1]) == sum_of(signal)


@examples(60)
@given(angle=st.floats(-10.0, 10.0), step=st.floats(-3.0, 3.0))
def test_turning_adds_the_angle(angle, step):
    found = turned(np.cos(angle), np.sin(angle), (np.cos(step), np.sin(step)))
    assert found == pytest.approx((np.cos(angle + step), np.sin(angle + step)), abs=1e-14)


def test_a_thousand_turns_neither_grow_nor_drift():
    cosine, sine, turn = 1.0, 0.0, (np.cos(0.1), np.sin(0.1))
    for _ in range(1000):
        cosine, sine = turned(cosine, sine, turn)
    assert (cosine, sine) == pytest.approx((np.cos(100.0), np.sin(100.0)), abs=1e-12)
