"""What alternates between two steps, against least squares and sums over whole arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.swing import half_swing, write_swing
from tests.core.core_helpers import examples


def plain_half(signal, begin, end, offset):
    columns = np.arange(int(np.ceil(begin)), int(np.ceil(end)))
    angle = np.pi * (columns - begin) / (end - begin) - np.pi / 2
    values = signal[columns] - offset
    return 2 * np.mean(values * np.cos(angle)), -2 * np.mean(values * np.sin(angle))


def plain_swing(signal, begin, middle, end):
    offset = signal[int(np.ceil(begin)) : int(np.floor(end)) + 1].mean()
    before, after = (np.array(plain_half(signal, *part, offset)) for part in ((begin, middle), (middle, end)))
    return (after - before) / 2


def swing_of(signal, begin, middle, end):
    swing = np.zeros(2)
    write_swing(np.asarray(signal, dtype=float), begin, middle, end, swing)
    return swing


@examples(80)
@given(
    seed=st.integers(0, 2**32 - 1),
    begin=st.floats(0.0, 10.0),
    first=st.floats(9.0, 40.0),
    second=st.floats(9.0, 40.0),
    size=st.sampled_from([0.0, 1.0, 1e100]),
)
def test_swing_of_noise(seed, begin, first, second, size):
    signal = size * np.random.default_rng(seed).standard_normal(100)
    middle, end = begin + first, begin + first + second
    assert np.allclose(
        swing_of(signal, begin, middle, end),
        plain_swing(signal, begin, middle, end),
        rtol=1e-9,
        atol=1e-10 * size,
    )
    assert np.allclose(
        half_swing(signal, begin, middle, 0.1), plain_half(signal, begin, middle, 0.1), atol=1e-9 * (size + 1)
    )


@pytest.mark.parametrize("lead_deg", [0.0, 50.0, 90.0, 170.0, -60.0])
@pytest.mark.parametrize("period", [20.0, 37.3, 75.0])
def test_swing_is_amplitude_and_phase_seen_from_the_later_step(lead_deg, period):
    """The stride's phase is 0 in the middle of the second step; harmonics of the step do not matter."""
    begin = 5.5
    middle, end = begin + period, begin + 2 * period
    phase = np.pi * (np.arange(300) - middle) / period - np.pi / 2
    lead = np.deg2rad(lead_deg)
    every_step = 100.0 + 3.0 * np.cos(2 * phase + 1.0)
    signal = 0.7 * np.cos(phase + lead) + every_step
    expected = 0.7 * np.array([np.cos(lead), np.sin(lead)])
    assert np.allclose(swing_of(signal, begin, middle, end), expected, atol=0.02 + 3.0 / period)
    assert np.allclose(swing_of(signal, middle, end, end + period), -expected, atol=0.02 + 3.0 / period)
