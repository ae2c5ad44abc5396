"""Ringing of a step on a soft strap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.quality import ABOVE_HZ, LEAST_WAVES, RINGS_HZ, STRAP_DB, power_at, ringing_db, turned
from imurun.core.ring_buffer import N_CHANNELS, SLOW_VERTICAL
from tests.core.core_helpers import examples


def filled(rate_hz, seconds=1.0, seed=0):
    """A history full of noise, and its first three channels less their slow parts."""
    history = np.random.default_rng(seed).standard_normal((N_CHANNELS, round(seconds * rate_hz)))
    return history, history[:3] - history[SLOW_VERTICAL : SLOW_VERTICAL + 3]


def plain_power(rest, begin, end, hz, rate_hz):
    k = np.arange(rest.shape[1])
    k = k[(k >= begin) & (k <= end)]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (k - begin) / (end - begin))
    transform = rest[:, k] @ (window * np.exp(-2j * np.pi * hz * k / rate_hz))
    return float(np.sum(np.abs(2 * transform / window.sum()) ** 2))


@examples(60)
@given(
    rate_hz=st.sampled_from([50.0, 100.0, 208.0]),
    begin_s=st.floats(0.0, 0.4),
    length_s=st.floats(0.2, 0.55),
    swing_g=st.floats(0.5, 3.0),
    seed=st.integers(0, 1000),
)
def test_powers_of_a_windowed_transform(rate_hz, begin_s, length_s, swing_g, seed):
    history, rest = filled(rate_hz, seed=seed)
    begin, end = begin_s * rate_hz, (begin_s + length_s) * rate_hz
    powers = {hz: plain_power(rest, begin, end, hz, rate_hz) for hz in (RINGS_HZ, *ABOVE_HZ)}
    for hz, power in powers.items():
        assert power_at(history, begin, end, hz, rate_hz) == pytest.approx(power, rel=1e-9, abs=1e-12)
    at, above = powers[RINGS_HZ], sum(powers[hz] for hz in ABOVE_HZ)
    expected = 10 * np.log10(at / swing_g**2) + 5 * np.log10(at / above)
    if length_s * RINGS_HZ < LEAST_WAVES:
        expected = np.nan
    found = ringing_db(history, begin, end, swing_g, rate_hz)
    assert found == pytest.approx(expected, abs=1e-3, nan_ok=True)


@pytest.mark.parametrize("rate_hz", [40.0, 1000.0, 5000.0])
@pytest.mark.parametrize("hz", [RINGS_HZ, *ABOVE_HZ])
def test_many_samples_in_the_longest_step(rate_hz, hz):
    """The angles that are added up sample by sample stay right to the end."""
    history, rest = filled(rate_hz, seed=5)
    begin, end = 0.013 * rate_hz, 0.913 * rate_hz
    expected = plain_power(rest, begin, end, hz, rate_hz)
    assert power_at(history, begin, end, hz, rate_hz) == pytest.approx(expected, rel=1e-9)


@examples(60)
@given(angle=st.floats(-10.0, 10.0), step=st.floats(-3.0, 3.0))
def test_turned_by_a_step(angle, step):
    found = turned(np.cos(angle), np.sin(angle), (np.cos(step), np.sin(step)))
    assert found == pytest.approx((np.cos(angle + step), np.sin(angle + step)), abs=1e-14)


def test_a_thousand_turns_neither_grow_nor_drift():
    cosine, sine, turn = 1.0, 0.0, (np.cos(0.1), np.sin(0.1))
    for _ in range(1000):
        cosine, sine = turned(cosine, sine, turn)
    assert (cosine, sine) == pytest.approx((np.cos(100.0), np.sin(100.0)), abs=1e-12)


def test_a_wave_has_the_power_of_its_amplitude():
    history = np.zeros((N_CHANNELS, 400))
    history[0] = 0.3 * np.sin(2 * np.pi * RINGS_HZ * np.arange(400) / 400.0)
    assert power_at(history, 0.0, 399.0, RINGS_HZ, 400.0) == pytest.approx(0.09, rel=0.02)
    assert power_at(history, 0.0, 399.0, 18.0, 400.0) < 1e-4


def test_a_low_rate_and_a_signal_without_any_are_no_trouble():
    history = np.zeros((N_CHANNELS, 40))
    assert np.isnan(ringing_db(history, 2.0, 14.0, 1.5, 30.0))
    assert np.isfinite(ringing_db(history, 2.0, 30.0, 1.5, 100.0))
    assert ringing_db(history, 2.0, 30.0, 1.5, 100.0) < STRAP_DB
