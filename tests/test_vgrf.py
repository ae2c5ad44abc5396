"""The force waveform: its form, its bounds, and that it is the force plates'."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imurun
from benchmarks.datasets import load
from imurun.sim import Segment, simulate
from imurun.vgrf import MIDDLE_DUTY, MIDDLE_PEAK_BW, MIDDLE_PERIOD_S, WAVES_BW, force_bw


@settings(max_examples=60)
@given(
    start=st.floats(0.0, 1.0), length=st.floats(0.05, 0.5), duty=st.floats(0.2, 0.5), peak=st.floats(1.5, 3.5)
)
def test_one_contact_is_its_sum_of_half_waves(start, length, duty, peak):
    time_s = np.arange(400) / 200.0
    found = force_bw(time_s, *(np.array([v]) for v in (start, start + length, duty, peak)))
    for t, force in zip(time_s, found, strict=True):
        u = (t - start) / length
        expected = 0.0
        if 0.0 <= u < 1.0:
            for k, (base, by_duty, by_peak, by_period) in enumerate(WAVES_BW, start=1):
                size = base + by_duty * (duty - MIDDLE_DUTY) + by_peak * (peak - MIDDLE_PEAK_BW)
                size += by_period * (length / (2.0 * duty) - MIDDLE_PERIOD_S)
                expected += size * np.sin(np.pi * k * u)
        assert force == pytest.approx(max(expected, 0.0), abs=1e-9)


def test_no_steps_give_zero_and_unknown_peaks_give_nan():
    time_s = np.arange(100) / 100.0
    none = np.zeros(0)
    assert not force_bw(time_s, none, none, none, none).any()
    first, last, duty = np.array([0.1, np.nan]), np.array([0.4, 0.8]), np.array([0.4, 0.4])
    force = force_bw(time_s, first, last, duty, np.array([np.nan, 2.0]))
    assert np.isnan(force[10:40]).all()
    assert not force[:10].any()
    assert not force[40:].any()


def test_the_force_of_running_carries_body_weight():
    segments = [Segment("walking", 10.0, speed_m_s=1.3), Segment("running", 20.0, speed_m_s=3.0)]
    recording = simulate(segments, seed=4).recording
    session = imurun.analyze(recording)
    force = session.vgrf()
    assert force.shape == (len(recording),)
    assert np.isnan(force[: round(8 * recording.rate_hz)]).all()
    running = force[round(14 * recording.rate_hz) : round(28 * recording.rate_hz)]
    assert (running >= 0).all()
    assert np.mean(running == 0) > 0.1  # flight
    assert np.mean(running) == pytest.approx(1.0, abs=0.05)  # body weight is carried


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")
def test_the_force_is_close_to_force_plates(shared_data):
    squares = []
    for trial in [*load("running_speeds"), *load("rbds_speeds")]:
        found = imurun.analyze(trial.recording).vgrf()
        error = (found - trial.vgrf_bw)[round(trial.recording.rate_hz) : -round(trial.recording.rate_hz)]
        known = np.isfinite(error)
        assert known.mean() > 0.7, trial.name
        squares.append(np.mean(error[known] ** 2))
    assert np.sqrt(np.mean(squares)) < 0.18
