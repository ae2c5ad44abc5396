"""Ranges, ratios and regularity, against numpy on the stretch itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.filters import sum_of_products
from imurun.core.ring_buffer import FORWARD, LEFTWARD, N_CHANNELS, VERTICAL
from imurun.core.sway import LAG_SEARCH, mean_of, mediolateral_ratio, range_of, regularity, write_centred
from tests.core.core_helpers import examples, smooth_noise

STRETCH = {
    "seed": st.integers(0, 2**32 - 1),
    "first": st.integers(0, 30),
    "n": st.integers(1, 60),
    "size": st.sampled_from([0.0, 1e-150, 1.0, 1e100]),
}


def noise(seed, size=1.0, shape=100):
    return size * np.random.default_rng(seed).standard_normal(shape)


@examples(60)
@given(**STRETCH)
def test_range_and_mean_match_numpy(seed, first, n, size):
    signal = noise(seed, size)
    part = signal[first : first + n]
    level = part - np.linspace(0.0, part[-1] - part[0], n)
    assert range_of(signal, first, first + n - 1, False) == np.ptp(part)
    assert range_of(signal, first, first + n - 1, True) == pytest.approx(np.ptp(level), abs=1e-12 * size)
    assert mean_of(signal, first, first + n) == pytest.approx(part.mean(), rel=1e-9, abs=1e-12 * size)


def test_the_mean_of_no_samples_is_zero():
    assert mean_of(np.ones(5), 2, 2) == 0.0


def test_steady_turning_is_no_range():
    turn = np.linspace(0.0, 3.0, 80)
    sway = 0.1 * np.sin(2 * np.pi * np.arange(80) / 79)
    assert range_of(turn, 0, 79, True) == pytest.approx(0.0, abs=1e-12)
    assert range_of(turn + sway, 0, 79, True) == pytest.approx(0.2, rel=0.01)


@examples(60)
@given(**STRETCH)
def test_the_mediolateral_ratio_matches_its_variances(seed, first, n, size):
    buffer = noise(seed, size, (N_CHANNELS, 100))
    part = buffer[[VERTICAL, FORWARD, LEFTWARD], first : first + n]
    lateral, whole = part[2].var(), part.var(axis=1).sum()
    expected = np.sqrt(lateral / whole) if whole * n > 1e-20 else 0.0
    assert mediolateral_ratio(buffer, first, first + n) == pytest.approx(expected, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(("channel", "share"), [(LEFTWARD, 1.0), (FORWARD, 0.0), (VERTICAL, 0.0)])
def test_motion_along_one_axis_has_a_ratio_of_one_or_zero(channel, share):
    buffer = np.ones((N_CHANNELS, 50))
    buffer[channel] = np.sin(np.arange(50))
    assert mediolateral_ratio(buffer, 0, 50) == pytest.approx(share)


@examples(60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 90),
    offset=st.sampled_from([0.0, 1.0, -1e9]),
    size=st.sampled_from([0.0, 1e-150, 1.0, 1e100]),
)
def test_centring_removes_the_mean(seed, n, offset, size):
    signal, centred = offset + noise(seed, size, n), np.full(n, np.nan)
    write_centred(signal, centred)
    mean = math.fsum(signal) / max(n, 1)
    assert np.allclose(centred, signal - mean, rtol=1e-13, atol=1e-14 * max(abs(offset), size))


def regularity_of(signal, lag):
    """As `write_regularity` calls it."""
    centred = np.empty_like(signal)
    write_centred(signal, centred)
    return regularity(centred, sum_of_products(centred, centred), lag)


def plain_regularity(part, lag):
    """Unbiased autocorrelation of a signal, its best value near the lag."""
    n = len(part)
    part = part - part.mean()
    raw = np.correlate(part, part, mode="full")[n - 1 :]
    shifts = np.arange(max(lag - LAG_SEARCH, 1), min(lag + LAG_SEARCH, n - 1) + 1)
    unbiased = raw / (n - np.arange(n)) * n / max(raw[0], 1e-30)
    return np.clip(unbiased[shifts].max(initial=-1.0), None, 1.0)


@examples(80)
@given(
    seed=st.integers(0, 2**32 - 1),
    first=st.integers(0, 50),
    n=st.integers(1, 150),
    lag=st.integers(0, 80),
    size=st.sampled_from([0.0, 1.0, 1e100]),
)
def test_regularity_matches_the_reference(seed, first, n, lag, size):
    signal = size * smooth_noise(np.random.default_rng(seed), 200, 4.0)
    expected = plain_regularity(signal[first : first + n], lag)
    assert regularity_of(signal[first : first + n], lag) == pytest.approx(expected, abs=1e-9)


def test_a_limp_lowers_step_but_not_stride_regularity():
    """Every second step larger: strides are alike, steps are not."""
    step = np.sin(2 * np.pi * np.arange(30) / 30)
    even = np.tile(step, 8)
    assert regularity_of(even, 30) == pytest.approx(1.0)
    assert regularity_of(even, 31) == pytest.approx(1.0)
    assert regularity_of(even, 15) < 0.0
    limping = np.tile(np.concatenate([1.5 * step, 0.5 * step]), 4)
    assert regularity_of(limping, 30) == pytest.approx(2 * 1.5 * 0.5 / (1.5**2 + 0.5**2), abs=0.02)
    assert regularity_of(limping, 60) == pytest.approx(1.0)
