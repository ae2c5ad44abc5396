"""Accelerometer alone, any mounting, against force plates."""

from __future__ import annotations

from dataclasses import replace

import numba
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.accuracy.score import Score, score
from benchmarks.datasets import load
from imurun import Recording

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the compiler")


@pytest.mark.parametrize("seed", [0, 1])
def test_contacts_and_sides(shared_data, seed):
    turn = Rotation.random(random_state=seed).as_matrix()
    scores = []
    for trial in (*load("running_speeds"), *load("treadmill_run_grf")):
        recording = Recording(trial.recording.acc @ turn.T, rate_hz=trial.recording.rate_hz)
        scores.append(score(replace(trial, recording=recording)))
    total = Score.total(scores)
    assert total.f1 >= 0.995
    assert total.sides_right >= 0.98 * total.n_found
    assert total.contact_rmse_ms <= 14.0
