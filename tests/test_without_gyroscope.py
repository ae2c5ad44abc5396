"""Accelerometer alone, any mounting, against force plates."""

from __future__ import annotations

from dataclasses import replace

import numba
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.accuracy.compare import compare_all
from benchmarks.accuracy.harmonise import harmonised
from benchmarks.accuracy.match import f1_score
from benchmarks.accuracy.methods import METHODS
from benchmarks.datasets import load
from imurun import Recording

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")


@pytest.mark.parametrize("seed", [0, 1])
def test_contacts_and_sides_match_the_force_plates_without_gyroscope(shared_data, seed):
    turn = Rotation.random(random_state=seed).as_matrix()
    trials = [
        replace(
            harmonised(trial),
            recording=Recording(trial.recording.acc @ turn.T, rate_hz=trial.recording.rate_hz),
        )
        for trial in (*load("running_speeds"), *load("treadmill_run_grf"))
    ]
    contacts, records = compare_all(METHODS["imurun"], trials)
    assert f1_score(*records[["n_true", "n_found", "n_invented"]].sum()) >= 0.995
    assert contacts["side_right"].mean() >= 0.98
    assert np.sqrt(np.mean(contacts["contact_error_ms"] ** 2)) <= 18.0
