"""Penalties and quality of a step, and ringing of a soft strap."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.quality import (
    ABOVE_HZ,
    LEAST_WAVES,
    OWN_RHYTHM,
    OWN_RINGING_DB,
    OWN_TILT_G,
    PENALTIES,
    RINGS_HZ,
    STRAP_DB,
    WEIGHTS,
    beyond,
    hann_angles,
    power_at,
    quality_of,
    ringing_db,
    share_of,
    write_quality,
)
from imurun.core.ring_buffer import CLIPPED, FORWARD, LEFTWARD, N_CHANNELS, SLOW_VERTICAL
from imurun.core.step import STEP
from imurun.core.step_cycle import STEP_CYCLE
from tests.core.core_helpers import examples, made_stepper, record

RATE = 100.0
C = made_stepper(RATE).coefficients

sizes = st.floats(0.0, 10.0)


@examples(100)
@given(penalties=st.tuples(*[sizes] * len(PENALTIES)))
def test_penalties_add_to_the_variance(penalties):
    expected = (1.0 + float(np.dot(WEIGHTS, np.square(penalties)))) ** -0.5
    assert quality_of(penalties) == pytest.approx(expected)
    assert 0.0 < quality_of(penalties) <= 1.0


@examples(100)
@given(
    penalties=st.tuples(*[sizes] * len(PENALTIES)),
    which=st.integers(0, len(PENALTIES) - 1),
    more=st.floats(0.01, 5.0),
)
def test_a_larger_penalty_is_less_quality(penalties, which, more):
    worse = tuple(d + more * (i == which) for i, d in enumerate(penalties))
    assert quality_of(worse) < quality_of(penalties)


def test_values_within_the_limits_have_no_penalty():
    assert beyond(0.5, 0.2) == pytest.approx(0.3)
    assert beyond(0.1, 0.2) == 0.0
    assert beyond(np.nan, 0.2) == 0.0


def test_share_of_counts_flagged_columns_with_both_ends():
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
def test_a_step_has_its_four_penalties_and_its_quality(clipped, tilt_g, period_s):
    base = 1000
    buffer = 0.1 * np.random.default_rng(3).standard_normal((N_CHANNELS, 100))
    buffer[[CLIPPED, FORWARD, LEFTWARD]] = 0.0
    buffer[FORWARD], buffer[LEFTWARD] = 0.6 * tilt_g, -0.8 * tilt_g
    buffer[CLIPPED, 30 : 30 + clipped] = 1.0
    cycle = record(STEP_CYCLE, begin=base + 20.5, end=base + 56.5, peak_g=2.5, minimum_g=0.2)
    row = record(STEP)
    write_quality(row, buffer, cycle, base, period_s, C)
    ringing = ringing_db(buffer, 20.5, 56.5, 2.3, RATE)
    expected = {
        "ringing": max(ringing - OWN_RINGING_DB, 0.0) / 10.0,
        "rhythm": max(0.36 / period_s - 1.0 - OWN_RHYTHM, 0.0),
        "clipping": clipped / 36.0,
        "tilt": max(tilt_g - OWN_TILT_G, 0.0),
    }
    for name in PENALTIES:
        assert row[f"doubt_{name}"] == pytest.approx(expected[name], abs=1e-9)
    variance = 1.0 + sum(w * expected[name] ** 2 for w, name in zip(WEIGHTS, PENALTIES, strict=True))
    assert row["quality"] == pytest.approx(1.0 / sqrt(variance))
    assert row["ringing_db"] == pytest.approx(ringing)


# ------------------------------------------------------------------------------------ ringing of a soft strap


def filled(rate_hz, seconds=1.0, seed=0):
    """A buffer full of noise, and its first three channels less their slow parts."""
    buffer = np.random.default_rng(seed).standard_normal((N_CHANNELS, round(seconds * rate_hz)))
    return buffer, buffer[:3] - buffer[SLOW_VERTICAL : SLOW_VERTICAL + 3]


def plain_power(rest, begin, end, hz, rate_hz):
    k = np.arange(rest.shape[1])
    k = k[(k >= begin) & (k <= end)]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (k - begin) / (end - begin))
    transform = rest[:, k] @ (window * np.exp(-2j * np.pi * hz * k / rate_hz))
    return float(np.sum(np.abs(2 * transform / window.sum()) ** 2))


def power_of(buffer, begin, end, hz, rate_hz):
    columns = int(np.ceil(begin)), int(np.floor(end))
    return power_at(buffer, *columns, hann_angles(begin, end), hz / rate_hz)


@examples(60)
@given(
    rate_hz=st.sampled_from([50.0, 100.0, 208.0]),
    begin_s=st.floats(0.0, 0.4),
    length_s=st.floats(0.2, 0.55),
    peak_to_peak_g=st.floats(0.5, 3.0),
    seed=st.integers(0, 1000),
)
def test_ringing_matches_the_powers_of_a_windowed_transform(rate_hz, begin_s, length_s, peak_to_peak_g, seed):
    buffer, rest = filled(rate_hz, seed=seed)
    begin, end = begin_s * rate_hz, (begin_s + length_s) * rate_hz
    powers = {hz: plain_power(rest, begin, end, hz, rate_hz) for hz in (RINGS_HZ, *ABOVE_HZ)}
    for hz, power in powers.items():
        assert power_of(buffer, begin, end, hz, rate_hz) == pytest.approx(power, rel=1e-9, abs=1e-12)
    at, above = powers[RINGS_HZ], sum(powers[hz] for hz in ABOVE_HZ)
    expected = 10 * np.log10(at / peak_to_peak_g**2) + 5 * np.log10(at / above)
    if length_s * RINGS_HZ < LEAST_WAVES:
        expected = np.nan
    found = ringing_db(buffer, begin, end, peak_to_peak_g, rate_hz)
    assert found == pytest.approx(expected, abs=1e-3, nan_ok=True)


@pytest.mark.parametrize("rate_hz", [40.0, 1000.0, 5000.0])
@pytest.mark.parametrize("hz", [RINGS_HZ, *ABOVE_HZ])
def test_power_stays_exact_over_the_longest_step(rate_hz, hz):
    """The angles that are added up sample by sample stay right to the end."""
    buffer, rest = filled(rate_hz, seed=5)
    begin, end = 0.013 * rate_hz, 0.913 * rate_hz
    expected = plain_power(rest, begin, end, hz, rate_hz)
    assert power_of(buffer, begin, end, hz, rate_hz) == pytest.approx(expected, rel=1e-9)


def test_a_wave_has_the_power_of_its_amplitude():
    buffer = np.zeros((N_CHANNELS, 400))
    buffer[0] = 0.3 * np.sin(2 * np.pi * RINGS_HZ * np.arange(400) / 400.0)
    assert power_of(buffer, 0.0, 399.0, RINGS_HZ, 400.0) == pytest.approx(0.09, rel=0.02)
    assert power_of(buffer, 0.0, 399.0, 18.0, 400.0) < 1e-4


def test_ringing_is_nan_at_a_low_rate_and_low_without_a_signal():
    buffer = np.zeros((N_CHANNELS, 40))
    assert np.isnan(ringing_db(buffer, 2.0, 14.0, 1.5, 30.0))
    assert np.isfinite(ringing_db(buffer, 2.0, 30.0, 1.5, 100.0))
    assert ringing_db(buffer, 2.0, 30.0, 1.5, 100.0) < STRAP_DB
