"""Made signals through the whole analysis: what is running, what is walking or neither, and which foot."""

from __future__ import annotations

import numpy as np
import pytest

from imurun.core.step import RUNNING, WALKING
from imurun.engine import RunAnalyzer
from imurun.sim import Segment, simulate
from tests.core.core_helpers import SLOW, TILTED
from tests.core.made_signals import (
    RUNNER,
    Made,
    Wave,
    bouncing_run,
    half_sines,
    horse_trot,
    jumping_jacks,
    made,
    quick_walk,
    rope_skipping,
    shaking_plate,
)

pytestmark = pytest.mark.skipif(SLOW, reason="minutes without the compiler")
MOUNTINGS = [None, TILTED]


def steps_of(signal: Made, mounting="find", gyro=True) -> np.ndarray:
    """All steps of a made signal, as of a stream."""
    analyzer = RunAnalyzer(signal.rate_hz, mounting=mounting, has_gyro=gyro)
    rates = np.ascontiguousarray(signal.gyr) if gyro else None
    rows = [analyzer.push_arrays(np.ascontiguousarray(signal.acc), rates)[0], analyzer.finish_arrays()[0]]
    return np.concatenate(rows)


def running_in(signal: Made, **options) -> np.ndarray:
    steps = steps_of(signal, **options)
    return steps[steps["gait"] == RUNNING]


def share_found(signal: Made, **options) -> float:
    """Share of the steps that have a running step whose cycle holds their middle."""
    steps = running_in(signal, **options)
    begin, end = steps["cycle"]["begin"] / signal.rate_hz, steps["cycle"]["end"] / signal.rate_hz
    middle = signal.middle_s[:, None]
    return float(np.mean(((begin <= middle) & (middle < end)).any(axis=1)))


def given(mounting):
    return np.eye(3) if mounting is None else mounting


@pytest.mark.parametrize("mounting", MOUNTINGS)
@pytest.mark.parametrize("cadence_spm", [115, 130, 150, 170, 190])
@pytest.mark.parametrize("peak_to_peak_g", [0.7, 1.0, 1.3])
def test_quick_walking_is_no_running(cadence_spm, peak_to_peak_g, mounting):
    """With the body highest in mid-stance, at any cadence, whether forward is known or not."""
    signal = quick_walk(cadence_spm, peak_to_peak_g, mounting=mounting)
    for options in ({}, {"gyro": False}, {"mounting": given(mounting)}):
        steps = steps_of(signal, **options)
        assert not (steps["gait"] == RUNNING).any()
        if cadence_spm <= 150:
            assert np.mean(steps["gait"] == WALKING) == 1.0
            assert len(steps) > 0.95 * len(signal.middle_s)


@pytest.mark.parametrize("mounting", MOUNTINGS)
@pytest.mark.parametrize("cadence_spm", [130, 152, 175])
@pytest.mark.parametrize("duty", [0.50, 0.53, 0.56, 0.60])
def test_grounded_running_is_running(cadence_spm, duty, mounting):
    """With the body lowest in mid-stance, although a foot is always on the ground."""
    signal = bouncing_run(cadence_spm, duty, mounting=mounting)
    assert share_found(signal) >= 0.98
    assert share_found(signal, mounting=given(mounting)) >= 0.98
    assert share_found(signal, mounting=given(mounting), gyro=False) >= 0.98


@pytest.mark.parametrize("speed_m_s", [1.5, 2.0])
@pytest.mark.parametrize("duty", [0.50, 0.60])
def test_simulated_grounded_running_is_running(speed_m_s, duty):
    segment = Segment("running", 20.0, speed_m_s=speed_m_s, cadence_spm=152, duty_factor=duty)
    recording = simulate([segment], seed=4).recording
    signal = Made(
        np.array(recording.acc), np.array(recording.gyr), recording.rate_hz, np.zeros(0), np.zeros(0)
    )
    assert len(running_in(signal)) >= 0.96 * 20.0 * 152 / 60


@pytest.mark.parametrize("rate_hz", [50.0, 100.0, 208.0])
@pytest.mark.parametrize("gyro", [True, False])
def test_a_jog_with_long_contacts_is_found(rate_hz, gyro):
    """Contacts of 400 ms at 152 steps a minute, with uneven steps."""
    duty = 0.4 * 152 / 120
    signal = bouncing_run(152, duty, rate_hz=rate_hz, variability=0.03, noise_g=0.03)
    assert share_found(signal, gyro=gyro) >= 0.98


@pytest.mark.parametrize("mounting", MOUNTINGS)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("noise_g", [0.005, 0.04])
@pytest.mark.parametrize("kind", [rope_skipping, jumping_jacks, horse_trot, shaking_plate])
def test_what_does_not_alternate_is_no_running(kind, noise_g, seed, mounting):
    signal = kind(noise_g=noise_g, seed=seed, mounting=mounting)
    for options in ({}, {"gyro": False}, {"mounting": given(mounting)}):
        assert not len(running_in(signal, **options))


def test_running_that_turns_into_rope_skipping_ends():
    run, rope = bouncing_run(165, 0.38), rope_skipping()
    signal = Made(
        np.concatenate([run.acc, rope.acc]),
        np.concatenate([run.gyr, rope.gyr]),
        run.rate_hz,
        run.middle_s,
        run.left,
    )
    steps = running_in(signal)
    assert share_found(signal) >= 0.98
    assert np.sum(steps["initial_contact_s"] > 30.0) <= 12


@pytest.mark.parametrize("height_g", [0.34, 0.45])
@pytest.mark.parametrize("gyro", [True, False])
def test_a_sprint_is_found(height_g, gyro):
    """Steps at 4.3 Hz, whose low-passed vertical is only this high."""
    gain = 2.0 ** (-0.5 * (4.3 / 3.5) ** 2)

    def vertical(step):
        return 1.0 + height_g / gain * np.cos(step) + 0.5 * np.cos(2 * step + 1.0)

    signal = made(vertical, RUNNER, 60 * 4.3, rate_hz=200.0)
    assert share_found(signal, gyro=gyro) >= 0.98


def right_sides(signal: Made, **options) -> tuple[float, float]:
    """Shares of the found steps whose side is right, and known."""
    steps = running_in(signal, **options)
    peak_s = steps["cycle"]["peak"] / signal.rate_hz
    away_s = np.abs(signal.middle_s[:, None] - peak_s[None, :])
    steps, left = steps[away_s.min(axis=0) < 0.1], signal.left[away_s.argmin(axis=0)]
    left = left[away_s.min(axis=0) < 0.1]
    return float(np.mean(steps["side"] == np.where(left, 1, 2))), float(np.mean(steps["side"] != 0))


@pytest.mark.parametrize("mounting", MOUNTINGS)
@pytest.mark.parametrize("off_deg", [0.0, 60.0, -60.0, 120.0, -120.0])
def test_sides_of_a_runner_whose_roll_is_out_of_phase(off_deg, mounting):
    body = RUNNER._replace(roll=Wave(3.0, 45.0 + off_deg))
    signal = bouncing_run(170, 0.38, body=body, mounting=mounting)
    right, known = right_sides(signal)
    assert known >= 0.99
    assert right >= 0.98


@pytest.mark.parametrize("duty", [0.3, 0.5, 0.6])
def test_half_sines_carry_the_body(duty):
    phase = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    force = half_sines(phase, duty)
    assert force.mean() == pytest.approx(1.0, abs=1e-3)
    assert force.argmax() == 0
    assert (force.min() < 1e-9) == (duty <= 0.5)
