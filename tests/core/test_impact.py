"""Peaks, against the smoothed signal as a whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import convolve

from imurun.core.filters import gaussian_taps
from imurun.core.impact import IMPACT_WINDOW_S, highest, lowest, sharpened, steepest_rise, write_impact
from imurun.core.ring_buffer import FORWARD, N_CHANNELS, VERTICAL
from imurun.core.step import BLANK
from tests.core.core_helpers import examples, made_stepper


def plain_smooth(signal, taps):
    return convolve(np.pad(signal, len(taps) // 2, mode="edge"), taps, mode="valid", method="direct")


@examples(80)
@given(
    seed=st.integers(0, 2**32 - 1),
    window=st.tuples(st.integers(-5, 79), st.integers(-5, 79)),
    ends=st.tuples(st.integers(0, 79), st.integers(0, 79)),
    size=st.sampled_from([0.0, 5e-324, 1.0, 1e300]),
)
def test_extremes_match_those_of_the_smoothed_channel(seed, window, ends, size):
    buffer = size * np.random.default_rng(seed).uniform(-1.0, 1.0, (N_CHANNELS, 80))
    taps = gaussian_taps(100.0, 25.0)
    (first, stop), (oldest, newest) = sorted(window), sorted(ends)
    smooth = plain_smooth(buffer[VERTICAL, oldest : newest + 1], taps)
    part = smooth[max(first - oldest, 0) : max(stop + 1 - oldest, 0)]
    values = sharpened(buffer, VERTICAL, first, stop, oldest, newest, taps)
    close = {"rel": 1e-12, "abs": 1e-15 * size}
    assert values == pytest.approx(part, **close)
    assert highest(values) == pytest.approx(part.max(initial=-np.inf), **close)
    assert lowest(values) == pytest.approx(part.min(initial=np.inf), **close)
    if first <= newest:
        assert steepest_rise(values) == pytest.approx(np.diff(part).max(initial=-np.inf), **close)


@pytest.mark.parametrize("rate_hz", [25.0, 100.0, 1000.0])
@pytest.mark.parametrize("heading", [True, False])
def test_impact_columns_match_the_signal_around_foot_strike(rate_hz, heading):
    c = made_stepper(rate_hz, heading=heading).coefficients
    n = int(0.6 * rate_hz)
    time_s = np.arange(n) / rate_hz
    buffer = np.zeros((N_CHANNELS, n))
    buffer[VERTICAL] = 1.0 + 2.0 * np.exp(-(((time_s - 0.23) / 0.03) ** 2))
    buffer[FORWARD] = -0.4 * np.exp(-(((time_s - 0.26) / 0.05) ** 2)) + 0.1
    contact, middle = 0.2 * rate_hz, 0.31 * rate_hz
    row = BLANK.copy()[0]
    write_impact(row, buffer, contact, middle, 0, n - 1, heading, c)
    first = int(np.floor(contact + IMPACT_WINDOW_S[0] * rate_hz))
    stop = int(np.ceil(contact + IMPACT_WINDOW_S[1] * rate_hz))
    vertical = plain_smooth(buffer[VERTICAL], c.sharp_taps)[first : stop + 1]
    forward = plain_smooth(buffer[FORWARD], c.sharp_taps)[first : int(middle) + 1]
    assert row["peak_impact_g"] == pytest.approx(vertical.max())
    assert row["loading_rate_g_s"] == pytest.approx(rate_hz * np.diff(vertical).max())
    if heading:
        assert row["braking_g"] == pytest.approx(-forward.min())
        assert 0.1 < row["braking_g"] < 0.31
    else:
        assert np.isnan(row["braking_g"])


def test_propulsion_alone_gives_no_braking():
    c = made_stepper(100.0).coefficients
    buffer = np.ones((N_CHANNELS, 60))
    row = BLANK.copy()[0]
    write_impact(row, buffer, 20.0, 31.0, 0, 59, True, c)
    assert row["braking_g"] == 0.0
    assert row["peak_impact_g"] == pytest.approx(1.0)
    assert row["loading_rate_g_s"] == pytest.approx(0.0, abs=1e-9)
