"""Changes of runner and sensor in the benchmark of sides: invariants, and signs of the cues."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from benchmarks.accuracy.pelvis import orientation
from benchmarks.accuracy.sides import cue_contrasts, moved, noisy, rolling, unchanged
from benchmarks.datasets import load


@pytest.fixture(scope="module")
def trial(shared_data):
    (found,) = load("treadmill_run_grf")
    return found


def test_roll_scaled_by_one_changes_nothing(trial):
    """But for the angular rate, which is taken from the angles."""
    acc, gyr = unchanged(trial)
    same_acc, same_gyr = rolling(1.0)(trial)
    assert np.allclose(same_acc, acc, atol=1e-9)
    inner = slice(10, -10)
    assert np.sqrt(np.mean((same_gyr - gyr)[inner] ** 2)) < 0.1 * np.sqrt(np.mean(gyr**2))


def test_without_roll_the_magnitude_of_acceleration_is_unchanged(trial):
    acc, _ = unchanged(trial)
    level, _ = rolling(0.0)(trial)
    assert np.allclose(np.linalg.norm(level, axis=1), np.linalg.norm(acc, axis=1))
    assert np.ptp(orientation(trial).as_euler("ZYX")[:, 2]) > 0.1
    assert not np.allclose(level, acc, atol=0.5)


def test_moving_a_sensor_back_restores_its_signals(trial):
    acc, gyr = unchanged(trial)
    left, same_gyr = moved((0.0, 0.05, 0.0))(trial)
    right, _ = moved((0.0, -0.05, 0.0))(trial)
    assert np.array_equal(same_gyr, gyr)
    assert np.allclose(left + right, 2 * acc)
    assert np.abs(left - acc).max() > 0.5
    assert np.std(noisy(trial)[1] - gyr) == pytest.approx(0.2, rel=0.05)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")
@pytest.mark.parametrize("has_gyro", [True, False])
def test_cues_give_the_correct_foot(trial, has_gyro):
    contrasts = cue_contrasts(trial, has_gyro)
    assert len(contrasts) > 15
    assert (contrasts[:, 1:] > 0.0).all()
    assert (contrasts[:, 0] > 0.0).all() if has_gyro else np.isnan(contrasts[:, 0]).all()
