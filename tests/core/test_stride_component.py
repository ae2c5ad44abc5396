"""Stride components, against sums over whole arrays and waves of known amplitude and phase."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.ring_buffer import N_CHANNELS
from imurun.core.step_cycle import STEP_CYCLE
from imurun.core.stride_component import N_SIGNALS, SIGNALS, measure_halves, stride_component, write_rotation
from tests.core.core_helpers import examples, record


def plain_half(signal, begin, end, offset):
    columns = np.arange(int(np.ceil(begin)), int(np.ceil(end)))
    angle = np.pi * (columns - begin) / (end - begin) - np.pi / 2
    values = signal[columns] - offset
    return 2 * np.mean(values * np.cos(angle)), -2 * np.mean(values * np.sin(angle))


def plain_component(signal, begin, middle, end):
    """Cosine and sine part at the stride frequency over two cycles, seen from the second."""
    parts = (begin, middle), (middle, end)
    offset = np.mean([signal[int(np.ceil(a)) : int(np.ceil(b))].mean() for a, b in parts])
    before, after = (np.array(plain_half(signal, *part, offset)) for part in parts)
    return (after - before) / 2


def measured_cycles(buffer, minima, base=0):
    """Records of STEP_CYCLE between the minima, with their halves."""
    cycles = [record(STEP_CYCLE, begin=base + begin, end=base + end) for begin, end in pairwise(minima)]
    for cycle in cycles:
        measure_halves(buffer, base, cycle)
    return cycles


@examples(80)
@given(
    seed=st.integers(0, 2**32 - 1),
    begin=st.floats(0.0, 10.0),
    first=st.floats(9.0, 40.0),
    second=st.floats(9.0, 40.0),
    size=st.sampled_from([0.0, 1.0, 1e100]),
    base=st.sampled_from([0, 123_456]),
)
def test_components_of_noise_match_sums_over_arrays(seed, begin, first, second, size, base):
    buffer = np.zeros((N_CHANNELS, 100))
    buffer[list(SIGNALS)] = size * np.random.default_rng(seed).standard_normal((N_SIGNALS, 100))
    minima = begin + np.array([0.0, first, first + second])
    before, cycle = measured_cycles(buffer, minima, base)
    minima = np.array([before["begin"], cycle["begin"], cycle["end"]]) - base
    for i, channel in enumerate(SIGNALS):
        expected = plain_component(buffer[channel], *minima)
        assert np.allclose(stride_component(before, cycle, i), expected, rtol=1e-9, atol=1e-10 * size)


@pytest.mark.parametrize("lead_deg", [0.0, 50.0, 90.0, 170.0, -60.0])
@pytest.mark.parametrize("period", [20.0, 37.3, 75.0])
def test_a_component_is_amplitude_and_phase_seen_from_the_later_step(lead_deg, period):
    """The stride's phase is 0 in the middle of the second step; harmonics of the step do not matter."""
    minima = 5.5 + period * np.arange(4)
    phase = np.pi * (np.arange(300) - minima[1]) / period - np.pi / 2
    lead = np.deg2rad(lead_deg)
    buffer = np.zeros((N_CHANNELS, 300))
    every_step = 1000.0 + 3.0 * np.cos(2 * phase + 1.0)
    buffer[SIGNALS[2]] = 0.7 * np.cos(phase + lead) + every_step
    one, two, three = measured_cycles(buffer, minima)
    expected = 0.7 * np.array([np.cos(lead), np.sin(lead)])
    assert np.allclose(stride_component(one, two, 2), expected, atol=0.02 + 3.0 / period)
    assert np.allclose(stride_component(two, three, 2), -expected, atol=0.02 + 3.0 / period)


def test_a_constant_has_no_component_in_steps_of_unequal_length():
    buffer = np.full((N_CHANNELS, 100), 500.0)
    before, cycle = measured_cycles(buffer, [3.3, 33.1, 70.7])
    for i in range(N_SIGNALS):
        assert np.allclose(stride_component(before, cycle, i), 0.0, atol=1e-11)


@examples(40)
@given(angle=st.floats(-10.0, 10.0), turn=st.floats(-0.5, 0.5), n=st.integers(0, 500))
def test_a_rotation_stays_exact(angle, turn, n):
    cosines, sines = np.zeros(n), np.zeros(n)
    write_rotation(cosines, sines, angle, turn)
    expected = angle + turn * np.arange(n)
    assert np.allclose(cosines, np.cos(expected), atol=1e-12)
    assert np.allclose(sines, np.sin(expected), atol=1e-12)
