"""Smoothing against a padded convolution."""

from __future__ import annotations

import numpy as np
import pytest
from core_helpers import examples
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import convolve

from imurun.core.gaussian import gaussian_taps, smooth_at


def plain_smooth(signal, taps):
    """The whole signal smoothed, its ends repeated."""
    return convolve(np.pad(signal, len(taps) // 2, mode="edge"), taps, mode="valid", method="direct")


@pytest.mark.parametrize("rate_hz", [25.0, 50.0, 104.17, 1000.0])
@pytest.mark.parametrize("cutoff_hz", [0.5, 3.5, 5.0])
def test_taps_smooth_as_promised(rate_hz, cutoff_hz):
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
def test_like_a_padded_convolution(signal, edges, half):
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


def test_what_lies_outside_is_not_read():
    taps = gaussian_taps(100.0, 3.5)
    signal = np.full(60, np.nan)
    signal[20:40] = 2.0
    assert [smooth_at(signal, k, 20, 39, taps) for k in (20, 30, 39)] == pytest.approx([2.0] * 3)
