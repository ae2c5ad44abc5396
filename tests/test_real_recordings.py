"""Foot strikes, contact times, sides, cadence and mounting against force plates, cameras and a shoe."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import imurun
from benchmarks.accuracy.score import (
    Score,
    analysed_turned,
    cadence_ratios,
    mounting_error_deg,
    range_errors_deg,
    score,
    six_axis_trials,
    true_axes,
)
from benchmarks.datasets import LOADERS

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")


def test_treadmill_run(shared_data):
    (trial,) = LOADERS["treadmill_run_grf"](shared_data / "treadmill_run_grf")
    result = score(trial)
    assert result.n_found == result.n_true == 25
    assert result.n_invented == 0
    assert result.sides_right == result.n_true
    assert result.contact_rmse_ms <= 8.0


def test_running_speeds(shared_data):
    result = Score.total(
        [score(trial) for trial in LOADERS["running_speeds"](shared_data / "running_speeds")]
    )
    assert result.n_true > 150
    assert result.f1 >= 0.995
    assert result.sides_right >= 0.995 * result.n_found
    assert result.contact_rmse_ms <= 14.0


def test_sacral_grf(shared_data):
    trials = list(LOADERS["sacral_grf"](shared_data / "sacral_grf"))
    assert len(trials) == 31
    level = Score.total([score(trial) for trial in trials if trial.slope_percent == 0])
    every = Score.total([score(trial) for trial in trials])
    assert level.n_true > 60
    assert level.f1 >= 0.995
    assert every.f1 >= 0.995
    assert level.contact_rmse_ms <= 14.0
    assert every.contact_rmse_ms <= 15.0


def test_cadence_of_full_minutes_is_the_shoes(shared_data):
    ratios = cadence_ratios(shared_data / "hip_shoe_run")
    assert len(ratios) >= 9
    assert np.abs(ratios - 1).max() < 0.01


def test_nobody_runs_in_walking(shared_data):
    for file in sorted((shared_data / "lumbar_walking").glob("*.csv")):
        recording = imurun.read(file, profile="mobgap")
        session = imurun.analyze(recording)
        assert session.summary["running_steps"] == 0, file.name
        assert 70 < session.summary["walking_cadence_spm"] < 140, file.name
        acc_only = imurun.Recording(recording.acc, rate_hz=100.0)
        assert imurun.analyze(acc_only).summary["running_steps"] == 0, file.name


def test_nobody_runs_in_walking_with_the_mounting_given(shared_data):
    """Flat steps may be grounded running where forward is known, but walking turns the other way."""
    up_right_forward = np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
    for file in sorted((shared_data / "lumbar_walking").glob("*.csv")):
        recording = imurun.read(file, profile="mobgap")
        steps = imurun.analyze(recording, mounting=up_right_forward).steps
        assert len(steps) >= 8, file.name
        assert (steps["gait"] == "walking").all(), file.name


def test_mounting_of_200_rotations(shared_data):
    turns = Rotation.random(200, random_state=20).as_matrix()
    for trial in six_axis_trials():
        truth = true_axes(trial)
        base, _ = analysed_turned(trial, np.eye(3))
        for turn in turns:
            steps, found = analysed_turned(trial, turn)
            up_deg, forward_deg = mounting_error_deg(found, truth)
            assert up_deg < 1.0, trial.name
            assert forward_deg < 10.0, trial.name
            assert np.array_equal(steps["side"], base["side"])
            for name in ("initial_contact_s", "final_contact_s"):
                assert np.abs(steps[name] - base[name]).max() < 0.002
            for name in ("peak_impact_g", "peak_vgrf_bw", "lumbar_compression_bw", "lumbar_shear_bw"):
                assert np.allclose(steps[name], base[name], rtol=0.01)


def test_given_mounting_turns_with_the_sensor(shared_data):
    """With the mounting given, any rotation gives the same steps within rounding."""
    for trial in six_axis_trials():
        whole = imurun.analyze(trial.recording, mounting=np.eye(3)).steps
        for turn in Rotation.random(3, random_state=5).as_matrix():
            turned = imurun.Recording(
                trial.recording.acc @ turn.T, trial.recording.gyr @ turn.T, rate_hz=trial.recording.rate_hz
            )
            steps = imurun.analyze(turned, mounting=turn.T).steps
            assert list(steps["side"]) == list(whole["side"])
            numbers = steps.select_dtypes("number")
            assert np.allclose(numbers, whole[numbers.columns], rtol=1e-6, atol=1e-6, equal_nan=True)


def test_pelvis_ranges_follow_the_cameras(shared_data):
    errors = np.array([range_errors_deg(trial) for trial in six_axis_trials()])
    assert np.abs(errors).max() < 1.0
    assert np.abs(errors.mean(axis=0)).max() < 0.3
