"""Time bins of long series."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imurun.report.plots import MOST_PARTS, adding_up, part_edges, thin, unbroken

VALUES = arrays(np.float64, st.integers(1, 200), elements=st.one_of(st.floats(-1e6, 1e6), st.just(np.nan)))


@given(duration_s=st.floats(0.01, 1e6))
def test_parts_are_bounded_and_cover_the_whole_recording(duration_s):
    edges = part_edges(duration_s)
    assert 2 <= len(edges) <= MOST_PARTS + 1
    assert edges[0] == 0.0
    assert edges[-1] == duration_s
    assert (np.diff(edges) > 0).all()


@given(values=VALUES, seed=st.integers(0, 99))
def test_each_part_has_the_median_of_its_own_values(values, seed):
    time_s = np.sort(np.random.default_rng(seed).uniform(0.0, 100.0, len(values)))
    edges = part_edges(100.0)
    thinned = thin(time_s, values, edges)
    for k, (begin, end) in enumerate(pairwise(edges)):
        inside = values[(time_s >= begin) & (time_s < end) & np.isfinite(values)]
        if not len(inside):
            assert np.isnan([thinned.low[k], thinned.median[k], thinned.high[k]]).all()
            continue
        np.testing.assert_allclose(thinned.median[k], np.median(inside), rtol=1e-9, atol=1e-9)
        slack = 1e-9 * (1.0 + np.abs(inside).max())
        assert inside.min() - slack <= thinned.low[k] <= thinned.median[k] + slack
        assert thinned.median[k] - slack <= thinned.high[k] <= inside.max() + slack


@given(values=VALUES)
def test_the_cumulative_load_ends_at_the_sum(values):
    dose = np.abs(values)
    time_s = np.linspace(0.0, 60.0, len(dose))
    load = adding_up(time_s, dose, part_edges(60.0))
    np.testing.assert_allclose(load[-1], np.nansum(dose), rtol=1e-9, atol=1e-9)
    assert (np.diff(load) >= 0).all()


def test_the_load_is_constant_in_pauses():
    load = adding_up(np.array([5.0, 25.0]), np.array([2.0, 3.0]), np.array([0.0, 10.0, 20.0, 30.0]))
    assert load.tolist() == [0.0, 2.0, 2.0, 5.0]


def test_an_empty_bin_breaks_the_line():
    thinned = thin(np.array([1.0, 11.0, 31.0]), np.array([1.0, 2.0, 3.0]), np.arange(0.0, 50.0, 10.0))
    assert unbroken(thinned) == [slice(0, 2), slice(3, 4)]


def test_a_series_of_nan_has_no_line():
    thinned = thin(np.array([1.0]), np.array([np.nan]), np.array([0.0, 10.0]))
    assert np.isnan(thinned.median).all()
    assert unbroken(thinned) == []
