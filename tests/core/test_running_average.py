"""The typical pulse: a plain mean at first, then a mean that forgets."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imurun.core.contact import MEMORY_STEPS, TYPICAL, add_pulse, moved, restart_typical
from imurun.core.step_cycle import PULSE
from tests.core.core_helpers import examples, record

RATE = 200.0


def pulses_of(rng, n):
    """Random pulses that begin one after the other."""
    pulses = np.zeros(n, dtype=PULSE)
    for name in PULSE.names:
        pulses[name] = rng.random(n)
    pulses["height"] += 1.0
    return pulses


def measured(pulse):
    """What is averaged of one pulse, in the order of TYPICAL."""
    period = (pulse["end"] - pulse["begin"]) / RATE
    places = [(pulse[name] - pulse["peak"]) / RATE for name in ("up", "down", "end", "push_begin")]
    swing = pulse["push_height"] - pulse["push_floor"]
    fore_aft = [pulse[name] for name in ("brake", "drive", "forward_rms")]
    return np.array([period, *places, pulse["height"], pulse["push_height"], swing, *fore_aft])


@examples(40)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 3 * MEMORY_STEPS))
def test_mean(seed, n):
    pulses = pulses_of(np.random.default_rng(seed), n)
    typical = record(TYPICAL)
    for pulse in pulses:
        add_pulse(typical, pulse, RATE)
    weights = np.zeros(n)
    for i in range(n):
        share = 1.0 / min(i + 1, MEMORY_STEPS)
        weights *= 1.0 - share
        weights[i] = share
    expected = weights @ np.array([measured(pulse) for pulse in pulses])
    assert typical["n"] == min(n, MEMORY_STEPS)
    assert np.allclose([typical[name] for name in TYPICAL.names[1:]], expected)


@examples(30)
@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20))
def test_a_mean_moved_by_each_is_their_mean(values):
    mean = np.nan  # the first does not ask for it
    for n, value in enumerate(values, start=1):
        mean = moved(mean, value, n)
    assert mean == pytest.approx(sum(map(Fraction, values)) / len(values), rel=1e-9, abs=1e-9)


def test_a_run_begins_with_nothing():
    rng = np.random.default_rng(3)
    typical = record(TYPICAL)
    for pulse in pulses_of(rng, 5):
        add_pulse(typical, pulse, RATE)
    restart_typical(typical)
    assert typical.tobytes() == record(TYPICAL).tobytes()
    (pulse,) = pulses_of(rng, 1)
    add_pulse(typical, pulse, RATE)
    assert [typical[name] for name in TYPICAL.names[1:]] == pytest.approx(measured(pulse))
