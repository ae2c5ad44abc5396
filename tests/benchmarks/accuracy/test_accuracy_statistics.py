"""Error statistics compared with other formulas and slow implementations."""

from __future__ import annotations

import statistics
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.accuracy.report.statistics import root_mean_square, summarise

NUMBERS = st.lists(st.floats(-50, 50), min_size=2, max_size=30)


@given(NUMBERS)
def test_statistics_match_other_formulas(values):
    errors = np.array(values)
    summary = summarise(errors, ["A"] * len(errors))
    assert summary.n == len(values)
    assert summary.bias == pytest.approx(statistics.fmean(values), abs=1e-9)
    assert summary.sd == pytest.approx(statistics.stdev(values), abs=1e-9)
    assert summary.rmse == pytest.approx(np.linalg.norm(errors) / np.sqrt(len(errors)), abs=1e-9)
    assert summary.mean_abs == pytest.approx(np.linalg.norm(errors, 1) / len(errors), abs=1e-9)
    low, high = summary.limits
    assert 0.5 * (low + high) == pytest.approx(summary.bias, abs=1e-9)
    assert 0.5 * (high - low) == pytest.approx(stats.norm.ppf(0.975) * summary.sd, rel=1e-4, abs=1e-9)


def test_every_runner_has_the_same_weight():
    """One contact of B weighs as much as the three of A."""
    summary = summarise([1.0, -1.0, 3.0, 9.0], ["A", "A", "A", "B"])
    assert summary.bias == pytest.approx(0.5 * (1.0 + 9.0))
    assert summary.rmse == pytest.approx(np.sqrt(0.5 * (11.0 / 3.0 + 81.0)))
    assert summary.mean_abs == pytest.approx(0.5 * (5.0 / 3.0 + 9.0))
    weights = np.array([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    around = np.array([1.0, -1.0, 3.0, 9.0]) - 5.0
    assert summary.sd == pytest.approx(np.sqrt(weights @ around**2 / (1 - weights @ weights)))
    assert root_mean_square([1.0, -1.0, 3.0, np.nan, 9.0], ["A", "A", "A", "B", "B"]) == summary.rmse
    assert np.isnan(root_mean_square([np.nan], ["A"]))


def test_intervals_resample_whole_runners():
    """With two runners only four draws are possible: the interval is theirs."""
    errors = {"A": np.array([1.0, 3.0, 2.0]), "B": np.array([10.0, 12.0])}
    values = np.concatenate(list(errors.values()))
    runners = ["A"] * 3 + ["B"] * 2
    summary = summarise(values, runners)
    draws = [[errors[name] for name in pair] for pair in product("AB", repeat=2)]
    means = [np.mean([of.mean() for of in draw]) for draw in draws]
    rmses = [np.sqrt(np.mean([np.mean(of**2) for of in draw])) for draw in draws]
    assert summary.bias_95 == pytest.approx((min(means), max(means)))
    assert summary.rmse_95 == pytest.approx((min(rmses), max(rmses)))
    assert summary.n_runners == 2


def test_intervals_match_a_slow_bootstrap():
    rng = np.random.default_rng(3)
    runners = np.repeat(list("ABCDEF"), [5, 9, 14, 3, 20, 8])
    values = rng.normal(size=len(runners)) + np.repeat([3.0, -2.0, 0.0, 5.0, 1.0, -4.0], [5, 9, 14, 3, 20, 8])
    by_runner = [values[runners == name] for name in "ABCDEF"]
    squares = np.array([np.mean(of**2) for of in by_runner])
    slow = np.percentile(
        [np.sqrt(np.mean([squares[k] for k in rng.integers(6, size=6)])) for _ in range(4000)], [2.5, 97.5]
    )
    assert summarise(values, runners).rmse_95 == pytest.approx(slow, abs=0.1)


def test_a_seed_gives_the_same_interval():
    rng = np.random.default_rng(1)
    values, runners = rng.normal(size=60), np.repeat(list("ABCDEF"), 10)
    assert summarise(values, runners, seed=4) == summarise(values, runners, seed=4)
    assert summarise(values, runners, seed=4).bias_95 != summarise(values, runners, seed=5).bias_95


def test_one_runner_has_no_interval():
    summary = summarise([1.0, 2.0], ["A", "A"])
    assert np.isnan([*summary.bias_95, *summary.rmse_95, *summary.mean_abs_95]).all()
    assert summary.n_runners == 1


def test_statistics_of_no_value_are_nan_and_one_value_has_no_sd():
    nothing = summarise([np.nan, np.nan], ["A", "B"])
    assert (nothing.n, nothing.n_runners) == (0, 0)
    assert np.isnan([nothing.bias, nothing.sd, nothing.rmse, *nothing.limits]).all()
    one = summarise([2.0, np.nan], ["A", "B"])
    assert (one.n, one.n_runners, one.bias, one.rmse) == (1, 1, 2.0, 2.0)
    assert np.isnan(one.sd)
