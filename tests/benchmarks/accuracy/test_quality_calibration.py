"""The calibration of the quality of a step."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy.conditions import AS_RECORDED, CONDITIONS
from benchmarks.accuracy.harmonise import harmonised
from benchmarks.accuracy.quality import (
    ERRORS,
    PENALTIES,
    calibration,
    fit_weights,
    left_out,
    matched_steps,
    with_quality,
)
from benchmarks.datasets import load

WEIGHTS = np.array([5.0, 1000.0, 50.0, 20.0])


@pytest.fixture(scope="module")
def made() -> pd.DataFrame:
    """Steps of three runners whose errors follow their penalties."""
    rng = np.random.default_rng(5)
    n = 6000
    penalties = np.maximum(rng.standard_normal((n, len(PENALTIES))), 0.0) * 1.5 / np.sqrt(WEIGHTS)
    penalties[rng.random(penalties.shape) < 0.5] = 0.0
    steps = pd.DataFrame(penalties, columns=PENALTIES).assign(runner=rng.choice(list("ABC"), n))
    steps = with_quality(steps, WEIGHTS)
    for name in ERRORS:
        steps[name] = rng.laplace(0.0, 8.0, n) / steps["quality"]
    return steps


def test_the_fit_recovers_the_weights_of_synthetic_errors(made):
    floor_ms, weights = fit_weights(made)
    assert floor_ms == pytest.approx(8.0, rel=0.1)
    np.testing.assert_allclose(weights, WEIGHTS, rtol=0.3)


def test_each_runner_is_scored_with_weights_of_the_others(made):
    scored = left_out(made)
    _, weights = fit_weights(made[made["runner"] != "B"])
    mine = made[made["runner"] == "B"]
    assert len(scored) == len(made)
    np.testing.assert_allclose(scored.loc[mine.index, "quality"], with_quality(mine, weights)["quality"])


def test_bins_include_their_upper_edge_and_skip_unknown_errors():
    steps = pd.DataFrame(
        {
            "quality": [0.2, 0.5, 0.6, 1.0],
            "contact_error_ms": [-30.0, 40.0, 3.0, -4.0],
            "initial_error_ms": [1.0, -1.0, 2.0, 2.0],
            "final_error_ms": 0.0,
            "peak_error_bw": [np.nan, np.nan, np.nan, 0.1],
        }
    )
    low, high = calibration(steps, (0.0, 0.5, 1.0)).to_dict("records")
    assert (low["steps"], high["steps"]) == (2, 2)
    assert low["contact_error_ms_rmse"] == pytest.approx(np.sqrt(1250.0))
    assert low["contact_error_ms_median"] == 35.0
    assert np.isnan(low["peak_error_bw_rmse"])
    assert high["peak_error_bw_rmse"] == pytest.approx(0.1)
    assert calibration(steps.iloc[:0])["steps"].sum() == 0


def test_errors_of_real_steps_decrease_with_quality(shared_data):
    """With the weights of the core, under what makes errors differ most."""
    bad = [c for c in CONDITIONS if c.family in ("strap", "clipping") and c.value in (2.0, 8.0, 10.0)]
    steps = pd.concat(
        [
            matched_steps(harmonised(trial), condition)
            for trial in load("running_speeds")
            for condition in (AS_RECORDED, *bad)
        ]
    )
    table = calibration(steps, (0.0, 0.6, 1.0))
    assert (table["steps"] > 100).all()
    for name in ("contact_error_ms_rmse", "initial_error_ms_rmse", "final_error_ms_rmse"):
        assert table[name].is_monotonic_decreasing, table
    assert table["contact_error_ms_rmse"].iloc[0] > 1.25 * table["contact_error_ms_rmse"].iloc[-1]


def test_only_contacts_inside_the_margin_are_used(shared_data):
    trial = load("treadmill_run_grf")[0]
    steps = matched_steps(trial, AS_RECORDED)
    assert len(steps) == trial.inside().sum()
    np.testing.assert_allclose(steps["contact_error_ms"], steps["final_error_ms"] - steps["initial_error_ms"])
    assert (steps["initial_error_ms"].abs() < 50.0).all()
