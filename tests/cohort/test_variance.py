"""Variance components compared with formulas in loops, scipy's analysis of variance, and known truth."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import f_oneway

from imurun.cohort.variance import Components, components

SESSIONS = st.lists(
    st.lists(st.floats(-1e3, 1e3, allow_subnormal=False).map(lambda x: round(x, 3)), min_size=1, max_size=5),
    min_size=1,
    max_size=6,
)


def flat(runners):
    """Values and codes of lists of sessions, interleaved so that runners are not in blocks."""
    pairs = [(value, code) for code, values in enumerate(runners) for value in values]
    pairs = pairs[::2] + pairs[1::2]
    return np.array([value for value, _ in pairs]), np.array([code for _, code in pairs])


def slow(runners):
    """Searle, Casella and McCulloch 1992, chapter 3, sum by sum."""
    a, n = len(runners), sum(len(values) for values in runners)
    means = [sum(values) / len(values) for values in runners]
    grand = sum(sum(values) for values in runners) / n
    ssb = sum(len(values) * (mean - grand) ** 2 for values, mean in zip(runners, means, strict=True))
    ssw = sum((y - mean) ** 2 for values, mean in zip(runners, means, strict=True) for y in values)
    mean = sum(means) / a
    within = ssw / (n - a) if n > a else math.nan
    if a == 1:
        return Components(1, n, mean, math.nan, math.nan, math.sqrt(within), math.nan)
    sd = math.sqrt(sum((m - mean) ** 2 for m in means) / (a - 1))
    n0 = (n - sum(len(values) ** 2 for values in runners) / n) / (a - 1)
    between = (ssb / (a - 1) - within) / n0
    between_sd = math.nan if math.isnan(between) else math.sqrt(max(between, 0.0))
    icc = between / (between + within) if between + within > 0 else math.nan
    return Components(a, n, mean, sd, between_sd, math.sqrt(within), icc)


@given(SESSIONS)
def test_components_match_the_published_formulas(runners):
    found, expected = components(*flat(runners)), slow(runners)
    spread = np.ptp(flat(runners)[0])
    assert found[:2] == expected[:2]
    np.testing.assert_allclose(found[2:6], expected[2:6], rtol=1e-6, atol=1e-6)
    if spread > 1.0 and not math.isnan(expected.icc) and abs(expected.icc) < 100:
        assert found.icc == pytest.approx(expected.icc, rel=1e-5, abs=1e-6)


@given(st.integers(0, 10_000))
def test_icc_follows_from_the_f_of_an_analysis_of_variance(seed):
    rng = np.random.default_rng(seed)
    runners = [list(rng.normal(rng.normal(0.0, 2.0), 1.0, rng.integers(2, 6))) for _ in range(4)]
    sizes = np.array([len(values) for values in runners])
    n0 = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / 3
    f = float(f_oneway(*runners).statistic)
    assert components(*flat(runners)).icc == pytest.approx((f - 1.0) / (f + n0 - 1.0))


def test_known_components_are_found():
    rng = np.random.default_rng(4)
    counts = rng.integers(1, 9, 2000)
    codes = np.repeat(np.arange(2000), counts)
    values = 240.0 + rng.normal(0.0, 12.0, 2000)[codes] + rng.normal(0.0, 5.0, counts.sum())
    found = components(values, codes)
    assert found.between_sd == pytest.approx(12.0, rel=0.05)
    assert found.within_sd == pytest.approx(5.0, rel=0.05)
    assert found.icc == pytest.approx(144 / 169, abs=0.02)
    assert found.mean == pytest.approx(240.0, abs=1.0)


def test_the_variances_are_unbiased_in_small_unbalanced_samples():
    rng = np.random.default_rng(8)
    codes = np.repeat(np.arange(4), (1, 2, 3, 6))
    between = []
    for _ in range(1500):
        found = components(rng.normal(0.0, 2.0, 4)[codes] + rng.normal(0.0, 1.0, 12), codes)
        between.append(found.icc / (1.0 - found.icc) * found.within_sd**2)  # not cut off at zero
    assert np.mean(between) == pytest.approx(4.0, abs=4.0 * np.std(between) / math.sqrt(1500))


def test_each_runner_counts_once():
    found = components(np.array([10.0, 10.0, 10.0, 20.0]), np.array([0, 0, 0, 1]))
    assert found.mean == 15.0
    assert found.sd == pytest.approx(math.sqrt(50.0))


def test_components_that_cannot_be_estimated_are_nan():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nothing = components(np.array([math.nan, math.nan]), np.array([0, 1]))
        one = components(np.array([1.0, 3.0, math.nan]), np.array([7, 7, 2]))
        single = components(np.array([1.0, 3.0]), np.array([0, 1]))
        equal = components(np.array([2.0, 2.0, 2.0, 2.0]), np.array([0, 0, 1, 1]))
    assert nothing[:2] == (0, 0)
    assert all(math.isnan(value) for value in nothing[2:])
    assert one[:4] == (1, 2, 2.0, pytest.approx(math.nan, nan_ok=True))
    assert one.within_sd == pytest.approx(math.sqrt(2.0))
    assert math.isnan(one.between_sd)
    assert (single.mean, single.sd) == (2.0, pytest.approx(math.sqrt(2.0)))
    assert math.isnan(single.within_sd)
    assert math.isnan(single.between_sd)
    assert equal.within_sd == equal.between_sd == 0.0
    assert math.isnan(equal.icc)


def test_icc_is_negative_if_runners_vary_more_within_than_between():
    found = components(np.array([0.0, 10.0, 1.0, 9.0]), np.array([0, 0, 1, 1]))
    assert found.between_sd == 0.0
    assert found.icc < 0.0
